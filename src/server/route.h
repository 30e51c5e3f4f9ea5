/* A route is a row: what it is called with, who may call it, what answers. One gate (gate.c) reads the rows; the
 * OpenAPI document is made from them. A handler gets parameters that are checked already and gives a status and a body.
 *
 *     static const struct route_param run_params[] = {
 *         {.name = "name", .in = IN_PATH, .type = PARAM_STRING, .help = "the integration"},
 *         {.name = "kind", .in = IN_BODY, .type = PARAM_ENUM, .names = kinds, .required = true, .help = "what to run"},
 *     };
 *     {.method = "POST", .path = "/api/v1/integrations/{name}/run", .summary = "run now", .role = ROLE_OPERATOR,
 *      .params = run_params, .n_params = 2, .answer = "job", .status = 202, .handle = post_run},
 */
#ifndef SERVER_ROUTE_H
#define SERVER_ROUTE_H

#include "base/arena.h"
#include "base/conf.h"
#include "base/json.h"

#include <stdatomic.h>

enum role { ROLE_NONE, ROLE_VIEWER, ROLE_OPERATOR, ROLE_ADMIN }; /* each may do what those before it may */
const char *role_name(enum role role);                           /* "none", "viewer", … */
bool role_find(struct str name, enum role *ret);                 /* viewer, operator, admin; false: no such role */

enum param_in { IN_PATH, IN_QUERY, IN_BODY }; /* the segment {name}; ?name=; member of the JSON object that is sent */
enum param_type {
    PARAM_STRING,  /* text; valid UTF-8 without control characters (in bodies TAB, LF and CR are fine) */
    PARAM_INT,     /* number: within min…max */
    PARAM_TIME,    /* text and unix_ms */
    PARAM_BOOL,    /* truth; in a query "true", "false", "1", "0" */
    PARAM_ENUM,    /* text, and number: the index into names */
    PARAM_STRINGS, /* list; in a query separated by commas */
    PARAM_OBJECT,  /* json; in bodies only */
    PARAM_JSON     /* json of any type; in bodies only */
};

struct route_param {
    const char *name;
    enum param_in in;
    enum param_type type;
    bool required; /* path parameters always are */
    const char *help;
    const char *const *names; /* PARAM_ENUM: the words, NULL-terminated */
    int64_t min, max;         /* PARAM_INT: the range (both 0: any). Texts: bytes, least and most (max 0: 4,096 in paths
                               * and queries, no bound of its own in bodies). PARAM_STRINGS: elements (max 0: 10,000) */
    bool secret;              /* never written to the audit log */
};

struct exchange;
struct http_call;
struct http_answer;

enum {
    ROUTE_SLOW = 1,      /* runs on the bounded pool: whatever calls somebody or reads much; 503 when that is full */
    ROUTE_HASH = 2,      /* the same on the two slots for hashing passwords: for the server's own */
    ROUTE_LONG_BODY = 4, /* the body may have 4 MiB instead of 1 */
    ROUTE_EVENTS = 8,    /* answers the event stream: for the server's own */
    ROUTE_LOCAL = 16     /* without login from loopback only; others need the role `viewer` */
};

struct route {
    const char *method, *path; /* GET answers HEAD too; "{name}" takes one segment, percent-decoded */
    const char *summary;       /* one line, for the OpenAPI document */
    enum role role;            /* the least */
    const struct route_param *params;
    size_t n_params;
    const char *answer; /* name of the answer's schema in the document; NULL: none (text, file, or no body) */
    const char *type;   /* media type of the answer; NULL: application/json */
    int status;         /* of success; 0: 200 */
    unsigned flags;
    void (*handle)(void *ctx, const struct http_call *call, struct http_answer *ret);
};

/* A checked parameter; what is not of its type is empty. */
struct param_value {
    bool given;
    struct str text;
    int64_t number, unix_ms;
    bool truth;
    struct strs list;
    const struct json *json;
};

/* What a handler is called with; all of it lives until the answer is sent. A handler runs on any of several threads,
 * the same handler on several at once. */
struct http_call {
    const struct route *route;
    const struct param_value *values; /* in the order of route->params */
    struct str user;                  /* who calls: an account, "token NAME", "local" (socket), "" (nobody) */
    enum role role;                   /* what they may */
    struct str address;               /* of the caller: "127.0.0.1", "::1", "unix" */
    bool head;                        /* HEAD: the body is not sent, and need not be made */
    struct arena *arena;              /* for the handler; ends with the call */
    const atomic_bool *stopping;      /* the server is to stop: slow handlers end within seconds */
    struct exchange *exchange;        /* private to the server */
};

/* The parameter of that name; a name that the row does not have ends the process. */
const struct param_value *call_param(const struct http_call *call, const char *name);
struct str call_text(const struct http_call *call, const char *name); /* p NULL when not given */
int64_t call_int(const struct http_call *call, const char *name, int64_t otherwise);
bool call_true(const struct http_call *call, const char *name); /* false when not given */

/* A body that is made while it is sent, for files that may be large. Called on a thread of the transport, so each piece
 * is to be quick; `close` is called once, whatever happens, on any thread. */
struct http_stream {
    bool (*more)(void *state, struct buf *out); /* appends the next piece (some ten KB); false: that was the last */
    void (*close)(void *state);
    void *state;
};

#define ANSWER_MAX ((size_t)64 << 20) /* bytes of a body in `body` */

struct http_answer {
    int status;                /* begins as the row's */
    struct buf body;           /* begins empty */
    struct str type;           /* media type, begins as the row's (JSON) */
    struct str file_name;      /* not empty: sent as an attachment of that name */
    int retry_after_s;         /* > 0: header Retry-After */
    struct str before;         /* for the audit log: JSON of what was, p NULL: nothing; in call->arena */
    struct str after;          /* JSON of what is; p NULL: the parameters of the call that are not secret */
    struct str set_cookie;     /* private to the server */
    struct http_stream stream; /* `more` set: instead of `body` */
};

/* Sets status and error body: {"error":{"code","message","hint"}}. What `body` held is dropped. */
void answer_error(struct http_answer *ret, int status, const struct errinfo *ei);
/* The same with the status that belongs to the code: 400 for what the caller can mend (config, usage, data, schema,
 * secret), 409 conflict, 429 quota, 502 for others' failures (auth, signature, network, remote, target), 503 disk,
 * 500 internal. */
void answer_err(struct http_answer *ret, const struct errinfo *ei);
/* 404: "there is no WHAT "NAME"", with a hint when `near` is not NULL. */
void answer_missing(struct http_answer *ret, const char *what, struct str name, const char *near);

#endif

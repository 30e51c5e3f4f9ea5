/* An upstream API described as data (connectors/NAME/connector.json): endpoint, system parameters, signing recipe,
 * clock rule, error shapes, paging, window rules, quotas, interfaces with their fields. Strategies are named, never C
 * symbols. Pure: no sockets, no clock. */
#ifndef CONNECTOR_CONNECTOR_H
#define CONNECTOR_CONNECTOR_H

#include "base/clock.h"
#include "base/conf.h"
#include "base/digest.h"

enum page_kind { PAGE_NONE, PAGE_FORWARD, PAGE_BACKWARD, PAGE_CURSOR, PAGE_OFFSET, PAGE_LINK };
enum wire { WIRE_FORM, WIRE_JSON, WIRE_QUERY };
enum connector_kind { CONNECTOR_HTTP, CONNECTOR_DATABASE };

/* What an error code of the upstream means. */
enum reaction { REACT_OK, REACT_RETRY, REACT_SLOW_DOWN, REACT_CLOCK, REACT_LOGIN, REACT_STOP };

struct paging {
    enum page_kind kind;
    struct str page_param, size_param, offset_param, cursor_param;
    int64_t first_page;             /* usually 1 */
    int64_t size_default, size_max; /* rows a page */
    struct str cursor_field;        /* PAGE_CURSOR: the record's field that grows (`ts`) */
    struct str cursor_first;        /* its first value ("1") */
    struct str next_path;           /* PAGE_LINK: where the next address stands */
    struct str total_path, pages_path, has_next_path, size_path, index_path; /* in the envelope; empty: not told */
};

struct window_rule {
    struct str from_param, to_param; /* empty: the interface has no time window */
    int64_t max_ms;                  /* widest window allowed; 0: any */
    struct str time_field;           /* of the record that the window is about (`modified`) */
};

struct iface_field {
    struct str name, type, label;
};                                      /* type: one of iface_types */
extern const char *const iface_types[]; /* string int float decimal bool datetime … int[] string[]; NULL-terminated */
struct alias {
    struct str a, b;
};
struct kv {
    struct str key, value;
};

/* Another way of paging, taken when the request sends the parameter `name` with a value (start_ts: cursor). */
struct paging_mode {
    struct str name;
    struct paging paging;
    const struct kv *fixed; /* parameters that the mode needs; sent by connector_sign unless the request has them */
    size_t n_fixed;
};

struct iface {
    struct str name; /* "jushuitan.order.list.query" */
    struct str label;
    struct str path;   /* appended to the base URL, may be empty */
    struct str method; /* the `method` system parameter's value, usually the name */
    /* paths inside the unwrapped envelope where the rows may stand; the first that is there counts */
    struct strs records;
    struct str id;        /* default id field */
    struct strs versions; /* version fields, best first: ts, modified */
    struct paging paging;
    struct window_rule window;
    const struct node *allocate; /* as in metadata.md 3.1, or NULL */
    struct alias *aliases;       /* field aliases: either name reads the other */
    size_t n_aliases;
    /* request parameters; record fields (arrays: `items[].qty` spelled items.qty) */
    struct iface_field *params, *fields;
    size_t n_params, n_fields;
    struct paging_mode *modes; /* besides `paging`; the first whose parameter the request sends counts */
    size_t n_modes;
    const char *verb; /* "POST": of this interface */
};

struct connector;
enum option_type { OPTION_STRING, OPTION_INT, OPTION_BOOL, OPTION_URL, OPTION_PATH };
/* A parameter of a connection. */
struct connector_option {
    struct str name, help, preset;
    bool required, secret;
    enum option_type type;
    struct strs one_of; /* the values allowed; n 0: any */
};

/* Reads and validates a connector document. Unknown keys are errors. NULL after errors. */
const struct connector *connector_read(struct arena *a, const struct node *root, struct diags *diags);
void connector_schema(struct json_out *w);
/* The members of a connector document as Markdown tables, for docs/connectors.md. */
void connector_reference(struct buf *out);

struct str connector_name(const struct connector *c);
struct str connector_title(const struct connector *c);
enum connector_kind connector_get_kind(const struct connector *c);
const struct connector_option *connector_options(const struct connector *c, size_t *ret_n);
const struct iface *connector_ifaces(const struct connector *c, size_t *ret_n);
const struct iface *connector_iface(const struct connector *c, struct str name);             /* NULL when unknown */
const struct connector_option *connector_option(const struct connector *c, struct str name); /* NULL when unknown */
/* How an interface is paged: `mode` empty gives its ordinary paging, else the mode of that name; NULL when there is
 * none. */
const struct paging *iface_paging(const struct iface *i, struct str mode);
/* The mode that these parameters choose (the first that is sent with a value), or empty. */
struct str iface_mode(const struct iface *i, const struct kv *business, size_t n);
/* Published quota: calls per period. */
void connector_quota(const struct connector *c, int64_t *ret_calls, int64_t *ret_per_ms);
struct str connector_zone(const struct connector *c); /* zone of times without offset on the wire, "+08:00" */
int64_t connector_clock_tolerance_ms(const struct connector *c); /* how far our timestamp may be off; 0: not told */

/* ---- sign.c: one signed HTTP request ---- */
struct wire_request {
    struct str method; /* "POST" */
    struct str url;
    struct str body; /* empty for none */
    struct str content_type;
    struct kv *headers;
    size_t n_headers;
    const struct str *secrets; /* values that nobody may see: connector_show masks them wherever they stand */
    size_t n_secrets;
};
/* Values of a connection's options, secrets resolved, in the order of connector_options(). */
struct option_values {
    const struct str *at;
    size_t n;
};
struct sign_input {
    const struct option_values *options;
    const struct kv *business; /* the rendered parameters; empty ones are left out of forms and of the signature */
    size_t n_business;
    int64_t now_s;                           /* by the source's clock */
    struct str token, refresh_token, random; /* as far as the connector's document asks for them */
};
/* Builds and signs. All in `a`. ERR_CONFIG: an option is missing or cannot be sent, a parameter is the connector's own
 * or comes twice; ERR_DATA: the request is larger than 8 MiB. Source:
 * https://developer.alibaba.com/docs/doc.htm?articleId=101617 (open.taobao.com document 101617). */
enum err connector_sign(const struct connector *c, const struct iface *i, const struct sign_input *in, struct arena *a,
                        struct wire_request *ret, struct errinfo *ei) MUST_USE;
/* ---- tokens: APIs whose calls carry a token that is fetched and does not last ---- */
struct token_terms {
    bool can_refresh;
    int64_t life_ms;   /* of a token whose life is not told */
    int64_t before_ms; /* fetched anew so long before its end; 0: at half of its life */
};
bool connector_token(const struct connector *c, struct token_terms *ret); /* false: it needs none */
/* The call that fetches a token: by in->refresh_token when there is one, else a login. in->random: 32 letters and
 * digits. As connector_sign. */
enum err connector_sign_token(const struct connector *c, const struct sign_input *in, struct arena *a,
                              struct wire_request *ret, struct errinfo *ei) MUST_USE;
struct token_reply {
    enum reaction reaction;
    int64_t wait_ms;            /* REACT_SLOW_DOWN */
    struct errinfo why;         /* when not REACT_OK; holds no token */
    struct str access, refresh; /* in the document; refresh may be empty */
    int64_t life_ms;            /* 0: not told; at most a year */
};
/* Judges its reply. `doc` NULL: the body was not JSON. */
void connector_judge_token(const struct connector *c, int status, const struct json_doc *doc, struct token_reply *ret);

/* Puts the next address that a reply named (PAGE_LINK) in place of the request's own. It must have the same scheme,
 * host and port, or be "/path" or
 * "?query"; ERR_REMOTE otherwise. A signature inside the address or body is not made anew: links are for connectors
 * that authenticate by headers. */
enum err connector_follow(struct str link, struct arena *a, struct wire_request *w, struct errinfo *ei) MUST_USE;
/* The same request as a person may see it: secrets and sign masked ("curl"-like text). In `a`. */
struct str connector_show(const struct connector *c, const struct wire_request *r, struct arena *a);

/* ---- judge.c: what a reply means ---- */
struct reply {
    enum reaction reaction;
    enum err code;              /* OK when reaction is REACT_OK */
    int64_t wait_ms;            /* REACT_SLOW_DOWN: as named in the reply, or the connector's default */
    struct errinfo why;         /* set when not OK */
    const struct json *records; /* an array; NULL for an empty page that was told by a null list */
    size_t n_records;
    int64_t total, pages, page_size; /* -1: not told */
    int has_next;                    /* 1, 0, -1 not told or not a boolean */
    struct str next_link;
    int64_t page_index; /* -1: not told */
    struct str hint_zh; /* the hint in Chinese, or empty */
};
/* What a reply answers: the call and how it was paged, its HTTP status, and where the document says that the rows are
 * (its DataKey, or empty). */
struct judge_input {
    const struct connector *connector;
    const struct iface *iface;
    const struct paging *paging; /* its paths tell the facts; NULL: the interface's ordinary paging */
    int status;
    struct str records_override;
};
/* Judges a reply by status and body. Success must be positive: the rows' array is there and no failure marker. `doc`
 * NULL: an empty body. */
void connector_judge(const struct judge_input *in, const struct json_doc *doc, struct reply *ret);

/* The same for a body that is not JSON (HTML, XML, nothing; `parse_error` says why, may be NULL): the message quotes
 * its beginning, and says what is wrong with it. */
void connector_judge_text(const struct connector *c, const struct iface *i, int status, struct str body,
                          const struct errinfo *parse_error, struct reply *ret);

/* A field of a record by name, aliases included: NULL when neither is there. */
const struct json *iface_field(const struct iface *i, const struct json *record, struct str name);

#endif

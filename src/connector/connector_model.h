/* What a connector document becomes in memory, shared by the reader, the signer and the judge; nobody else includes
 * it. The tables in connector_tables.c say how the document is spelled: the reader fills from them and the schema is
 * written from them. */
#ifndef CONNECTOR_CONNECTOR_MODEL_H
#define CONNECTOR_CONNECTOR_MODEL_H

#include "connector/connector.h"

/* "${option:app_key}", "Bearer ${option:token}": text with places to fill. */
enum part_kind {
    PART_TEXT,
    PART_OPTION,
    PART_METHOD,        /* the interface's method */
    PART_TIMESTAMP,     /* as `clock` formats it */
    PART_SIGN,          /* stands alone */
    PART_SIGN_METHOD,   /* the name of the signing method in use */
    PART_BUSINESS_JSON, /* the business parameters as one JSON object */
    PART_TOKEN,         /* the token that was fetched */
    PART_REFRESH_TOKEN, /* in the call that refreshes it */
    PART_RANDOM,        /* letters and digits by chance, in the calls that fetch a token */
};
struct part {
    enum part_kind kind;
    struct str text; /* PART_TEXT */
    size_t option;   /* PART_OPTION: index; PART_RANDOM: how many */
};
struct sent {
    struct str name, text; /* text: as written */
    struct part *parts;
    size_t n_parts;
    bool secret; /* holds a secret option or the sign */
};

enum time_format { TIME_AS_DATETIME, TIME_AS_UNIX, TIME_AS_UNIX_MS };
struct clock_rule {
    struct str zone;
    int format; /* enum time_format */
    int64_t tolerance_ms;
};

enum sign_strategy { SIGN_NONE, SIGN_SORTED_PAIRS };
enum sign_wrap { WRAP_NONE, WRAP_PREFIX, WRAP_BOTH };
struct sign_method {
    struct str name;
    int digest; /* enum digest_kind; -1: not told */
    int hmac;   /* enum digest_kind; -1: not told */
    int wrap;   /* enum sign_wrap */
};
enum { SIGN_CASE_UPPER, SIGN_CASE_LOWER };
struct sign_rule {
    int strategy; /* enum sign_strategy */
    struct sign_method *methods;
    size_t n_methods;
    size_t preset; /* index of the default method */
    struct str preset_name;
    struct str method_option; /* the option that chooses; may be empty */
    size_t method_option_at;  /* its index, SIZE_MAX: none */
    struct str secret_name;
    size_t secret_at; /* index of the option */
    int letter_case;  /* SIGN_CASE_… */
    bool skip_empty, add_body;
};

enum { SYSTEM_IN_BODY, SYSTEM_IN_QUERY };
struct request_rule {
    int verb; /* index into verb_names */
    int wire; /* enum wire */
    int system_in;
    struct sent *system, *headers;
    size_t n_system, n_headers;
    bool business_json; /* the business parameters travel inside a system parameter */
    struct str path;    /* of a call that fetches a token; ordinary calls have their interface's */
};

/* A token that is fetched before the calls, and fetched again when it ends. */
#define TOKEN_RANDOM_MAX 32
struct token_rule {
    bool needed, can_refresh;
    struct request_rule login, refresh;        /* `system` holds all parameters, also of a JSON body */
    struct str access, refresh_token, expires; /* paths in the reply */
    int64_t unit_ms;                           /* what `expires` counts */
    int64_t life_ms;                           /* when it is not told, or cannot be true */
    int64_t before_ms;                         /* fetched again so long before its end; 0: at half of its life */
};

/* One thing that must hold in a reply. */
struct condition {
    struct str path;
    struct strs in, not_in; /* texts of scalars */
    int exists;             /* 1, 0, -1: not asked */
};
struct failure_rule {
    struct condition *where; /* all of them */
    size_t n_where;
    struct str code, sub_code, request_id; /* paths */
    struct strs message;                   /* paths */
};
struct code_rule {
    struct strs codes, sub_codes;
    int react; /* index into react_names */
    int error; /* index into error_names, -1: by the reaction */
    struct str hint, hint_zh;
    int64_t wait_ms; /* 0: the connector's */
};
struct wait_rule {
    struct strs patterns; /* with {n} */
    int64_t unit_ms, plus_ms, preset_ms, max_ms;
};
struct reply_rule {
    struct strs unwrap;
    struct failure_rule *failures;
    size_t n_failures;
    struct condition *success; /* all of them: a marker that makes a null list an empty page */
    size_t n_success;
    struct wait_rule wait;
};

struct quota_rule {
    int64_t calls, per_ms;
};

struct connector {
    struct str name, title;
    int kind; /* enum connector_kind */
    struct connector_option *options;
    size_t n_options;
    size_t base_url_at; /* index of the option, SIZE_MAX for databases */
    struct request_rule request;
    struct clock_rule clock;
    struct sign_rule sign;
    struct token_rule token;
    struct reply_rule reply;
    struct code_rule *codes;
    size_t n_codes;
    struct quota_rule quota;
    struct iface *ifaces;
    size_t n_ifaces;
};

/* ---- the document's tables: what is filled, and how it is spelled ---- */
struct connector_raw {
    struct connector c;
    const struct node *options, *request, *clock, *sign, *token, *reply, *codes, *quota, *paging, *window, *interfaces;
};
struct request_raw {
    struct request_rule r;
    const struct node *system, *headers;
};
struct token_call_raw {
    struct request_rule r;
    const struct node *params, *headers;
};
struct token_raw {
    struct token_rule r;
    const struct node *login, *refresh;
};
struct sign_raw {
    struct sign_rule r;
    const struct node *methods;
};
struct reply_raw {
    struct reply_rule r;
    const struct node *failures, *success, *wait;
};
struct condition_raw {
    struct condition c;
    const struct node *equals, *in, *not_equals, *not_in, *exists;
};
struct failure_raw {
    struct failure_rule r;
    const struct node *where;
};
struct code_raw {
    struct code_rule r;
    const struct node *codes;
};
struct iface_raw {
    struct iface i;
    int verb; /* -1: the connector's */
    const struct node *paging, *modes, *window, *params, *fields, *aliases, *allocate;
};
struct paging_raw {
    struct paging p;
    const struct node *fixed;
};

struct table {
    const struct field_spec *specs;
    size_t n;
};
extern const struct table table_connector, table_option, table_request, table_sent, table_clock, table_sign,
    table_sign_method, table_token, table_token_call, table_reply, table_condition, table_failure, table_wait,
    table_code, table_quota, table_iface, table_paging, table_window, table_iface_field, table_alias;

extern const char *const verb_names[], *const react_names[], *const error_names[];
enum reaction react_of(const struct code_rule *r);
enum err error_of(const struct code_rule *r);

#endif

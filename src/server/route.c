/* What handlers use of their call and their answer. A row's parameters and a call's values have the same order, so that
 * a look-up by name is a short walk. Errors have one shape, whoever answers them. */
#include "server/route.h"

#include "base/log.h"

#include <stdlib.h>

static const char *const role_names[] = {"none", "viewer", "operator", "admin"};

const char *role_name(enum role role)
{
    return role_names[role];
}

bool role_find(struct str name, enum role *ret)
{
    for (int i = ROLE_VIEWER; i <= ROLE_ADMIN; i++) {
        if (str_eq(name, str_of(role_names[i]))) {
            *ret = (enum role)i;
            return true;
        }
    }
    return false;
}

const struct param_value *call_param(const struct http_call *call, const char *name)
{
    for (size_t i = 0; i < call->route->n_params; i++)
        if (strcmp(call->route->params[i].name, name) == 0)
            return &call->values[i];
    log_error("%s %s has no parameter \"%s\"", call->route->method, call->route->path, name);
    abort();
}

struct str call_text(const struct http_call *call, const char *name)
{
    return call_param(call, name)->text;
}

int64_t call_int(const struct http_call *call, const char *name, int64_t otherwise)
{
    const struct param_value *v = call_param(call, name);

    return v->given ? v->number : otherwise;
}

bool call_true(const struct http_call *call, const char *name)
{
    return call_param(call, name)->truth;
}

void answer_error(struct http_answer *ret, int status, const struct errinfo *ei)
{
    struct json_out w = json_out(&ret->body);

    if (ret->stream.close)
        ret->stream.close(ret->stream.state);
    ret->stream = (struct http_stream){0};
    ret->file_name = (struct str){0};
    ret->type = S("application/json");
    ret->status = status;
    buf_clear(&ret->body);
    json_out_begin(&w, '{');
    json_out_key(&w, "error");
    json_out_begin(&w, '{');
    json_out_key(&w, "code");
    json_out_cstr(&w, err_name(ei->code));
    json_out_key(&w, "message");
    json_out_cstr(&w, ei->msg);
    json_out_key(&w, "hint");
    json_out_cstr(&w, ei->hint);
    json_out_end(&w, '}');
    json_out_end(&w, '}');
}

static int status_of(enum err code)
{
    switch (code) {
    case ERR_CONFIG:
    case ERR_USAGE:
    case ERR_DATA:
    case ERR_SCHEMA:
    case ERR_SECRET:
        return 400;
    case ERR_CONFLICT:
        return 409;
    case ERR_QUOTA:
        return 429;
    case ERR_AUTH:
    case ERR_SIGNATURE:
    case ERR_NETWORK:
    case ERR_REMOTE:
    case ERR_TARGET:
        return 502;
    case ERR_DISK:
        return 503;
    default:
        return 500;
    }
}

void answer_err(struct http_answer *ret, const struct errinfo *ei)
{
    answer_error(ret, status_of(ei->code), ei);
}

void answer_missing(struct http_answer *ret, const char *what, struct str name, const char *near)
{
    struct errinfo ei;

    fail(&ei, ERR_USAGE, "there is no %s \"" STR_FMT "\"", what, STR_ARG(name));
    if (near)
        (void)fail_hint(&ei, "did you mean \"%s\"?", near);
    answer_error(ret, 404, &ei);
}

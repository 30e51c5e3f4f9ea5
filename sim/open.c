/* Jushuitan's open platform: the calls for a token, and queries whose parameters travel as JSON in `biz`.
 *
 * Order of the checks: missing parameter 130, timestamp 140, signature 10, token 100, rate 199 or 200, and then the
 * conditions 170. One token is good at a time; a refresh token is good once and the new pair ends the old one, so
 * clients that log in one beside the other throw each other out. Errors are HTTP 200. */
#include "base/digest.h"
#include "base/json.h"
#include "base/num.h"
#include "sim.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define CLOCK_TOLERANCE_S (15 * 60)
#define LISTS_MAX_BYTES   (64u << 10)

static const struct {
    const char *path;
    int method;
    int64_t page_max;
} queries[] = {
    {"/open/orders/single/query", METHOD_ORDERS, 100},
    {"/open/refund/single/query", METHOD_REFUNDS, 50},
    {"/open/orders/out/simple/query", METHOD_SALEOUTS, 50},
};

static void refuse(struct sim *s, struct reply *out, int code, const char *msg)
{
    struct json_out w = json_out(&out->body);
    buf_clear(&out->body);
    s->stats.errors++;
    json_out_begin(&w, '{');
    json_out_key(&w, "code");
    json_out_int(&w, code);
    json_out_key(&w, "msg");
    json_out_cstr(&w, msg);
    json_out_key(&w, "data");
    json_out_null(&w);
    json_out_end(&w, '}');
}

static int by_key(const void *a, const void *b)
{
    return str_cmp(((const struct param *)a)->key, ((const struct param *)b)->key);
}

/* MD5 of the secret and the sorted pairs, lower-case hex. */
static bool sign_is_good(struct sim *s, struct params *p)
{
    struct buf *text = &s->scratch;
    uint8_t raw[DIGEST_MAX];
    char hex[2 * DIGEST_MAX + 1];
    qsort(p->v, p->n, sizeof *p->v, by_key);
    buf_clear(text);
    for (size_t i = 0; i < p->n; i++) {
        if (p->v[i].value.n == 0 || str_eq(p->v[i].key, S("sign")))
            continue;
        buf_add(text, p->v[i].key);
        buf_add(text, p->v[i].value);
    }
    struct str parts[] = {str_of(s->opt.app_secret), buf_str(text)};
    hex_lower(raw, digest(DIGEST_MD5, parts, 2, raw), hex);
    return str_eq(form_get(p, "sign"), str_of(hex));
}

/* What every call must have. True: it is refused, and the answer is written. */
static bool refuse_call(struct sim *s, struct params *p, const char *const *needed, struct reply *out)
{
    int64_t at_s;
    for (; *needed; needed++) {
        char text[64];
        if (form_get(p, *needed).n > 0)
            continue;
        snprintf(text, sizeof text, "缺少参数 %s", *needed);
        refuse(s, out, 130, text);
        return true;
    }
    if (!num_i64(form_get(p, "timestamp"), &at_s) || llabs(at_s - sim_now_ms(s) / 1000) > CLOCK_TOLERANCE_S) {
        refuse(s, out, 140, "时间戳误差超过15分钟");
    } else if (!str_eq(form_get(p, "app_key"), str_of(s->opt.app_key)) || !sign_is_good(s, p)) {
        s->stats.bad_signature++;
        refuse(s, out, 10, "无效的签名");
    } else {
        return false;
    }
    return true;
}

static void give_token(struct sim *s, struct reply *out)
{
    struct sim_token *t = &s->token;
    const struct faults *f = &s->faults;
    struct json_out w = json_out(&out->body);
    uint64_t n = ++t->n;
    snprintf(t->access, sizeof t->access, "acc%016llx", (unsigned long long)rng_mix(s->opt.seed ^ (n * 2)));
    snprintf(t->refresh, sizeof t->refresh, "ref%016llx", (unsigned long long)rng_mix(s->opt.seed ^ (n * 2 + 1)));
    t->until_ms = sim_now_ms(s) + s->opt.token_life_s * 1000;
    json_out_begin(&w, '{');
    json_out_key(&w, "code");
    json_out_int(&w, 0);
    json_out_key(&w, "msg");
    json_out_cstr(&w, "执行成功");
    json_out_key(&w, "data");
    json_out_begin(&w, '{');
    json_out_key(&w, "access_token");
    json_out_cstr(&w, t->access);
    json_out_key(&w, "refresh_token");
    json_out_cstr(&w, t->refresh);
    json_out_key(&w, "expires_in");
    json_out_int(&w, f->on[FAULT_LIFE_TOLD] ? (int64_t)f->value[FAULT_LIFE_TOLD] : s->opt.token_life_s);
    json_out_key(&w, "scope");
    json_out_cstr(&w, "all");
    json_out_end(&w, '}');
    json_out_end(&w, '}');
}

static void token_call(struct sim *s, bool refresh, struct params *p, struct reply *out)
{
    static const char *const login_needs[] = {"app_key", "timestamp", "grant_type", "charset", "code", "sign", NULL};
    static const char *const refresh_needs[] = {"app_key", "timestamp",     "grant_type", "charset",
                                                "scope",   "refresh_token", "sign",       NULL};
    if (s->faults.on[FAULT_SLOW_LOGIN])
        out->delay_ms = llround(s->faults.value[FAULT_SLOW_LOGIN]);
    if (refuse_call(s, p, refresh ? refresh_needs : login_needs, out))
        return;
    if (!str_eq(form_get(p, "grant_type"), refresh ? S("refresh_token") : S("authorization_code")) ||
        (!refresh && form_get(p, "code").n != 6)) {
        refuse(s, out, 170, "grant_type 或 code 不正确");
    } else if (refresh && s->faults.on[FAULT_NO_REFRESH]) {
        refuse(s, out, 150, "服务商应用不可刷新token");
    } else if (refresh && (!s->token.refresh[0] || !str_eq(form_get(p, "refresh_token"), str_of(s->token.refresh)))) {
        refuse(s, out, 100, "refresh_token无效");
    } else {
        s->stats.logins += !refresh;
        s->stats.refreshes += refresh;
        give_token(s, out);
    }
}

/* The members of `biz` as the parameters that query.c reads. Texts live in the document and in `lists`, which has all
 * its memory. */
static void read_biz(const struct json *biz, struct buf *lists, struct params *q)
{
    struct json_iter it = json_iter(biz);
    const struct json *v;
    struct str key;
    while ((v = json_next(&it, &key))) {
        struct str text = json_text(v);
        size_t at = lists->n;
        if (json_type(v) == JSON_BOOL)
            text = json_true(v) ? S("true") : S("false");
        if (json_type(v) == JSON_ARRAY) {
            json_write(v, lists);
            text = lists->failed ? (struct str){NULL, 0} : str_mk(lists->p + at, lists->n - at);
        }
        if (str_eq(key, S("modified_begin")))
            key = S("start_time");
        else if (str_eq(key, S("modified_end")))
            key = S("end_time");
        if (text.n > 0)
            form_add(q, key, text);
    }
}

static void run_query(struct sim *s, size_t which, struct params *q, struct reply *out)
{
    struct problem problem = {0};
    int64_t size;
    if (num_i64(form_get(q, "page_size"), &size) && size > queries[which].page_max) {
        refuse(s, out, 170, "page_size 超过上限");
        return;
    }
    query_run(s, queries[which].method, q, &out->body, &problem);
    if (problem.code) {
        refuse(s, out, 170, problem.detail);
        return;
    }
    s->stats.served++;
    s->stats.by_method[queries[which].method]++;
    s->stats.bytes += out->body.n;
    sim_drift(s);
}

static void run_biz(struct sim *s, size_t which, struct str biz, struct reply *out)
{
    struct params *q = mem_zero(sizeof *q);
    struct buf lists = buf_make(LISTS_MAX_BYTES);
    struct json_doc *doc = NULL;
    struct errinfo ei;
    (void)buf_room(&lists, LISTS_MAX_BYTES);
    if (json_parse(biz, &JSON_LIMITS_DEFAULT, &doc, NULL, &ei) != OK || json_type(json_root(doc)) != JSON_OBJECT) {
        refuse(s, out, 170, "biz 不是 JSON 对象");
    } else {
        read_biz(json_root(doc), &lists, q);
        run_query(s, which, q, out);
    }
    json_free(doc);
    buf_free(&lists);
    free(q);
}

static void query_call(struct sim *s, size_t which, struct params *p, struct reply *out)
{
    static const char *const needs[] = {"app_key", "access_token", "timestamp", "charset",
                                        "version", "biz",          "sign",      NULL};
    if (refuse_call(s, p, needs, out))
        return;
    if (!s->token.access[0] || !str_eq(form_get(p, "access_token"), str_of(s->token.access)) ||
        sim_now_ms(s) >= s->token.until_ms) {
        s->stats.bad_tokens++;
        refuse(s, out, 100, "access_token无效或已过期");
    } else if (!sim_quota_take(s)) {
        bool minute = s->stats.refused++ % 5 == 4;
        refuse(s, out, minute ? 200 : 199, minute ? "调用频次超过限制" : "调用频次超过限制!请稍后再试");
    } else if (!sim_strike(s, out)) {
        run_biz(s, which, form_get(p, "biz"), out);
    }
}

bool open_call(struct sim *s, struct str path, struct params *p, struct reply *out)
{
    const size_t n_queries = sizeof queries / sizeof *queries;
    bool refresh = str_eq(path, S("/openWeb/auth/refreshToken")), login = str_eq(path, S("/openWeb/auth/getInitToken"));
    size_t which = 0;
    while (which < n_queries && !str_eq(path, str_of(queries[which].path)))
        which++;
    if (!refresh && !login && which == n_queries)
        return false;
    s->stats.calls++;
    out->type = "application/json;charset=UTF-8";
    out->delay_ms = sim_delay_ms(s);
    sim_tick(s);
    if (refresh || login)
        token_call(s, refresh, p, out);
    else
        query_call(s, which, p, out);
    return true;
}

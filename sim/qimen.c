/* The Qimen gateway in front of Jushuitan: system parameters, signature, quota, and the shapes of its errors.
 *
 * Order of the checks: method, app key, timestamp, version, signature, quota, then the faults that stand for a
 * gateway in trouble (they cost quota, as real ones do), then the arguments. Source: the parameter and error tables
 * of the TOP documentation (article 101617). An error comes in two shapes, both HTTP 200, in turn; `code` is a
 * number two times and a string two times. */
#include "base/digest.h"
#include "base/json.h"
#include "base/num.h"
#include "sim.h"

#include <math.h>
#include <stdlib.h>

static const char *const methods[METHOD_COUNT] = {"jushuitan.order.list.query", "jushuitan.refund.list.query",
                                                  "jushuitan.saleout.list.query"};
#define CLOCK_TOLERANCE_MS (10 * 60 * 1000)

static void request_id(struct sim *s, char out[16])
{
    static const char alphabet[] = "0123456789abcdefghijklmnopqrstuvwxyz";
    uint64_t x = rng_mix(s->opt.seed ^ ++s->n_requests);
    memcpy(out, "15q", 3);
    for (int i = 3; i < 15; i++, x /= 36)
        out[i] = alphabet[x % 36];
    out[15] = 0;
}

static void write_code(struct json_out *w, int code, bool as_text)
{
    json_out_key(w, "code");
    if (as_text) {
        char text[3] = {(char)('0' + code / 10), (char)('0' + code % 10), 0};
        json_out_cstr(w, code < 10 ? text + 1 : text);
    } else {
        json_out_int(w, code);
    }
}

/* The error in the shape whose turn it is. `sub_code` and `detail` may be NULL. */
static void write_failure(struct sim *s, struct buf *out, int code, const char *message, const char *const sub[2])
{
    uint64_t turn = s->n_failures++;
    bool top = turn % 2 == (code == 7 ? 0 : 1);
    struct json_out w = json_out(out);
    char id[16];
    request_id(s, id);
    json_out_begin(&w, '{');
    if (top || !s->faults.on[FAULT_BAREROOT]) {
        json_out_key(&w, top ? "error_response" : "response");
        json_out_begin(&w, '{');
    }
    if (!top) {
        json_out_key(&w, "flag");
        json_out_cstr(&w, "failure");
    }
    write_code(&w, code, turn / 2 % 2 == 1);
    json_out_key(&w, top ? "msg" : "message");
    json_out_cstr(&w, message);
    if (sub[0]) {
        json_out_key(&w, "sub_code");
        json_out_cstr(&w, sub[0]);
    }
    if (sub[1]) {
        json_out_key(&w, top ? "sub_msg" : "sub_message");
        json_out_cstr(&w, sub[1]);
    }
    json_out_key(&w, "request_id");
    json_out_cstr(&w, id);
    if (top || !s->faults.on[FAULT_BAREROOT])
        json_out_end(&w, '}');
    json_out_end(&w, '}');
}

static int by_key(const void *a, const void *b)
{
    return str_cmp(((const struct param *)a)->key, ((const struct param *)b)->key);
}

/* The signature with the declared method, upper-case hex; false when the method is unknown. */
static bool expected_sign(struct sim *s, struct params *p, struct str how, char out[2 * DIGEST_MAX + 1])
{
    struct str secret = str_of(s->opt.app_secret);
    struct buf *text = &s->scratch;
    uint8_t raw[DIGEST_MAX];
    size_t n;
    qsort(p->v, p->n, sizeof *p->v, by_key);
    buf_clear(text);
    for (size_t i = 0; i < p->n; i++) {
        if (p->v[i].value.n == 0 || str_eq(p->v[i].key, S("sign")))
            continue;
        buf_add(text, p->v[i].key);
        buf_add(text, p->v[i].value);
    }
    if (str_eq(how, S("md5"))) {
        struct str parts[] = {secret, buf_str(text), secret};
        n = digest(DIGEST_MD5, parts, 3, raw);
    } else if (str_eq(how, S("hmac"))) {
        n = digest_hmac(DIGEST_MD5, secret, buf_str(text), raw);
    } else if (str_eq(how, S("hmac-sha256"))) {
        n = digest_hmac(DIGEST_SHA256, secret, buf_str(text), raw);
    } else {
        return false;
    }
    hex_upper(raw, n, out);
    return true;
}

/* 0 or the code of what is wrong with the signature. */
static int check_sign(struct sim *s, struct params *p)
{
    struct str sign = form_get(p, "sign"), how = form_get(p, "sign_method");
    char expected[2 * DIGEST_MAX + 1];
    if (sign.n == 0)
        return 24;
    if (how.n == 0)
        return 40;
    if (!expected_sign(s, p, how, expected) || !str_eq_nocase(sign, str_of(expected))) {
        s->stats.bad_signature++;
        return 25;
    }
    if (!str_eq(sign, str_of(expected)))
        s->stats.lower_case_sign++;
    return 0;
}

static int check_timestamp(const struct sim *s, struct str text)
{
    int64_t at_s;
    if (text.n == 0)
        return 30;
    if (!china_parse(text, &at_s) || llabs(at_s * 1000 - sim_now_ms(s)) > CLOCK_TOLERANCE_MS)
        return 31;
    return 0;
}

static int find_method(struct str name)
{
    for (int i = 0; i < METHOD_COUNT; i++)
        if (str_eq(name, str_of(methods[i])))
            return i;
    return -1;
}

/* The system parameters in order; 0 or a code. */
static int check_system(struct sim *s, struct params *p)
{
    struct str method = form_get(p, "method"), key = form_get(p, "app_key"), v = form_get(p, "v");
    struct str format = form_get(p, "format");
    if (method.n == 0)
        return 21;
    if (find_method(method) < 0)
        return 22;
    if (format.n > 0 && !str_eq(format, S("json")) && !str_eq(format, S("xml")))
        return 23;
    if (key.n == 0)
        return 28;
    if (!str_eq(key, str_of(s->opt.app_key)))
        return 29;
    int bad_time = check_timestamp(s, form_get(p, "timestamp"));
    if (bad_time)
        return bad_time;
    if (v.n == 0)
        return 32;
    if (!str_eq(v, S("2.0")))
        return 33;
    return check_sign(s, p);
}

static const char *code_message(int code)
{
    static const struct {
        int code;
        const char *message;
    } table[] = {{7, "App Call Limited"},   {21, "Missing Method"},    {22, "Invalid Method"},  {23, "Invalid Format"},
                 {24, "Missing Signature"}, {25, "Invalid signature"}, {28, "Missing App Key"}, {29, "Invalid App Key"},
                 {30, "Missing Timestamp"}, {31, "Invalid Timestamp"}, {32, "Missing Version"}, {33, "Invalid Version"},
                 {40, "Missing Arguments"}, {41, "Invalid arguments"}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (table[i].code == code)
            return table[i].message;
    return "Remote service error";
}

static void html(struct reply *out, int status, const char *text)
{
    out->status = status;
    out->type = "text/html";
    buf_printf(&out->body,
               "<html>\r\n<head><title>%s</title></head>\r\n<body>\r\n<center><h1>%s</h1></center>\r\n"
               "<hr><center>Tengine</center>\r\n</body>\r\n</html>\r\n",
               text, text);
}

int64_t sim_delay_ms(const struct sim *s)
{
    if (s->faults.on[FAULT_HOLD] && (double)s->stats.served >= s->faults.value[FAULT_HOLD])
        return REPLY_HELD;
    return s->faults.on[FAULT_SLOW] ? llround(s->faults.value[FAULT_SLOW]) : 0;
}

/* A gateway in trouble: true when the answer is already written. */
bool sim_strike(struct sim *s, struct reply *out)
{
    const struct faults *f = &s->faults;
    if (f->on[FAULT_HTTP500] && rng_share(&s->rng, f->value[FAULT_HTTP500])) {
        bool bad_gateway = s->stats.errors_injected++ % 2;
        html(out, bad_gateway ? 502 : 500, bad_gateway ? "502 Bad Gateway" : "500 Internal Server Error");
        return true;
    }
    if (f->on[FAULT_GARBAGE] && rng_share(&s->rng, f->value[FAULT_GARBAGE])) {
        if (s->stats.errors_injected++ % 2)
            buf_add(&out->body, S("{\"response\":{\"flag\":\"success\",\"code\":\"0\",\"orders\":[{\"o_id\":9000"));
        else
            html(out, 200, "系统维护中");
        return true;
    }
    if (f->on[FAULT_CUT] && rng_share(&s->rng, f->value[FAULT_CUT])) {
        s->stats.cuts++;
        out->cut = true;
    }
    return false;
}

/* Spoils a good body the way the real one is said to be: control characters anywhere, TAB, LF and CR raw in strings. */
static void add_controls(struct sim *s, struct buf *body)
{
    static const char controls[] = {0x01, 0x02, 0x08, 0x0b, 0x0c, 0x0e, 0x1b, 0x1f};
    struct buf *out = &s->scratch;
    buf_clear(out);
    for (size_t i = 0; i < body->n; i++) {
        char c = body->p[i];
        if (c == '\\' && i + 1 < body->n) {
            char next = body->p[++i];
            char raw = next == 'n' ? '\n' : next == 't' ? '\t' : next == 'r' ? '\r' : 0;
            if (!raw)
                buf_byte(out, c);
            buf_byte(out, raw ? raw : next);
            continue;
        }
        buf_byte(out, c);
        if ((c == '"' || c == ',') && rng_one_in(&s->rng, 50))
            buf_byte(out, controls[rng_below(&s->rng, sizeof controls)]);
    }
    buf_clear(body);
    buf_add(body, buf_str(out));
}

static void finish(struct sim *s, struct params *p, struct reply *out)
{
    if (!str_eq(form_get(p, "format"), S("json"))) {
        buf_clear(&s->scratch);
        to_xml(buf_str(&out->body), &s->scratch);
        buf_clear(&out->body);
        buf_add(&out->body, buf_str(&s->scratch));
        out->type = "text/xml;charset=UTF-8";
    } else if (s->faults.on[FAULT_CTRL]) {
        add_controls(s, &out->body);
    }
}

/* Edits that happen while the client pages. */
void sim_drift(struct sim *s)
{
    if (!s->faults.on[FAULT_DRIFT] || s->book.n_visible == 0)
        return;
    int64_t n = llround(s->faults.value[FAULT_DRIFT]), now_ms = sim_now_ms(s);
    for (int64_t i = 0; i < n; i++)
        book_edit(&s->book, s->book.by_modified[rng_below(&s->rng, s->book.n_visible)], now_ms, sim_late_ms(s));
}

static void answer_failure(struct sim *s, struct params *p, struct reply *out, int code, const char *detail)
{
    static const char ban[] = "This ban will last for 1 more seconds";
    const char *sub[2] = {NULL, detail};
    if (code == 7) {
        sub[0] = "accesscontrol.limited-by-api-access-count";
        sub[1] = ban;
        s->stats.refused++;
    } else {
        s->stats.errors++;
    }
    write_failure(s, &out->body, code, code_message(code), sub);
    finish(s, p, out);
}

void qimen_call(struct sim *s, struct params *p, struct reply *out)
{
    s->stats.calls++;
    out->status = 200;
    out->type = "application/json;charset=UTF-8";
    out->delay_ms = sim_delay_ms(s);
    sim_tick(s);
    int code = p->overflow ? 41 : check_system(s, p);
    if (code == 0 && !sim_quota_take(s))
        code = 7;
    if (code != 0) {
        answer_failure(s, p, out, code, code == 40 ? "sign_method" : NULL);
        return;
    }
    if (sim_strike(s, out))
        return;
    struct problem problem = {0};
    int method = find_method(form_get(p, "method"));
    if (!str_eq(form_get(p, "target_app_key"), S(TARGET_APP_KEY)))
        problem = (struct problem){41, "target_app_key is not that of a known target"};
    else if (!str_eq(form_get(p, "customer_id"), str_of(s->opt.customer_id)))
        problem = (struct problem){41, "customer_id is not authorised"};
    else
        query_run(s, method, p, &out->body, &problem);
    if (problem.code) {
        answer_failure(s, p, out, problem.code, problem.detail);
        return;
    }
    s->stats.served++;
    s->stats.by_method[method]++;
    if (method == METHOD_ORDERS)
        reshape(s, &out->body);
    finish(s, p, out);
    s->stats.bytes += out->body.n;
    sim_drift(s);
}

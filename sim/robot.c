/* Robots that take messages as the real ones do: address, signature and its age, keyword, kind, length in bytes, twenty
 * a minute and then ten minutes of nothing. Everything is answered with 200 and a code, except by the webhook.
 *
 * What was taken is kept for GET /messages. POST /control {"advance_s": N, "fault": "down"} turns the clock and
 * switches a fault. One thread answers everything, so nothing is locked. */
#include "robot.h"

#include "base/clock.h"
#include "base/digest.h"
#include "base/json.h"
#include "base/num.h"
#include "base/product.h"
#include "desk.h"

#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>

#define MESSAGES_MAX 20000
#define MINUTE_MS    INT64_C(60000)
#define RECENT       128
#define TOKEN        "demo-token"

enum kind { DINGTALK, WECOM, FEISHU, WEBHOOK };
enum robot_fault { FAULT_NONE, FAULT_DOWN, FAULT_SLOW, FAULT_HTTP500, FAULT_BUSY };

static const char *const robot_names[] = {"dingtalk-robot", "wecom-robot", "feishu-robot", "webhook", NULL};
static const char *const paths[] = {"/robot/send", "/cgi-bin/webhook/send", "/open-apis/bot/v2/hook/" TOKEN, "/hook"};
static const char *const fault_names[] = {"none", "down", "slow", "http500", "busy", NULL};

struct message {
    struct message *next;
    int64_t at_ms;
    char *body;
    size_t n;
};

struct robot {
    enum kind kind;
    const char *secret, *keyword;
    int64_t port;
    bool die_with_parent;
    int fault; /* enum robot_fault */
    int64_t offset_ms, banned_ms;
    int64_t recent[RECENT]; /* when the last calls were let through, newest first */
    struct message *first, **last;
    int64_t accepted, refused, limited;
};

static int64_t now_ms(const struct robot *r)
{
    return clock_wall(&clock_system) + r->offset_ms;
}

/* ---- answers ---- */

static void coded(struct robot *r, struct desk_call *c, int64_t code, const char *words)
{
    struct json_out w = json_out(&c->answer);
    bool feishu = r->kind == FEISHU;

    r->refused += code != 0;
    json_out_begin(&w, '{');
    json_out_key(&w, feishu ? "code" : "errcode");
    json_out_int(&w, code);
    json_out_key(&w, feishu ? "msg" : "errmsg");
    json_out_cstr(&w, words);
    if (feishu) {
        json_out_key(&w, "data");
        json_out_raw(&w, S("{}"));
    }
    if (feishu && code == 0) {
        json_out_key(&w, "StatusCode");
        json_out_int(&w, 0);
        json_out_key(&w, "StatusMessage");
        json_out_cstr(&w, words);
    }
    json_out_end(&w, '}');
}

/* ---- signatures ---- */

static bool signature_is(struct str key, struct str msg, struct str given)
{
    uint8_t mac[DIGEST_MAX];
    size_t n = digest_hmac(DIGEST_SHA256, key, msg, mac);
    struct buf b = buf_make(256);
    bool same;

    base64_encode((struct str){(const char *)mac, n}, &b);
    same = str_eq(buf_str(&b), given);
    buf_free(&b);
    return same;
}

/* The seconds or milliseconds lie within an hour of our clock. */
static bool fresh(const struct robot *r, struct str stamp, int64_t unit_ms)
{
    int64_t t;

    return num_i64(stamp, &t) && t > 0 && t < INT64_MAX / 1000 && t * unit_ms > now_ms(r) - 60 * MINUTE_MS &&
           t * unit_ms < now_ms(r) + 60 * MINUTE_MS;
}

static bool dingtalk_signed(const struct robot *r, const struct desk_call *c)
{
    struct str stamp = str_of(desk_argument(c, "timestamp"));
    struct buf msg = buf_make(4096);
    bool good;

    buf_printf(&msg, STR_FMT "\n%s", STR_ARG(stamp), r->secret);
    good = fresh(r, stamp, 1) && signature_is(str_of(r->secret), buf_str(&msg), str_of(desk_argument(c, "sign")));
    buf_free(&msg);
    return good;
}

static bool feishu_signed(const struct robot *r, const struct json *root)
{
    struct str stamp = json_text(json_get(root, S("timestamp")));
    struct buf key = buf_make(4096);
    bool good;

    buf_printf(&key, STR_FMT "\n%s", STR_ARG(stamp), r->secret);
    good = fresh(r, stamp, 1000) && signature_is(buf_str(&key), S(""), json_text(json_get(root, S("sign"))));
    buf_free(&key);
    return good;
}

static bool webhook_signed(const struct robot *r, const struct desk_call *c)
{
    const char *given = MHD_lookup_connection_value(c->connection, MHD_HEADER_KIND, "X-Sluice-Signature");
    uint8_t mac[DIGEST_MAX];
    char hex[2 * DIGEST_MAX + 1];
    size_t n = digest_hmac(DIGEST_SHA256, str_of(r->secret), buf_str(&c->body), mac);

    hex_lower(mac, n, hex);
    return given && strncmp(given, "sha256=", 7) == 0 && strcmp(given + 7, hex) == 0;
}

/* ---- limits ---- */

/* Calls of the last `ms`, this one included. */
static size_t calls_within(const struct robot *r, int64_t ms)
{
    size_t n = 1;

    for (size_t i = 0; i < RECENT && r->recent[i] > now_ms(r) - ms; i++)
        n++;
    return n;
}

static bool too_fast(struct robot *r)
{
    bool banned = now_ms(r) < r->banned_ms;

    if (!banned) {
        banned = r->kind == FEISHU ? calls_within(r, 1000) > 5 || calls_within(r, MINUTE_MS) > 100
                                   : r->kind != WEBHOOK && calls_within(r, MINUTE_MS) > 20;
        if (banned && r->kind != FEISHU)
            r->banned_ms = now_ms(r) + 10 * MINUTE_MS;
    }
    if (!banned) {
        memmove(r->recent + 1, r->recent, sizeof r->recent - sizeof *r->recent);
        r->recent[0] = now_ms(r);
    }
    r->limited += banned;
    return banned;
}

static void keep(struct robot *r, struct desk_call *c)
{
    struct message *m = mem_zero(sizeof *m);

    if (r->accepted++ < MESSAGES_MAX) {
        m->at_ms = now_ms(r);
        m->body = mem_alloc(c->body.n + 1);
        m->n = c->body.n;
        if (m->n)
            memcpy(m->body, c->body.p, m->n);
        *r->last = m;
        r->last = &m->next;
        return;
    }
    free(m);
}

/* ---- the four ---- */

static bool has_keyword(const struct robot *r, struct str text)
{
    return !r->keyword[0] || str_find(text, str_of(r->keyword), 0) != SIZE_MAX;
}

static void dingtalk(struct robot *r, struct desk_call *c, const struct json *root)
{
    struct str type = json_text(json_get(root, S("msgtype")));
    bool markdown = str_eq(type, S("markdown"));
    struct str text = json_text(json_path(root, markdown ? S("markdown.text") : S("text.content")));

    if (strcmp(desk_argument(c, "access_token"), TOKEN) != 0)
        coded(r, c, desk_argument(c, "access_token")[0] ? 300005 : 40035,
              desk_argument(c, "access_token")[0] ? "token is not exist" : "missing parameter access_token");
    else if (too_fast(r))
        coded(r, c, 130101, "send too fast, exceed 20 times per minute");
    else if (r->secret[0] && !dingtalk_signed(r, c))
        coded(r, c, 310000, "sign not match, more: [https://ding-doc.dingtalk.com/doc#/serverapi2/qf2nxq]");
    else if (!markdown && !str_eq(type, S("text")))
        coded(r, c, 40035, "missing parameter msgtype");
    else if (!text.n || (markdown && !json_text(json_path(root, S("markdown.title"))).n))
        coded(r, c, 40035, "missing parameter text");
    else if (c->body.n > 20000)
        coded(r, c, 460101, "message too long, exceed 20000 bytes");
    else if (!has_keyword(r, text))
        coded(r, c, 310000, "keywords not in content, more: [https://ding-doc.dingtalk.com/doc#/serverapi2/qf2nxq]");
    else
        keep(r, c), coded(r, c, 0, "ok");
}

static void wecom(struct robot *r, struct desk_call *c, const struct json *root)
{
    struct str type = json_text(json_get(root, S("msgtype")));
    bool markdown = str_eq(type, S("markdown"));
    struct str text = json_text(json_path(root, markdown ? S("markdown.content") : S("text.content")));

    if (strcmp(desk_argument(c, "key"), TOKEN) != 0)
        coded(r, c, 93000, "invalid webhook url, hint: [1772325000], from ip: 127.0.0.1");
    else if (too_fast(r))
        coded(r, c, 45009,
              "api freq out of limit, hint: [1772325000], from ip: 127.0.0.1, more info at "
              "https://open.work.weixin.qq.com/devtool/query?e=45009");
    else if (!markdown && !str_eq(type, S("text")))
        coded(r, c, 40008, "invalid message type");
    else if (!text.n)
        coded(r, c, 44004, "empty content");
    else if (text.n > (markdown ? 4096u : 2048u))
        coded(r, c, 40058,
              markdown ? "markdown.content exceed max length 4096" : "text.content exceed max length 2048");
    else
        keep(r, c), coded(r, c, 0, "ok");
}

static void feishu(struct robot *r, struct desk_call *c, const struct json *root)
{
    struct str text = json_text(json_path(root, S("content.text")));

    if (too_fast(r))
        coded(r, c, 11232, "frequency limited psm[lark.oapi.app_platform_runtime]appID[1500]");
    else if (r->secret[0] && !feishu_signed(r, root))
        coded(r, c, 19021, "sign match fail or timestamp is not within one hour from current time");
    else if (!str_eq(json_text(json_get(root, S("msg_type"))), S("text")) || !text.n || c->body.n > 20480)
        coded(r, c, 9499, "Bad Request");
    else if (!has_keyword(r, text))
        coded(r, c, 19024, "Key Words Not Found");
    else
        keep(r, c), coded(r, c, 0, "success");
}

static void webhook(struct robot *r, struct desk_call *c)
{
    if (r->secret[0] && !webhook_signed(r, c)) {
        c->status = 401;
        r->refused++;
        return;
    }
    keep(r, c);
    c->status = 204;
}

static void take(struct robot *r, struct desk_call *c)
{
    const struct json_limits limits = {DESK_BODY_MAX, 16};
    struct json_doc *doc = NULL;
    struct errinfo ei;

    if (r->fault == FAULT_HTTP500) {
        c->status = 500;
        return;
    }
    if (r->fault == FAULT_BUSY) {
        coded(r, c, -1, "system busy");
        return;
    }
    if (json_parse(buf_str(&c->body), &limits, &doc, NULL, &ei)) {
        coded(r, c, r->kind == FEISHU ? 9499 : 40035, "Bad Request");
        return;
    }
    if (r->kind == DINGTALK)
        dingtalk(r, c, json_root(doc));
    else if (r->kind == WECOM)
        wecom(r, c, json_root(doc));
    else if (r->kind == FEISHU)
        feishu(r, c, json_root(doc));
    else
        webhook(r, c);
    json_free(doc);
}

/* ---- for tests ---- */

static void show(struct robot *r, struct desk_call *c)
{
    struct json_out w = json_out(&c->answer);

    json_out_begin(&w, '{');
    json_out_key(&w, "accepted");
    json_out_int(&w, r->accepted);
    json_out_key(&w, "refused");
    json_out_int(&w, r->refused);
    json_out_key(&w, "limited");
    json_out_int(&w, r->limited);
    json_out_key(&w, "messages");
    json_out_begin(&w, '[');
    for (const struct message *m = r->first; m; m = m->next) {
        json_out_begin(&w, '{');
        json_out_key(&w, "at_ms");
        json_out_int(&w, m->at_ms);
        json_out_key(&w, "body");
        json_out_raw(&w, (struct str){m->body, m->n});
        json_out_end(&w, '}');
    }
    json_out_end(&w, ']');
    json_out_end(&w, '}');
}

static int fault_of(struct str name)
{
    for (int i = 0; fault_names[i]; i++)
        if (str_eq(name, str_of(fault_names[i])))
            return i;
    return -1;
}

static void control(struct robot *r, struct desk_call *c)
{
    const struct json_limits limits = {DESK_BODY_MAX, 16};
    struct json_doc *doc = NULL;
    struct errinfo ei;
    int64_t advance_s;
    int fault;

    if (json_parse(buf_str(&c->body), &limits, &doc, NULL, &ei)) {
        c->status = 400;
        return;
    }
    if (json_i64(json_get(json_root(doc), S("advance_s")), &advance_s))
        r->offset_ms += advance_s * 1000;
    fault = fault_of(json_text(json_get(json_root(doc), S("fault"))));
    if (fault >= 0)
        r->fault = fault;
    buf_add(&c->answer, S("{}"));
    json_free(doc);
}

/* ---- the server ---- */

static void answer(void *ctx, struct desk_call *c, const char *method, const char *path)
{
    struct robot *r = ctx;
    bool post = strcmp(method, "POST") == 0;

    if (r->fault == FAULT_SLOW)
        clock_pause(&clock_system, 20000);
    if (strcmp(path, "/messages") == 0 && !post)
        show(r, c);
    else if (strcmp(path, "/control") == 0 && post)
        control(r, c);
    else if (r->fault == FAULT_DOWN)
        c->drop = true;
    else if (post && (strcmp(path, paths[r->kind]) == 0 || r->kind == WEBHOOK))
        take(r, c);
    else if (post && r->kind == FEISHU)
        coded(r, c, 19001, "param invalid: incoming webhook access token invalid");
    else
        c->status = 404;
}

static enum err hello(void *ctx, int port, struct errinfo *ei)
{
    const struct robot *r = ctx;
    struct buf b = buf_make(8192);
    struct json_out w = json_out(&b);

    static const char *const queries[] = {"?access_token=" TOKEN, "?key=" TOKEN, "", ""};
    char base[64], address[256];

    snprintf(base, sizeof base, "http://127.0.0.1:%d", port);
    snprintf(address, sizeof address, "%s%s%s", base, paths[r->kind], queries[r->kind]);
    const char *const texts[][2] = {{"listening", base}, {"webhook", address}, {"secret", r->secret}};

    json_out_begin(&w, '{');
    for (size_t i = 0; i < 3; i++) {
        json_out_key(&w, texts[i][0]);
        json_out_cstr(&w, texts[i][1]);
    }
    json_out_key(&w, "port");
    json_out_int(&w, port);
    json_out_end(&w, '}');
    puts(buf_cstr(&b));
    fflush(stdout);
    buf_free(&b);
    (void)ei;
    return OK;
}

/* ---- options ---- */

bool robot_known(const char *name)
{
    for (size_t i = 0; robot_names[i]; i++)
        if (strcmp(name, robot_names[i]) == 0)
            return true;
    return false;
}

void robot_help(void)
{
    printf("\nRobots (dingtalk-robot, wecom-robot, feishu-robot, webhook):\n"
           "  --port N               port on 127.0.0.1; 0 is a free one (default 0)\n"
           "  --secret TEXT          messages must be signed with it (default: none)\n"
           "  --keyword TEXT         messages must hold it (default: none)\n"
           "  --fault NAME           down, slow, http500, busy\n"
           "  --die-with-parent      ends when the thread that started it ends\n"
           "  GET /messages shows what was taken · POST /control {\"advance_s\": N, \"fault\": NAME}\n");
}

static enum err read_options(struct robot *r, int argc, char **argv, struct errinfo *ei)
{
    for (int i = 0; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";

        if (strcmp(argv[i], "--die-with-parent") == 0) {
            r->die_with_parent = true;
            continue;
        }
        if (i + 1 >= argc)
            return fail(ei, ERR_USAGE, "%s is no option, or needs a value", argv[i]);
        if (strcmp(argv[i], "--secret") == 0)
            r->secret = value;
        else if (strcmp(argv[i], "--keyword") == 0)
            r->keyword = value;
        else if (strcmp(argv[i], "--fault") == 0)
            r->fault = fault_of(str_of(value));
        else if (strcmp(argv[i], "--port") != 0 || !num_i64(str_of(value), &r->port) || r->port < 0 || r->port > 65535)
            return fail(ei, ERR_USAGE, "there is no option \"%s %s\"", argv[i], value);
        if (r->fault < 0)
            return fail(ei, ERR_USAGE, "there is no fault \"%s\"; there are down, slow, http500, busy", value);
        i++;
    }
    return OK;
}

enum err robot_run(const char *name, int argc, char **argv, struct errinfo *ei)
{
    struct robot *r = mem_zero(sizeof *r);
    enum err err;

    r->secret = r->keyword = "";
    r->last = &r->first;
    while (strcmp(name, robot_names[r->kind]) != 0)
        r->kind++;
    err = read_options(r, argc, argv, ei);
    if (!err)
        err = desk_run(&(struct desk){r->port, r->die_with_parent, answer, hello, r}, ei);
    for (struct message *m = r->first, *next; m; m = next) {
        next = m->next;
        free(m->body);
        free(m);
    }
    free(r);
    return err;
}

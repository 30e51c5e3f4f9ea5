/* DingTalk, WeCom and Feishu robots, and the generic webhook.
 *
 * Robots answer 200 to everything; a code in the body says what became of it, and a table says what each code means for
 * us. What is in no table is tried again. The texts of failures name the code and the upstream's own words, made
 * harmless and short; addresses never stand in them. */
#include "watch/alert_robot.h"

#include "base/digest.h"
#include "base/json.h"
#include "base/num.h"
#include "watch/alert_text.h"

#include <stdio.h>

#define REPLY_MAX_BYTES 65536u

/* ---- signatures ---- */

static void sign64(struct str key, struct str msg, struct buf *out)
{
    uint8_t mac[DIGEST_MAX];
    size_t n = digest_hmac(DIGEST_SHA256, key, msg, mac);

    base64_encode((struct str){(const char *)mac, n}, out);
}

static void stamp(int64_t timestamp, struct str secret, struct buf *out)
{
    buf_int(out, timestamp);
    buf_byte(out, '\n');
    buf_add(out, secret);
}

void dingtalk_sign(struct str secret, int64_t timestamp_ms, struct buf *out)
{
    struct buf msg = buf_make(1u << 17);

    stamp(timestamp_ms, secret, &msg);
    sign64(secret, buf_str(&msg), out);
    buf_free(&msg);
}

void feishu_sign(struct str secret, int64_t timestamp_s, struct buf *out)
{
    struct buf key = buf_make(1u << 17);

    stamp(timestamp_s, secret, &key);
    sign64(buf_str(&key), S(""), out);
    buf_free(&key);
}

void webhook_sign(struct str secret, struct str body, struct buf *out)
{
    uint8_t mac[DIGEST_MAX];
    char hex[2 * DIGEST_MAX + 1];
    size_t n = digest_hmac(DIGEST_SHA256, secret, body, mac);

    hex_lower(mac, n, hex);
    buf_printf(out, "sha256=%s", hex);
}

/* ---- bodies ---- */

/* Bytes of a message's text: DingTalk 20,000, WeCom 4,096, Feishu's whole body 20 KiB; a body in JSON grows by its
 * escapes. */
static const size_t text_max[] = {
    [CHANNEL_DINGTALK] = 12000, [CHANNEL_WECOM] = 4000, [CHANNEL_FEISHU] = 9000, [CHANNEL_WEBHOOK] = 0};

#define WECOM_TEXT_MAX 2000 /* of 2,048; its markdown may be twice as long */

static void member(struct json_out *w, const char *key, struct str s)
{
    json_out_key(w, key);
    json_out_str(w, s);
}

static void object(struct json_out *w, const char *key)
{
    json_out_key(w, key);
    json_out_begin(w, '{');
}

static bool mentions(const struct robot_target *t, const struct digest_list *d)
{
    return t->at.n && d->n_firing && d->severity == SEVERITY_CRITICAL;
}

static void dingtalk_body(const struct robot_target *t, const struct digest_list *d, struct str title, struct str text,
                          struct json_out *w)
{
    json_out_begin(w, '{');
    member(w, "msgtype", S("markdown"));
    object(w, "markdown");
    member(w, "title", title);
    member(w, "text", text);
    json_out_end(w, '}');
    object(w, "at");
    json_out_key(w, "atMobiles");
    json_out_begin(w, '[');
    for (size_t i = 0; mentions(t, d) && i < t->at.n; i++)
        json_out_str(w, t->at.at[i]);
    json_out_end(w, ']');
    json_out_key(w, "isAtAll");
    json_out_bool(w, false);
    json_out_end(w, '}');
    json_out_end(w, '}');
}

/* Only a text message mentions by telephone number; so those who are to be mentioned get one. */
static void wecom_body(const struct robot_target *t, const struct digest_list *d, struct str text, struct json_out *w)
{
    bool mention = mentions(t, d);

    json_out_begin(w, '{');
    member(w, "msgtype", mention ? S("text") : S("markdown"));
    object(w, mention ? "text" : "markdown");
    member(w, "content", text);
    if (mention) {
        json_out_key(w, "mentioned_mobile_list");
        json_out_begin(w, '[');
        for (size_t i = 0; i < t->at.n; i++)
            json_out_str(w, t->at.at[i]);
        json_out_end(w, ']');
    }
    json_out_end(w, '}');
    json_out_end(w, '}');
}

static void feishu_body(const struct robot_target *t, int64_t now_ms, struct str text, struct json_out *w)
{
    struct buf sign = buf_make(256);
    char stamp_text[21];

    json_out_begin(w, '{');
    if (t->secret.n) {
        feishu_sign(t->secret, now_ms / 1000, &sign);
        member(w, "timestamp", str_mk(stamp_text, num_print_i64(now_ms / 1000, stamp_text)));
        member(w, "sign", buf_str(&sign));
    }
    member(w, "msg_type", S("text"));
    object(w, "content");
    member(w, "text", text);
    json_out_end(w, '}');
    json_out_end(w, '}');
    buf_free(&sign);
}

static void dingtalk_url(const struct robot_target *t, int64_t now_ms, struct buf *url)
{
    struct buf sign = buf_make(256);

    if (!t->secret.n)
        return;
    dingtalk_sign(t->secret, now_ms, &sign);
    buf_byte(url, str_find(t->url, S("?"), 0) == SIZE_MAX ? '?' : '&');
    buf_printf(url, "timestamp=%lld&sign=", (long long)now_ms);
    url_encode(buf_str(&sign), url);
    buf_free(&sign);
}

/* The title's line, the keyword, the body, and for DingTalk the numbers to mention, which must stand in the text. */
static void robot_text(const struct robot_target *t, const struct message_context *c, const struct digest_list *d,
                       struct str title, struct buf *text)
{
    bool bold = t->type == CHANNEL_DINGTALK || (t->type == CHANNEL_WECOM && !mentions(t, d));
    struct buf mention = buf_make(4096);

    for (size_t i = 0; t->type == CHANNEL_DINGTALK && mentions(t, d) && i < t->at.n && i < 20; i++)
        buf_printf(&mention, " @" STR_FMT, STR_ARG(str_sub(t->at.at[i], 0, 32)));
    if (bold)
        buf_add(text, S("#### "));
    buf_add(text, title);
    buf_add(text, bold ? S("\n\n") : S("\n"));
    if (t->keyword.n) {
        buf_add(text, t->keyword);
        buf_add(text, bold ? S("\n\n") : S("\n"));
    }
    message_body(c, d, (bold || t->type != CHANNEL_WECOM ? text_max[t->type] : WECOM_TEXT_MAX) - text->n - mention.n,
                 bold, text);
    buf_add(text, buf_str(&mention));
    buf_free(&mention);
}

void robot_request(const struct robot_target *t, const struct message_context *c, const struct digest_list *d,
                   struct str key, struct robot_message *ret)
{
    struct buf title = buf_make(2048), text = buf_make(65536);
    struct json_out w = json_out(&ret->body);

    buf_add(&ret->url, t->url);
    if (t->type == CHANNEL_WEBHOOK) {
        message_json(c, d, key, &ret->body);
        return;
    }
    message_title(c, d, &title);
    robot_text(t, c, d, buf_str(&title), &text);
    if (t->type == CHANNEL_DINGTALK) {
        dingtalk_url(t, c->now_ms, &ret->url);
        dingtalk_body(t, d, buf_str(&title), buf_str(&text), &w);
    } else if (t->type == CHANNEL_WECOM) {
        wecom_body(t, d, buf_str(&text), &w);
    } else {
        feishu_body(t, c->now_ms, buf_str(&text), &w);
    }
    buf_free(&title);
    buf_free(&text);
}

/* ---- replies ---- */

#define MINUTE_MS INT64_C(60000)

static const struct code {
    int type;
    int64_t code;
    enum outcome what;
    int64_t wait_ms;
} codes[] = {
    {CHANNEL_DINGTALK, 0, OUTCOME_OK, 0},
    {CHANNEL_DINGTALK, 310000, OUTCOME_REFUSED, 0}, /* signature, keyword, address */
    {CHANNEL_DINGTALK, 300005, OUTCOME_REFUSED, 0}, /* token */
    {CHANNEL_DINGTALK, 300001, OUTCOME_REFUSED, 0},
    {CHANNEL_DINGTALK, 40035, OUTCOME_REFUSED, 0},
    {CHANNEL_DINGTALK, 130101, OUTCOME_BANNED, 10 * MINUTE_MS},
    {CHANNEL_DINGTALK, 660026, OUTCOME_BANNED, 10 * MINUTE_MS},
    {CHANNEL_WECOM, 0, OUTCOME_OK, 0},
    {CHANNEL_WECOM, -1, OUTCOME_RETRY, 0},
    {CHANNEL_WECOM, 45009, OUTCOME_BANNED, 10 * MINUTE_MS},
    {CHANNEL_WECOM, 45033, OUTCOME_BANNED, MINUTE_MS},
    {CHANNEL_WECOM, 93000, OUTCOME_REFUSED, 0}, /* key */
    {CHANNEL_WECOM, 40058, OUTCOME_REFUSED, 0},
    {CHANNEL_WECOM, 44004, OUTCOME_REFUSED, 0},
    {CHANNEL_WECOM, 45002, OUTCOME_REFUSED, 0},
    {CHANNEL_WECOM, 60020, OUTCOME_REFUSED, 0}, /* address of this machine */
    {CHANNEL_FEISHU, 0, OUTCOME_OK, 0},
    {CHANNEL_FEISHU, 19001, OUTCOME_REFUSED, 0}, /* token */
    {CHANNEL_FEISHU, 19021, OUTCOME_REFUSED, 0}, /* signature or clock */
    {CHANNEL_FEISHU, 19022, OUTCOME_REFUSED, 0}, /* address of this machine */
    {CHANNEL_FEISHU, 19024, OUTCOME_REFUSED, 0}, /* keyword */
    {CHANNEL_FEISHU, 9499, OUTCOME_REFUSED, 0},
    {CHANNEL_FEISHU, 11232, OUTCOME_BANNED, MINUTE_MS},
};

/* DingTalk bans an address or a robot without a code: {"status":1111,"wait":5,"punish":"deny"}; wait in minutes. */
static bool punished(const struct json *root, struct verdict *ret)
{
    int64_t status, wait = 10;

    if (!json_i64(json_get(root, S("status")), &status) || status != 1111)
        return false;
    (void)json_i64(json_get(root, S("wait")), &wait);
    ret->what = OUTCOME_BANNED;
    ret->wait_ms = (wait < 10 ? 10 : wait > 1440 ? 1440 : wait) * MINUTE_MS;
    snprintf(ret->why, sizeof ret->why, "the robot is banned for sending too much");
    return true;
}

static void judge_code(int type, int64_t code, struct str words, struct verdict *ret)
{
    struct buf b = buf_make(1024);

    ret->what = OUTCOME_RETRY;
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (codes[i].type == type && codes[i].code == code) {
            ret->what = codes[i].what;
            ret->wait_ms = codes[i].wait_ms;
        }
    text_safe(words, 200, &b);
    snprintf(ret->why, sizeof ret->why, "it answered %lld: %s", (long long)code, buf_cstr(&b));
    buf_free(&b);
}

static void judge_status(int status, int64_t retry_after_s, struct verdict *ret)
{
    bool slow = status == 429 || (status == 503 && retry_after_s > 0);

    ret->what = slow                             ? OUTCOME_BANNED
                : status >= 200 && status < 300  ? OUTCOME_OK
                : status >= 500 || status == 408 ? OUTCOME_RETRY
                                                 : OUTCOME_REFUSED;
    if (slow)
        ret->wait_ms = (retry_after_s <= 0 ? 60 : retry_after_s > 3600 ? 3600 : retry_after_s) * 1000;
    snprintf(ret->why, sizeof ret->why, "it answered with the status %d", status);
}

void robot_judge(int type, int status, int64_t retry_after_s, struct str body, struct verdict *ret)
{
    const struct json_limits limits = {REPLY_MAX_BYTES, 16};
    struct json_doc *doc = NULL;
    const struct json *root, *code;
    struct errinfo ei;
    int64_t number;

    *ret = (struct verdict){.what = OUTCOME_RETRY};
    judge_status(status, retry_after_s, ret);
    if (type == CHANNEL_WEBHOOK || status < 200 || status >= 500 || status == 429)
        return;
    if (json_parse(body, &limits, &doc, NULL, &ei)) {
        if (ret->what == OUTCOME_OK)
            ret->what = OUTCOME_RETRY;
        snprintf(ret->why, sizeof ret->why, "its answer (status %d) is not JSON", status);
        return;
    }
    root = json_root(doc);
    code = json_get(root, type == CHANNEL_FEISHU ? S("code") : S("errcode"));
    if (!code && type == CHANNEL_FEISHU)
        code = json_get(root, S("StatusCode"));
    if (type == CHANNEL_DINGTALK && punished(root, ret)) {
        json_free(doc);
        return;
    }
    if (json_i64(code, &number)) {
        judge_code(type, number, json_text(json_get(root, type == CHANNEL_FEISHU ? S("msg") : S("errmsg"))), ret);
    } else if (ret->what == OUTCOME_OK) {
        ret->what = OUTCOME_RETRY;
        snprintf(ret->why, sizeof ret->why, "its answer holds no code");
    }
    json_free(doc);
}

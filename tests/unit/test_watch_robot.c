/* What robots are sent and what they say: the published vectors of their signatures, replies, lengths, and text that
 * tries to be more than text. */
#include "watch/alert_robot.h"
#include "watch/alert_text.h"

#include "table.h"

#include "base/digest.h"
#include "base/log.h"
#include "net/mail.h"
#include "watch/alert_command.h"

static void assert_signature(struct buf *b, const char *expected)
{
    assert_string_equal(buf_cstr(b), expected);
    buf_free(b);
}

/* apis.md 4.3 and 6, computed with Python's hmac */
static void signs(void **state)
{
    struct buf b = buf_make(256);

    (void)state;
    dingtalk_sign(S("SECdemo000"), 1772325000000, &b);
    assert_signature(&b, "fYo6xEG+dP+ASX1iMBFiwzdFnPTkAiGx460bb5/W1uI=");
    feishu_sign(S("feishu-demo-secret"), 1772325000, &b);
    assert_signature(&b, "x/z65ai27iHm0d3pudgLKAH6C3m/LxOfWFseC8GsxqI=");
    webhook_sign(S("key"), S("The quick brown fox jumps over the lazy dog"), &b);
    assert_signature(&b, "sha256=f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8");
}

static void judges(void **state)
{
    static const struct {
        int type, status;
        const char *body;
        enum outcome what;
        int64_t wait_min;
    } rows[] = {
        {CHANNEL_DINGTALK, 200, "{\"errcode\":0,\"errmsg\":\"ok\"}", OUTCOME_OK, 0},
        {CHANNEL_DINGTALK, 200, "{\"errcode\":310000,\"errmsg\":\"sign not match\"}", OUTCOME_REFUSED, 0},
        {CHANNEL_DINGTALK, 200, "{\"errcode\":130101,\"errmsg\":\"send too fast\"}", OUTCOME_BANNED, 10},
        {CHANNEL_DINGTALK, 200, "{\"status\":1111,\"wait\":5,\"punish\":\"deny\"}", OUTCOME_BANNED, 10},
        {CHANNEL_DINGTALK, 200, "{\"errcode\":77,\"errmsg\":\"new\"}", OUTCOME_RETRY, 0},
        {CHANNEL_DINGTALK, 200, "<html>", OUTCOME_RETRY, 0},
        {CHANNEL_DINGTALK, 200, "{}", OUTCOME_RETRY, 0},
        {CHANNEL_DINGTALK, 200, "", OUTCOME_RETRY, 0},
        {CHANNEL_DINGTALK, 502, "{\"errcode\":0}", OUTCOME_RETRY, 0},
        {CHANNEL_WECOM, 200, "{\"errcode\":0,\"errmsg\":\"ok\"}", OUTCOME_OK, 0},
        {CHANNEL_WECOM, 200, "{\"errcode\":45009,\"errmsg\":\"api freq out of limit\"}", OUTCOME_BANNED, 10},
        {CHANNEL_WECOM, 200, "{\"errcode\":93000,\"errmsg\":\"invalid webhook url\"}", OUTCOME_REFUSED, 0},
        {CHANNEL_WECOM, 200, "{\"errcode\":-1,\"errmsg\":\"system busy\"}", OUTCOME_RETRY, 0},
        {CHANNEL_FEISHU, 200, "{\"code\":0,\"msg\":\"success\",\"StatusCode\":0}", OUTCOME_OK, 0},
        {CHANNEL_FEISHU, 200, "{\"StatusCode\":0,\"StatusMessage\":\"success\"}", OUTCOME_OK, 0},
        {CHANNEL_FEISHU, 400, "{\"code\":19021,\"msg\":\"sign match fail\"}", OUTCOME_REFUSED, 0},
        {CHANNEL_FEISHU, 200, "{\"code\":11232,\"msg\":\"frequency limited\"}", OUTCOME_BANNED, 1},
        {CHANNEL_WEBHOOK, 204, "", OUTCOME_OK, 0},
        {CHANNEL_WEBHOOK, 302, "", OUTCOME_REFUSED, 0},
        {CHANNEL_WEBHOOK, 404, "", OUTCOME_REFUSED, 0},
        {CHANNEL_WEBHOOK, 429, "", OUTCOME_BANNED, 1},
        {CHANNEL_WEBHOOK, 500, "", OUTCOME_RETRY, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct verdict v;

        robot_judge(rows[i].type, rows[i].status, -1, str_of(rows[i].body), &v);
        if (v.what != rows[i].what || (rows[i].what == OUTCOME_BANNED && v.wait_ms != rows[i].wait_min * 60000))
            FAIL_MSG("row %zu: %d, %lld ms\n", i, (int)v.what, (long long)v.wait_ms);
    }
}

static void makes_text_safe(void **state)
{
    static const char *const rows[][2] = {
        {"orders_daily", "orders_daily"},
        {"_orders_", "＿orders＿"},
        {"@all 快来", "＠all 快来"},
        {"<at user_id=\"all\"></at>", "＜at user_id=\"all\"＞＜/at＞"},
        {"[click](http://evil.example/x)", "［click］(http:／／evil.example/x)"},
        {"**bold** `code` ~~x~~", "＊＊bold＊＊ ｀code｀ ～～x～～"},
        {"a\nb\tc\x01", "a b c "},
        {"a\xE2\x80\xAE", "a "},
        {"收件人 13812345678 已签收", "收件人 138****5678 已签收"},
        {"order 138123456789", "order 138123456789"},
        {"id 11010519491231002X.", "id 1101****002X."},
        {"order 110105194912310021", "order 110105194912310021"},
        {"mail ann.lee@example.com now", "mail a***＠example.com now"},
        {"the canary CANARY-SECRET-1 sings", "the canary ＊＊＊ sings"},
        {"\xFF\xFE", "\xEF\xBF\xBD\xEF\xBF\xBD"},
    };

    (void)state;
    log_hide(S("CANARY-SECRET-1"));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buf b = buf_make(4096);

        text_safe(str_of(rows[i][0]), 1000, &b);
        assert_string_equal(buf_cstr(&b), rows[i][1]);
        buf_clear(&b);
        text_safe(S("中文字"), 7, &b);
        assert_string_equal(buf_cstr(&b), "中文");
        buf_free(&b);
    }
}

static struct digest_list *many(size_t n)
{
    struct digest_list *d = digest_list_new();

    for (size_t i = 0; i < n; i++) {
        struct buf name = buf_make(400);

        buf_printf(&name, "很长的集成名称@all[x](http://e)-%zu", i);
        digest_list_add(d, &(struct notice){.alert = (int64_t)i + 1,
                                            .kind = NOTICE_FIRED,
                                            .rule = (int)(i % ALERT_RULES),
                                            .severity = SEVERITY_CRITICAL,
                                            .integration = buf_str(&name),
                                            .text = S("\"quotes\" and \\ and 中文 @all <at id=all></at>"),
                                            .at_ms = 1772325000000,
                                            .since_ms = 1772324000000,
                                            .count = 2});
        buf_free(&name);
    }
    digest_list_done(d);
    return d;
}

/* Every kind of robot, one, a few and many alerts, both languages: within the upstream's length, JSON, and harmless. */
static void fits(void **state)
{
    static const size_t counts[] = {1, 3, 4, 40, 20000};
    static const struct {
        int type;
        const char *text; /* where the text stands */
        size_t max_text, max_body;
    } types[] = {{CHANNEL_DINGTALK, "markdown.text", 20000, 40000},
                 {CHANNEL_WECOM, "text.content", 2048, 8192},
                 {CHANNEL_WECOM, "markdown.content", 4096, 8192},
                 {CHANNEL_FEISHU, "content.text", 20000, 20480},
                 {CHANNEL_WEBHOOK, "detail", 9000, 1u << 20}};
    const struct str at[] = {S("13800001111")};
    const struct json_limits limits = {1u << 20, 16};
    struct errinfo ei;

    (void)state;
    for (size_t i = 0; i < 5 * 5 * 2; i++) {
        size_t k = i % 5;
        bool mention = k != 2;
        struct digest_list *d = many(counts[i / 5 % 5]);
        const struct message_context c = {i >= 25, S("p"), S("https://dash.example"), NULL, 1772325000000};
        const struct robot_target t = {
            .type = types[k].type, .url = S("https://r.example/send?key=x"), .secret = S("s"), .at = {at, mention}};
        struct robot_message m = {buf_make(4096), buf_make(1u << 20)};
        struct json_doc *doc;
        struct str text;

        robot_request(&t, &c, d, S("key-1"), &m);
        assert_false(m.body.failed);
        assert_true(m.body.n <= types[k].max_body);
        assert_int_equal(json_parse(buf_str(&m.body), &limits, &doc, NULL, &ei), OK);
        text = json_text(json_path(json_root(doc), str_of(types[k].text)));
        assert_true(text.n > 0 && text.n <= types[k].max_text);
        assert_true(utf8_valid(text));
        assert_true(str_find(text, S("@all"), 0) == SIZE_MAX);
        assert_true(str_find(text, S("<at"), 0) == SIZE_MAX);
        assert_true(str_find(text, S("](http://e)"), 0) == SIZE_MAX);
        json_free(doc);
        digest_list_free(d);
        buf_free(&m.url);
        buf_free(&m.body);
    }
}

static void runs_programs(void **state)
{
    const struct str ok[] = {S("/bin/sh"), S("-c"),
                             S("test \"$(cat)\" = body && test -z \"$CANARY\" && test \"$1\" = '; x'"), S("sh"),
                             S("; x")};
    const struct str bad[] = {S("/bin/sh"), S("-c"), S("echo no such pager >&2; exit 3")};
    const struct str slow[] = {S("/bin/sh"), S("-c"), S("cat /dev/zero > /dev/null & cat /dev/zero > /dev/null")};
    const struct str none[] = {S("/nowhere/page")};
    struct errinfo ei;

    (void)state;
    setenv("CANARY", "secret", 1);
    assert_int_equal(program_run(ok, 5, S("body"), 10000, NULL, &ei), OK);
    assert_int_equal(program_run(bad, 3, S(""), 10000, NULL, &ei), ERR_REMOTE);
    assert_non_null(strstr(ei.msg, "status 3: no such pager"));
    assert_int_equal(program_run(slow, 3, S(""), 300, NULL, &ei), ERR_NETWORK);
    assert_int_equal(program_run(none, 1, S(""), 300, NULL, &ei), ERR_CONFIG);
}

/* A long subject: words of at most 75 characters, each whole UTF-8, together the subject. */
static void folds_subjects(void **state)
{
    struct str subject =
        S("【严重】订单同步（华东一区）：目标库不可用，已经暂停写入\r\nBcc: e@example.com，请检查网络与账号 end");
    const struct mail m = {.from = S("sluice@example.com"), .subject = subject, .text = S("x"), .id = S("k")};
    struct buf b = buf_make(1u << 16), whole = buf_make(4096);
    struct str rest, line;
    size_t words = 0;

    (void)state;
    mail_text(&m, &b);
    rest = str_sub(buf_str(&b), str_find(buf_str(&b), S("Subject: "), 0) + 8, b.n);
    while (str_cut(&rest, '\n', &line) && str_starts(line, S(" =?UTF-8?B?"))) {
        size_t at = whole.n;

        line = str_sub(line, 1, line.n - 2);
        assert_true(line.n <= 75 && str_ends(line, S("?=")));
        assert_true(base64_decode(str_sub(line, 10, line.n - 12), &whole));
        assert_true(utf8_valid(str_sub(buf_str(&whole), at, whole.n)));
        words++;
    }
    assert_true(words > 2);
    assert_true(str_eq(buf_str(&whole), subject));
    assert_true(str_starts(line, S("Auto-Submitted")));
    buf_free(&b);
    buf_free(&whole);
}

static void writes_mail(void **state)
{
    const struct str to[] = {S("a@example.com"), S("b@example.com")};
    const struct mail m = {.from = S("sluice@example.com"),
                           .to = to,
                           .n_to = 2,
                           .subject = S("【严重】订单：目标库不可用\r\nBcc: evil@example.com"),
                           .text = S(".\r\nQUIT\r\n"),
                           .id = S("k-1"),
                           .unix_s = 1772325000};
    struct buf b = buf_make(1u << 16);

    (void)state;
    mail_text(&m, &b);
    assert_non_null(strstr(buf_cstr(&b), "Date: Sun, 01 Mar 2026 00:30:00 +0000\r\n"));
    assert_non_null(strstr(b.p, "Message-ID: <k-1@example.com>\r\n"));
    assert_null(strstr(b.p, "Bcc"));
    assert_null(strstr(b.p, "QUIT"));
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(signs),           cmocka_unit_test(judges),
                                       cmocka_unit_test(makes_text_safe), cmocka_unit_test(fits),
                                       cmocka_unit_test(runs_programs),   cmocka_unit_test(writes_mail),
                                       cmocka_unit_test(folds_subjects)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}

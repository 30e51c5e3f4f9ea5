/* Replies and their verdicts: tests/data/connector/judge.txt, every cut of a body, and fields by their aliases. */
#include "base/log.h"
#include "connector_data.h"

struct judge_case {
    struct arena *a;
    struct str name, path, body;
    const struct connector *c;
    const struct iface *i;
    const struct paging *paging; /* of the mode */
    int64_t status;
    bool judged;
    struct json_doc *doc;
    struct reply reply;
};

static const char *const reaction_names[] = {"ok", "retry", "slow_down", "clock", "login", "stop"};

static void judge(struct judge_case *t)
{
    struct errinfo ei;

    if (t->judged)
        return;
    t->judged = true;
    if (!t->c)
        t->c = data_connector(t->a, S("jushuitan-qimen"));
    if (!t->i)
        t->i = connector_iface(t->c, S("jushuitan.order.list.query"));
    if (json_parse(t->body, &JSON_LIMITS_DEFAULT, &t->doc, NULL, &ei) == OK)
        connector_judge(&(struct judge_input){t->c, t->i, t->paging, (int)t->status, t->path}, t->doc, &t->reply);
    else
        connector_judge_text(t->c, t->i, (int)t->status, t->body, &ei, &t->reply);
}

static int64_t fact(const struct judge_case *t, struct str name)
{
    const struct reply *r = &t->reply;

    if (str_eq(name, S("rows")))
        return (int64_t)r->n_records;
    if (str_eq(name, S("total")))
        return r->total;
    if (str_eq(name, S("pages")))
        return r->pages;
    if (str_eq(name, S("size")))
        return r->page_size;
    if (str_eq(name, S("index")))
        return r->page_index;
    if (str_eq(name, S("next")))
        return r->has_next;
    if (str_eq(name, S("wait")))
        return r->wait_ms;
    fail_msg("unknown fact " STR_FMT, STR_ARG(name));
    return 0;
}

static void check_verdict(const struct judge_case *t, struct str words)
{
    struct str word, name;
    int64_t want;

    str_cut(&words, ' ', &word);
    if (!str_eq(word, str_of(reaction_names[t->reply.reaction])))
        fail_msg(STR_FMT ": %s (%s), not " STR_FMT, STR_ARG(t->name), reaction_names[t->reply.reaction],
                 t->reply.why.msg, STR_ARG(word));
    assert_int_equal(t->reply.reaction == REACT_OK, t->reply.code == OK);
    while (words.p && str_cut(&words, ' ', &word)) {
        if (str_find(word, S("="), 0) == SIZE_MAX) {
            if (!str_eq(word, str_of(err_name(t->reply.code))))
                fail_msg(STR_FMT ": code %s", STR_ARG(t->name), err_name(t->reply.code));
            assert_int_equal(t->reply.why.code, t->reply.code);
            continue;
        }
        str_cut(&word, '=', &name);
        assert_true(num_i64(word, &want));
        if (fact(t, name) != want)
            fail_msg(STR_FMT ": " STR_FMT " is %lld", STR_ARG(t->name), STR_ARG(name), (long long)fact(t, name));
    }
}

static void check_text(const struct judge_case *t, struct str key, struct str value)
{
    struct str text;

    if (str_eq(key, S("says")))
        text = str_of(t->reply.why.msg);
    else if (str_eq(key, S("hint")))
        text = str_of(t->reply.why.hint);
    else if (str_eq(key, S("zh")))
        text = t->reply.hint_zh;
    else
        fail_msg("unknown line " STR_FMT, STR_ARG(key));
    if (str_find(text, value, 0) == SIZE_MAX)
        fail_msg(STR_FMT ": " STR_FMT " \"" STR_FMT "\"", STR_ARG(t->name), STR_ARG(key), STR_ARG(text));
}

static bool set_in(struct judge_case *t, struct str key, struct str value)
{
    if (str_eq(key, S("name"))) {
        t->name = value;
    } else if (str_eq(key, S("connector"))) {
        t->c = data_connector(t->a, value);
    } else if (str_eq(key, S("interface"))) {
        if (!t->c)
            t->c = data_connector(t->a, S("jushuitan-qimen"));
        t->i = connector_iface(t->c, value);
        assert_non_null(t->i);
    } else if (str_eq(key, S("mode"))) {
        t->paging = iface_paging(t->i, value);
        assert_non_null(t->paging);
    } else if (str_eq(key, S("status"))) {
        assert_true(num_i64(value, &t->status));
    } else if (str_eq(key, S("path"))) {
        t->path = value;
    } else if (str_eq(key, S("body"))) {
        t->body = value;
    } else {
        return false;
    }
    return true;
}

static void run_group(struct str group)
{
    struct judge_case t = {.a = arena_new(DATA_ARENA_BYTES), .status = 200};
    struct str key, value;
    size_t checks = 0;

    while (data_line(&group, &key, &value)) {
        if (set_in(&t, key, value))
            continue;
        judge(&t);
        checks++;
        if (str_eq(key, S("verdict")))
            check_verdict(&t, value);
        else if (str_eq(key, S("link")))
            assert_true(str_eq(t.reply.next_link, value));
        else
            check_text(&t, key, value);
    }
    assert_true(checks > 0);
    json_free(t.doc);
    arena_free(t.a);
}

static void verdicts(void **state)
{
    struct arena *a = arena_new(DATA_ARENA_BYTES);
    struct str rest = data_file(a, TEST_DATA "/connector/judge.txt"), group;
    size_t n = 0;

    (void)state;
    for (; data_group(&rest, &group); n++)
        run_group(group);
    assert_true(n > 100);
    arena_free(a);
}

/* One line of codes.txt: CONNECTOR SHAPE CODE SUB_CODE REACTION ERROR, SUB_CODE "-" for none. */
static void check_code(struct str line)
{
    static const struct {
        const char *shape, *body;
    } shapes[] = {
        {"qimen", "{\"response\":{\"flag\":\"failure\",\"code\":\"%.*s\",\"sub_code\":\"%.*s\",\"message\":\"m\"}}"},
        {"top", "{\"error_response\":{\"code\":%.*s,\"sub_code\":\"%.*s\",\"msg\":\"m\"}}"},
        {"open", "{\"code\":%.*s,\"sub_code\":\"%.*s\",\"msg\":\"m\",\"data\":null}"},
    };
    struct judge_case t = {.a = arena_new(DATA_ARENA_BYTES), .status = 200, .name = line};
    struct str word[6];
    size_t n;

    for (size_t i = 0; i < 6; i++)
        assert_true(str_cut(&line, ' ', &word[i]));
    if (str_eq(word[3], S("-")))
        word[3] = S("");
    t.c = data_connector(t.a, word[0]);
    t.i = connector_ifaces(t.c, &n);
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
        if (str_eq(word[1], str_of(shapes[s].shape)))
            t.body = arena_printf(t.a, shapes[s].body, STR_ARG(word[2]), STR_ARG(word[3]));
    assert_true(t.body.n > 0);
    judge(&t);
    check_verdict(&t, arena_printf(t.a, STR_FMT " " STR_FMT, STR_ARG(word[4]), STR_ARG(word[5])));
    assert_true(t.reply.reaction == REACT_RETRY || str_eq(word[4], S("login")) || t.reply.why.hint[0] != '\0');
    json_free(t.doc);
    arena_free(t.a);
}

/* Every code of the vendors' published lists. */
static void codes(void **state)
{
    struct arena *a = arena_new(DATA_ARENA_BYTES);
    struct str rest = data_file(a, TEST_DATA "/connector/codes.txt"), line;
    size_t n = 0;

    (void)state;
    while (str_cut(&rest, '\n', &line)) {
        if (!line.n || line.p[0] == '#')
            continue;
        check_code(line);
        n++;
    }
    assert_true(n > 60);
    arena_free(a);
}

/* A body cut anywhere is never a success. */
static void every_cut(void **state)
{
    struct str body =
        S("{\"response\":{\"flag\":\"success\",\"has_next\":false,\"orders\":[{\"o_id\":1}],\"data_count\":0}}");

    (void)state;
    for (size_t n = 0; n < body.n; n++) {
        struct judge_case t = {.a = arena_new(DATA_ARENA_BYTES), .status = 200, .body = str_sub(body, 0, n)};

        judge(&t);
        assert_int_equal(t.reply.reaction, REACT_RETRY);
        assert_int_equal(t.reply.code, ERR_REMOTE);
        json_free(t.doc);
        arena_free(t.a);
    }
}

static void snippets_are_short_and_whole(void **state)
{
    struct arena *a = arena_new(DATA_ARENA_BYTES);
    struct judge_case t = {.a = a, .status = 400};
    char *big = malloc(1u << 20);
    size_t quoted = 0;

    (void)state;
    assert_non_null(big);
    for (size_t i = 0; i < 1u << 20; i++)
        big[i] = "\xE6\xB5\x8B"[i % 3];
    t.body = str_mk(big, 1u << 20);
    judge(&t);
    assert_true(utf8_valid(str_of(t.reply.why.msg)));
    for (size_t at = str_find(str_of(t.reply.why.msg), S("测"), 0); at != SIZE_MAX;
         at = str_find(str_of(t.reply.why.msg), S("测"), at + 1))
        quoted++;
    assert_true(quoted > 100 && quoted <= 200);
    free(big);
    arena_free(a);
}

/* Wherever a message is cut, no part of a secret that it quotes is left. */
static void no_half_of_a_secret(void **state)
{
    static const char *const bodies[] = {
        "{\"flag\":\"failure\",\"code\":41,\"sub_code\":\"%*ss3cr3t-canary\",\"message\":\"%*ss3cr3t-canary x\"}",
        "<p>%*ss3cr3t-canary</p><p>%*ss3cr3t-canary"};

    (void)state;
    log_hide(S("s3cr3t-canary"));
    for (int lead = 0; lead < 520; lead++) {
        char body[2048];

        for (size_t b = 0; b < 2; b++) {
            struct judge_case t = {.a = arena_new(DATA_ARENA_BYTES), .status = 400};
            int n = snprintf(body, sizeof body, bodies[b], lead, "", lead, "");

            for (int i = 0; i < n; i++)
                body[i] = body[i] == ' ' ? '.' : body[i];
            t.body = str_mk(body, (size_t)n);
            judge(&t);
            assert_int_not_equal(t.reply.reaction, REACT_OK);
            assert_null(strstr(t.reply.why.msg, "s3"));
            assert_true(lead > 100 || strstr(t.reply.why.msg, "***"));
            json_free(t.doc);
            arena_free(t.a);
        }
    }
}

static const struct json *field(const struct iface *i, const struct json_doc *doc, struct str name)
{
    return iface_field(i, json_root(doc), name);
}

static void aliases(void **state)
{
    struct arena *a = arena_new(DATA_ARENA_BYTES);
    const struct connector *c = data_connector(a, S("jushuitan-qimen"));
    const struct iface *i = connector_iface(c, S("jushuitan.order.list.query"));
    struct json_doc *doc = NULL;
    struct errinfo ei;

    (void)state;
    assert_int_equal(
        json_parse(S("{\"drop_co_id_to\":\"7\",\"drp_info\":1,\"o_id\":5}"), &JSON_LIMITS_DEFAULT, &doc, NULL, &ei),
        OK);
    assert_true(str_eq(json_text(field(i, doc, S("drp_co_id_to"))), S("7")));
    assert_true(str_eq(json_text(field(i, doc, S("drop_co_id_to"))), S("7")));
    assert_true(str_eq(json_text(field(i, doc, S("drop_info"))), S("1")));
    assert_true(str_eq(json_text(field(i, doc, S("io_id"))), S("5")));
    assert_null(field(i, doc, S("drp_co_id_from")));
    assert_null(field(i, doc, S("nothing")));
    json_free(doc);
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verdicts),  cmocka_unit_test(codes),
        cmocka_unit_test(every_cut), cmocka_unit_test(snippets_are_short_and_whole),
        cmocka_unit_test(aliases),   cmocka_unit_test(no_half_of_a_secret),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

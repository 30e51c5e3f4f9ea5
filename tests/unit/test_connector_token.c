/* Calls that fetch a token: what is sent, by the vendor's vectors, and what their replies are worth. */
#include "connector_data.h"

struct answer {
    const char *name, *body;
    int status;
    enum reaction reaction;
    const char *access, *refresh;
    int64_t life_s;
};

#define ANSWER(more)                                                                                                   \
    "{\"code\":0,\"msg\":\"ok\",\"data\":{\"access_token\":\"acc-1\",\"refresh_token\":\"ref-1\"" more "}}"

static const struct answer answers[] = {
    {"a token", ANSWER(",\"expires_in\":2592000"), 200, REACT_OK, "acc-1", "ref-1", 2592000},
    {"its life as a text", ANSWER(",\"expires_in\":\"3600\""), 200, REACT_OK, "acc-1", "ref-1", 3600},
    {"no life", ANSWER(""), 200, REACT_OK, "acc-1", "ref-1", 0},
    {"a life of nothing", ANSWER(",\"expires_in\":0"), 200, REACT_OK, "acc-1", "ref-1", 0},
    {"less than nothing", ANSWER(",\"expires_in\":-1"), 200, REACT_OK, "acc-1", "ref-1", 0},
    {"for ever", ANSWER(",\"expires_in\":1000000000000"), 200, REACT_OK, "acc-1", "ref-1", 366 * 86400},
    {"longer than any number", ANSWER(",\"expires_in\":99999999999999999999"), 200, REACT_OK, "acc-1", "ref-1", 0},
    {"a life that is no number", ANSWER(",\"expires_in\":\"soon\""), 200, REACT_OK, "acc-1", "ref-1", 0},
    {"outside of the envelope", "{\"code\":0,\"access_token\":\"acc-1\"}", 200, REACT_OK, "acc-1", "", 0},
    {"no token", "{\"code\":0,\"data\":{\"refresh_token\":\"ref-1\"}}", 200, REACT_RETRY, NULL, NULL, 0},
    {"an empty one", "{\"code\":0,\"data\":{\"access_token\":\" \"}}", 200, REACT_RETRY, NULL, NULL, 0},
    {"one that no header can hold", "{\"code\":0,\"data\":{\"access_token\":\"a\\r\\nX: y\"}}", 200, REACT_RETRY, NULL,
     NULL, 0},
    {"an object", "{\"code\":0,\"data\":{\"access_token\":{}}}", 200, REACT_RETRY, NULL, NULL, 0},
    {"a refresh token that is refused", "{\"code\":100,\"msg\":\"x\"}", 200, REACT_LOGIN, NULL, NULL, 0},
    {"may not refresh", "{\"code\":150,\"msg\":\"x\"}", 200, REACT_STOP, NULL, NULL, 0},
    {"too often", "{\"code\":\"199\",\"msg\":\"x\"}", 200, REACT_SLOW_DOWN, NULL, NULL, 0},
    {"a wrong clock", "{\"code\":140,\"msg\":\"x\"}", 200, REACT_CLOCK, NULL, NULL, 0},
    {"a server in trouble", "{}", 502, REACT_RETRY, NULL, NULL, 0},
    {"no JSON", "<html>", 200, REACT_RETRY, NULL, NULL, 0},
    {"no JSON, and refused", "<html>", 401, REACT_STOP, NULL, NULL, 0},
    {"nothing", "", 200, REACT_RETRY, NULL, NULL, 0},
    {"null", "null", 200, REACT_RETRY, NULL, NULL, 0},
    {"a list", "[]", 200, REACT_RETRY, NULL, NULL, 0},
};

static void check(const struct connector *c, const struct answer *t)
{
    struct json_doc *doc = NULL;
    struct token_reply r;
    struct errinfo ei;

    if (json_parse(str_of(t->body), &JSON_LIMITS_DEFAULT, &doc, NULL, &ei))
        doc = NULL;
    connector_judge_token(c, t->status, doc, &r);
    if (r.reaction != t->reaction)
        fail_msg("%s: reaction %d: %s", t->name, (int)r.reaction, r.why.msg);
    if (t->reaction == REACT_OK) {
        assert_true(str_eq(r.access, str_of(t->access)));
        assert_true(str_eq(r.refresh, str_of(t->refresh)));
        if (r.life_ms != t->life_s * 1000)
            fail_msg("%s: a life of %lld ms", t->name, (long long)r.life_ms);
    } else {
        assert_true(r.why.code != OK && r.why.msg[0]);
        assert_int_equal(r.access.n, 0);
    }
    assert_int_equal(r.reaction == REACT_SLOW_DOWN, r.wait_ms > 0);
    json_free(doc);
}

static void replies(void **state)
{
    struct arena *a = arena_new(DATA_ARENA_BYTES);
    const struct connector *c = data_connector(a, S("jushuitan-open"));

    (void)state;
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++)
        check(c, &answers[i]);
    arena_free(a);
}

static struct wire_request sign(const struct connector *c, struct sign_input in, struct arena *a)
{
    static const struct str at[] = {{"https://openapi.jushuitan.com", 29}, {"demoappkey", 10}, {"demoappsecret", 13}};
    const struct option_values options = {at, 3};
    struct wire_request w;
    struct errinfo ei;

    in.options = &options;
    in.now_s = 1772325000;
    in.random = S("a1b2c3d4e5f6g7h8i9j0k1l2m3n4o5p6");
    assert_int_equal(connector_sign_token(c, &in, a, &w, &ei), OK);
    return w;
}

static void vectors(void **state)
{
    struct arena *a = arena_new(DATA_ARENA_BYTES);
    const struct connector *c = data_connector(a, S("jushuitan-open"));
    struct wire_request w = sign(c, (struct sign_input){.now_s = 0}, a);
    struct str shown;

    (void)state;
    assert_true(str_eq(w.url, S("https://openapi.jushuitan.com/openWeb/auth/getInitToken")));
    assert_true(str_eq(w.body, S("app_key=demoappkey&timestamp=1772325000&grant_type=authorization_code&charset=utf-8&"
                                 "code=a1b2c3&sign=e3e13dbd2f5ea90fe96ac4001aeef2d3")));
    w = sign(c, (struct sign_input){.refresh_token = S("demorefresh")}, a);
    assert_true(str_eq(w.method, S("POST")));
    assert_true(str_eq(w.url, S("https://openapi.jushuitan.com/openWeb/auth/refreshToken")));
    assert_true(str_find(w.body, S("refresh_token=demorefresh&scope=all&sign=ef496ae0596fa77f5a0df94ffed701a5"), 0) !=
                SIZE_MAX);
    shown = connector_show(c, &w, a);
    assert_true(str_find(shown, S("demorefresh"), 0) == SIZE_MAX);
    arena_free(a);
}

/* Ordinary calls carry the token, and do not show it. */
static void calls(void **state)
{
    static const struct str at[] = {{"https://x.example", 17}, {"demoappkey", 10}, {"demoappsecret", 13}};
    const struct option_values options = {at, 3};
    struct sign_input in = {.options = &options, .now_s = 1772325000, .token = S("demotoken")};
    struct arena *a = arena_new(DATA_ARENA_BYTES);
    const struct connector *c = data_connector(a, S("jushuitan-open"));
    struct wire_request w;
    struct errinfo ei;

    (void)state;
    assert_int_equal(connector_sign(c, connector_iface(c, S("orders.single.query")), &in, a, &w, &ei), OK);
    assert_true(str_find(w.body, S("access_token=demotoken&"), 0) != SIZE_MAX);
    assert_true(str_find(connector_show(c, &w, a), S("demotoken"), 0) == SIZE_MAX);
    arena_free(a);
}

/* A login as a JSON body, the token in a header. */
static void as_json(void **state)
{
    static const struct str at[] = {{"https://x.example", 17}, {"the-key", 7}, {"the-secret", 10}};
    const struct option_values options = {at, 3};
    struct sign_input in = {.options = &options, .now_s = 1, .token = S("acc-9")};
    struct arena *a = arena_new(DATA_ARENA_BYTES);
    const struct connector *c = data_connector(a, S("token.json"));
    struct token_terms terms;
    struct wire_request w;
    struct errinfo ei;

    (void)state;
    assert_true(connector_token(c, &terms));
    assert_true(!terms.can_refresh && terms.life_ms == 7200000 && terms.before_ms == 300000);
    assert_int_equal(connector_sign_token(c, &in, a, &w, &ei), OK);
    assert_true(str_eq(w.url, S("https://x.example/oauth2/accessToken")));
    assert_true(str_eq(w.body, S("{\"appKey\":\"the-key\",\"appSecret\":\"the-secret\"}")));
    assert_true(str_starts(w.content_type, S("application/json")));
    assert_int_equal(connector_sign(c, connector_iface(c, S("list")), &in, a, &w, &ei), OK);
    assert_int_equal(w.n_headers, 1);
    assert_true(str_eq(w.headers[0].value, S("acc-9")));
    assert_false(connector_token(data_connector(a, S("jushuitan-qimen")), &terms));
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replies),
        cmocka_unit_test(vectors),
        cmocka_unit_test(calls),
        cmocka_unit_test(as_json),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* When a failed run is due again. Only what can pass by itself is: a network, an upstream or a target in trouble, a
 * quota that is used up, a disk that is full. A setting, a secret, a permission, a table that does not fit wait for a
 * person.
 *
 * The state is one small fact of the integration, "failures next_ms code"; damage in it counts as no failure. */
#include "run/retry.h"

#include "base/num.h"

int64_t retry_wait_ms(int64_t failures, enum err code)
{
    static const int64_t waits_s[RETRY_TIMES] = {20, 300, 3600, 14400, 72000};

    if (failures < 1 || failures > RETRY_TIMES)
        return -1;
    switch (code) {
    case ERR_QUOTA:
    case ERR_NETWORK:
    case ERR_REMOTE:
    case ERR_TARGET:
    case ERR_DISK:
        return waits_s[failures - 1] * 1000;
    case OK:
    case ERR_CONFIG:
    case ERR_SECRET:
    case ERR_USAGE:
    case ERR_AUTH:
    case ERR_SIGNATURE:
    case ERR_DATA:
    case ERR_SCHEMA:
    case ERR_CONFLICT:
    case ERR_INTERNAL:
    case ERR_COUNT:
        break;
    }
    return -1;
}

static struct str fact_name(struct arena *a, struct str integration)
{
    return arena_printf(a, "retry:" STR_FMT, STR_ARG(integration));
}

static void parse(struct str text, struct retry_state *ret)
{
    struct retry_state s = {0};
    struct str word;

    *ret = s;
    if (!text.p || !str_cut(&text, ' ', &word) || !num_i64(word, &s.failures) || s.failures < 1 ||
        !str_cut(&text, ' ', &word) || !num_i64(word, &s.next_ms))
        return;
    for (int c = OK + 1; c < ERR_COUNT; c++)
        if (str_eq(text, str_of(err_name((enum err)c))))
            s.code = (enum err)c;
    *ret = s;
}

enum err retry_look(struct store *s, struct str integration, struct retry_state *ret, struct errinfo *ei)
{
    struct arena *a = arena_new(64u << 10);
    struct str text;
    enum err err = store_fact(s, fact_name(a, integration), a, &text, ei);

    if (!err)
        parse(text, ret);
    arena_free(a);
    return err;
}

enum err retry_note(struct store *s, struct str integration, enum err code, int64_t now_ms, struct errinfo *ei)
{
    struct arena *a = arena_new(64u << 10);
    struct retry_state known;
    struct str text = {0};
    enum err err = retry_look(s, integration, &known, ei);

    if (!err && code) {
        int64_t failures = known.failures + 1, wait = retry_wait_ms(failures, code);

        text = arena_printf(a, "%lld %lld %s", (long long)failures, (long long)(wait < 0 ? 0 : now_ms + wait),
                            err_name(code));
    }
    if (!err && (code || known.failures))
        err = store_set_fact(s, fact_name(a, integration), text, ei);
    arena_free(a);
    return err;
}

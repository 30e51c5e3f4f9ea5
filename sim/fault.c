/* The table of faults: what each is called, what it does, what value it takes. `--help`, `--fault` and /control read
 * these rows; the code that acts on a fault stands where it strikes (query.c, qimen.c, http.c, book.c). */
#include "base/num.h"
#include "sim.h"

const struct fault fault_table[FAULT_COUNT] = {
    [FAULT_DRIFT] = {"drift", 2, 0, 1000, "edit VALUE random orders after each answered page (default 2)"},
    [FAULT_LATE] = {"late", 8, 0, 86400, "new and edited orders are seen VALUE seconds after their stamp (default 8)"},
    [FAULT_CLAMP] = {"clamp", 25, 1, 1000, "page_size is cut to VALUE without a word (default 25)"},
    [FAULT_HTTP500] = {"http500", 0.1, 0, 1, "a share of the calls gets HTTP 500 or 502 and HTML (default 0.1)"},
    [FAULT_CUT] = {"cut", 0.05, 0, 1, "a share of the answers breaks off half-way (default 0.05)"},
    [FAULT_SLOW] = {"slow", 200, 0, 600000, "every answer waits VALUE milliseconds (default 200)"},
    [FAULT_HOLD] = {"hold", 1, 0, 1e12,
                    "after VALUE pages (default 1) every further answer waits until this is switched off"},
    [FAULT_GARBAGE] = {"garbage", 0.05, 0, 1,
                       "a share of the calls gets HTTP 200 with HTML or broken JSON (default 0.05)"},
    [FAULT_BAREROOT] = {"bareroot", 0, 0, 1, "no \"response\" around the answer"},
    [FAULT_CTRL] = {"ctrl", 0, 0, 1, "raw control characters, TAB and LF in the bodies"},
    [FAULT_SKEW] = {"skew", 700, -86400000, 86400000, "the server's clock is off by VALUE seconds (default 700)"},
    [FAULT_LIE_HASNEXT] = {"lie-hasnext", 0, 0, 2,
                           "has_next lies: 1 (early) always false, 2 (forever) always true, 0 (default) either"},
    [FAULT_DUP] = {"dup", 0, 0, 1, "rows come twice, within a page and on two neighbouring pages"},
    [FAULT_SLOW_LOGIN] = {"slow-login", 1500, 0, 600000,
                          "jushuitan-open: a call for a token waits VALUE milliseconds (default 1500)"},
    [FAULT_NO_REFRESH] = {"no-refresh", 0, 0, 1, "jushuitan-open: tokens are not refreshed (code 150)"},
    [FAULT_LIFE_TOLD] = {"life-told", 0, -1, 1e12,
                         "jushuitan-open: expires_in tells VALUE, whatever the life is (default 0)"},
    [FAULT_NOTOTAL] = {"nototal", 0, 0, 1, "no data_count and page_count"},
    [FAULT_RESHAPE] =
        {"reshape", RESHAPE_GROW, RESHAPE_GROW, RESHAPE_LENGTHEN,
         "orders look different: 1 (default) a new field, 2 one in each line, 3 shop_id renamed, 4 shop_id "
         "an object, 5 shop_name longer"},
};

static enum err no_such_fault(struct str name, struct errinfo *ei)
{
    const char *names[FAULT_COUNT];
    for (int i = 0; i < FAULT_COUNT; i++)
        names[i] = fault_table[i].name;
    const char *nearest = str_nearest(name, names, FAULT_COUNT);
    enum err e = fail(ei, ERR_USAGE, "no fault is called \"" STR_FMT "\"", STR_ARG(name));
    if (nearest)
        return fail_hint(ei, "Did you mean \"%s\"?", nearest);
    (void)fail_hint(ei, "sluice-sim --help lists the faults.");
    return e;
}

static bool read_value(int id, struct str text, double *ret)
{
    if (id == FAULT_LIE_HASNEXT && (str_eq(text, S("early")) || str_eq(text, S("forever")))) {
        *ret = str_eq(text, S("early")) ? 1 : 2;
        return true;
    }
    double v;
    if (!num_double(text, &v) || v < fault_table[id].min || v > fault_table[id].max)
        return false;
    *ret = v;
    return true;
}

enum err fault_set(struct faults *f, struct str name, struct str value, struct errinfo *ei)
{
    for (int i = 0; i < FAULT_COUNT; i++) {
        if (!str_eq(name, str_of(fault_table[i].name)))
            continue;
        if (str_eq(value, S("off")) || str_eq(value, S("false"))) {
            f->on[i] = false;
            return OK;
        }
        double v = fault_table[i].value;
        if (value.n > 0 && !str_eq(value, S("true")) && !str_eq(value, S("on")) && !read_value(i, value, &v))
            return fail(ei, ERR_USAGE, "fault %s takes a value from %g to %g, not \"" STR_FMT "\"", fault_table[i].name,
                        fault_table[i].min, fault_table[i].max, STR_ARG(value));
        f->on[i] = true;
        f->value[i] = v;
        return OK;
    }
    return no_such_fault(name, ei);
}

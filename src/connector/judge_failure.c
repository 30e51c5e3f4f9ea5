/* Failures that stand in the body: which rule knows them, what their codes mean, how long to wait.
 *
 * The first failure rule whose conditions hold gives code, finer code and message. The first entry of the table that
 * lists the code or fits the finer code gives the reaction. A code that is in no entry is the upstream's refusal: give
 * up and say its words; except with an HTTP status that says more (429, 401, 5xx), which then decides. */
#include "connector/judge_parts.h"

#include "base/num.h"

#define WORDS_CAP 480

struct failure {
    struct str code, sub_code, request_id;
    char words[WORDS_CAP]; /* the messages, on one line */
    size_t words_n;
};

/* Appends on one line, at most what fits, cut at a character's edge. Secrets are masked before the cut. */
static void add_words(struct failure *f, struct str said)
{
    char masked[WORDS_CAP + 1];
    struct str text = judge_shown(said, masked, sizeof masked);

    for (size_t i = 0; i < text.n;) {
        uint32_t cp;
        size_t n = utf8_decode(str_sub(text, i, text.n), &cp);
        bool control = cp < ' ' || cp == 0x7f;
        char enc[4];
        size_t len = utf8_encode(control ? ' ' : cp, enc);

        if (f->words_n + len > sizeof f->words)
            return;
        memcpy(f->words + f->words_n, enc, len);
        f->words_n += len;
        i += n;
    }
}

static void collect_words(const struct judged *j, const struct failure_rule *r, struct failure *f)
{
    for (size_t i = 0; i < r->message.n; i++) {
        struct str text = str_trim(json_text(judged_at(j, r->message.at[i])));

        if (!text.n || str_find(str_mk(f->words, f->words_n), text, 0) != SIZE_MAX)
            continue;
        if (f->words_n)
            add_words(f, S(": "));
        add_words(f, text);
    }
}

static bool fits(struct str pattern, struct str text)
{
    if (str_ends(pattern, S("*")))
        return str_starts(text, str_sub(pattern, 0, pattern.n - 1));
    return str_eq(pattern, text);
}

static const struct code_rule *find_code(const struct connector *c, const struct failure *f)
{
    for (size_t i = 0; i < c->n_codes; i++) {
        const struct code_rule *r = &c->codes[i];

        for (size_t k = 0; k < r->codes.n; k++) {
            if (f->code.n && str_eq(r->codes.at[k], f->code))
                return r;
        }
        for (size_t k = 0; k < r->sub_codes.n; k++) {
            if (f->sub_code.n && fits(r->sub_codes.at[k], f->sub_code))
                return r;
        }
    }
    return NULL;
}

/* The number that stands for {n} where the pattern occurs in `text`. False: it does not, or is not believed. */
static bool named_wait(const struct wait_rule *w, struct str pattern, struct str text, int64_t *ret_ms)
{
    size_t hole = str_find(pattern, S("{n}"), 0);
    struct str before = str_sub(pattern, 0, hole), after = str_sub(pattern, hole + 3, pattern.n);
    int64_t n;

    for (size_t at = str_find(text, before, 0); at != SIZE_MAX; at = str_find(text, before, at + 1)) {
        size_t from = at + before.n, to = from;

        while (to < text.n && text.p[to] >= '0' && text.p[to] <= '9')
            to++;
        if (!str_starts(str_sub(text, to, text.n), after) || !num_i64(str_sub(text, from, to - from), &n))
            continue;
        if (w->unit_ms > 0 && n > w->max_ms / w->unit_ms)
            return false;
        *ret_ms = n * w->unit_ms + w->plus_ms;
        return true;
    }
    return false;
}

static int64_t wait_of(const struct judged *j, const struct failure_rule *r, const struct code_rule *rule)
{
    const struct wait_rule *w = &j->c->reply.wait;
    int64_t ms;

    for (size_t p = 0; p < w->patterns.n; p++) {
        for (size_t m = 0; m < r->message.n; m++) {
            if (named_wait(w, w->patterns.at[p], json_text(judged_at(j, r->message.at[m])), &ms))
                return ms;
        }
    }
    return rule && rule->wait_ms > 0 ? rule->wait_ms : w->preset_ms;
}

static void tell(const struct judged *j, const struct failure *f, enum err err, struct errinfo *ei)
{
    char codes[41], sub_codes[81], ids[65];
    struct str code = judge_shown(f->code, codes, sizeof codes);
    struct str sub = judge_shown(f->sub_code, sub_codes, sizeof sub_codes);
    struct str id = judge_shown(f->request_id, ids, sizeof ids);

    fail(ei, err, STR_FMT " answered%s" STR_FMT "%s" STR_FMT "%s%s" STR_FMT "%s" STR_FMT "%s", STR_ARG(j->i->name),
         code.n ? " code " : " a failure", STR_ARG(code), sub.n ? " (" : "", STR_ARG(sub), sub.n ? ")" : "",
         f->words_n ? ": " : "", STR_ARG(str_mk(f->words, f->words_n)), id.n ? " [request " : "", STR_ARG(id),
         id.n ? "]" : "");
}

static const struct failure_rule *find_failure(const struct judged *j)
{
    for (size_t i = 0; i < j->c->reply.n_failures; i++) {
        const struct failure_rule *r = &j->c->reply.failures[i];

        if (judged_holds(j, r->where, r->n_where))
            return r;
    }
    return NULL;
}

bool judge_failure(const struct judged *j, struct reply *ret)
{
    const struct failure_rule *r = find_failure(j);
    const struct code_rule *rule;
    struct failure f = {.words_n = 0};

    if (!r)
        return false;
    f.code = str_trim(json_text(judged_at(j, r->code)));
    f.sub_code = str_trim(json_text(judged_at(j, r->sub_code)));
    f.request_id = str_trim(json_text(judged_at(j, r->request_id)));
    collect_words(j, r, &f);
    rule = find_code(j->c, &f);
    if (!rule && judge_status(j, str_mk(f.words, f.words_n), ret)) {
        if (ret->reaction == REACT_SLOW_DOWN)
            ret->wait_ms = wait_of(j, r, NULL);
        return true;
    }
    ret->reaction = rule ? react_of(rule) : REACT_STOP;
    ret->code = rule ? error_of(rule) : ERR_REMOTE;
    if (ret->reaction == REACT_SLOW_DOWN)
        ret->wait_ms = wait_of(j, r, rule);
    tell(j, &f, ret->code, &ret->why);
    if (rule && rule->hint.n)
        fail_hint(&ret->why, STR_FMT, STR_ARG(rule->hint));
    if (rule)
        ret->hint_zh = rule->hint_zh;
    return true;
}

/* What the HTTP status alone says, when the body has no failure that the connector knows: 429 asks to slow down, 5xx
 * and a few others are transient, everything else from 300 on is a refusal that another try does not change. A redirect
 * is one of them: a signed call is never sent to another address. */
#include "connector/judge_parts.h"

#include "base/log.h"

/* Of a text; far more than is shown, so that no secret is cut before it is masked. */
#define SHOWN_OF ((size_t)64 << 10)

struct verdict {
    int from, to;
    enum reaction reaction;
    enum err code;
    const char *hint;
};
static const struct verdict verdicts[] = {
    {300, 399, REACT_STOP, ERR_CONFIG,
     "The address redirects, and signed calls follow no redirects: give the final address as base_url."},
    {401, 401, REACT_STOP, ERR_AUTH, "Check the credentials of the connection."},
    {403, 403, REACT_STOP, ERR_AUTH, "The account may not do this, or this machine's address is not allowed."},
    {404, 405, REACT_STOP, ERR_CONFIG, "Check base_url and the interface's path."},
    {408, 408, REACT_RETRY, ERR_NETWORK, ""},
    {413, 414, REACT_STOP, ERR_CONFIG, "The request is too long: send fewer values at a time."},
    {425, 425, REACT_RETRY, ERR_REMOTE, ""},
    {429, 429, REACT_SLOW_DOWN, ERR_QUOTA, "Lower the connection's limits."},
    {400, 499, REACT_STOP, ERR_REMOTE, ""},
    {500, 599, REACT_RETRY, ERR_REMOTE, ""},
};

/* The first `max` characters on one line; gives the length. */
static size_t one_line(struct str s, size_t max, char *out)
{
    size_t n = 0;
    bool blank = true; /* blanks at the beginning are dropped */

    for (size_t i = 0, chars = 0; i < s.n && chars < max;) {
        uint32_t cp;

        i += utf8_decode(str_sub(s, i, s.n), &cp);
        if (cp <= ' ' || cp == 0x7f || cp == 0xFEFF) {
            if (!blank)
                out[n++] = ' ', chars++;
            blank = true;
            continue;
        }
        n += utf8_encode(cp, out + n);
        chars++;
        blank = false;
    }
    return n && out[n - 1] == ' ' ? n - 1 : n;
}

struct str judge_shown(struct str text, char *out, size_t cap)
{
    return str_mk(out, log_mask(str_sub(text, 0, SHOWN_OF), out, cap));
}

size_t judge_snippet(struct str body, char out[SNIPPET_CAP])
{
    char masked[4096];

    return one_line(judge_shown(str_trim(body), masked, sizeof masked), 200, out);
}

static const struct verdict *find_verdict(int status)
{
    for (size_t i = 0; i < sizeof verdicts / sizeof *verdicts; i++) {
        if (status >= verdicts[i].from && status <= verdicts[i].to)
            return &verdicts[i];
    }
    return NULL;
}

bool judge_status(const struct judged *j, struct str said, struct reply *ret)
{
    static const struct verdict odd = {0, 0, REACT_RETRY, ERR_REMOTE, ""};
    const struct verdict *v = find_verdict(j->status);

    if (j->status >= 200 && j->status <= 299)
        return false;
    if (!v)
        v = &odd;
    ret->reaction = v->reaction;
    ret->code = v->code;
    if (v->reaction == REACT_SLOW_DOWN)
        ret->wait_ms = j->c->reply.wait.preset_ms;
    fail(&ret->why, v->code, STR_FMT " answered HTTP %d%s" STR_FMT, STR_ARG(j->i->name), j->status, said.n ? ": " : "",
         STR_ARG(said));
    if (v->hint[0])
        fail_hint(&ret->why, "%s", v->hint);
    return true;
}

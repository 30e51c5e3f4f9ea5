/* What the reply to a call that fetches a token means. Failures are known by the rules of ordinary replies; a token
 * must be there as a text. Its life is believed as far as it can be true: none at all, nothing, and less than nothing
 * are "not told", and nobody is trusted for longer than a year. */
#include "connector/judge_parts.h"

#define LIFE_MAX_MS     (INT64_C(366) * 86400000)
#define TOKEN_MAX_BYTES 16384

bool connector_token(const struct connector *c, struct token_terms *ret)
{
    *ret = (struct token_terms){c->token.can_refresh, c->token.life_ms, c->token.before_ms};
    return c->token.needed;
}

static int64_t life_of(const struct judged *j)
{
    int64_t n, unit = j->c->token.unit_ms;

    if (!json_i64(judged_at(j, j->c->token.expires), &n) || n <= 0)
        return 0;
    return n > LIFE_MAX_MS / unit ? LIFE_MAX_MS : n * unit;
}

/* A text that can stand in a header, or nothing. */
static struct str token_at(const struct judged *j, struct str path)
{
    struct str text = str_trim(json_text(judged_at(j, path)));

    for (size_t i = 0; i < text.n; i++)
        if ((unsigned char)text.p[i] < ' ' || text.p[i] == 0x7f)
            return (struct str){0};
    return text.n <= TOKEN_MAX_BYTES ? text : (struct str){0};
}

void connector_judge_token(const struct connector *c, int status, const struct json_doc *doc, struct token_reply *ret)
{
    const struct iface call = {.name = S("the call for a token")};
    struct judged j = {.c = c, .i = &call, .paging = &call.paging, .status = status, .root = json_root(doc)};
    struct reply said = {.wait_ms = 0};

    *ret = (struct token_reply){.reaction = REACT_RETRY};
    j.envelope = judged_unwrap(c, j.root);
    if ((j.root && judge_failure(&j, &said)) || judge_status(&j, (struct str){0}, &said)) {
        ret->reaction = said.reaction;
        ret->wait_ms = said.wait_ms;
        ret->why = said.why;
        return;
    }
    ret->access = token_at(&j, c->token.access);
    ret->refresh = token_at(&j, c->token.refresh_token);
    ret->life_ms = life_of(&j);
    if (ret->access.n)
        ret->reaction = REACT_OK;
    else
        fail(&ret->why, ERR_REMOTE,
             "the call for a token: the reply reports no failure, but has no token at \"" STR_FMT "\"",
             STR_ARG(c->token.access));
}

/* Reads how a token is fetched: the two calls, where their reply tells it, and how long it lasts. What may stand in
 * which call is checked here: ordinary calls carry the token, the call that refreshes carries the refresh token. */
#include "connector/connector_reader.h"

static void refuse_place(struct reader *r, const struct node *n, const struct request_rule *q, enum part_kind kind,
                         const char *what)
{
    if (n && reader_holding(q->system, q->n_system, kind) + reader_holding(q->headers, q->n_headers, kind))
        READER_BAD(r, n, "%s", what);
}

static void read_one(struct reader *r, const struct node *n, struct request_rule *q)
{
    struct token_call_raw raw = {.r = {.verb = 1}};
    size_t signs;

    if (!n)
        return;
    reader_object(r, n, &table_token_call, &raw);
    *q = raw.r;
    q->system = reader_sent(r, raw.params, &q->n_system);
    reader_headers(r, raw.headers, q);
    signs = reader_holding(q->system, q->n_system, PART_SIGN);
    if (signs > 1)
        READER_BAD(r, n, "only one parameter can be ${sign}");
    if (signs && r->c->sign.strategy == SIGN_NONE)
        READER_BAD(r, n, "${sign} needs a signing recipe (\"sign\")");
    refuse_place(r, n, q, PART_TOKEN, "the call that fetches a token cannot carry ${token}");
    refuse_place(r, n, q, PART_BUSINESS_JSON, "${business_json} belongs to ordinary calls");
    refuse_place(r, n, q, PART_METHOD, "${method} belongs to ordinary calls");
}

static bool carries(const struct request_rule *q, enum part_kind kind)
{
    return reader_holding(q->system, q->n_system, kind) + reader_holding(q->headers, q->n_headers, kind) > 0;
}

void reader_token(struct reader *r, const struct connector_raw *doc)
{
    struct token_raw raw = {.r = {.unit_ms = 1000, .life_ms = 7200000}};
    const struct request_rule *q = &r->c->request;
    struct token_rule *t = &r->c->token;

    refuse_place(r, doc->request, q, PART_REFRESH_TOKEN, "${refresh_token} belongs to \"token\"");
    refuse_place(r, doc->request, q, PART_RANDOM, "${random:N} belongs to \"token\"");
    if (!doc->token) {
        refuse_place(r, doc->request, q, PART_TOKEN, "${token} needs \"token\": how it is fetched");
        return;
    }
    reader_object(r, doc->token, &table_token, &raw);
    *t = raw.r;
    t->needed = true;
    t->can_refresh = raw.refresh != NULL;
    read_one(r, raw.login, &t->login);
    read_one(r, raw.refresh, &t->refresh);
    refuse_place(r, raw.login, &t->login, PART_REFRESH_TOKEN, "${refresh_token} belongs to \"refresh\"");
    if (raw.refresh && !carries(&t->refresh, PART_REFRESH_TOKEN))
        READER_BAD(r, raw.refresh, "\"refresh\" must send ${refresh_token}");
    if (raw.refresh && !t->refresh_token.n)
        READER_BAD(r, doc->token, "\"refresh\" needs \"refresh_token\": where the reply tells it");
    if (!carries(q, PART_TOKEN))
        READER_BAD(r, doc->token, "no system parameter and no header of \"request\" sends ${token}");
    if (t->life_ms <= 0 || t->unit_ms <= 0)
        READER_BAD(r, doc->token, "\"life\" and \"unit\" must be longer than nothing");
}

/* Reads how a call is made: the request's system parameters and headers, the clock rule and the signing recipe.
 *
 * A value such as "Bearer ${option:token}" is compiled into parts, so that a call needs no searching and a misspelt
 * place is an error of the document. The sign must stand alone in a system parameter: it is computed last. */
#include "connector/connector_reader.h"

#include "base/num.h"

#define VALUE_MAX 4096

struct place {
    const char *name;
    enum part_kind kind;
};
static const struct place places[] = {
    {"method", PART_METHOD},
    {"timestamp", PART_TIMESTAMP},
    {"sign", PART_SIGN},
    {"sign_method", PART_SIGN_METHOD},
    {"business_json", PART_BUSINESS_JSON},
    {"token", PART_TOKEN},
    {"refresh_token", PART_REFRESH_TOKEN},
};
static const char *const place_names[] = {"method", "timestamp",     "sign",        "sign_method", "business_json",
                                          "token",  "refresh_token", "option:NAME", "random:N"};

static bool find_place(struct reader *r, const struct node *n, struct str name, struct part *ret)
{
    if (str_starts(name, S("option:"))) {
        ret->kind = PART_OPTION;
        ret->option = reader_option(r, n, str_sub(name, 7, name.n));
        return ret->option != SIZE_MAX;
    }
    if (str_starts(name, S("random:"))) {
        ret->kind = PART_RANDOM;
        if (num_size(str_sub(name, 7, name.n), &ret->option) && ret->option >= 1 && ret->option <= TOKEN_RANDOM_MAX)
            return true;
        READER_BAD(r, n, "${" STR_FMT "}: a number from 1 to %d is expected", STR_ARG(name), TOKEN_RANDOM_MAX);
        return false;
    }
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        if (str_eq(str_of(places[i].name), name)) {
            ret->kind = places[i].kind;
            return true;
        }
    }
    READER_BAD(r, n, "${" STR_FMT "} is not known", STR_ARG(name));
    diags_nearest(r->diags, str_nearest(name, place_names, sizeof place_names / sizeof *place_names));
    return false;
}

static void add_text(struct sent *s, struct str text)
{
    if (text.n)
        s->parts[s->n_parts++] = (struct part){.kind = PART_TEXT, .text = text};
}

static size_t count_places(struct str text)
{
    size_t n = 0;

    for (size_t at = str_find(text, S("${"), 0); at != SIZE_MAX; at = str_find(text, S("${"), at + 2))
        n++;
    return n;
}

/* Cuts s->text into parts. False after an error. */
static bool compile(struct reader *r, const struct node *n, struct sent *s)
{
    size_t from = 0;

    if (s->text.n > VALUE_MAX) {
        READER_BAD(r, n, "a value of more than %d bytes", VALUE_MAX);
        return false;
    }
    s->parts = ARENA_ARRAY(r->arena, struct part, 2 * count_places(s->text) + 1);
    for (;;) {
        size_t open = str_find(s->text, S("${"), from), close;
        struct part part = {0};

        if (open == SIZE_MAX)
            break;
        close = str_find(s->text, S("}"), open);
        if (close == SIZE_MAX) {
            READER_BAD(r, n, "\"${\" without \"}\" in the value of \"" STR_FMT "\"", STR_ARG(s->name));
            return false;
        }
        add_text(s, str_sub(s->text, from, open - from));
        if (!find_place(r, n, str_sub(s->text, open + 2, close - open - 2), &part))
            return false;
        s->parts[s->n_parts++] = part;
        if (part.kind == PART_SIGN || part.kind == PART_TOKEN || part.kind == PART_REFRESH_TOKEN ||
            (part.kind == PART_OPTION && r->c->options[part.option].secret))
            s->secret = true;
        from = close + 1;
    }
    add_text(s, str_sub(s->text, from, s->text.n));
    return true;
}

static bool holds(const struct sent *s, enum part_kind kind)
{
    for (size_t i = 0; i < s->n_parts; i++) {
        if (s->parts[i].kind == kind)
            return true;
    }
    return false;
}

size_t reader_holding(const struct sent *list, size_t n, enum part_kind kind)
{
    size_t count = 0;

    for (size_t i = 0; i < n; i++)
        count += holds(&list[i], kind);
    return count;
}

struct sent *reader_sent(struct reader *r, const struct node *list, size_t *ret_n)
{
    const struct list_of of = {.table = &table_sent, .size = sizeof(struct sent)};
    struct sent *at = reader_list(r, list, &of, ret_n);
    const struct node *n = reader_first(list);

    for (size_t i = 0; i < *ret_n; i++, n = n->next) {
        if (!at[i].name.n)
            READER_BAD(r, n, "a name is missing");
        if (compile(r, n, &at[i]) && holds(&at[i], PART_SIGN) && at[i].n_parts > 1)
            READER_BAD(r, n, "${sign} stands alone in its value");
    }
    if (*ret_n)
        reader_unique(r, list, &at[0].name, *ret_n, sizeof *at);
    return at;
}

static bool token_ok(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] <= ' ' || s.p[i] > '~' || s.p[i] == ':')
            return false;
    }
    return s.n > 0;
}

void reader_headers(struct reader *r, const struct node *list, struct request_rule *q)
{
    const struct node *n = reader_first(list);

    q->headers = reader_sent(r, list, &q->n_headers);
    for (size_t i = 0; i < q->n_headers; i++, n = n->next) {
        if (!token_ok(q->headers[i].name))
            READER_BAD(r, n, "\"" STR_FMT "\" cannot be the name of a header", STR_ARG(q->headers[i].name));
        if (holds(&q->headers[i], PART_SIGN) || holds(&q->headers[i], PART_BUSINESS_JSON))
            READER_BAD(r, n, "headers cannot hold ${sign} or ${business_json}: they are not signed");
    }
}

static void read_request(struct reader *r, const struct node *n)
{
    struct request_raw raw = {.r = {.verb = 1}};
    struct request_rule *q = &r->c->request;

    reader_object(r, n, &table_request, &raw);
    *q = raw.r;
    q->system = reader_sent(r, raw.system, &q->n_system);
    reader_headers(r, raw.headers, q);
    q->business_json = reader_holding(q->system, q->n_system, PART_BUSINESS_JSON) > 0;
    if (n && q->business_json && q->wire == WIRE_JSON)
        READER_BAD(r, n,
                   "${business_json} is for forms and queries: with wire \"json\" the body is the business parameters");
}

static void read_clock(struct reader *r, const struct node *n)
{
    struct clock_rule *k = &r->c->clock;
    struct zone *zone = NULL;
    struct errinfo ei;

    reader_object(r, n, &table_clock, k);
    if (zone_open(k->zone, &zone, &ei) != OK) {
        if (n)
            READER_BAD(r, n, "%s", ei.msg);
        else
            r->failed = true;
        return;
    }
    zone_free(zone);
}

static void read_methods(struct reader *r, const struct node *n, struct sign_rule *s)
{
    const struct sign_method preset = {.digest = -1, .hmac = -1, .wrap = WRAP_NONE};

    if (!n)
        return;
    if (n->type != NODE_OBJECT) {
        READER_BAD(r, n, "\"methods\" is an object of methods by their names");
        return;
    }
    if (!reader_takes(r, n, n->n_children))
        return;
    s->methods = ARENA_ARRAY(r->arena, struct sign_method, n->n_children);
    for (const struct node *m = n->child; m; m = m->next) {
        struct sign_method *method = &s->methods[s->n_methods++];

        *method = preset;
        reader_object(r, m, &table_sign_method, method);
        method->name = m->key;
        if ((method->digest < 0) == (method->hmac < 0))
            READER_BAD(r, m, "the method \"" STR_FMT "\" needs one of \"digest\" and \"hmac\"", STR_ARG(m->key));
    }
}

static size_t method_at(const struct sign_rule *s, struct str name)
{
    for (size_t i = 0; i < s->n_methods; i++) {
        if (str_eq(s->methods[i].name, name))
            return i;
    }
    return SIZE_MAX;
}

/* The choice of the method: the default, and the option by which a connection chooses, whose words must be methods. */
static void read_choice(struct reader *r, const struct node *n, struct sign_rule *s)
{
    const struct connector_option *o;

    s->method_option_at = SIZE_MAX;
    if (s->preset_name.n && (s->preset = method_at(s, s->preset_name)) == SIZE_MAX)
        READER_BAD(r, n, "the default \"" STR_FMT "\" is not among the methods", STR_ARG(s->preset_name));
    if (!s->method_option.n)
        return;
    s->method_option_at = reader_option(r, n, s->method_option);
    if (s->method_option_at == SIZE_MAX)
        return;
    o = &r->c->options[s->method_option_at];
    if (o->preset.n && method_at(s, o->preset) == SIZE_MAX)
        READER_BAD(r, n, "the preset of \"" STR_FMT "\" is not among the methods", STR_ARG(o->name));
    for (size_t i = 0; i < o->one_of.n; i++) {
        if (method_at(s, o->one_of.at[i]) == SIZE_MAX)
            READER_BAD(r, n, "\"" STR_FMT "\" allows \"" STR_FMT "\", which is not among the methods", STR_ARG(o->name),
                       STR_ARG(o->one_of.at[i]));
    }
}

static void read_sign(struct reader *r, const struct node *n)
{
    struct sign_raw raw = {.r = {.skip_empty = true, .method_option_at = SIZE_MAX}};
    struct sign_rule *s = &r->c->sign;

    reader_object(r, n, &table_sign, &raw);
    *s = raw.r;
    if (!n || s->strategy == SIGN_NONE)
        return;
    read_methods(r, raw.methods, s);
    if (!s->n_methods)
        READER_BAD(r, n, "a signing recipe needs \"methods\"");
    read_choice(r, n, s);
    if (!s->secret_name.n) {
        READER_BAD(r, n, "a signing recipe names the option that holds its \"secret\"");
        return;
    }
    s->secret_at = reader_option(r, n, s->secret_name);
    if (s->secret_at != SIZE_MAX && !r->c->options[s->secret_at].secret)
        READER_BAD(r, n, "the option \"" STR_FMT "\" must be declared with \"secret\": true", STR_ARG(s->secret_name));
}

void reader_call(struct reader *r, const struct connector_raw *raw)
{
    const struct request_rule *q = &r->c->request;
    size_t signs;

    read_clock(r, raw->clock);
    read_sign(r, raw->sign);
    read_request(r, raw->request);
    signs = reader_holding(q->system, q->n_system, PART_SIGN);
    if (r->c->sign.strategy != SIGN_NONE && signs != 1)
        READER_BAD(r, raw->sign, "one system parameter must have the value ${sign}");
    if (r->c->sign.strategy == SIGN_NONE && raw->request &&
        (signs || reader_holding(q->system, q->n_system, PART_SIGN_METHOD)))
        READER_BAD(r, raw->request, "${sign} and ${sign_method} need a signing recipe (\"sign\")");
}

/* One signed HTTP request from a connector, an interface and rendered parameters.
 *
 * All parameters of a call, the connector's own and the business ones, are gathered into one list in the order in
 * which they are sent. The sign is computed over that very list (sorted by name in byte order, values raw, as the
 * sorted-pairs recipe says), put into its place, and only then is everything encoded for the wire, once: what is
 * signed is what is sent. Parameters without a value are dropped before, so they are neither signed nor sent.
 *
 * Strategies: sorted-pairs with a digest around which the secret stands, or with an HMAC. It asks no clock (the time
 * is an argument), opens no connection and keeps nothing between calls. A new strategy is a new branch in put_sign. */
#include "connector/sign_parts.h"

#include "base/map.h"
#include <stdlib.h>

struct call {
    const struct connector *c;
    const struct iface *i;        /* NULL: a call that fetches a token */
    const struct request_rule *q; /* the connector's, or of that call */
    const struct sign_input *in;
    const struct option_values *options;
    const struct sign_method *method; /* NULL: not signed */
    struct kv *business;              /* with the fixed parameters of the paging mode */
    size_t n_business;
    struct str timestamp, business_json;
    struct kv *pairs; /* the connector's own parameters, then the business ones */
    size_t n_pairs, n_system;
    size_t sign_at; /* index in `pairs`, SIZE_MAX: none */
    struct arena *a;
    struct errinfo *ei;
};

static struct str option_value(const struct call *k, size_t at)
{
    if (at < k->options->n && k->options->at[at].n)
        return k->options->at[at];
    return k->c->options[at].preset;
}

static enum err keep(struct call *k, struct buf *b, struct str *ret)
{
    char *p = b->failed ? NULL : arena_try(k->a, b->n + 1);
    size_t n = b->n;

    if (p) {
        if (n)
            memcpy(p, b->p, n);
        p[n] = 0;
        *ret = str_mk(p, n);
    }
    buf_free(b);
    if (!p)
        return fail(k->ei, ERR_DATA, "the request is larger than %u MiB", REQUEST_MAX_BYTES >> 20);
    return OK;
}

static enum err check_options(const struct call *k)
{
    for (size_t i = 0; i < k->c->n_options; i++) {
        const struct connector_option *o = &k->c->options[i];

        if (!o->required || option_value(k, i).n)
            continue;
        fail(k->ei, o->secret ? ERR_SECRET : ERR_CONFIG, "the connection has no value for \"" STR_FMT "\"",
             STR_ARG(o->name));
        return fail_hint(k->ei, "Give params." STR_FMT " in the connection.", STR_ARG(o->name));
    }
    return OK;
}

static enum err choose_method(struct call *k)
{
    const struct sign_rule *s = &k->c->sign;
    struct str name = {0};

    if (s->strategy == SIGN_NONE)
        return OK;
    if (s->method_option_at != SIZE_MAX)
        name = option_value(k, s->method_option_at);
    k->method = &s->methods[s->preset];
    for (size_t m = 0; m < s->n_methods && name.n; m++) {
        if (str_eq(s->methods[m].name, name)) {
            k->method = &s->methods[m];
            return OK;
        }
    }
    if (!name.n)
        return OK;
    fail(k->ei, ERR_CONFIG, "\"" STR_FMT "\" is not a signing method of " STR_FMT, STR_ARG(name), STR_ARG(k->c->name));
    return fail_hint(k->ei, "Set params." STR_FMT " to \"" STR_FMT "\".", STR_ARG(s->method_option),
                     STR_ARG(s->methods[s->preset].name));
}

static enum err write_timestamp(struct call *k, int64_t now_s)
{
    const struct clock_rule *r = &k->c->clock;
    struct zone *zone = NULL;
    char text[TIME_TEXT];
    enum err e;

    if (r->format == TIME_AS_UNIX) {
        k->timestamp = arena_printf(k->a, "%lld", (long long)now_s);
        return OK;
    }
    if (r->format == TIME_AS_UNIX_MS) {
        k->timestamp = arena_printf(k->a, "%lld000", (long long)now_s);
        return OK;
    }
    e = zone_open(r->zone, &zone, k->ei);
    if (e != OK)
        return e;
    k->timestamp = arena_str(k->a, str_mk(text, time_datetime(zone, now_s, text)));
    zone_free(zone);
    return OK;
}

/* The business parameters, with those that the paging mode needs and the request does not have. */
static void gather_business(struct call *k, const struct kv *business, size_t n)
{
    struct str name;
    const struct paging_mode *mode = NULL;

    if (!k->i)
        return;
    name = iface_mode(k->i, business, n);
    for (size_t m = 0; m < k->i->n_modes && name.n; m++) {
        if (str_eq(k->i->modes[m].name, name))
            mode = &k->i->modes[m];
    }
    k->business = ARENA_ARRAY(k->a, struct kv, n + (mode ? mode->n_fixed : 0));
    k->n_business = n;
    if (n)
        memcpy(k->business, business, n * sizeof *business);
    for (size_t f = 0; mode && f < mode->n_fixed; f++) {
        bool there = false;

        for (size_t b = 0; b < n; b++)
            there = there || (business[b].value.n && str_eq(business[b].key, mode->fixed[f].key));
        if (!there)
            k->business[k->n_business++] = mode->fixed[f];
    }
}

static enum err check_business(struct call *k)
{
    struct map *seen = map_new();
    enum err e = OK;

    for (size_t b = 0; b < k->n_business && e == OK; b++) {
        if (!k->business[b].key.n)
            e = fail(k->ei, ERR_CONFIG, "a request parameter has no name");
        else if (!map_put(seen, k->business[b].key, b))
            e = fail(k->ei, ERR_CONFIG, "the request parameter \"" STR_FMT "\" stands there twice",
                     STR_ARG(k->business[b].key));
    }
    map_free(seen);
    return e;
}

static enum err write_business_json(struct call *k)
{
    struct buf b = buf_make(REQUEST_MAX_BYTES);

    sign_business_json(k->i, k->business, k->n_business, &b);
    return keep(k, &b, &k->business_json);
}

static struct str part_text(const struct call *k, const struct part *p)
{
    switch (p->kind) {
    case PART_TEXT:
        return p->text;
    case PART_OPTION:
        return option_value(k, p->option);
    case PART_METHOD:
        return k->i->method;
    case PART_TIMESTAMP:
        return k->timestamp;
    case PART_SIGN_METHOD:
        return k->method ? k->method->name : (struct str){0};
    case PART_BUSINESS_JSON:
        return k->business_json;
    case PART_TOKEN:
        return k->in->token;
    case PART_REFRESH_TOKEN:
        return k->in->refresh_token;
    case PART_RANDOM:
        return str_sub(k->in->random, 0, p->option);
    case PART_SIGN:
        break;
    }
    return (struct str){0};
}

static enum err fill_in(struct call *k, const struct sent *s, struct str *ret)
{
    struct buf b = buf_make(REQUEST_MAX_BYTES);

    if (s->n_parts == 1) {
        *ret = part_text(k, &s->parts[0]);
        return OK;
    }
    for (size_t p = 0; p < s->n_parts; p++)
        buf_add(&b, part_text(k, &s->parts[p]));
    return keep(k, &b, ret);
}

static bool is_own(const struct call *k, struct str name)
{
    for (size_t s = 0; s < k->q->n_system; s++) {
        if (str_eq(k->q->system[s].name, name))
            return true;
    }
    return false;
}

static enum err gather_pairs(struct call *k)
{
    const struct request_rule *q = k->q;
    bool as_pairs = q->wire != WIRE_JSON && !q->business_json;

    k->pairs = ARENA_ARRAY(k->a, struct kv, q->n_system + k->n_business);
    k->sign_at = SIZE_MAX;
    for (size_t s = 0; s < q->n_system; s++) {
        struct kv pair = {.key = q->system[s].name};
        bool sign = q->system[s].n_parts == 1 && q->system[s].parts[0].kind == PART_SIGN;
        enum err e = fill_in(k, &q->system[s], &pair.value);

        if (e != OK)
            return e;
        if (!sign && !pair.value.n && k->c->sign.skip_empty)
            continue;
        if (sign)
            k->sign_at = k->n_pairs;
        k->pairs[k->n_pairs++] = pair;
    }
    k->n_system = k->n_pairs;
    for (size_t b = 0; b < k->n_business && as_pairs; b++) {
        if (is_own(k, k->business[b].key)) {
            fail(k->ei, ERR_CONFIG, "the request parameter \"" STR_FMT "\" is set by the connector",
                 STR_ARG(k->business[b].key));
            return fail_hint(k->ei, "Take it out of the document's request.");
        }
        if (k->business[b].value.n)
            k->pairs[k->n_pairs++] = k->business[b];
    }
    return OK;
}

static int by_key(const void *a, const void *b)
{
    return str_cmp(((const struct kv *)a)->key, ((const struct kv *)b)->key);
}

/* The text to sign: name, value, name, value … */
static void sorted_text(const struct call *k, struct buf *out)
{
    struct kv *sorted = ARENA_ARRAY(k->a, struct kv, k->n_pairs);

    memcpy(sorted, k->pairs, k->n_pairs * sizeof *sorted);
    qsort(sorted, k->n_pairs, sizeof *sorted, by_key);
    for (size_t p = 0; p < k->n_pairs; p++) {
        if (str_eq(sorted[p].key, k->pairs[k->sign_at].key))
            continue;
        buf_add(out, sorted[p].key);
        buf_add(out, sorted[p].value);
    }
    if (k->c->sign.add_body && k->q->wire == WIRE_JSON)
        buf_add(out, k->business_json);
}

static size_t compute(const struct call *k, struct str text, uint8_t out[DIGEST_MAX])
{
    struct str secret = option_value(k, k->c->sign.secret_at);
    struct str parts[] = {secret, text, secret};

    if (k->method->hmac >= 0)
        return digest_hmac((enum digest_kind)k->method->hmac, secret, text, out);
    switch ((enum sign_wrap)k->method->wrap) {
    case WRAP_BOTH:
        return digest((enum digest_kind)k->method->digest, parts, 3, out);
    case WRAP_PREFIX:
        return digest((enum digest_kind)k->method->digest, parts, 2, out);
    case WRAP_NONE:
        break;
    }
    return digest((enum digest_kind)k->method->digest, parts + 1, 1, out);
}

static enum err put_sign(struct call *k)
{
    struct buf text = buf_make(2 * REQUEST_MAX_BYTES);
    uint8_t raw[DIGEST_MAX];
    char hex[2 * DIGEST_MAX + 1];
    size_t n;

    if (!k->method || k->sign_at == SIZE_MAX)
        return OK;
    sorted_text(k, &text);
    if (text.failed) {
        buf_free(&text);
        return fail(k->ei, ERR_DATA, "the request is larger than %u MiB", REQUEST_MAX_BYTES >> 20);
    }
    n = compute(k, buf_str(&text), raw);
    buf_free(&text);
    if (k->c->sign.letter_case == SIGN_CASE_UPPER)
        hex_upper(raw, n, hex);
    else
        hex_lower(raw, n, hex);
    k->pairs[k->sign_at].value = arena_str(k->a, str_of(hex));
    return OK;
}

static void add_pairs(const struct call *k, size_t from, size_t to, struct buf *out)
{
    for (size_t p = from; p < to; p++) {
        if (p > from)
            buf_byte(out, '&');
        url_encode_form(k->pairs[p].key, out);
        buf_byte(out, '=');
        url_encode_form(k->pairs[p].value, out);
    }
}

static enum err check_url(const struct call *k, struct str url)
{
    bool ok = str_starts(url, S("http://")) || str_starts(url, S("https://"));

    for (size_t i = 0; i < url.n && ok; i++)
        ok = (unsigned char)url.p[i] > ' ' && url.p[i] != 0x7f;
    if (ok)
        return OK;
    fail(k->ei, ERR_CONFIG, "the connection's base_url is not an address that can be called");
    return fail_hint(k->ei, "It begins with http:// or https:// and holds no blanks.");
}

/* base_url, one slash, path, and the pairs from..to as its query. */
static enum err write_url(struct call *k, size_t from, size_t to, struct str *ret)
{
    struct buf b = buf_make(REQUEST_MAX_BYTES);
    struct str base = str_trim(option_value(k, k->c->base_url_at)), path = k->i ? k->i->path : k->q->path;
    enum err e = check_url(k, base);

    if (e != OK)
        return e;
    if (path.n && base.p[base.n - 1] == '/')
        base.n--;
    buf_add(&b, base);
    if (path.n && path.p[0] != '/')
        buf_byte(&b, '/');
    buf_add(&b, path);
    if (to > from)
        buf_byte(&b, str_find(buf_str(&b), S("?"), 0) == SIZE_MAX ? '?' : '&');
    add_pairs(k, from, to, &b);
    return keep(k, &b, ret);
}

static enum err write_headers(struct call *k, struct wire_request *w)
{
    const struct request_rule *q = k->q;

    w->headers = ARENA_ARRAY(k->a, struct kv, q->n_headers);
    for (size_t h = 0; h < q->n_headers; h++) {
        struct str value = {0};
        enum err e = fill_in(k, &q->headers[h], &value);

        if (e != OK)
            return e;
        for (size_t i = 0; i < value.n; i++) {
            if ((unsigned char)value.p[i] < ' ' || value.p[i] == 0x7f)
                return fail(k->ei, ERR_CONFIG, "the header \"" STR_FMT "\" would hold a control character",
                            STR_ARG(q->headers[h].name));
        }
        if (value.n)
            w->headers[w->n_headers++] = (struct kv){q->headers[h].name, value};
    }
    return OK;
}

/* The pairs of a call that fetches a token, as one JSON object of texts. */
static enum err write_pairs_json(struct call *k, struct str *ret)
{
    struct buf b = buf_make(REQUEST_MAX_BYTES);
    struct json_out w = json_out(&b);

    json_out_begin(&w, '{');
    for (size_t p = 0; p < k->n_pairs; p++) {
        json_out_key_str(&w, k->pairs[p].key);
        json_out_str(&w, k->pairs[p].value);
    }
    json_out_end(&w, '}');
    return keep(k, &b, ret);
}

static enum err write_request(struct call *k, struct wire_request *w)
{
    const struct request_rule *q = k->q;
    struct buf b = buf_make(REQUEST_MAX_BYTES);
    size_t in_query = q->wire == WIRE_FORM || (!k->i && q->wire == WIRE_JSON) ? 0 : k->n_pairs;
    enum err e;

    if (q->wire == WIRE_FORM && q->system_in == SYSTEM_IN_QUERY)
        in_query = k->n_system;
    w->method = str_of(k->i ? k->i->verb : verb_names[q->verb]);
    e = write_url(k, 0, in_query, &w->url);
    if (e == OK)
        e = write_headers(k, w);
    if (e != OK)
        return e;
    if (q->wire == WIRE_JSON) {
        w->body = k->business_json;
        w->content_type = S("application/json;charset=UTF-8");
        return k->i ? OK : write_pairs_json(k, &w->body);
    } else if (q->wire == WIRE_FORM) {
        add_pairs(k, in_query, k->n_pairs, &b);
        w->content_type = S("application/x-www-form-urlencoded;charset=UTF-8");
        return keep(k, &b, &w->body);
    }
    return OK;
}

/* What connector_show must not show: secret options and the sign. */
static void list_secrets(struct call *k, struct wire_request *w)
{
    struct str *at = ARENA_ARRAY(k->a, struct str, k->c->n_options + 3);

    for (size_t i = 0; i < k->c->n_options; i++) {
        struct str value = option_value(k, i);

        if (k->c->options[i].secret && value.n)
            at[w->n_secrets++] = value;
    }
    if (k->method && k->sign_at != SIZE_MAX)
        at[w->n_secrets++] = k->pairs[k->sign_at].value;
    if (k->in->token.n)
        at[w->n_secrets++] = k->in->token;
    if (k->in->refresh_token.n)
        at[w->n_secrets++] = k->in->refresh_token;
    w->secrets = at;
}

static enum err prepare(struct call *k, const struct sign_input *in)
{
    enum err e = check_options(k);

    if (e == OK)
        e = choose_method(k);
    if (e == OK)
        e = write_timestamp(k, in->now_s);
    if (e != OK)
        return e;
    gather_business(k, in->business, in->n_business);
    e = check_business(k);
    if (e == OK && k->i && (k->q->wire == WIRE_JSON || k->q->business_json))
        e = write_business_json(k);
    if (e == OK)
        e = gather_pairs(k);
    return e;
}

static enum err build(struct call *k, struct wire_request *ret)
{
    struct wire_request w = {0};
    enum err e = prepare(k, k->in);

    if (e == OK)
        e = put_sign(k);
    if (e == OK)
        e = write_request(k, &w);
    if (e != OK)
        return e;
    list_secrets(k, &w);
    *ret = w;
    return OK;
}

enum err connector_sign(const struct connector *c, const struct iface *i, const struct sign_input *in, struct arena *a,
                        struct wire_request *ret, struct errinfo *ei)
{
    struct call k = {.c = c, .i = i, .q = &c->request, .in = in, .options = in->options, .a = a, .ei = ei};

    if (c->kind != CONNECTOR_HTTP)
        return fail(ei, ERR_INTERNAL, STR_FMT " is a database, it is not called over HTTP", STR_ARG(c->name));
    return build(&k, ret);
}

enum err connector_sign_token(const struct connector *c, const struct sign_input *in, struct arena *a,
                              struct wire_request *ret, struct errinfo *ei)
{
    const struct request_rule *q = in->refresh_token.n ? &c->token.refresh : &c->token.login;
    struct call k = {.c = c, .q = q, .in = in, .options = in->options, .a = a, .ei = ei};

    return build(&k, ret);
}

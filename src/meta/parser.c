/* Parsers: a value into another shape, between mapping and cast. One row of the table is one parser.
 *
 * ConvertObjectParser and its two-stage sister wrap a value into objects as Kingdee wants them; ArrayToString and
 * StringToArray are each other's inverse as long as no element holds the separator; ConvertJson turns text into
 * structure and structure into text. */
#include "meta/parser.h"
#include "meta/doc_tables.h"

enum params_kind { PARAMS_SEPARATOR, PARAMS_NAMES_1, PARAMS_NAMES_2, PARAMS_NONE };

struct parser {
    enum err (*apply)(const struct parser *p, const struct value *in, struct arena *a, struct value *ret,
                      struct errinfo *ei);
    struct str separator;
    struct str names[2];
};

void value_write_json(const struct value *v, struct json_out *w)
{
    switch (v->kind) {
    case VALUE_BOOL:
        json_out_bool(w, v->truth);
        break;
    case VALUE_NUMBER:
        json_out_raw(w, value_str(v));
        break;
    case VALUE_TEXT:
        if (value_is_json_text(v))
            json_out_raw(w, value_str(v));
        else
            json_out_str(w, value_str(v));
        break;
    case VALUE_JSON: {
        struct buf b = buf_make(CAST_TEXT_MAX_BYTES);

        json_write(v->json, &b);
        if (b.failed)
            w->b->failed = true;
        json_out_raw(w, buf_str(&b));
        buf_free(&b);
        break;
    }
    default:
        json_out_null(w);
    }
}

static enum err finish(struct buf *b, bool json, struct arena *a, struct value *ret, struct errinfo *ei)
{
    struct str text = {0};
    enum err e = cast_take(b, a, &text, ei);

    if (e == OK)
        *ret = json ? value_json_text(text) : value_text(text);
    return e;
}

/* Elements of a container's tree joined into text. */
static void join_elements(const struct json *array, struct str separator, struct arena *a, struct buf *out)
{
    struct json_iter it = json_iter(array);
    const struct json *e;

    for (bool first = true; (e = json_next(&it, NULL)); first = false) {
        struct value v = value_of_json(e);

        if (!first)
            buf_add(out, separator);
        buf_add(out, value_as_text(&v, a));
    }
}

enum err parser_join(const struct value *in, struct str separator, struct arena *a, struct value *ret,
                     struct errinfo *ei)
{
    struct json_limits limits = JSON_LIMITS_DEFAULT;
    struct json_doc *doc = NULL;
    const struct json *array = in->kind == VALUE_JSON ? in->json : NULL;
    struct buf b = buf_make(CAST_TEXT_MAX_BYTES);

    if (value_is_json_text(in) || (in->kind == VALUE_TEXT && in->n && in->p[0] == '['))
        array = json_parse(value_str(in), &limits, &doc, NULL, NULL) == OK ? json_root(doc) : NULL;
    if (json_type(array) != JSON_ARRAY) {
        json_free(doc);
        if (in->kind == VALUE_JSON)
            return fail(ei, ERR_DATA, "%s is not an array", cast_shown(in, a));
        *ret = *in;
        return OK;
    }
    join_elements(array, separator, a, &b);
    json_free(doc);
    return finish(&b, false, a, ret, ei);
}

static enum err array_to_string(const struct parser *p, const struct value *in, struct arena *a, struct value *ret,
                                struct errinfo *ei)
{
    return parser_join(in, p->separator, a, ret, ei);
}

static enum err string_to_array(const struct parser *p, const struct value *in, struct arena *a, struct value *ret,
                                struct errinfo *ei)
{
    struct buf b = buf_make(CAST_TEXT_MAX_BYTES);
    struct json_out w = json_out(&b);
    struct str text;
    size_t from = 0, at;

    if (in->kind == VALUE_JSON || value_is_json_text(in)) {
        *ret = *in;
        return OK;
    }
    text = value_as_text(in, a);
    json_out_begin(&w, '[');
    while ((at = str_find(text, p->separator, from)) != SIZE_MAX) {
        json_out_str(&w, str_sub(text, from, at - from));
        from = at + p->separator.n;
    }
    json_out_str(&w, str_sub(text, from, text.n));
    json_out_end(&w, ']');
    return finish(&b, true, a, ret, ei);
}

static enum err wrap(const struct parser *p, const struct value *in, struct arena *a, struct value *ret,
                     struct errinfo *ei)
{
    struct buf b = buf_make(CAST_TEXT_MAX_BYTES);
    struct json_out w = json_out(&b);
    int levels = p->names[1].n ? 2 : 1;

    for (int i = 0; i < levels; i++) {
        json_out_begin(&w, '{');
        json_out_key_str(&w, p->names[i]);
    }
    value_write_json(in, &w);
    while (levels-- > 0)
        json_out_end(&w, '}');
    return finish(&b, true, a, ret, ei);
}

static enum err convert_json(const struct parser *p, const struct value *in, struct arena *a, struct value *ret,
                             struct errinfo *ei)
{
    struct json_limits limits = JSON_LIMITS_DEFAULT;
    struct json_doc *doc;
    struct buf b = buf_make(CAST_TEXT_MAX_BYTES);

    (void)p;
    if (in->kind != VALUE_TEXT || in->truth) {
        *ret = value_text(value_as_text(in, a));
        return OK;
    }
    if (json_parse(value_str(in), &limits, &doc, NULL, NULL) != OK)
        return fail(ei, ERR_DATA, "ConvertJson: %s is not JSON", cast_shown(in, a));
    json_write(json_root(doc), &b);
    json_free(doc);
    return finish(&b, true, a, ret, ei);
}

static const struct row {
    struct doc_word word;
    enum params_kind params;
    enum err (*apply)(const struct parser *p, const struct value *in, struct arena *a, struct value *ret,
                      struct errinfo *ei);
} table[] = {
    {{"ArrayToString", "joins the elements of an array; params is the separator, a comma by default"},
     PARAMS_SEPARATOR,
     array_to_string},
    {{"StringToArray", "splits text into an array; params is the separator, a comma by default"},
     PARAMS_SEPARATOR,
     string_to_array},
    {{"ConvertObjectParser", "wraps x into {\"FNumber\": x}; params is the name, FNumber by default"},
     PARAMS_NAMES_1,
     wrap},
    {{"ConvertTwoStageObjectParser", "wraps x into {\"A\": {\"B\": x}}; params is A,B"}, PARAMS_NAMES_2, wrap},
    {{"ConvertJson", "text into the structure that it spells, structure into text"}, PARAMS_NONE, convert_json},
};
#define N_PARSERS (sizeof table / sizeof *table)

const struct doc_word *doc_parser_at(size_t i)
{
    return i < N_PARSERS ? &table[i].word : NULL;
}

static bool set_params(struct parser *p, enum params_kind kind, struct str params)
{
    struct str rest = params, first;

    switch (kind) {
    case PARAMS_SEPARATOR:
        p->separator = params.n ? params : S(",");
        return true;
    case PARAMS_NAMES_1:
        p->names[0] = params.n ? params : S("FNumber");
        return true;
    case PARAMS_NAMES_2:
        if (!params.n || !str_cut(&rest, memchr(params.p, ',', params.n) ? ',' : '.', &first) || !rest.p)
            return false;
        p->names[0] = str_trim(first);
        p->names[1] = str_trim(rest);
        return p->names[0].n && p->names[1].n;
    case PARAMS_NONE:
        return true;
    }
    return false;
}

const struct parser *parser_compile(struct arena *a, const struct meta_field *f, struct diags *diags)
{
    struct parser *p = ARENA_NEW(a, struct parser);
    const char *names[N_PARSERS];

    for (size_t i = 0; i < N_PARSERS; i++) {
        names[i] = table[i].word.name;
        if (!str_eq(f->parser, str_of(names[i])))
            continue;
        p->apply = table[i].apply;
        if (set_params(p, table[i].params, f->parser_params))
            return p;
        diags_add(diags, DIAG_ERROR, f->pos, "params of %s are two names parted by a comma", names[i]);
        return NULL;
    }
    diags_add(diags, DIAG_ERROR, f->pos, "parser \"" STR_FMT "\" of field \"" STR_FMT "\" is not known",
              STR_ARG(f->parser), STR_ARG(f->field));
    diags_nearest(diags, str_nearest(f->parser, names, N_PARSERS));
    return NULL;
}

enum err parser_apply(const struct parser *p, const struct value *in, struct arena *a, struct value *ret,
                      struct errinfo *ei)
{
    return p->apply(p, in, a, ret, ei);
}

/* Schema drift, found: the fields that a run has counted against the base of the integration, one field at a time.
 *
 * null, absent and "" say nothing about a type. Texts are one type for a field, unless the column that it is mapped to
 * wants numbers or times: there a text that looks like none is a change. A whole number that becomes a decimal is one
 * where the column keeps whole numbers only.
 *
 * Lengths are not compared with the base but with the columns, and not by field but by what is really written: the
 * batch says where it strained (sink/fit), so that joined and computed values count as well. */
#include "flow/drift.h"

#include "base/map.h"

#define CHANGES_MOST 1000

struct finding {
    const struct drift_input *in;
    struct arena *a;
    struct changes *out;
};

static struct change *add(struct finding *f, enum change_kind kind, struct str path, struct str detail)
{
    struct change *c = &f->out->at[f->out->n++];

    *c = (struct change){
        .kind = (int)kind, .path = path, .detail = detail, .run = f->in->run, .since_ms = f->in->now_ms, .runs = 1};
    return c;
}

static bool has_room(const struct finding *f)
{
    return f->out->n < CHANGES_MOST;
}

bool drift_learnt(const struct drift_input *in)
{
    return in->n_base && !in->base[0].path.n && in->base[0].known &&
           in->base[0].seen.count >= DRIFT_LEARN_RECORDS; /* sorted: the record itself comes first */
}

/* ---- a new field ---- */

static int kind_for(uint32_t types)
{
    uint32_t t = types & ~(uint32_t)(SEEN_NULL | SEEN_EMPTY);

    if (t && !(t & ~(uint32_t)SEEN_NUMBER))
        return t & SEEN_DECIMAL ? CAST_DECIMAL : CAST_INT;
    if (t == SEEN_TEXT_TIME)
        return CAST_DATETIME;
    if (t == SEEN_BOOL)
        return CAST_BOOL;
    return t && !(t & ~(uint32_t)(SEEN_ARRAY | SEEN_OBJECT)) ? CAST_JSON : CAST_STRING;
}

static struct str request_line(struct str name, struct arena *a)
{
    struct buf b = buf_make(1u << 16);
    struct json_out w = json_out(&b);
    struct str r;

    json_out_begin(&w, '{');
    json_out_key(&w, "field");
    json_out_str(&w, name);
    json_out_key(&w, "label");
    json_out_str(&w, name);
    json_out_key(&w, "type");
    json_out_str(&w, S("string"));
    json_out_key(&w, "value");
    json_out_str(&w, arena_printf(a, "{" STR_FMT "}", STR_ARG(name)));
    json_out_end(&w, '}');
    r = arena_str(a, buf_str(&b));
    buf_free(&b);
    return r;
}

static struct str alter(const struct drift_input *in, const struct ddl_column *want, const struct table_column *from,
                        struct arena *a)
{
    struct buf b = buf_make(1u << 16);
    struct str r = {0};

    if (in->table && in->table->found && sink_alter(in->flow->sink_type, in->table, want, from, &b))
        r = arena_str(a, buf_str(&b));
    buf_free(&b);
    return r;
}

static void find_new(struct finding *f, const struct field *now)
{
    struct str name = field_name(f->in->flow, now->path, f->a), columns = field_columns(f->in->flow, now->path, f->a);
    struct change *c;
    struct ddl_column want = {
        .name = name,
        .kind = kind_for(now->seen.types),
        .longest_chars = now->seen.longest,
        .digits_before = now->seen.before,
        .digits_after = now->seen.after,
    };

    c = add(f, CHANGE_NEW, now->path, (struct str){0});
    c->text = arena_printf(f->a, "a field that was never seen before: " STR_FMT ", in %llu of %lld",
                           STR_ARG(seen_words(now->seen.types, f->a)), (unsigned long long)now->seen.count,
                           (long long)now->of);
    if (columns.n) {
        c->text =
            arena_printf(f->a, STR_FMT "; it is mapped to " STR_FMT " already", STR_ARG(c->text), STR_ARG(columns));
        return;
    }
    if (!name.n)
        return;
    c->line = request_line(name, f->a);
    if (f->in->table && !table_column(f->in->table, name))
        c->sql = alter(f->in, &want, NULL, f->a);
}

/* ---- another type ---- */

/* A number that is sent as text keeps its digits, and a text that looks like one is still a text: neither is a change.
 */
static const struct {
    uint32_t types;    /* seen now, */
    uint32_t same;     /* they are no change where one of these is known, */
    uint32_t same_but; /* or, without one of SEEN_NUMBER, one of these */
    const char *name;
} classes[] = {
    {SEEN_BOOL, SEEN_BOOL, 0, "boolean"},
    {SEEN_NUMBER, SEEN_NUMBER | SEEN_NUMERIC, 0, "number"},
    {SEEN_TEXT | SEEN_TEXT_TIME, SEEN_TEXT | SEEN_TEXT_TIME, SEEN_NUMERIC, "text"},
    {SEEN_ARRAY, SEEN_ARRAY, 0, "array"},
    {SEEN_OBJECT, SEEN_OBJECT, 0, "object"},
};

static bool is_new_class(size_t i, uint32_t known, uint32_t now)
{
    return now & classes[i].types && !(known & classes[i].same) &&
           !(known & classes[i].same_but && !(known & SEEN_NUMBER));
}

static void type_changed(struct finding *f, const struct field *base, const struct field *now, const char *detail)
{
    struct change *c;

    if (!has_room(f))
        return;
    c = add(f, CHANGE_TYPE, now->path, str_of(detail));
    c->text =
        arena_printf(f->a, "it was " STR_FMT ", now it is %s as well", STR_ARG(seen_words(base->known, f->a)), detail);
}

/* The kind of the table's column that the field goes to; CAST_STRING when it is not known, or when it goes to several
 * kinds. */
static int target_kind(const struct drift_input *in, struct str path, struct arena *a)
{
    struct str columns = field_columns(in->flow, path, a), name;
    int kind = -1;

    while (in->table && str_cut(&columns, ',', &name)) {
        const struct table_column *c = table_column(in->table, str_trim(name));

        if (c && kind >= 0 && kind != c->kind)
            return CAST_STRING;
        kind = c ? c->kind : kind;
    }
    return kind < 0 ? CAST_STRING : kind;
}

/* Changes inside one class, which matter to some columns only. */
static void find_finer(struct finding *f, const struct field *base, const struct field *now)
{
    uint32_t was = base->known & (SEEN_STRING | SEEN_NUMBER), new = now->seen.types & ~base->known;
    int kind;

    if (!(new &(SEEN_TEXT | SEEN_TEXT_TIME | SEEN_NUMERIC | SEEN_DECIMAL)))
        return;
    kind = target_kind(f->in, now->path, f->a);
    if (kind == CAST_INT && was & (SEEN_INTEGER | SEEN_TEXT_INTEGER) && !(was & (SEEN_DECIMAL | SEEN_TEXT_DECIMAL)) &&
        new &(SEEN_DECIMAL | SEEN_TEXT_DECIMAL))
        type_changed(f, base, now, "decimal");
    else if ((kind == CAST_INT || kind == CAST_DECIMAL || kind == CAST_FLOAT) && was & SEEN_NUMERIC &&
             !(was & (SEEN_TEXT | SEEN_TEXT_TIME)) && new &(SEEN_TEXT | SEEN_TEXT_TIME))
        type_changed(f, base, now, "text that is no number");
    else if ((kind == CAST_DATETIME || kind == CAST_DATE) && was & SEEN_TEXT_TIME &&
             !(was & (SEEN_TEXT | SEEN_NUMERIC)) && new &(SEEN_TEXT | SEEN_NUMERIC))
        type_changed(f, base, now, "text that is no time");
}

static void find_type(struct finding *f, const struct field *base, const struct field *now)
{
    bool changed = false;

    if (!(base->known & ~(uint32_t)(SEEN_NULL | SEEN_EMPTY)))
        return;
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
        if (is_new_class(i, base->known, now->seen.types)) {
            type_changed(f, base, now, classes[i].name);
            changed = true;
        }
    if (!changed)
        find_finer(f, base, now);
}

/* ---- a field that vanished ---- */

int64_t drift_objects(const struct shape_fields *now, struct str path)
{
    size_t cut = path.n;

    while (cut > 0 && path.p[cut - 1] != '.')
        cut--;
    for (size_t i = 0; i < now->n_levels; i++)
        if (str_eq(now->levels[i].path, str_sub(path, 0, cut ? cut - 1 : 0)))
            return now->levels[i].objects;
    return 0;
}

static void find_gone(struct finding *f, const struct field *base, const struct shape_fields *now)
{
    int64_t objects = drift_objects(now, base->path), of = base->of - base->missed;
    struct str columns;
    struct change *c;

    if (!base->path.n || !base->known || objects <= 0 || base->missed + objects < DRIFT_GONE_OBJECTS ||
        of < DRIFT_GONE_OBJECTS || base->seen.count * 100 < (uint64_t)of * DRIFT_GONE_PERCENT)
        return;
    columns = field_columns(f->in->flow, base->path, f->a);
    c = add(f, CHANGE_GONE, base->path, (struct str){0});
    c->text =
        arena_printf(f->a, "it was in %llu of %lld, now it is in none of %lld%s" STR_FMT,
                     (unsigned long long)base->seen.count, (long long)of, (long long)base->missed + (long long)objects,
                     columns.n ? ": NULL goes to " : "", STR_ARG(columns));
}

/* Is the field inside one that is new itself, or was none to have fields inside? That one is told. */
static bool inside_new(const struct drift_input *in, const struct map *at, struct str path)
{
    size_t cut = path.n, k;

    while (cut > 0 && path.p[cut - 1] != '.')
        cut--;
    if (!cut)
        return false;
    path = str_sub(path, 0, cut - 1);
    if (str_ends(path, S("[]")))
        path.n -= 2;
    k = map_get(at, path);
    return k == MAP_NONE || !(in->base[k].known & (SEEN_ARRAY | SEEN_OBJECT));
}

void drift_compare(const struct drift_input *in, const struct shape_fields *now, bool gone, struct arena *a,
                   struct changes *ret)
{
    struct finding f = {in, a, ret};
    struct map *at;

    *ret = (struct changes){.at = ARENA_ARRAY(a, struct change, CHANGES_MOST)};
    if (!drift_learnt(in))
        return;
    at = map_new();
    for (size_t i = 0; i < in->n_base; i++)
        map_put(at, in->base[i].path, i);
    for (size_t i = 0; i < now->n && has_room(&f); i++) {
        size_t k = map_get(at, now->at[i].path);

        if (k != MAP_NONE && in->base[k].known)
            find_type(&f, &in->base[k], &now->at[i]);
        else if (!inside_new(in, at, now->at[i].path))
            find_new(&f, &now->at[i]);
    }
    map_clear(at);
    for (size_t i = 0; gone && i < now->n; i++)
        map_put(at, now->at[i].path, i);
    for (size_t i = 0; gone && i < in->n_base && has_room(&f); i++)
        if (map_get(at, in->base[i].path) == MAP_NONE)
            find_gone(&f, &in->base[i], now);
    map_free(at);
}

/* ---- columns ---- */

static struct ddl_column wanted(const struct change *c)
{
    return (struct ddl_column){
        .name = c->path,
        .longest_chars = c->need,
        .digits_before = c->kind == CHANGE_DIGITS ? (int)c->need : 0,
        .digits_after = c->kind == CHANGE_DIGITS ? (int)c->scale : 0,
    };
}

static void strained(struct finding *f, const struct strain *s)
{
    const struct table_column *col = s->column;
    struct change *c;
    struct ddl_column want;

    if (s->before || s->after) {
        c = add(f, CHANGE_DIGITS, col->name, (struct str){0});
        c->need = s->before;
        c->scale = s->after;
        c->text = arena_printf(f->a, "values of up to %d digits before and %d after the point do not fit into " STR_FMT,
                               s->before, s->after, STR_ARG(col->type));
    } else {
        c = add(f, s->over ? CHANGE_LENGTH : CHANGE_NEAR, col->name, (struct str){0});
        c->need = s->chars;
        c->text = arena_printf(f->a, "texts of up to %lld characters %s " STR_FMT, (long long)s->chars,
                               s->over ? "do not fit into" : "nearly fill", STR_ARG(col->type));
        if (!s->over && !drift_learnt(f->in))
            c->state = CHANGE_ACCEPTED;
    }
    want = wanted(c);
    c->sql = alter(f->in, &want, col, f->a);
}

void drift_strain(const struct drift_input *in, const struct batch *b, struct arena *a, struct changes *ret)
{
    struct finding f = {in, a, ret};

    *ret = (struct changes){.at = ARENA_ARRAY(a, struct change, b->n_strain + 1)};
    for (size_t i = 0; i < b->n_strain; i++)
        if (b->strain[i].column)
            strained(&f, &b->strain[i]);
}

static bool column_takes(const struct table_column *col, const struct change *c)
{
    if (c->kind != CHANGE_DIGITS)
        return col->max_chars < 0 || col->max_chars >= c->need;
    return col->scale < 0 || (col->scale >= c->scale && col->precision - col->scale >= c->need);
}

bool drift_is_over(const struct drift_input *in, const struct change *c, struct arena *a)
{
    const struct table_column *col = in->table ? table_column(in->table, c->path) : NULL;

    switch ((enum change_kind)c->kind) {
    case CHANGE_NEW:
        return c->line.n && field_columns(in->flow, c->path, a).n;
    case CHANGE_NEAR:
        return col && (col->max_chars < 0 || col->max_chars * 9 / 10 > c->need);
    case CHANGE_LENGTH:
    case CHANGE_DIGITS:
        return col && column_takes(col, c);
    case CHANGE_GONE:
    case CHANGE_TYPE:
        break;
    }
    return false;
}

struct str drift_alter(const struct drift_input *in, const struct change *c, struct arena *a)
{
    const struct table_column *col;
    struct ddl_column want;

    if (c->kind == CHANGE_GONE || c->kind == CHANGE_TYPE || !in->table)
        return (struct str){0};
    if (c->kind == CHANGE_NEW)
        return table_column(in->table, field_name(in->flow, c->path, a)) ? (struct str){0} : c->sql;
    col = table_column(in->table, c->path);
    want = wanted(c);
    return col ? alter(in, &want, col, a) : (struct str){0};
}

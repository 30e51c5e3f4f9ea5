/* Rows that their record no longer gives: `children.gone` and `left_filter`.
 *
 * Of each such record the target is to hold the rows of this batch and no others, so in the batch's own transaction,
 * after its rows,
 *
 *     DELETE FROM t WHERE parent IN (?, …) AND id NOT IN (?, …)
 *
 * or, to mark, UPDATE t SET mark = 1 under the same condition, and SET mark = 0 for rows that are back. Rows that the
 * server refused count as given: their older version stays. With a guard, each parent carries its own version, and rows
 * with a greater one stay: an older copy of a record takes nothing from a newer.
 *
 * Values are bound. A value is compared in the column's own type: as text against a BIGINT a server would compare
 * doubles, and take 9007199254740993 for 9007199254740992. */
#include "sink/gone.h"

#define PARENTS_MAX 400
#define IDS_MAX     20000

/* ---- one statement ---- */

struct making {
    struct gone_walk *w;
    struct buf sql;
    struct gone_statement *out;
    struct arena *a;
};

static void put_list(struct making *m, struct str bind, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        buf_add(&m->sql, i ? S(",") : S("("));
        buf_add(&m->sql, bind);
    }
    buf_byte(&m->sql, ')');
}

static void put_value(struct making *m, struct str v)
{
    m->out->values[m->out->n_values++] = v;
}

static void put_name(struct making *m, struct str name)
{
    buf_add(&m->sql, m->w->d->quote(name, m->a));
}

/* parent IN (…), or with a guard: (parent = ? AND (guard IS NULL OR guard <= ?)) OR … */
static void put_parents(struct making *m, size_t from, size_t to)
{
    const struct sink_spec *spec = &m->w->s->spec;
    const struct table_column *parent = table_column(&m->w->s->tables[0], spec->gone.parent);
    struct str bind = m->w->d->bind(parent, m->a);
    bool guarded = spec->guard.column.n > 0;

    for (size_t i = from; i < to && guarded; i++) {
        buf_add(&m->sql, i > from ? S(" OR (") : S("(("));
        put_name(m, spec->gone.parent);
        buf_add(&m->sql, S(" = "));
        buf_add(&m->sql, bind);
        buf_add(&m->sql, S(" AND ("));
        put_name(m, spec->guard.column);
        buf_add(&m->sql, S(" IS NULL OR "));
        put_name(m, spec->guard.column);
        buf_add(&m->sql, S(" <= "));
        buf_add(&m->sql, m->w->d->bind(table_column(&m->w->s->tables[0], spec->guard.column), m->a));
        buf_add(&m->sql, S("))"));
        put_value(m, m->w->b->gone[i].parent);
        put_value(m, m->w->b->gone[i].guard);
    }
    if (guarded) {
        buf_byte(&m->sql, ')');
    } else {
        put_name(m, spec->gone.parent);
        buf_add(&m->sql, S(" IN "));
        put_list(m, bind, to - from);
        for (size_t i = from; i < to; i++)
            put_value(m, m->w->b->gone[i].parent);
    }
    if (m->w->d->exact) {
        struct str exact = m->w->d->exact(parent, to - from, m->a);

        buf_add(&m->sql, exact);
        for (size_t i = from; i < to && exact.n; i++)
            put_value(m, m->w->b->gone[i].parent);
    }
}

static void put_ids(struct making *m, size_t from, size_t to, size_t n)
{
    const struct sink_spec *spec = &m->w->s->spec;
    const struct batch *b = m->w->b;

    if (!n)
        return;
    buf_add(&m->sql, S(" AND "));
    put_name(m, spec->gone.id);
    buf_add(&m->sql, S(" NOT IN "));
    put_list(m, m->w->d->bind(table_column(&m->w->s->tables[0], spec->gone.id), m->a), n);
    for (size_t i = from; i < to; i++)
        for (uint32_t k = 0; k < b->gone[i].n_rows; k++)
            if (b->rows[b->gone[i].first_row + k].id.n)
                put_value(m, b->rows[b->gone[i].first_row + k].id);
}

static void put_verb(struct making *m, enum gone how)
{
    const struct sink_spec *spec = &m->w->s->spec;

    buf_add(&m->sql, how == GONE_DELETE ? S("DELETE FROM ") : S("UPDATE "));
    put_name(m, spec->statements[0].table);
    if (how == GONE_MARK) {
        buf_add(&m->sql, S(" SET "));
        put_name(m, spec->gone.mark);
        buf_add(&m->sql, S(" = 1"));
    }
    buf_add(&m->sql, S(" WHERE "));
    if (how == GONE_MARK) {
        buf_byte(&m->sql, '(');
        put_name(m, spec->gone.mark);
        buf_add(&m->sql, S(" IS NULL OR "));
        put_name(m, spec->gone.mark);
        buf_add(&m->sql, S(" <> 1) AND "));
    }
}

static size_t ids_of(const struct batch *b, const struct batch_gone *g)
{
    size_t n = 0;

    for (uint32_t k = 0; k < g->n_rows; k++)
        n += b->rows[g->first_row + k].id.n > 0;
    return n;
}

static void finish(struct making *m)
{
    m->out->sql = arena_str(m->a, buf_str(&m->sql));
    buf_free(&m->sql);
}

/* As many entries of one kind as fit. */
static enum err make_removal(struct gone_walk *w, struct gone_statement *ret, struct errinfo *ei)
{
    const struct batch *b = w->b;
    struct making m = {.w = w, .out = ret, .a = b->arena};
    enum gone how = b->gone[w->at].how;
    size_t to = w->at, ids = 0;

    for (; to < b->n_gone && b->gone[to].how == how && to - w->at < PARENTS_MAX; to++) {
        size_t n = ids_of(b, &b->gone[to]);

        if (n > IDS_MAX)
            return fail(ei, ERR_DATA, "a record has %zu lines, more than the %d that one statement can name", n,
                        IDS_MAX);
        if (ids + n > IDS_MAX)
            break;
        ids += n;
    }
    ret->values = arena_alloc(b->arena, ((to - w->at) * 3 + ids + 1) * sizeof *ret->values);
    ret->removes = true;
    m.sql = buf_make(4u << 20);
    put_verb(&m, how);
    put_parents(&m, w->at, to);
    put_ids(&m, w->at, to, ids);
    finish(&m);
    w->at = to;
    return OK;
}

/* Rows of the batch that had been marked. */
static void make_return(struct gone_walk *w, struct gone_statement *ret)
{
    const struct batch *b = w->b;
    const struct gone_rule *r = &w->s->spec.gone;
    struct making m = {w, buf_make(4u << 20), ret, b->arena};
    size_t left = b->n_rows - w->back, n = 0;

    left = left > IDS_MAX ? IDS_MAX : left;
    ret->values = arena_alloc(b->arena, (left + 1) * sizeof *ret->values);
    for (size_t i = w->back; i < w->back + left; i++)
        n += b->rows[i].id.n > 0;
    if (n) {
        buf_add(&m.sql, S("UPDATE "));
        put_name(&m, w->s->spec.statements[0].table);
        buf_add(&m.sql, S(" SET "));
        put_name(&m, r->mark);
        buf_add(&m.sql, S(" = 0 WHERE "));
        put_name(&m, r->mark);
        buf_add(&m.sql, S(" = 1 AND "));
        put_name(&m, r->id);
        buf_add(&m.sql, S(" IN "));
        put_list(&m, w->d->bind(table_column(&w->s->tables[0], r->id), m.a), n);
        for (size_t i = w->back; i < w->back + left; i++)
            if (b->rows[i].id.n)
                put_value(&m, b->rows[i].id);
    }
    finish(&m);
    w->back += left;
}

enum err gone_next(struct gone_walk *w, struct gone_statement *ret, struct errinfo *ei)
{
    const struct gone_rule *r = &w->s->spec.gone;
    bool marks = r->child == GONE_MARK || r->left == GONE_MARK;

    *ret = (struct gone_statement){0};
    if (w->at < w->b->n_gone)
        return make_removal(w, ret, ei);
    while (marks && w->back < w->b->n_rows && !ret->sql.n)
        make_return(w, ret);
    return OK;
}

/* ---- the table ---- */

static bool comparable(const struct table_column *c)
{
    return c->kind == CAST_INT || c->kind == CAST_STRING;
}

/* Why the table cannot carry the rules; "" when it can. */
static struct str fault(const struct sink *s, struct arena *a)
{
    const struct gone_rule *r = &s->spec.gone;
    const struct str needed[] = {r->parent, r->id, r->mark};

    if (!sink_removes(&s->spec) || !s->tables[0].found)
        return S("");
    for (size_t i = 0; i < 3; i++) {
        const struct table_column *c = table_column(&s->tables[0], needed[i]);

        if (i == 2 && r->child != GONE_MARK && r->left != GONE_MARK)
            continue;
        if (!c)
            return arena_printf(a, "table " STR_FMT " has no column " STR_FMT ", which %s needs",
                                STR_ARG(s->tables[0].name), STR_ARG(needed[i]),
                                i == 0   ? "`children.parent`"
                                : i == 1 ? "telling rows apart"
                                         : "`mark`");
        if (i < 2 && !comparable(c))
            return arena_printf(a,
                                "column " STR_FMT " is " STR_FMT ": rows that vanish can be told apart by integers "
                                "and texts only",
                                STR_ARG(c->name), STR_ARG(c->type));
    }
    return S("");
}

/* What to do about a fault: a column for `mark` holds 0 for each row that is there, so that a query may ask for 0. */
static struct str remedy(const struct sink *s, struct arena *a)
{
    const struct gone_rule *r = &s->spec.gone;

    if (table_column(&s->tables[0], r->parent) && table_column(&s->tables[0], r->id) &&
        !table_column(&s->tables[0], r->mark))
        return arena_printf(a,
                            "ALTER TABLE " STR_FMT " ADD COLUMN " STR_FMT " TINYINT NOT NULL DEFAULT 0"
                            "; or change `children` and `left_filter`",
                            STR_ARG(s->tables[0].name), STR_ARG(r->mark));
    return S("add the column, or change `children` and `left_filter`");
}

enum err gone_fits(const struct sink *s, struct errinfo *ei)
{
    struct arena *a = arena_new(1u << 16);
    struct str why = fault(s, a);
    enum err e = OK;

    if (why.n) {
        e = fail(ei, ERR_SCHEMA, STR_FMT, STR_ARG(why));
        fail_hint(ei, STR_FMT, STR_ARG(remedy(s, a)));
    }
    arena_free(a);
    return e;
}

static bool indexed(const struct table_info *t, struct str column)
{
    for (size_t i = 0; i < t->n_keys; i++)
        if (t->keys[i].columns.n && str_eq_nocase(t->keys[i].columns.at[0], column))
            return true;
    return false;
}

void gone_check(const struct sink *s, struct pos pos, struct diags *diags)
{
    const struct gone_rule *r = &s->spec.gone;
    struct arena *a = arena_new(1u << 16);
    struct str why = fault(s, a);

    if (why.n) {
        diags_add(diags, DIAG_ERROR, pos, STR_FMT, STR_ARG(why));
        diags_remedy(diags, STR_FMT, STR_ARG(remedy(s, a)));
    } else if (sink_removes(&s->spec) && s->tables[0].found && !indexed(&s->tables[0], r->parent)) {
        diags_add(diags, DIAG_WARNING, pos,
                  "column " STR_FMT " has no index: each batch looks through the whole table for rows that vanished",
                  STR_ARG(r->parent));
        diags_remedy(diags, "CREATE INDEX " STR_FMT "_" STR_FMT " ON " STR_FMT " (" STR_FMT ")",
                     STR_ARG(s->tables[0].name), STR_ARG(r->parent), STR_ARG(s->tables[0].name), STR_ARG(r->parent));
    }
    arena_free(a);
}

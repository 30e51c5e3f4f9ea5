/* What the real table will not take is found here, before it is sent: NULL where none may be, texts longer than the
 * column, digits that a column would round away, texts that are no UTF-8, no number or no time, JSON that is none. A
 * server would refuse some of these without naming the row, and store others changed and say nothing.
 *
 * The check is made of the table's definition as it was at connecting; it is cheap for the usual cell, a short text
 * into a VARCHAR. */
#include "base/decimal.h"
#include "base/map.h"
#include "base/num.h"
#include "meta/doc.h"
#include "sink/sink_impl.h"

#include <stdlib.h>

#define NEARLY_FULL(chars) ((chars)*9 / 10) /* a text of so many characters is worth telling */

/* ---- preparing ---- */

static void set_fit(struct fit_column *f, const struct table_column *c)
{
    f->column = c;
    f->near = c && c->max_chars > 0 ? (size_t)NEARLY_FULL(c->max_chars) : SIZE_MAX;
    if (c && c->max_bytes >= 0 && (size_t)c->max_bytes < f->near)
        f->near = (size_t)c->max_bytes;
}

void fit_prepare(struct sink *s)
{
    const struct statement *st = &s->spec.statements[0];
    size_t k = 0;

    s->n_fit = s->spec.one_record_each ? 0 : sink_binds(st);
    s->fit = ARENA_ARRAY(s->arena, struct fit_column, s->n_fit + 1);
    for (size_t i = 0; i < st->columns.n && s->n_fit; i++) {
        bool plain = !st->values || str_eq(st->values[i].sql, S("?"));

        for (size_t n = st->values ? st->values[i].templates.n : 1; n; n--)
            set_fit(&s->fit[k++], plain ? table_column(&s->tables[0], st->columns.at[i]) : NULL);
    }
}

/* ---- keys ---- */

bool fit_folds(const struct table_column *c)
{
    return c && c->collation.n && !str_ends(c->collation, S("_bin")) && !str_ends(c->collation, S("_as_cs"));
}

/* Digits and marks are themselves under every collation; letters have a case and accents, and blanks at the end do not
 * count. */
static bool may_fold(struct str key)
{
    for (size_t i = 0; i < key.n; i++)
        if ((unsigned char)key.p[i] >= 0x80 || (key.p[i] >= 'a' && key.p[i] <= 'z') ||
            (key.p[i] >= 'A' && key.p[i] <= 'Z'))
            return true;
    return key.n && key.p[key.n - 1] == ' ';
}

static bool in_unique_key(const struct table_info *t, const struct table_column *c)
{
    for (size_t i = 0; i < t->n_keys; i++)
        for (size_t n = 0; t->keys[i].unique && n < t->keys[i].columns.n; n++)
            if (table_column(t, t->keys[i].columns.at[n]) == c)
                return true;
    return false;
}

static enum err refuse_key(const struct sink *s, const struct table_column *c, struct str key, struct errinfo *ei)
{
    fail(ei, ERR_SCHEMA,
         "the key \"" STR_FMT "\" could be taken for another one: column " STR_FMT " has collation " STR_FMT,
         STR_ARG(str_sub(key, 0, utf8_prefix(key, 60))), STR_ARG(c->name), STR_ARG(c->collation));
    return fail_hint(
        ei, "ALTER TABLE " STR_FMT " MODIFY " STR_FMT " " STR_FMT " CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL",
        STR_ARG(s->spec.statements[0].table), STR_ARG(c->name), STR_ARG(c->type));
}

enum err fit_keys(const struct sink *s, const struct batch *b, struct errinfo *ei)
{
    for (size_t i = 0; i < s->n_fit; i++) {
        const struct table_column *c = s->fit[i].column;

        if (!fit_folds(c) || !in_unique_key(&s->tables[0], c))
            continue;
        for (size_t r = 0; r < b->n_rows; r++) {
            const struct value *v = &b->rows[r].cells[i];

            if (!b->rows[r].statement && v->kind == VALUE_TEXT && may_fold(value_str(v)))
                return refuse_key(s, c, value_str(v), ei);
        }
    }
    return OK;
}

/* ---- the guard ---- */

/* Does the database compare values of the column letter by letter? */
static bool is_lettered(const struct table_column *c)
{
    static const char *const words[] = {"char", "text", "clob", "blob", "binary"};

    if (c->kind != CAST_STRING || !c->type.n)
        return c->kind == CAST_STRING;
    for (size_t w = 0; w < sizeof words / sizeof *words; w++)
        for (size_t at = 0, n = strlen(words[w]); at + n <= c->type.n; at++)
            if (str_eq_nocase(str_sub(c->type, at, n), str_of(words[w])))
                return true;
    return false;
}

/* Numbers go up in the order of their letters as long as they have as many digits. One that may soon get another digit
 * is told in time: the first is above 2, or there are so few that it counts. Seconds, milliseconds and 20261123103000
 * are below that for long. */
static bool grows_a_digit(struct str text)
{
    struct decimal d;

    if (!decimal_parse(text, &d))
        return false;
    for (size_t i = 0; i < text.n; i++)
        if (text.p[i] < '0' || text.p[i] > '9')
            return true;
    return text.n < 8 || text.p[0] < '1' || text.p[0] > '2';
}

enum err fit_guard(const struct sink *s, const struct batch *b, struct errinfo *ei)
{
    const struct table_column *c = s->spec.guard.column.n ? table_column(&s->tables[0], s->spec.guard.column) : NULL;

    if (!c || !is_lettered(c))
        return OK;
    for (size_t r = 0; r < b->n_rows; r++) {
        const struct value *v = &b->rows[r].cells[s->spec.guard.bind];

        if (b->rows[r].statement || value_is_null(v) || !grows_a_digit(value_str(v)))
            continue;
        fail(ei, ERR_SCHEMA,
             "`guard` column " STR_FMT " is " STR_FMT " and gets the number " STR_FMT
             ": as texts 10 is less than 9, so newer rows would not be written",
             STR_ARG(c->name), STR_ARG(c->type), STR_ARG(value_str(v)));
        return fail_hint(ei,
                         "make the column one of whole numbers (ALTER TABLE " STR_FMT " MODIFY " STR_FMT
                         " BIGINT), or let `guard` name a time",
                         STR_ARG(s->spec.statements[0].table), STR_ARG(c->name));
    }
    return OK;
}

/* ---- bad rows ---- */

void batch_add_bad(struct batch *b, size_t row, enum err code, struct str reason)
{
    if (b->n_bad > b->n_rows)
        return;
    b->bad[b->n_bad++] = (struct bad_row){(uint32_t)row, code, arena_str(b->arena, reason)};
}

static void bad(struct batch *b, size_t row, const struct table_column *c, const struct value *v, const char *why)
{
    struct str text = value_is_null(v) ? S("NULL") : value_str(v), shown = str_sub(text, 0, utf8_prefix(text, 60));

    batch_add_bad(b, row, ERR_DATA,
                  arena_printf(b->arena, "%s '" STR_FMT "' (" STR_FMT "): \"" STR_FMT "\"%s", why, STR_ARG(c->name),
                               STR_ARG(c->type), STR_ARG(shown), shown.n < text.n ? "…" : ""));
}

/* ---- one cell ---- */

/* A whole number is sent without its fraction ("25.00" as "25"): SQLite would take it through a double. */
static const char *int_fault(const struct table_column *c, struct value *v, struct arena *a)
{
    struct decimal d, whole;
    char digits[DECIMAL_TEXT];
    int64_t i;
    uint64_t u;
    struct str text;

    if (!decimal_parse(value_str(v), &d))
        return "Incorrect integer value (not a number) for column";
    if (!decimal_trunc(&d, 0, &whole) || decimal_cmp(&d, &whole))
        return "Incorrect integer value (not a whole number) for column";
    text = str_mk(digits, decimal_print(&whole, digits));
    if (c->is_unsigned ? !num_u64(text, &u) : !decimal_to_i64(&whole, &i))
        return "Out of range value (64 bits) for column";
    if (!str_eq(text, value_str(v)))
        *v = value_number(arena_str(a, text));
    return NULL;
}

/* The column's place among the batch's strains. */
static struct strain *strain(struct batch *b, size_t i, const struct fit_column *f)
{
    b->strain[i].column = f->column;
    return &b->strain[i];
}

static void strain_digits(struct strain *s, const struct decimal *d)
{
    char text[DECIMAL_TEXT];
    struct str t = {text, decimal_print(d, text)};
    size_t point = str_find(t, S("."), 0), from = d->negative;
    int before = (int)((point == SIZE_MAX ? t.n : point) - from),
        after = point == SIZE_MAX ? 0 : (int)(t.n - point - 1);

    s->before = before > s->before ? before : s->before;
    s->after = after > s->after ? after : s->after;
    s->over++;
}

static const char *decimal_fault(struct batch *b, size_t i, const struct fit_column *f, struct str text)
{
    const struct table_column *c = f->column;
    struct decimal d, cut;

    if (!decimal_parse(text, &d))
        return "Incorrect decimal value (not a number) for column";
    if (c->scale < 0)
        return NULL;
    if (!decimal_trunc(&d, c->scale, &cut) || decimal_cmp(&d, &cut) != 0) {
        strain_digits(strain(b, i, f), &d);
        return "Value would be rounded: more decimal places than column";
    }
    if (decimal_digits(&cut) > c->precision && !decimal_is_zero(&cut)) {
        strain_digits(strain(b, i, f), &d);
        return "Out of range value: more digits than column";
    }
    return NULL;
}

static const char *text_fault(struct batch *b, size_t i, const struct fit_column *f, struct str text)
{
    const struct table_column *c = f->column;
    int64_t chars;
    bool over;

    if (text.n < f->near)
        return NULL;
    chars = (int64_t)utf8_count(text);
    over = (c->max_chars >= 0 && chars > c->max_chars) || (c->max_bytes >= 0 && text.n > (size_t)c->max_bytes);
    if (over || (c->max_chars > 0 && chars >= NEARLY_FULL(c->max_chars))) {
        struct strain *s = strain(b, i, f);

        s->chars = chars > s->chars ? chars : s->chars;
        s->over += over;
    }
    return over ? "Data too long for column" : NULL;
}

static const char *json_fault(struct str text)
{
    struct json_limits limits = JSON_LIMITS_DEFAULT;
    struct json_doc *doc;

    if (json_parse(text, &limits, &doc, NULL, NULL))
        return "Invalid JSON text for column";
    json_free(doc);
    return NULL;
}

/* Is there a digit other than 0 from `from` on? */
static bool more_than_zeros(struct str text, size_t from)
{
    for (size_t i = from; i < text.n; i++)
        if (text.p[i] >= '1' && text.p[i] <= '9')
            return true;
    return false;
}

/* Servers cut the time of day off a date, and fractions off a time or round them into the next day, with a note that
 * nobody reads. */
static const char *time_fault(const struct table_column *c, struct str text)
{
    size_t point = str_find(text, S("."), 0), zone;
    int64_t ms;

    if (!time_parse(text, NULL, &ms))
        return "Incorrect date or time value for column";
    if (c->kind == CAST_DATE)
        return more_than_zeros(text, 10) ? "The time of day would be cut off for column" : NULL;
    if (point == SIZE_MAX || c->scale < 0)
        return NULL;
    zone = point + 1;
    while (zone < text.n && text.p[zone] >= '0' && text.p[zone] <= '9')
        zone++;
    return more_than_zeros(str_sub(text, 0, zone), point + 1 + (size_t)c->scale)
               ? "The fraction of a second would be rounded for column"
               : NULL;
}

bool fit_wants_value(int kind)
{
    return kind == CAST_INT || kind == CAST_DECIMAL || kind == CAST_FLOAT || kind == CAST_DATETIME || kind == CAST_DATE;
}

static const char *cell_fault(struct batch *b, size_t i, const struct fit_column *f, struct value *v)
{
    struct str text = value_str(v);

    switch (f->column->kind) {
    case CAST_INT:
        return int_fault(f->column, v, b->arena);
    case CAST_DECIMAL:
        return decimal_fault(b, i, f, text);
    case CAST_DATETIME:
    case CAST_DATE:
        return time_fault(f->column, text);
    case CAST_JSON:
        return json_fault(text);
    default:
        return text_fault(b, i, f, text);
    }
}

/* MariaDB would store a lone surrogate, and SQLite anything, as it comes. */
static bool is_text(struct batch *b, size_t row, const struct table_column *c, const struct value *v)
{
    if (v->kind != VALUE_TEXT || utf8_valid(value_str(v)))
        return true;
    batch_add_bad(
        b, row, ERR_DATA,
        arena_printf(b->arena, "Invalid UTF-8 in the text for column '" STR_FMT "'", STR_ARG(c ? c->name : S("?"))));
    return false;
}

/* Looks at one row; an empty text into a number or date column becomes NULL. False: it was set aside. */
static bool fit_row(const struct sink *s, struct batch *b, size_t row)
{
    struct value *cells = (struct value *)(uintptr_t)b->rows[row].cells;

    for (size_t i = 0; i < s->n_fit; i++) {
        const struct table_column *c = s->fit[i].column;
        const char *why;

        if (!is_text(b, row, c, &cells[i]))
            return false;
        if (!c)
            continue;
        if (cells[i].kind == VALUE_TEXT && !cells[i].n && fit_wants_value(c->kind))
            cells[i] = value_null();
        if (value_is_null(&cells[i])) {
            if (c->nullable || c->auto_value)
                continue;
            bad(b, row, c, &cells[i], "NULL is not allowed in column");
            return false;
        }
        why = cell_fault(b, i, &s->fit[i], &cells[i]);
        if (why) {
            bad(b, row, c, &cells[i], why);
            return false;
        }
    }
    return true;
}

/* ---- all rows ---- */

/* Target ids within the batch: empty ones are bad, of equal ones the later wins. gone[row] says that a row stays out.
 */
static void check_ids(const struct sink *s, struct batch *b, bool *gone)
{
    struct map *seen;

    if (!s->spec.id_unique)
        return;
    seen = map_new();
    for (size_t i = 0; i < b->n_rows; i++) {
        size_t before;

        if (b->rows[i].statement)
            continue;
        if (!b->rows[i].id.n) {
            batch_add_bad(b, i, ERR_DATA, S("the target's id is empty (idCheck)"));
            gone[i] = true;
            continue;
        }
        before = map_get(seen, b->rows[i].id);
        if (before != MAP_NONE) {
            gone[before] = true;
            b->rows[before].overlaid = true;
            b->n_overlaid++;
        }
        map_put(seen, b->rows[i].id, i);
    }
    map_free(seen);
}

struct sort_key {
    struct str id;
    uint32_t row;
};

static int by_id(const void *x, const void *y)
{
    const struct sort_key *a = x, *b = y;
    int c = str_cmp(a->id, b->id);

    return c ? c : a->row < b->row ? -1 : 1;
}

static void sort_rows(struct batch *b, struct outgoing *o)
{
    struct sort_key *keys = arena_alloc(b->arena, (o->n + 1) * sizeof *keys);

    for (size_t i = 0; i < o->n; i++)
        keys[i] = (struct sort_key){b->rows[o->order[i]].id, o->order[i]};
    qsort(keys, o->n, sizeof *keys, by_id);
    for (size_t i = 0; i < o->n; i++)
        o->order[i] = keys[i].row;
}

struct outgoing fit_rows(const struct sink *s, struct batch *b)
{
    struct outgoing o = {.order = arena_alloc(b->arena, (b->n_rows + 1) * sizeof *o.order)};
    bool *gone = ARENA_ARRAY(b->arena, bool, b->n_rows + 1);

    b->n_overlaid = 0;
    b->n_strain = s->n_fit;
    b->strain = ARENA_ARRAY(b->arena, struct strain, s->n_fit + 1);
    check_ids(s, b, gone);
    for (size_t i = 0; i < b->n_rows; i++)
        if (!gone[i] && (b->rows[i].statement || fit_row(s, b, i)))
            o.order[o.n++] = (uint32_t)i;
    o.n_bad = b->n_bad;
    if (!s->spec.one_record_each)
        sort_rows(b, &o);
    return o;
}

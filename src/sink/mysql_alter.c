/* ALTER TABLE that makes room: a column more, or one that is wider.
 *
 * A MODIFY states the whole definition, so what stood behind the type (collation, NULL, default, comment) is repeated
 * as SHOW CREATE TABLE gave it. Sizes go up in steps, so that a column is not altered for each character more; a row
 * or a key that would get too long turns a VARCHAR into TEXT, or the answer into "no". Another kind of column is never
 * made of one: that is a decision for people. */
#include "meta/doc.h"
#include "sink/mysql_sink.h"

#define KEY_MAX_BYTES    3072 /* InnoDB, DYNAMIC */
#define NAME_CHARS       64
#define MEDIUMTEXT_BYTES 16777215

static bool is_varchar(const struct table_column *c)
{
    return str_starts(c->type, S("varchar")) || str_starts(c->type, S("char"));
}

/* Bytes of a row that its texts take, `but` left out. */
static int64_t row_bytes(const struct table_info *t, const struct table_column *but)
{
    int64_t all = 0;

    for (size_t i = 0; i < t->n_columns; i++)
        if (&t->columns[i] != but)
            all += is_varchar(&t->columns[i]) ? t->columns[i].max_bytes + 2 : TEXT_AS_BYTES;
    return all;
}

/* Is the column part of a key, and how many bytes are left in the fullest one without it? */
static bool in_key(const struct table_info *t, const struct table_column *c, int64_t *ret_left)
{
    bool any = false;

    *ret_left = KEY_MAX_BYTES;
    for (size_t k = 0; k < t->n_keys; k++) {
        int64_t left = KEY_MAX_BYTES;
        bool here = false;

        for (size_t i = 0; i < t->keys[k].columns.n; i++) {
            const struct table_column *other = table_column(t, t->keys[k].columns.at[i]);

            here |= other == c;
            if (other && other != c)
                left -= other->max_bytes > 0 ? other->max_bytes : TEXT_AS_BYTES;
        }
        any |= here;
        *ret_left = here && left < *ret_left ? left : *ret_left;
    }
    return any;
}

static bool wider_text(const struct table_info *t, int64_t need, const struct table_column *from, struct buf *out)
{
    static const int64_t steps[] = {64, 128, 255, 512, 1024, 2048, 4096, 8192};
    int64_t left, size = 0;
    bool keyed = in_key(t, from, &left);

    for (size_t i = 0; is_varchar(from) && i < sizeof steps / sizeof *steps && !size; i++)
        if (steps[i] > from->max_chars && steps[i] >= need + need / 4)
            size = steps[i];
    if (keyed && (!size || size * 4 > left))
        return false;
    if (size && row_bytes(t, from) + size * 4 + 2 <= ROW_MAX_BYTES) {
        buf_printf(out, "varchar(%lld)", (long long)size);
        return true;
    }
    if (from->has_default || keyed)
        return false;
    if (is_varchar(from) && need * 4 <= TEXT_BYTES)
        buf_add(out, S("text"));
    else if (from->max_bytes < MEDIUMTEXT_BYTES && need * 4 <= MEDIUMTEXT_BYTES)
        buf_add(out, S("mediumtext"));
    else if (from->max_bytes <= MEDIUMTEXT_BYTES)
        buf_add(out, S("longtext"));
    else
        return false;
    return true;
}

static bool wider_decimal(const struct ddl_column *want, const struct table_column *from, struct buf *out)
{
    int before = from->precision - from->scale, after = from->scale;

    before = want->digits_before > before ? want->digits_before : before;
    after = want->digits_after > after ? want->digits_after : after;
    if (after > DECIMAL_AFTER || before + after > DECIMAL_DIGITS || before + after == from->precision)
        return false;
    buf_printf(out, "decimal(%d,%d)", before + after, after);
    return true;
}

static bool widen(const struct table_info *t, const struct ddl_column *want, const struct table_column *from,
                  struct buf *out)
{
    struct arena *a = arena_new(1u << 20);
    struct buf type = buf_make(200);
    bool can = false;

    if (from->rest.p && from->kind == CAST_STRING && from->max_chars > 0)
        can = wider_text(t, want->longest_chars, from, &type);
    else if (from->rest.p && from->kind == CAST_DECIMAL && from->scale >= 0)
        can = wider_decimal(want, from, &type);
    if (can)
        buf_printf(out, "ALTER TABLE " STR_FMT " MODIFY COLUMN " STR_FMT " " STR_FMT STR_FMT,
                   STR_ARG(mydb_quote_name(t->name, a)), STR_ARG(mydb_quote_name(from->name, a)),
                   STR_ARG(buf_str(&type)), STR_ARG(from->rest));
    buf_free(&type);
    arena_free(a);
    return can;
}

/* What the server refuses as a name, an upstream may still send as one. */
static bool can_be_named(struct str name)
{
    for (size_t i = 0; i < name.n; i++)
        if ((unsigned char)name.p[i] >= 0xf0) /* beyond the basic plane */
            return false;
    return name.n && name.p[name.n - 1] != ' ' && utf8_count(name) <= NAME_CHARS;
}

bool my_alter(const struct table_info *t, const struct ddl_column *want, const struct table_column *from,
              struct buf *out)
{
    struct arena *a;
    int64_t size = want->longest_chars > TEXT_ABOVE ? 0 : VARCHAR_CHARS;

    if (from)
        return widen(t, want, from, out);
    if (!can_be_named(want->name))
        return false;
    a = arena_new(1u << 20);
    if (row_bytes(t, NULL) + size * 4 + 2 > ROW_MAX_BYTES)
        size = 0;
    buf_printf(out, "ALTER TABLE " STR_FMT " ADD COLUMN " STR_FMT " ", STR_ARG(mydb_quote_name(t->name, a)),
               STR_ARG(mydb_quote_name(want->name, a)));
    my_write_type(want, size, out);
    if (want->kind == CAST_STRING)
        buf_add(out, S(" CHARACTER SET utf8mb4"));
    buf_add(out, S(" NULL"));
    arena_free(a);
    return true;
}

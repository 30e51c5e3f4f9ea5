/* What the real table looks like, read from information_schema (MySQL and MariaDB answer alike), and a table made to
 * measure. */
#include "base/num.h"
#include "meta/doc.h"
#include "sink/mysql_sink.h"

#include <stdlib.h>

/* ---- describing ---- */

/* WHERE of information_schema for a table name that may carry its database. */
static struct str where_table(struct my_sink *m, struct str table, struct arena *a)
{
    struct str rest = table, first;

    str_cut(&rest, '.', &first);
    if (!rest.p)
        return arena_printf(a, "table_schema = DATABASE() AND table_name = " STR_FMT,
                            STR_ARG(mydb_quote(m->db, table, a)));
    return arena_printf(a, "table_schema = " STR_FMT " AND table_name = " STR_FMT, STR_ARG(mydb_quote(m->db, first, a)),
                        STR_ARG(mydb_quote(m->db, rest, a)));
}

static int kind_of(struct str type)
{
    static const struct {
        const char *name;
        int kind;
    } kinds[] = {
        {"tinyint", CAST_INT},       {"smallint", CAST_INT},       {"mediumint", CAST_INT},   {"int", CAST_INT},
        {"bigint", CAST_INT},        {"year", CAST_INT},           {"decimal", CAST_DECIMAL}, {"float", CAST_FLOAT},
        {"double", CAST_FLOAT},      {"date", CAST_DATE},          {"json", CAST_JSON},       {"bit", CAST_BOOL},
        {"datetime", CAST_DATETIME}, {"timestamp", CAST_DATETIME},
    };

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (str_eq_nocase(type, str_of(kinds[i].name)))
            return kinds[i].kind;
    return CAST_STRING;
}

static int64_t number_or(struct str s, int64_t otherwise)
{
    int64_t v;

    return s.p && num_i64(s, &v) ? v : otherwise;
}

/* Digits of the seconds: "datetime(3)" has 3, "datetime" none. */
static int seconds_scale(struct str type)
{
    size_t open = str_find(type, S("("), 0);

    return open == SIZE_MAX ? 0 : (int)number_or(str_sub(type, open + 1, 1), 0);
}

static void read_column(const struct str *cell, struct table_column *c, struct arena *a)
{
    bool text;

    c->name = arena_str(a, cell[0]);
    c->type = arena_str(a, cell[1]);
    c->kind = kind_of(cell[2]);
    c->is_unsigned = str_find(c->type, S("unsigned"), 0) != SIZE_MAX;
    text = c->kind == CAST_STRING;
    c->max_chars = text ? number_or(cell[3], -1) : -1;
    c->max_bytes = text ? number_or(cell[4], -1) : -1;
    c->precision = (int)number_or(cell[5], -1);
    c->scale = c->kind == CAST_DATETIME ? seconds_scale(c->type) : (int)number_or(cell[6], -1);
    c->nullable = str_eq_nocase(cell[7], S("YES"));
    c->has_default = cell[8].p != NULL;
    c->charset = arena_str(a, cell[9]);
    c->collation = arena_str(a, cell[10]);
    c->auto_value = str_find(cell[11], S("auto_increment"), 0) != SIZE_MAX;
    c->generated =
        str_find(cell[11], S("GENERATED"), 0) != SIZE_MAX && str_find(cell[11], S("DEFAULT_GENERATED"), 0) == SIZE_MAX;
}

static enum err read_columns(struct sink *s, struct str where, struct table_info *t, struct arena *a,
                             struct errinfo *ei)
{
    struct mydb_rows r;
    enum err e = mydb_query(
        my_self(s)->db,
        arena_printf(
            a,
            "SELECT column_name, column_type, data_type, character_maximum_length, character_octet_length, "
            "numeric_precision, numeric_scale, is_nullable, "
            "column_default, character_set_name, collation_name, extra FROM information_schema.columns WHERE " STR_FMT
            " ORDER BY ordinal_position",
            STR_ARG(where)),
        a, &r, ei);

    if (e)
        return e;
    t->columns = ARENA_ARRAY(s->arena, struct table_column, r.n_rows + 1);
    t->n_columns = r.n_rows;
    for (size_t i = 0; i < r.n_rows; i++)
        read_column(&r.cells[i * r.n_columns], &t->columns[i], s->arena);
    return OK;
}

static enum err read_keys(struct sink *s, struct str where, struct table_info *t, struct arena *a, struct errinfo *ei)
{
    struct mydb_rows r;
    enum err e = mydb_query(
        my_self(s)->db,
        arena_printf(a,
                     "SELECT index_name, non_unique, column_name FROM information_schema.statistics WHERE " STR_FMT
                     " ORDER BY index_name = 'PRIMARY' DESC, index_name, seq_in_index",
                     STR_ARG(where)),
        a, &r, ei);

    if (e)
        return e;
    t->keys = ARENA_ARRAY(s->arena, struct table_key, r.n_rows + 1);
    for (size_t i = 0; i < r.n_rows; i++) {
        const struct str *cell = &r.cells[i * 3];
        struct table_key *k = t->n_keys ? &t->keys[t->n_keys - 1] : NULL;
        struct str *columns;

        if (!k || !str_eq(k->name, cell[0])) {
            k = &t->keys[t->n_keys++];
            k->name = arena_str(s->arena, cell[0]);
            k->unique = str_eq(cell[1], S("0"));
            k->primary = str_eq(cell[0], S("PRIMARY"));
            k->columns.at = ARENA_ARRAY(s->arena, struct str, r.n_rows);
        }
        columns = (struct str *)(uintptr_t)k->columns.at;
        columns[k->columns.n++] = arena_str(s->arena, cell[2]);
    }
    return OK;
}

/* Cuts the quoted name and the blank behind it off the front of a line; false when it begins with none. */
static bool take_quoted(struct str *line, struct arena *a, struct str *ret)
{
    char *name = arena_alloc(a, line->n + 1);
    size_t n = 0, i = 1;

    if (!line->n || line->p[0] != '`')
        return false;
    for (; i < line->n; i++) {
        if (line->p[i] == '`' && (i + 1 == line->n || line->p[i + 1] != '`'))
            break;
        i += line->p[i] == '`';
        name[n++] = line->p[i];
    }
    if (i + 1 >= line->n || line->p[i + 1] != ' ')
        return false;
    *ret = str_mk(name, n);
    *line = str_sub(*line, i + 2, line->n);
    return true;
}

/* What SHOW CREATE TABLE says behind the type of each column: collation, NULL, default, comment. A MODIFY that leaves
 * it out would take it away. */
static void read_rest(struct table_info *t, struct str create, struct arena *scratch, struct arena *a)
{
    struct str line, name;

    while (str_cut(&create, '\n', &line)) {
        line = str_trim(line);
        if (str_ends(line, S(",")))
            line.n--;
        if (!take_quoted(&line, scratch, &name))
            continue;
        for (size_t i = 0; i < t->n_columns; i++)
            if (str_eq(t->columns[i].name, name) && str_starts(line, t->columns[i].type) &&
                (line.n == t->columns[i].type.n || line.p[t->columns[i].type.n] == ' '))
                t->columns[i].rest = arena_str(a, str_sub(line, t->columns[i].type.n, line.n));
    }
}

/* Without the right to see it, nothing is widened. */
static void read_create(struct sink *s, struct table_info *t, struct arena *a)
{
    struct mydb_rows r;
    struct errinfo ignored;

    if (mydb_query(my_self(s)->db, arena_printf(a, "SHOW CREATE TABLE " STR_FMT, STR_ARG(mydb_quote_name(t->name, a))),
                   a, &r, &ignored) == OK &&
        r.n_rows == 1 && r.n_columns == 2 && r.cells[1].p)
        read_rest(t, r.cells[1], a, s->arena);
}

static enum err table_unchanged(struct sink *s, const struct table_info *t, struct arena *a, struct errinfo *ei)
{
    struct mydb_rows r;
    enum err e = mydb_query(my_self(s)->db,
                            arena_printf(a,
                                         "SELECT column_name, column_type, is_nullable FROM information_schema.columns "
                                         "WHERE " STR_FMT " ORDER BY ordinal_position",
                                         STR_ARG(where_table(my_self(s), t->name, a))),
                            a, &r, ei);

    for (size_t i = 0; !e && i < t->n_columns; i++) {
        const struct table_column *c = &t->columns[i];
        const struct str *cell = i < r.n_rows ? &r.cells[i * 3] : NULL;

        if (cell && str_eq(cell[0], c->name) && str_eq(cell[1], c->type) && str_eq(cell[2], S("YES")) == c->nullable)
            continue;
        fail(ei, ERR_SCHEMA,
             "table " STR_FMT " was changed while it was written: column " STR_FMT " was " STR_FMT
             ", now it is " STR_FMT " " STR_FMT,
             STR_ARG(t->name), STR_ARG(c->name), STR_ARG(c->type), STR_ARG(cell ? cell[0] : S("gone")),
             STR_ARG(cell ? cell[1] : S("")));
        e = fail_hint(ei, "nothing of this batch is in; the next run goes on from here with the table as it is then");
    }
    return e;
}

enum err my_unchanged(struct sink *s, struct errinfo *ei)
{
    struct arena *a = arena_new(16u << 20);
    enum err e = OK;

    for (size_t i = 0; i < s->spec.n_statements && !e; i++)
        if (s->spec.statements[i].table.n && s->tables[i].found)
            e = table_unchanged(s, &s->tables[i], a, ei);
    arena_free(a);
    return e;
}

bool my_transactional(struct str engine)
{
    return str_eq_nocase(engine, S("InnoDB")) || str_eq_nocase(engine, S("RocksDB")) ||
           str_eq_nocase(engine, S("ndbcluster"));
}

enum err my_describe(struct sink *s, struct str table, struct table_info *ret, struct errinfo *ei)
{
    struct my_sink *m = my_self(s);
    struct arena *a = arena_new(16u << 20);
    struct str where = where_table(m, table, a);
    struct mydb_rows r;
    enum err e = mydb_query(
        m->db, arena_printf(a, "SELECT engine FROM information_schema.tables WHERE " STR_FMT, STR_ARG(where)), a, &r,
        ei);

    *ret = (struct table_info){.name = table};
    if (!e && r.n_rows) {
        ret->found = true;
        ret->engine = arena_str(s->arena, r.cells[0].p ? r.cells[0] : S("view"));
        ret->transactional = my_transactional(ret->engine);
        e = read_columns(s, where, ret, a, ei);
        e = e ? e : read_keys(s, where, ret, a, ei);
        if (!e)
            read_create(s, ret, a);
    }
    arena_free(a);
    return e;
}

/* ---- making one ---- */

static int64_t varchar_size(const struct ddl_column *c)
{
    if (c->key || c->index)
        return 64 > c->longest_chars * 2 ? 64 : c->longest_chars * 2 > 190 ? 190 : c->longest_chars * 2;
    return c->longest_chars > TEXT_ABOVE ? 0 : VARCHAR_CHARS;
}

/* A sample shows what is usual, not what is longest: all get the usual width, and of those that do not fit into a row
 * together the ones with the longest samples become TEXT. */
static void choose_sizes(const struct ddl_column *cols, size_t n, int64_t *size)
{
    int64_t all = 0;

    for (size_t i = 0; i < n; i++) {
        size[i] = varchar_size(&cols[i]);
        all += size[i] ? size[i] * 4 + 2 : TEXT_AS_BYTES;
    }
    while (all > ROW_MAX_BYTES) {
        size_t longest = n;

        for (size_t i = 0; i < n; i++)
            if (!cols[i].key && !cols[i].index && size[i] &&
                (longest == n || cols[i].longest_chars > cols[longest].longest_chars))
                longest = i;
        if (longest == n)
            return;
        all -= size[longest] * 4 + 2 - TEXT_AS_BYTES;
        size[longest] = 0;
    }
}

static int decimal_digits(const struct ddl_column *c)
{
    int all = c->digits_before + c->digits_after;

    return all > 12 ? all + 6 : 20;
}

static void write_text_type(const struct ddl_column *c, int64_t size, struct buf *out)
{
    if (size)
        buf_printf(out, "VARCHAR(%lld)", (long long)size);
    else
        buf_add(out, c->longest_chars * 4 > TEXT_BYTES ? S("MEDIUMTEXT") : S("TEXT"));
    if (c->key || c->index)
        buf_add(out, S(" CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"));
}

/* Numbers with more digits than their kind keeps go up: from BIGINT to DECIMAL, and on to text. */
void my_write_type(const struct ddl_column *c, int64_t size, struct buf *out)
{
    switch (c->kind) {
    case CAST_INT:
    case CAST_TIMESTAMP:
        if (c->digits_before <= BIGINT_DIGITS)
            buf_add(out, S("BIGINT"));
        else if (c->digits_before <= DECIMAL_DIGITS)
            buf_printf(out, "DECIMAL(%d,0)", c->digits_before);
        else
            write_text_type(c, size, out);
        return;
    case CAST_FLOAT:
        buf_add(out, S("DOUBLE"));
        return;
    case CAST_DECIMAL:
        if (decimal_digits(c) <= DECIMAL_DIGITS && c->digits_after <= DECIMAL_AFTER)
            buf_printf(out, "DECIMAL(%d,%d)", decimal_digits(c), c->digits_after > 4 ? c->digits_after : 4);
        else
            write_text_type(c, size, out);
        return;
    case CAST_BOOL:
        buf_add(out, S("TINYINT"));
        return;
    case CAST_DATETIME:
        buf_add(out, S("DATETIME(3)"));
        return;
    case CAST_DATE:
        buf_add(out, S("DATE"));
        return;
    case CAST_JSON:
    case CAST_ARRAY:
    case CAST_OBJECT:
        buf_add(out, S("JSON"));
        return;
    default:
        break;
    }
    write_text_type(c, size, out);
}

static void write_comment(struct str label, struct buf *out)
{
    buf_add(out, S(" COMMENT '"));
    for (size_t i = 0; i < label.n; i++) {
        if (label.p[i] == '\'' || label.p[i] == '\\')
            buf_byte(out, label.p[i]);
        if ((unsigned char)label.p[i] >= 0x20)
            buf_byte(out, label.p[i]);
    }
    buf_byte(out, '\'');
}

void my_ddl(struct str table, const struct ddl_column *cols, size_t n, struct buf *out)
{
    struct arena *a = arena_new(16u << 20);
    int64_t *size = ARENA_ARRAY(a, int64_t, n);
    bool keyed = false;

    choose_sizes(cols, n, size);
    buf_printf(out, "CREATE TABLE " STR_FMT " (\n", STR_ARG(mydb_quote_name(table, a)));
    for (size_t i = 0; i < n; i++) {
        buf_printf(out, "  " STR_FMT " ", STR_ARG(mydb_quote_name(cols[i].name, a)));
        my_write_type(&cols[i], size[i], out);
        buf_add(out, cols[i].key ? S(" NOT NULL") : cols[i].flag ? S(" NOT NULL DEFAULT 0") : S(" NULL"));
        if (cols[i].label.n)
            write_comment(cols[i].label, out);
        keyed |= cols[i].key;
        buf_add(out, i + 1 < n || keyed ? S(",\n") : S("\n"));
    }
    for (size_t i = 0; i < n; i++)
        if (cols[i].index && keyed)
            buf_printf(out, "  KEY (" STR_FMT "),\n", STR_ARG(mydb_quote_name(cols[i].name, a)));
    if (keyed)
        buf_add(out, S("  PRIMARY KEY ("));
    for (size_t i = 0, k = 0; i < n; i++)
        if (cols[i].key)
            buf_printf(out, "%s" STR_FMT, k++ ? ", " : "", STR_ARG(mydb_quote_name(cols[i].name, a)));
    if (keyed)
        buf_add(out, S(")\n"));
    buf_add(out, S(") ENGINE=InnoDB DEFAULT CHARSET=utf8mb4\n"));
    arena_free(a);
}

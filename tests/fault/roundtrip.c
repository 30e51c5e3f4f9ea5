/* Sends rows of hostile values through a sink, as the program does, and tells which it set aside.
 *
 *     roundtrip TYPE ROWS_A_BATCH SQL OPTION… <rows >verdicts
 *
 * A row is a line: its id, then its cells, with tabs between; a cell is "-" (NULL), "t" and the bytes of a text in hex,
 * or "n" and the digits of a number. OPTIONs are the connection's, in the connector's order. What comes out, a line
 * each: "bad ROW REASON" for a row that the sink set aside, counted from 0, and "path WHICH" at the end. What the table
 * holds then is not looked at here: whoever made the rows knows. */
#include "sink/sink.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"

struct talk {
    struct sink *sink;
    const struct statement *statement;
    struct batch batch;
    struct checkpoint at;
    size_t limit, sent; /* rows of the batches before */
};

static void leave(const char *what, const struct errinfo *ei)
{
    fprintf(stderr, "roundtrip: %s: %s\n", what, ei->msg);
    exit(1);
}

static struct value read_cell(struct str cell, struct arena *a)
{
    char *p = arena_alloc(a, cell.n + 1);
    size_t n = 0;
    if (cell.n == 0 || cell.p[0] == '-')
        return value_null();
    if (cell.p[0] == 'n')
        return value_number(arena_str(a, str_sub(cell, 1, cell.n)));
    for (size_t i = 1; i + 1 < cell.n; i += 2) {
        char pair[3] = {cell.p[i], cell.p[i + 1], 0};
        p[n++] = (char)strtoul(pair, NULL, 16);
    }
    p[n] = 0;
    return value_text(str_mk(p, n));
}

static void begin_batch(struct talk *t)
{
    struct arena *a = arena_new((size_t)1 << 30);
    t->batch = (struct batch){.arena = a};
    t->batch.rows = ARENA_ARRAY(a, struct batch_row, t->limit);
    t->batch.records = ARENA_ARRAY(a, struct batch_record, t->limit);
    t->batch.bad = ARENA_ARRAY(a, struct bad_row, t->limit + 1);
}

static enum err nothing_to_keep(void *ctx, struct batch *b, struct errinfo *ei)
{
    (void)ctx, (void)b, (void)ei;
    return OK;
}

/* As the program's writer: what is not in is sent again, which LOAD DATA asks for when it warns. */
static void end_batch(struct talk *t)
{
    struct batch *b = &t->batch;
    struct sink_hook hook = {nothing_to_keep, NULL};
    struct errinfo ei = {0};
    enum sink_outcome o = SINK_TRANSIENT;
    b->after = t->at.batch;
    t->at.page++;
    t->at.batch++;
    b->to = t->at;
    if (b->n_rows && sink_encode(t->sink, b, &ei))
        leave("encoding", &ei);
    for (int tries = 0; o == SINK_TRANSIENT && tries < 3; tries++)
        o = sink_write(t->sink, b, &hook, &ei);
    if (o != SINK_COMMITTED)
        leave("writing", &ei);
    for (size_t i = 0; i < b->n_bad; i++)
        printf("bad %zu " STR_FMT "\n", t->sent + b->bad[i].row, STR_ARG(b->bad[i].reason));
    t->sent += b->n_rows;
    arena_free(b->arena);
}

static void add_row(struct talk *t, struct str line)
{
    struct batch *b = &t->batch;
    struct value *cells = ARENA_ARRAY(b->arena, struct value, t->statement->columns.n);
    struct batch_row *row = &b->rows[b->n_rows];
    struct str cell = {0};
    size_t n = 0;
    for (; n < t->statement->columns.n && str_cut(&line, '\t', &cell); n++)
        cells[n] = n ? read_cell(cell, b->arena) : value_text(arena_str(b->arena, cell));
    if (n != t->statement->columns.n) {
        fprintf(stderr, "roundtrip: row %zu has %zu cells\n", t->sent + b->n_rows, n);
        exit(1);
    }
    *row = (struct batch_row){.cells = cells, .id = value_str(&cells[0]), .record = (uint32_t)b->n_rows};
    b->records[b->n_rows] = (struct batch_record){.key = row->id, .page = t->at.page + 1, .n_rows = 1};
    b->n_records = ++b->n_rows;
}

static void send_all(struct talk *t)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t n;
    begin_batch(t);
    while ((n = getline(&line, &room, stdin)) > 0) {
        add_row(t, str_mk(line, (size_t)n - (line[n - 1] == '\n')));
        if (t->batch.n_rows == t->limit) {
            end_batch(t);
            begin_batch(t);
        }
    }
    end_batch(t);
    free(line);
}

/* The statement's own columns are those of the request. */
static const struct statement *read_statement(struct arena *a, const char *sql, struct diags *diags)
{
    struct str rest = str_of(sql), part = {0}, *names = ARENA_ARRAY(a, struct str, 64);
    struct strs columns = {names, 0};
    size_t open = str_find(rest, S("("), 0);
    rest = str_sub(rest, open + 1, str_find(rest, S(")"), 0) - open - 1);
    while (columns.n < 64 && str_cut(&rest, ',', &part))
        names[columns.n++] = part;
    return statement_batch(a, (struct sql_text){.text = str_of(sql)}, (struct str){0}, &columns, diags);
}

int main(int argc, char **argv)
{
    struct arena *a = arena_new(1u << 20);
    struct diags *diags = diags_new();
    struct str options[16];
    struct strs given = {options, 0};
    struct talk t = {.at = {.journal = "roundtrip", .row = -1, .cursor_s = INT64_MIN}};
    struct errinfo ei = {0};
    uint64_t limit = 0;
    if (argc < 5 || argc > 20 || !num_u64(str_of(argv[2]), &limit) || !limit) {
        fputs("usage: roundtrip TYPE ROWS_A_BATCH SQL OPTION…\n", stderr);
        return 2;
    }
    t.limit = (size_t)limit;
    for (int i = 4; i < argc; i++)
        options[given.n++] = str_of(argv[i]);
    t.statement = read_statement(a, argv[3], diags);
    const struct sink_type *type = sink_type_find(str_of(argv[1]));
    if (diags_first_error(diags, &ei) || !type)
        leave("the statement or the type", &ei);
    struct sink_spec spec = {.project = S("fault"),
                             .integration = S("roundtrip"),
                             .statements = t.statement,
                             .n_statements = 1,
                             .id_unique = true,
                             .limit = t.limit};
    bool found, held;
    struct checkpoint old;
    if (sink_open(type, &spec, &given, &t.sink, &ei) || sink_connect(t.sink, &ei) || sink_fits(t.sink, &ei) ||
        sink_checkpoint(t.sink, &old, &found, &held, &ei) || sink_claim(t.sink, &t.at, &t.at.epoch, &ei))
        leave("connecting", &ei);
    send_all(&t);
    printf("path %s\n", sink_path(t.sink));
    sink_close(t.sink);
    diags_free(diags);
    arena_free(a);
    return 0;
}

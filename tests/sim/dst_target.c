/* A target in memory, as a type of sink. A batch is a transaction: its rows and the checkpoint go in together or not at
 * all, and the answer to COMMIT may be lost either way. While a transaction goes in, what may never happen is looked
 * at: an older version over a newer one, a row twice where rows are only added, a row whose id is not that of its
 * record. */
#include "dst.h"

#include "base/num.h"
#include "base/plant.h"
#include "sink/sink_impl.h"

#include <stdlib.h>

enum { COL_ID, COL_O_ID, COL_LINE, COL_VER, COL_QTY, COLS };
static const char *const names[COLS] = {"id", "o_id", "line", "ver", "qty"};

struct target {
    bool connected;
};

static enum err target_open(struct sink *k, const struct strs *options, struct errinfo *ei)
{
    (void)options;
    (void)ei;
    k->self = mem_zero(sizeof(struct target));
    return OK;
}

static void target_close(struct sink *k)
{
    free(k->self);
}

static enum err target_connect(struct sink *k, struct errinfo *ei)
{
    struct sim *s = sim_now();

    if (!sim_alive(s, NULL))
        return fail(ei, ERR_TARGET, "simulated: the process is dead");
    if (chance(s, s->ch.connect)) {
        sim_fault(s, FAULT_CONNECT_FAILED);
        s->faulted = true;
        return fail(ei, ERR_NETWORK, "simulated: the target is not reached");
    }
    ((struct target *)k->self)->connected = true;
    return OK;
}

static enum err target_describe(struct sink *k, struct str table, struct table_info *ret, struct errinfo *ei)
{
    (void)ei;
    *ret = (struct table_info){
        .name = table, .engine = S("memory"), .n_columns = COLS, .transactional = true, .found = true};
    ret->columns = ARENA_ARRAY(k->arena, struct table_column, COLS);
    for (int i = 0; i < COLS; i++)
        ret->columns[i] =
            (struct table_column){.name = str_of(names[i]),
                                  .type = i == COL_VER ? S("numeric") : S("text"), /* a guard compares it */
                                  .kind = CAST_STRING,
                                  .max_chars = -1,
                                  .max_bytes = -1,
                                  .precision = -1,
                                  .scale = -1,
                                  .nullable = true};
    return OK;
}

/* A COMMIT that was sent and took its time goes in now, or not yet. It holds the locks of its rows: whoever wants to
 * write waits for it, who only reads the checkpoint does not. */
static void land(struct sim *s, int permille)
{
    if (!s->late_commit || !chance(s, permille))
        return;
    s->late_commit = false;
    s->table = s->late;
    sim_trace(s, "target  a COMMIT landed late: batch %lld", (long long)s->table.cp.batch);
}

static const char *target_path(const struct sink *k)
{
    (void)k;
    return "simulated";
}

static enum err target_checkpoint(struct sink *k, struct checkpoint *ret, bool *ret_found, bool *ret_held,
                                  struct errinfo *ei)
{
    struct sim *s = sim_now();

    (void)k;
    if (!sim_alive(s, NULL))
        return fail(ei, ERR_TARGET, "simulated: the process is dead");
    land(s, 300);
    *ret_held = s->c.held;
    *ret_found = s->c.held && s->table.found;
    if (*ret_found)
        *ret = s->table.cp;
    return OK;
}

static enum err target_may_hold(struct sink *k, bool *ret_holds, struct errinfo *ei)
{
    (void)k;
    (void)ei;
    *ret_holds = sim_now()->c.held;
    return OK;
}

static enum err target_claim(struct sink *k, const struct checkpoint *cp, int64_t *ret_epoch, struct errinfo *ei)
{
    struct sim *s = sim_now();

    (void)k;
    if (!sim_alive(s, "claim"))
        return fail(ei, ERR_TARGET, "simulated: the process is dead");
    land(s, 1000);
    if (s->table.found && s->table.cp.batch != cp->batch && !PLANTED(claim_blind))
        return sink_moved_on(ei);
    *ret_epoch = (s->table.found && s->table.cp.epoch > cp->epoch ? s->table.cp.epoch : cp->epoch) + 1;
    if (cp->page != s->table.cp.page || cp->row != s->table.cp.row || strcmp(cp->journal, s->table.cp.journal) != 0 ||
        s->table.cp.epoch > s->claimed)
        s->table.begun = cp->page;
    s->table.cp = *cp;
    s->table.cp.epoch = s->claimed = *ret_epoch;
    s->table.found = true;
    sim_trace(s, "claim   epoch %lld batch %lld page %lld", (long long)*ret_epoch, (long long)cp->batch,
              (long long)cp->page);
    return OK;
}

static enum err target_encode(const struct sink *k, struct batch *b, struct errinfo *ei)
{
    struct outgoing *o = ARENA_NEW(b->arena, struct outgoing);

    (void)ei;
    *o = fit_rows(k, b);
    b->wire = o;
    return OK;
}

/* ---- older copies ---- */

void target_keep_copy(struct sim *s)
{
    size_t at = s->n_copies < COPIES_MAX ? s->n_copies++ : (size_t)below(s, COPIES_MAX);

    s->copies[at] = s->table;
}

void target_set_back(struct sim *s)
{
    int64_t at;

    if (!s->n_copies)
        return;
    at = below(s, (int64_t)s->n_copies);
    if (s->c.write == WRITE_INSERT && s->disk.to_drop > 0)
        return; /* what was written by pages that are gone, nobody knows for certain: docs/reliability.md */
    s->late_commit = false;
    s->went_forward |= s->copies[at].cp.batch > s->table.cp.batch;
    s->table = s->copies[at];
    if (s->c.write == WRITE_INSERT)
        s->n_copies = 0; /* what comes now is written where the younger copies have their rows */
    sim_fault(s, FAULT_SET_BACK);
    sim_trace(s, "target  set back to page %lld row %d", (long long)s->table.cp.page, s->table.cp.row);
}

/* ---- a transaction ---- */

struct placed {
    int32_t order, slot, ver;
};

static int64_t cell(const struct batch_row *row, int col)
{
    int64_t v = 0;

    if (!value_is_null(&row->cells[col]))
        (void)num_i64(value_str(&row->cells[col]), &v);
    return v;
}

/* Where a row belongs; its id must be made of its record and line. */
static struct placed place(struct sim *s, const struct batch_row *row)
{
    struct placed p = {(int32_t)(cell(row, COL_O_ID) - 900000), (int32_t)cell(row, COL_LINE),
                       (int32_t)cell(row, COL_VER)};
    char id[32];

    if (p.slot)
        snprintf(id, sizeof id, "%d-%d", p.order + 900000, p.slot);
    else
        snprintf(id, sizeof id, "%d-", p.order + 900000);
    if (p.order < 0 || p.order >= s->up.n_orders || p.slot < 0 || p.slot >= SLOTS || p.ver < 1 ||
        p.ver >= s->up.n_versions || s->up.v[p.ver].order != p.order || !str_eq(row->id, str_of(id))) {
        sim_fail(s, "a row that nobody told of: id " STR_FMT ", order %d, line %d, version %d", STR_ARG(row->id),
                 p.order, p.slot, p.ver);
        p = (struct placed){0, 0, 0};
    }
    return p;
}

static bool refuses(const struct sim *s, struct placed p)
{
    const struct version *v = &s->up.v[p.ver];

    return v->refused && (p.slot == 0 || p.slot == __builtin_ctz(v->lines) + 1);
}

/* Rows that only are added: all that is there stays. */
static void insert_row(struct sim *s, struct table *t, struct placed p)
{
    if ((size_t)t->n_inserted == s->cap_inserted) {
        s->cap_inserted = s->cap_inserted ? 2 * s->cap_inserted : 256;
        s->inserted = mem_grow(s->inserted, s->cap_inserted * sizeof *s->inserted);
    }
    s->inserted[t->n_inserted++] = (struct inserted){p.ver, p.slot};
}

static void put_row(struct sim *s, struct table *t, struct placed p)
{
    int32_t *there = &t->ver[p.order][p.slot];

    if (*there > p.ver && s->c.write == WRITE_GUARDED)
        return;
    if (*there > p.ver && s->c.held && !t->over)
        t->over = p.ver;
    *there = p.ver;
}

static int64_t take_away(struct sim *s, const struct batch *b, struct table *t)
{
    int64_t n = 0;

    for (size_t i = 0; i < b->n_gone; i++) {
        const struct batch_gone *g = &b->gone[i];
        int64_t order, guard = INT64_MAX;
        bool keep[SLOTS] = {false};

        if (!num_i64(g->parent, &order) || (g->guard.p && !num_i64(g->guard, &guard)))
            sim_fail(s, "rows are to go whose parent or guard is no number");
        order -= 900000;
        if (order < 0 || order >= s->up.n_orders)
            continue;
        for (uint32_t k = 0; k < g->n_rows; k++)
            keep[place(s, &b->rows[g->first_row + k]).slot] = true;
        for (int slot = 0; slot < SLOTS; slot++) {
            int32_t *there = &t->ver[order][slot];

            if (!*there || keep[slot] || *there > guard)
                continue;
            *there = 0;
            n++;
            sim_fault(s, FAULT_REMOVED);
        }
    }
    return n;
}

/* The rows of the batch into `t`, which becomes the table if the transaction goes in. */
static void apply(struct sim *s, struct batch *b, struct table *t)
{
    const struct outgoing *o = b->wire;

    for (size_t i = 0; i < o->n; i++) {
        struct placed p = place(s, &b->rows[o->order[i]]);

        if (refuses(s, p)) {
            batch_add_bad(b, o->order[i], ERR_DATA, S("simulated: refused"));
            sim_fault(s, FAULT_ROW_REFUSED);
        } else if (s->c.write == WRITE_INSERT) {
            insert_row(s, t, p);
        } else {
            put_row(s, t, p);
        }
    }
    b->n_removed = take_away(s, b, t);
    t->cp = b->to;
}

/* What a COMMIT puts in place. */
static void go_in(struct sim *s, const struct table *t)
{
    for (int64_t i = s->table.n_inserted; i < t->n_inserted; i++)
        for (int64_t k = 0; k < i; k++)
            if (s->inserted[k].ver == s->inserted[i].ver && s->inserted[k].slot == s->inserted[i].slot &&
                !s->may_double)
                sim_fail(s, "line %d of version %d was inserted twice", s->inserted[i].slot, s->inserted[i].ver);
    if (t->over)
        sim_fail(s, "order %d: version %d was written over a later one", s->up.v[t->over].order, t->over);
    s->table = *t;
}

static enum sink_outcome lose(struct sink *k, enum sink_outcome o, struct errinfo *ei)
{
    ((struct target *)k->self)->connected = false;
    fail(ei, ERR_NETWORK, "simulated: the connection was lost");
    return o;
}

static enum sink_outcome commit(struct sink *k, const struct table *t, struct errinfo *ei)
{
    struct sim *s = sim_now();
    bool in;

    if (chance(s, s->ch.unknown) && s->c.held && !below(s, 4)) {
        sim_fault(s, FAULT_LATE_COMMIT);
        s->faulted = true;
        s->late_commit = true;
        s->late = *t;
        if (s->crash_at && below(s, 2)) { /* the process does not live to see it */
            sim_fault(s, FAULT_CRASH);
            s->dead = true;
        }
        return lose(k, SINK_UNKNOWN, ei);
    }
    if (chance(s, s->ch.unknown)) {
        in = below(s, 2);
        sim_fault(s, in ? FAULT_UNKNOWN_IN : FAULT_UNKNOWN_OUT);
        s->faulted = true;
        if (in)
            go_in(s, t);
        return lose(k, SINK_UNKNOWN, ei);
    }
    go_in(s, t);
    s->totals->commits++;
    return SINK_COMMITTED;
}

/* Another process, with a copy of our state, claims the target between two batches of this one. */
static void take_over(struct sim *s)
{
    if (!s->c.held || !chance(s, s->ch.taken_over))
        return;
    sim_fault(s, FAULT_TAKEN_OVER);
    s->faulted = true;
    s->table.cp.epoch++;
    sim_trace(s, "target  taken over, epoch %lld", (long long)s->table.cp.epoch);
}

/* An older copy takes the target's place while a run writes. */
static void set_back_now(struct sim *s)
{
    if (!s->c.held || !s->n_copies || !chance(s, s->ch.set_back))
        return;
    s->faulted = true;
    target_set_back(s);
}

static enum sink_outcome target_write(struct sink *k, struct batch *b, const struct sink_hook *hook, struct errinfo *ei)
{
    struct sim *s = sim_now();
    struct table t;
    enum sink_outcome o;

    if (!sim_alive(s, "transaction")) {
        fail(ei, ERR_TARGET, "simulated: the process is dead");
        return SINK_PERMANENT;
    }
    world_advance(s, 1 + below(s, 40));
    if (!((struct target *)k->self)->connected && target_connect(k, ei))
        return SINK_TRANSIENT;
    land(s, 1000);
    take_over(s);
    set_back_now(s);
    if (chance(s, s->ch.permanent)) {
        sim_fault(s, FAULT_PERMANENT);
        s->faulted = true;
        fail(ei, ERR_TARGET, "simulated: read-only");
        return SINK_PERMANENT;
    }
    batch_forget_bad(b, ((const struct outgoing *)b->wire)->n_bad);
    t = s->table;
    apply(s, b, &t);
    if (chance(s, s->ch.transient)) {
        sim_fault(s, FAULT_TRANSIENT);
        s->faulted = true;
        return lose(k, SINK_TRANSIENT, ei);
    }
    if (hook->before_commit(hook->ctx, b, ei))
        return SINK_TRANSIENT;
    if (s->c.held && (s->table.cp.epoch != k->epoch || s->table.cp.batch != b->after ||
                      strcmp(s->table.cp.journal, b->to.journal) != 0))
        return sink_not_as_left(ei);
    if (!sim_alive(s, "commit")) {
        fail(ei, ERR_TARGET, "simulated: the process is dead");
        return SINK_PERMANENT;
    }
    o = commit(k, &t, ei);
    sim_trace(s, "write   batch %lld: %zu rows, to page %lld row %d cursor %lld: %s", (long long)b->to.batch, b->n_rows,
              (long long)b->to.page, b->to.row, (long long)b->to.cursor_s,
              o == SINK_COMMITTED                ? "in"
              : s->table.cp.batch == b->to.batch ? "in, answer lost"
                                                 : "answer lost");
    return o;
}

static enum err target_exec(struct sink *k, struct str sql, struct errinfo *ei)
{
    (void)k;
    (void)sql;
    return fail(ei, ERR_INTERNAL, "nobody runs statements here");
}

static void target_ddl(struct str table, const struct ddl_column *cols, size_t n, struct buf *out)
{
    (void)table;
    (void)cols;
    (void)n;
    (void)out;
}

const struct sink_type target_type = {
    .name = "simulated",
    .help = "",
    .open = target_open,
    .close = target_close,
    .connect = target_connect,
    .describe = target_describe,
    .path = target_path,
    .server = target_path,
    .checkpoint = target_checkpoint,
    .may_hold = target_may_hold,
    .claim = target_claim,
    .encode = target_encode,
    .write = target_write,
    .exec = target_exec,
    .ddl = target_ddl,
};

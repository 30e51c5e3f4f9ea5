/* The checkpoint row in a MySQL or MariaDB target: what is written, kept where it was written, in the same transaction.
 *
 * The epoch fences: whoever claims the integration raises it, and every later UPDATE names the epoch that it was
 * claimed with. One that finds another epoch changes nothing and knows that it was replaced. It names the batch before
 * as well: a target that came back as an older copy of itself has the epoch but not that batch, and one where a COMMIT
 * arrived late has a newer one. And it names the journal: when the local state was lost, epochs that were given before
 * can come again, but not its name. */
#include "base/num.h"
#include "base/plant.h"
#include "sink/mysql_sink.h"

#include <stdio.h>

#define CLAIM_TRIES 5

static const char create_sql[] =
    "CREATE TABLE IF NOT EXISTS " CHECKPOINT_TABLE
    " (project VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,"
    " integration VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,"
    " journal VARCHAR(40) NOT NULL, page BIGINT NOT NULL, page_row INT NOT NULL, cursor_at BIGINT NULL,"
    " epoch BIGINT NOT NULL, batch BIGINT NOT NULL, mapping BIGINT NOT NULL,"
    " updated_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,"
    " PRIMARY KEY (project, integration)) ENGINE=InnoDB";

static struct str where_mine(const struct sink *s, struct arena *a)
{
    struct my_sink *m = my_self(s);

    return arena_printf(a, "project = " STR_FMT " AND integration = " STR_FMT,
                        STR_ARG(mydb_quote(m->db, s->spec.project, a)),
                        STR_ARG(mydb_quote(m->db, s->spec.integration, a)));
}

static void read_row(const struct str *cell, struct checkpoint *ret)
{
    int64_t row = -1, mapping = 0;

    *ret = (struct checkpoint){.cursor_s = INT64_MIN};
    snprintf(ret->journal, sizeof ret->journal, STR_FMT, STR_ARG(cell[0]));
    num_i64(cell[1], &ret->page);
    num_i64(cell[2], &row);
    if (cell[3].p)
        num_i64(cell[3], &ret->cursor_s);
    num_i64(cell[4], &ret->epoch);
    num_i64(cell[5], &ret->batch);
    num_i64(cell[6], &mapping);
    ret->row = (int32_t)row;
    ret->mapping = (uint64_t)mapping;
}

static enum err select_row(struct sink *s, bool lock, struct checkpoint *ret, bool *ret_found, struct errinfo *ei)
{
    struct arena *a = arena_new(1u << 20);
    struct mydb_rows r;
    enum err e = mydb_query(
        my_self(s)->db,
        arena_printf(a,
                     "SELECT journal, page, page_row, cursor_at, epoch, batch, mapping FROM " CHECKPOINT_TABLE
                     " WHERE " STR_FMT "%s",
                     STR_ARG(where_mine(s, a)), lock ? " FOR UPDATE" : ""),
        a, &r, ei);

    *ret_found = !e && r.n_rows;
    if (*ret_found)
        read_row(r.cells, ret);
    arena_free(a);
    return e;
}

static bool denied(const struct mydb *db)
{
    unsigned code = mydb_errno(db);

    return code == 1142 || code == 1044 || code == 1227 || code == 1143;
}

/* The table may have been altered, converted, or loaded from a dump since it was made. Without transactions it would
 * move and stay moved where the rows are rolled back; with a row too many every move would look like another's. */
static enum err is_sound(struct sink *s, struct errinfo *ei)
{
    struct my_sink *m = my_self(s);
    struct arena *a = arena_new(1u << 20);
    struct mydb_rows r;
    enum err e = mydb_query(m->db,
                            S("SELECT engine FROM information_schema.tables WHERE table_schema = DATABASE() AND "
                              "table_name = '" CHECKPOINT_TABLE "' AND engine IS NOT NULL"),
                            a, &r, ei);

    if (!e && r.n_rows && !my_transactional(r.cells[0])) {
        fail(ei, ERR_SCHEMA,
             "table " CHECKPOINT_TABLE " has engine " STR_FMT
             ", which has no transactions: it would move where the rows are rolled back",
             STR_ARG(r.cells[0]));
        e = fail_hint(ei, "ALTER TABLE " CHECKPOINT_TABLE " ENGINE=InnoDB");
    }
    e = e ? e
          : mydb_query(m->db,
                       arena_printf(a, "SELECT 1 FROM " CHECKPOINT_TABLE " WHERE " STR_FMT, STR_ARG(where_mine(s, a))),
                       a, &r, ei);
    if (!e && r.n_rows > 1) {
        fail(ei, ERR_SCHEMA, "table " CHECKPOINT_TABLE " has %zu rows of this integration: its primary key is gone",
             r.n_rows);
        e = fail_hint(ei, "delete all but the one with the highest `batch`, then ALTER TABLE " CHECKPOINT_TABLE
                          " ADD PRIMARY KEY (project, integration)");
    }
    arena_free(a);
    return e;
}

enum err my_checkpoint(struct sink *s, struct checkpoint *ret, bool *ret_found, bool *ret_held, struct errinfo *ei)
{
    struct my_sink *m = my_self(s);
    struct errinfo why;
    enum err e = select_row(s, false, ret, ret_found, &why);

    *ret_held = true;
    if (e && mydb_errno(m->db) == 1054)
        e = sink_checkpoint_altered(&why);
    if (e && mydb_errno(m->db) == 1146)
        e = mydb_exec(m->db, str_of(create_sql), &why);
    e = e ? e : is_sound(s, &why);
    if (e && denied(m->db)) {
        *ret_held = false;
        return OK;
    }
    if (e)
        *ei = why;
    return e;
}

/* The right to make the table is looked up, not tried: asking must leave nothing behind. Rights that come by a role are
 * not listed there, so a table that a person made counts first. */
enum err my_may_hold(struct sink *s, bool *ret_holds, struct errinfo *ei)
{
    static const char sql[] = "SELECT 1 FROM information_schema.schema_privileges WHERE privilege_type = 'CREATE' AND "
                              "DATABASE() LIKE table_schema UNION SELECT 1 FROM information_schema.user_privileges "
                              "WHERE privilege_type = 'CREATE'";
    struct my_sink *m = my_self(s);
    struct arena *a = arena_new(1u << 20);
    struct checkpoint at;
    struct mydb_rows r;
    bool found;
    enum err e = select_row(s, false, &at, &found, ei);

    *ret_holds = !e;
    if (e && (mydb_errno(m->db) == 1146 || denied(m->db))) {
        bool missing = mydb_errno(m->db) == 1146;

        e = missing ? mydb_query(m->db, str_of(sql), a, &r, ei) : OK;
        *ret_holds = !e && missing && r.n_rows;
    }
    arena_free(a);
    return e;
}

static struct str cursor_text(int64_t cursor_s, struct arena *a)
{
    return cursor_s == INT64_MIN ? S("NULL") : arena_printf(a, "%lld", (long long)cursor_s);
}

static enum err claim_inside(struct sink *s, const struct checkpoint *cp, int64_t *ret_epoch, struct errinfo *ei)
{
    struct my_sink *m = my_self(s);
    struct arena *a = arena_new(1u << 20);
    struct checkpoint old = {0};
    struct str sets, sql;
    bool found;
    enum err e = select_row(s, true, &old, &found, ei);

    if (!e && found && old.batch != cp->batch)
        e = sink_moved_on(ei);
    *ret_epoch = (found && old.epoch > cp->epoch ? old.epoch : cp->epoch) + 1;
    sets = arena_printf(a,
                        "journal = " STR_FMT ", page = %lld, page_row = %d, cursor_at = " STR_FMT
                        ", epoch = %lld, batch = %lld, mapping = %lld",
                        STR_ARG(mydb_quote(m->db, str_of(cp->journal), a)), (long long)cp->page, (int)cp->row,
                        STR_ARG(cursor_text(cp->cursor_s, a)), (long long)*ret_epoch, (long long)cp->batch,
                        (long long)cp->mapping);
    if (found)
        sql = arena_printf(a, "UPDATE " CHECKPOINT_TABLE " SET " STR_FMT " WHERE " STR_FMT, STR_ARG(sets),
                           STR_ARG(where_mine(s, a)));
    else
        sql = arena_printf(
            a, "INSERT INTO " CHECKPOINT_TABLE " SET project = " STR_FMT ", integration = " STR_FMT ", " STR_FMT,
            STR_ARG(mydb_quote(m->db, s->spec.project, a)), STR_ARG(mydb_quote(m->db, s->spec.integration, a)),
            STR_ARG(sets));
    e = e ? e : mydb_exec(m->db, sql, ei);
    arena_free(a);
    return e;
}

/* What the server rolled back, or gave up waiting for, because of another transaction. */
static bool in_the_way(const struct mydb *db)
{
    unsigned code = mydb_errno(db);

    return code == 1213 || code == 1205;
}

static enum err claim_once(struct sink *s, const struct checkpoint *cp, int64_t *ret_epoch, bool *ret_again,
                           struct errinfo *ei)
{
    struct my_sink *m = my_self(s);
    struct errinfo ignored;
    enum err e = mydb_exec(m->db, S("START TRANSACTION"), ei);

    e = e ? e : claim_inside(s, cp, ret_epoch, ei);
    e = e ? e : mydb_exec(m->db, S("COMMIT"), ei);
    *ret_again = e && e != ERR_CONFLICT && in_the_way(m->db);
    if (e && mydb_exec(m->db, S("ROLLBACK"), &ignored))
        my_disconnect(m);
    return e;
}

enum err my_claim(struct sink *s, const struct checkpoint *cp, int64_t *ret_epoch, struct errinfo *ei)
{
    bool again = true;
    enum err e = OK;

    for (int n = 0; n < CLAIM_TRIES && again; n++)
        e = claim_once(s, cp, ret_epoch, &again, ei);
    return e;
}

enum err my_move_checkpoint(struct sink *s, const struct batch *b, bool *ret_moved, struct errinfo *ei)
{
    const struct checkpoint *to = &b->to;
    struct my_sink *m = my_self(s);
    struct arena *a = arena_new(1u << 20);
    struct str sql = arena_printf(
        a,
        "UPDATE " CHECKPOINT_TABLE " SET journal = " STR_FMT ", page = %lld, page_row = %d, cursor_at = " STR_FMT
        ", batch = %lld, mapping = %lld WHERE " STR_FMT " AND epoch = %lld AND batch = %lld AND journal = " STR_FMT,
        STR_ARG(mydb_quote(m->db, str_of(to->journal), a)), (long long)to->page, (int)to->row,
        STR_ARG(cursor_text(to->cursor_s, a)), (long long)to->batch, (long long)to->mapping, STR_ARG(where_mine(s, a)),
        (long long)to->epoch, (long long)b->after, STR_ARG(mydb_quote(m->db, str_of(to->journal), a)));
    enum err e = mydb_exec(m->db, sql, ei);

    *ret_moved = !e && mydb_affected(m->db) == 1;
    *ret_moved |= PLANTED(no_fence) && !e;
    arena_free(a);
    return e;
}

/* The mysql sink's own state; for its files only. */
#ifndef SINK_MYSQL_SINK_H
#define SINK_MYSQL_SINK_H

#include "db/mysql.h"
#include "sink/rows.h"

enum my_path { PATH_ARRAY, PATH_LOAD, PATH_VALUES };

#define STATEMENTS_KEPT 16

struct my_sink {
    struct mydb_options options;
    struct mydb *db;   /* NULL: not connected */
    enum my_path path; /* chosen at the first connecting; encode depends on it */
    bool load_refused; /* the server took LOAD DATA LOCAL back: prepared statements from now on */
    size_t max_packet;
    char server[120];
    struct arena *texts;
    struct str row_head, row_tuple, row_tail, load_sql; /* of the main statement */
    struct mydb_stmt *array;                            /* prepared once a connection */
    struct mydb_stmt *values;                           /* for `values_rows` rows */
    size_t values_rows;
    struct mydb_stmt *execute[10];
};

/* The batch as it goes over the wire; in its arena. */
struct my_wire {
    struct outgoing out;
    struct mydb_array *columns; /* PATH_ARRAY */
    size_t *row_bytes;          /* by place in `out` */
    char *text;                 /* PATH_LOAD: lines of LOAD DATA, one behind the other */
    size_t *line_at;            /* where each begins; one more at the end */
};

/* mysql_gone.c, mysql_rows.c */
extern const struct gone_dialect my_names;
extern const struct rows_dialect my_rows;

struct my_sink *my_self(const struct sink *s);
void my_disconnect(struct my_sink *m);
bool my_transactional(struct str engine); /* a server's name of one: has it transactions? */
enum err my_describe(struct sink *s, struct str table, struct table_info *ret, struct errinfo *ei) MUST_USE;
/* ERR_SCHEMA when a table that is written is no longer what it was when it was described. */
enum err my_unchanged(struct sink *s, struct errinfo *ei) MUST_USE;
bool my_alter(const struct table_info *t, const struct ddl_column *want, const struct table_column *from,
              struct buf *out);
/* The type of a column; size: characters of a VARCHAR, 0: TEXT. */
void my_write_type(const struct ddl_column *c, int64_t size, struct buf *out);
/* A row of VARCHARs may take 65,535 bytes, four a character; some is left for what stands beside. */
#define ROW_MAX_BYTES  60000
#define TEXT_AS_BYTES  12
#define VARCHAR_CHARS  255
#define BIGINT_DIGITS  19
#define DECIMAL_DIGITS 65
#define DECIMAL_AFTER  30
#define TEXT_BYTES     65535
#define TEXT_ABOVE     127 /* a sample that long says that longer ones will come */
void my_ddl(struct str table, const struct ddl_column *cols, size_t n, struct buf *out);
enum err my_checkpoint(struct sink *s, struct checkpoint *ret, bool *ret_found, bool *ret_held,
                       struct errinfo *ei) MUST_USE;
enum err my_may_hold(struct sink *s, bool *ret_holds, struct errinfo *ei) MUST_USE;
enum err my_claim(struct sink *s, const struct checkpoint *cp, int64_t *ret_epoch, struct errinfo *ei) MUST_USE;
/* UPDATE of the checkpoint row inside the transaction; *ret_moved false when it names another epoch or batch than it
 * was left with. */
enum err my_move_checkpoint(struct sink *s, const struct batch *b, bool *ret_moved, struct errinfo *ei) MUST_USE;
enum err my_encode(const struct sink *s, struct batch *b, struct errinfo *ei) MUST_USE;
/* mysql_gone.c: takes away, inside the transaction, what the batch's records no longer give. */
enum err my_remove_gone(struct sink *s, struct batch *b, struct errinfo *ei) MUST_USE;
enum sink_outcome my_write(struct sink *s, struct batch *b, const struct sink_hook *hook, struct errinfo *ei);

#endif

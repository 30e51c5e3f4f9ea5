/* What the parts of the connector reader share: where problems go, and reading lists of objects by a table. Only
 * connector_read*.c include it. */
#ifndef CONNECTOR_CONNECTOR_READER_H
#define CONNECTOR_CONNECTOR_READER_H

#include "connector/connector_model.h"

struct reader {
    struct arena *arena;
    struct diags *diags;
    struct connector *c;
    bool failed;  /* an error was reported */
    size_t taken; /* elements of lists so far */
};

/* Reports an error at a node; diags_remedy and diags_nearest may follow. */
#define READER_BAD(r, node, ...) ((r)->failed = true, diags_add((r)->diags, DIAG_ERROR, (node)->pos, __VA_ARGS__))

/* Elements to read: their table, their size in memory and what they hold before anything is filled in. */
struct list_of {
    const struct table *table;
    size_t size;
    const void *preset; /* NULL: zeros */
    bool lone;          /* one object may stand without the list around it */
};

/* Fills `out`, which holds its defaults, from an object; anything else is an error. NULL is no error. */
void reader_object(struct reader *r, const struct node *n, const struct table *t, void *out);
/* May the document have n more elements in its lists? False after an error: memory has a ceiling. */
bool reader_takes(struct reader *r, const struct node *n, size_t n_elements);
/* An array of structs in the arena; NULL and 0 when absent. Element i belongs to reader_at(list, i). */
void *reader_list(struct reader *r, const struct node *list, const struct list_of *of, size_t *ret_n);
/* The first element's node: the rest follow by ->next. */
const struct node *reader_first(const struct node *list);
/* A scalar, or a list of scalars, as texts. NULL gives none. */
struct strs reader_texts(struct reader *r, const struct node *n);
/* Names within a list must differ: `at` points to the first element's name, `stride` apart. */
void reader_unique(struct reader *r, const struct node *list, const struct str *at, size_t n, size_t stride);
/* Index of the option of that name, or SIZE_MAX after an error at `n`. */
size_t reader_option(struct reader *r, const struct node *n, struct str name);

/* A list of parameters or headers with their places compiled. */
struct sent *reader_sent(struct reader *r, const struct node *list, size_t *ret_n);
void reader_headers(struct reader *r, const struct node *list, struct request_rule *q);
/* How many of them hold a part of that kind. */
size_t reader_holding(const struct sent *list, size_t n, enum part_kind kind);

void reader_call(struct reader *r, const struct connector_raw *raw);   /* request, clock, sign */
void reader_token(struct reader *r, const struct connector_raw *raw);  /* after reader_call */
void reader_reply(struct reader *r, const struct connector_raw *raw);  /* reply, codes */
void reader_ifaces(struct reader *r, const struct connector_raw *raw); /* paging, window, interfaces */

#endif

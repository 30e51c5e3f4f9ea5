/* The dialect's keys and words as tables: what the reader fills documents from, what the JSON Schema is written from,
 * and what reference pages list. */
#ifndef META_DOC_TABLES_H
#define META_DOC_TABLES_H

#include "meta/doc.h"

struct doc_table {
    const struct field_spec *specs;
    size_t n;
};
/* A word that a value may be, and what it means. */
struct doc_word {
    const char *name, *help;
};

/* A document as it is written, before its groups are read. */
struct doc_raw {
    struct str api, method, id, number, name, table;
    int effect, type; /* index into doc_effects; -1 when not given */
    bool id_check, auto_fill_response;
    const struct node *request, *other_request, *response, *other_response, *body, *pagination;
    struct strs beat_flat;
    const struct node *condition, *allocate, *format_response, *omission_remedy, *operation, *group_calculate;
};
struct field_raw {
    struct str field, type;
    const struct node *label, *value, *preset, *parent, *children, *parser, *mapping;
    bool required;
};
struct parser_raw {
    struct str name;
    const struct node *params;
};
struct mapping_raw {
    struct str target, direction, unmatched;
    const struct node *preset;
};
struct remedy_raw {
    struct str crontab;
    const struct node *take_over;
};
struct pagination_raw {
    const struct node *page_size;
};
struct term_raw {
    struct str field, logic;
    const struct node *value;
    bool strict;
};
struct allocate_raw {
    struct str amount, over, by, as;
    struct strs minus;
    int64_t scale;
};
struct format_raw {
    struct str old_name, new_name, format;
    const struct node *params;
};
struct group_raw {
    struct strs header, body;
    struct str body_name, target_body_name;
    int64_t max_line;
    const struct node *calculate;
};
struct operation_raw {
    struct str method, rows_key, field, body_name;
    int64_t rows;
    struct strs header, body, body_sum;
};

extern const char *const doc_effects[]; /* QUERY, EXECUTE, WRITE */
struct doc_table doc_keys(enum side side);
extern const struct doc_table doc_field_keys, doc_parser_keys, doc_mapping_keys, doc_remedy_keys, doc_pagination_keys,
    doc_term_keys, doc_allocate_keys, doc_format_keys, doc_group_keys, doc_operation_keys;

/* Rows of words for reference pages; NULL behind the last. */
const struct doc_word *doc_format_at(size_t i); /* behind `|` in a placeholder */
const struct doc_word *doc_parser_at(size_t i);
const struct doc_word *doc_logic_at(size_t i);
const struct doc_word *doc_response_format_at(size_t i);
const struct doc_word *doc_calculation_at(size_t i);

#endif

/* Reading documents that people write: JSON5 (comments, trailing commas, single quotes, unquoted keys, hex and signed
 * numbers), each value with its line and column, so that diagnostics can point. The gate for configuration, as json.h
 * is the gate for replies. Limits: 8 MiB, depth 64, before anything is built. Duplicate keys are reported (error) and
 * the last counts. */
#ifndef BASE_CONF_H
#define BASE_CONF_H

#include "base/buf.h"
#include "base/diag.h"
#include "base/json.h"

enum node_type { NODE_NULL, NODE_BOOL, NODE_NUMBER, NODE_STRING, NODE_ARRAY, NODE_OBJECT };

struct node {
    enum node_type type;
    bool truth;         /* NODE_BOOL */
    struct pos pos;     /* where the value begins */
    struct pos key_pos; /* where its key begins, in an object */
    struct str key;     /* its key, in an object */
    struct str text;    /* NODE_STRING: unescaped; NODE_NUMBER: as written */
    struct node *next;  /* next sibling */
    struct node *child; /* first element or member */
    size_t n_children;
};

/* Parses text into a tree in arena `a`. Problems go to `diags` (errors with position); ERR_CONFIG and *ret untouched
 * when there is no tree. */
enum err conf_parse(struct arena *a, struct str text, const char *file, struct diags *diags,
                    struct node **ret) MUST_USE;
/* Reads a file (regular files only, at most 8 MiB) and parses it. Missing or unreadable: an error in `diags` too. */
enum err conf_load(struct arena *a, const char *path, const char *shown_as, struct diags *diags,
                   struct node **ret) MUST_USE;

struct node *node_get(const struct node *obj, const char *key); /* NULL when absent or not an object */
const char *node_type_name(enum node_type t);
void node_write(const struct node *n, struct buf *out); /* compact strict JSON */

/* A table of the members that an object may have. Everything that reads an object of configuration goes through one:
 * unknown keys and wrong types are reported from it, JSON Schema and reference pages are generated from it. */
enum field_type {
    FIELD_STRING,   /* struct str */
    FIELD_INT,      /* int64_t, min…max */
    FIELD_BOOL,     /* bool */
    FIELD_DURATION, /* int64_t milliseconds, "10s" or a number of seconds */
    FIELD_BYTES,    /* uint64_t */
    FIELD_ENUM,     /* int: index into `names` */
    FIELD_STRINGS,  /* struct strs: an array of strings, or one string */
    FIELD_NODE,     /* const struct node *: kept as it is, any type */
    FIELD_IGNORED   /* known, and not kept */
};
struct strs {
    const struct str *at;
    size_t n;
};
struct field_spec {
    const char *name;
    enum field_type type;
    size_t offset;            /* of the member in the struct that is filled */
    const char *help;         /* one sentence for reference pages and schemas */
    const char *const *names; /* FIELD_ENUM: allowed words, NULL-terminated */
    int64_t min, max;         /* FIELD_INT; both 0: any */
    bool required;
    const char *alias_of; /* another spelling of that field, or NULL */
    /* FIELD_NODE: the table of the object (or of the array's objects) inside, for the schema; or NULL */
    const struct field_spec *members;
    size_t n_members;
    bool by_name; /* with `members`: an object whose members, of any name, are such objects */
};
/* Fills `out` (already holding the defaults) from the object by the table. `unknown` is the level at which unknown keys
 * are reported. Strings are views into the arena. False when an error was reported. */
bool conf_fill(const struct node *obj, const struct field_spec *specs, size_t n_specs, void *out,
               enum diag_level unknown, struct arena *a, struct diags *diags);
/* Writes the JSON Schema (draft 2020-12) of an object with these members. */
void conf_schema(const struct field_spec *specs, size_t n_specs, enum diag_level unknown, struct json_out *w);

#endif

/* What column.c and column_tree.c share. Inside meta only. */
#ifndef META_COLUMN_IMPL_H
#define META_COLUMN_IMPL_H

#include "meta/mapping.h"
#include "meta/parser.h"

#define COLUMN_MAX_NESTING 16

/* Where a value comes from, before mapping and parser. */
enum origin { FROM_NOTHING, FROM_SLOT, FROM_TEMPLATE, FROM_CONSTANT, FROM_TREE, FROM_CHILDREN };

struct tree;     /* a literal array or object with templates in its texts */
struct children; /* fields inside an array or an object */

struct column {
    struct str name;
    enum cast_type type;
    enum origin origin;
    size_t slot;
    const struct tmpl *tmpl;
    struct value constant;
    const struct tree *tree;
    const struct children *children;
    bool has_preset, required;
    const struct tmpl *preset; /* the default as a template, or NULL: preset_value */
    struct value preset_value;
    const struct map_table *map;
    bool map_reverse, map_strict, map_has_default;
    struct value map_default;
    const struct parser *parser;
};

/* A node that is no text and holds no template: number, boolean, null; containers as JSON text. */
struct value column_constant(struct arena *a, const struct node *n);
/* The value cast to the type; containers marked as JSON text (cast.h). */
enum err column_value(const struct column *c, struct env *env, struct value *ret, struct errinfo *ei) MUST_USE;
const struct column *column_compile_at(struct compile *c, const struct meta_field *f, const struct maps *maps,
                                       int depth);

const struct tree *tree_compile(struct compile *c, const struct node *n);
enum err tree_eval(const struct tree *t, struct env *env, struct value *ret, struct errinfo *ei) MUST_USE;
const struct children *children_compile(struct compile *c, const struct meta_field *f, const struct maps *maps,
                                        int depth);
enum err children_eval(const struct children *ch, struct env *env, struct value *ret, struct errinfo *ei) MUST_USE;

#endif

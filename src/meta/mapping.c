/* Static value maps: rows {a_value, a_label, b_value, b_label}, looked up from a to b (positive) or from b to a
 * (reverse).
 *
 * Each direction is an array sorted by key in the arena, searched by halves: nothing to free, nothing that changes.
 * Keys are compared as text, so 1 and "1" are the same; the value that comes out keeps its JSON kind. Of two rows with
 * the same key the first counts. */
#include "meta/mapping.h"

#include <stdlib.h>

struct map_entry {
    struct str key;
    struct value value;
    uint32_t order;
    struct pos pos;
};

struct map_table {
    struct str name;
    struct map_entry *entries[2]; /* positive, reverse */
    size_t n[2];
    struct map_table *next;
};

struct maps {
    struct arena *arena;
    struct map_table *first;
    size_t n;
};

struct maps *maps_new(struct arena *a)
{
    struct maps *m = ARENA_NEW(a, struct maps);

    m->arena = a;
    return m;
}

static int compare(const void *a, const void *b)
{
    const struct map_entry *x = a, *y = b;
    int c = str_cmp(x->key, y->key);

    return c ? c : (x->order > y->order) - (x->order < y->order);
}

static bool cell(const struct node *row, const char *name, struct str *ret_text, struct value *ret_value,
                 struct diags *diags)
{
    const struct node *n = node_get(row, name);

    if (!n || n->type == NODE_ARRAY || n->type == NODE_OBJECT) {
        diags_add(diags, DIAG_ERROR, n ? n->pos : row->pos, "\"%s\" of a map's row is %s", name,
                  n ? "not a single value" : "missing");
        return false;
    }
    *ret_text = n->type == NODE_BOOL   ? (n->truth ? S("true") : S("false"))
                : n->type == NODE_NULL ? (struct str){"", 0}
                                       : n->text;
    *ret_value = n->type == NODE_BOOL     ? value_bool(n->truth)
                 : n->type == NODE_NULL   ? value_null()
                 : n->type == NODE_NUMBER ? value_number(n->text)
                                          : value_text(n->text);
    return true;
}

static void sort_direction(struct map_table *t, int d, struct diags *diags)
{
    struct map_entry *e = t->entries[d];
    size_t n = 0;

    if (t->n[d])
        qsort(e, t->n[d], sizeof *e, compare);
    for (size_t i = 0; i < t->n[d]; i++) {
        if (n && str_eq(e[n - 1].key, e[i].key)) {
            diags_add(diags, DIAG_WARNING, e[i].pos,
                      "map \"" STR_FMT "\" has %s \"" STR_FMT "\" in line %u already; the first counts",
                      STR_ARG(t->name), d ? "b_value" : "a_value", STR_ARG(e[i].key), e[n - 1].pos.line);
            continue;
        }
        e[n++] = e[i];
    }
    t->n[d] = n;
}

static void warn_unknown(const struct node *row, struct diags *diags)
{
    static const char *const names[] = {"a_value", "a_label", "b_value", "b_label"};

    for (const struct node *m = row->child; m; m = m->next) {
        bool known = false;

        for (size_t i = 0; i < 4; i++)
            known |= str_eq(m->key, str_of(names[i]));
        if (known)
            continue;
        diags_add(diags, DIAG_WARNING, m->key_pos, "\"" STR_FMT "\" is not a member of a map's row", STR_ARG(m->key));
        diags_nearest(diags, str_nearest(m->key, names, 4));
    }
}

void maps_add(struct maps *m, struct str name, const struct node *rows, struct diags *diags)
{
    struct map_table *t;
    uint32_t order = 0;

    if (rows->type != NODE_ARRAY) {
        diags_add(diags, DIAG_ERROR, rows->pos, "a map is %s, not an array of rows", node_type_name(rows->type));
        return;
    }
    t = ARENA_NEW(m->arena, struct map_table);
    t->name = arena_str(m->arena, name);
    for (int d = 0; d < 2; d++)
        t->entries[d] = ARENA_ARRAY(m->arena, struct map_entry, rows->n_children);
    for (const struct node *row = rows->child; row; row = row->next) {
        struct str a, b;
        struct value av, bv;

        if (row->type != NODE_OBJECT) {
            diags_add(diags, DIAG_ERROR, row->pos, "a map's row is %s, not an object", node_type_name(row->type));
            continue;
        }
        warn_unknown(row, diags);
        if (!cell(row, "a_value", &a, &av, diags) || !cell(row, "b_value", &b, &bv, diags))
            continue;
        t->entries[0][t->n[0]++] = (struct map_entry){a, bv, order, row->pos};
        t->entries[1][t->n[1]++] = (struct map_entry){b, av, order++, row->pos};
    }
    sort_direction(t, 0, diags);
    sort_direction(t, 1, diags);
    t->next = m->first;
    m->first = t;
    m->n++;
}

const struct map_table *maps_find(const struct maps *m, struct str name, const char **ret_nearest)
{
    size_t best = SIZE_MAX;

    *ret_nearest = NULL;
    for (const struct map_table *t = m ? m->first : NULL; t; t = t->next) {
        size_t d;

        if (str_eq(t->name, name))
            return t;
        d = str_distance(name, t->name);
        if (d < best && d <= 1 + name.n / 4) {
            best = d;
            *ret_nearest = t->name.p;
        }
    }
    return NULL;
}

bool map_lookup(const struct map_table *t, bool reverse, struct str key, struct value *ret)
{
    const struct map_entry *e = t->entries[reverse];
    size_t low = 0, high = t->n[reverse];

    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int c = str_cmp(e[mid].key, key);

        if (c == 0) {
            *ret = e[mid].value;
            return true;
        }
        if (c < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return false;
}

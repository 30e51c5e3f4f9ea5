/* What shaping needs to know, worked out once: which arrays give rows, which slots are paths, where allocated shares
 * go, which columns are plain copies of a slot. */
#include "shape/plan.h"

static int array_index(struct shape *s, struct str name)
{
    for (size_t i = 0; i < s->n_arrays; i++)
        if (str_eq(s->arrays[i].name, name))
            return (int)i;
    return -1;
}

static struct str last_segment(struct str path)
{
    size_t dot = 0;

    for (size_t i = 0; i < path.n; i++)
        if (path.p[i] == '.')
            dot = i + 1;
    return str_sub(path, dot, path.n);
}

static bool add_array(struct shape *s, struct str name, bool flat)
{
    int at = array_index(s, name);

    if (at >= 0) {
        s->arrays[at].flat |= flat;
        return true;
    }
    if (s->n_arrays == SHAPE_ARRAYS)
        return false;
    s->arrays[s->n_arrays++] = (struct shape_array){
        .name = name,
        .prefix = arena_printf(s->arena, STR_FMT "_", STR_ARG(last_segment(name))),
        .flat = flat,
    };
    return true;
}

static bool compile_arrays(struct shape *s, struct diags *diags)
{
    const struct strs *flat = &s->in.source->beat_flat;
    bool ok = true;

    for (size_t i = 0; i < flat->n; i++)
        ok &= add_array(s, flat->at[i], true);
    for (size_t i = 1; i < s->in.n_statements; i++)
        if (s->in.arrays[i].n)
            ok &= add_array(s, s->in.arrays[i], false);
    if (!ok)
        diags_add(diags, DIAG_ERROR, s->in.source->pos, "more than %d arrays are flattened", SHAPE_ARRAYS);
    return ok;
}

/* "items.x" with an array named "items": the index and "x". A numeric next segment is an ordinary path. */
static int path_array(struct shape *s, struct str path, struct str *ret_rest)
{
    for (size_t i = 0; i < s->n_arrays; i++) {
        struct str name = s->arrays[i].name;

        if (path.n > name.n + 1 && str_starts(path, name) && path.p[name.n] == '.') {
            struct str rest = str_sub(path, name.n + 1, path.n);

            if (rest.p[0] >= '0' && rest.p[0] <= '9')
                return -1;
            *ret_rest = rest;
            return (int)i;
        }
    }
    return -1;
}

static void compile_formats_slots(struct shape *s)
{
    s->format_old = ARENA_ARRAY(s->arena, size_t, s->formats.n);
    s->format_new = ARENA_ARRAY(s->arena, size_t, s->formats.n);
    for (size_t i = 0; i < s->formats.n; i++) {
        s->format_old[i] = slots_add(s->in.slots, s->formats.at[i].old_name, SLOT_FIELD);
        s->format_new[i] = slots_add(s->in.slots, s->formats.at[i].new_name, SLOT_FIELD);
    }
}

static void compile_column_slot(struct shape *s, size_t slot, struct str name)
{
    size_t cut = name.n;

    while (cut > 0 && name.p[cut - 1] != '.')
        cut--;
    s->columns[s->n_columns++] = (struct column_slot){
        slot,
        cut ? str_sub(name, 0, cut - 1) : (struct str){0},
        str_sub(name, cut, name.n),
    };
}

static void compile_slots(struct shape *s)
{
    s->n_slots = slots_count(s->in.slots);
    s->paths = ARENA_ARRAY(s->arena, struct path_slot, s->n_slots);
    s->columns = ARENA_ARRAY(s->arena, struct column_slot, s->n_slots);
    s->names = map_new();
    for (size_t i = 0; i < s->n_slots; i++) {
        struct str name = slots_name(s->in.slots, i);
        struct str rest = {0};
        int array;

        if (slots_kind(s->in.slots, i) == SLOT_COLUMN) {
            compile_column_slot(s, i, name);
        } else if (name.n && memchr(name.p, '.', name.n)) {
            array = path_array(s, name, &rest);
            s->paths[s->n_paths++] = (struct path_slot){i, name, array, rest};
        } else {
            map_put(s->names, name, i);
        }
    }
}

static void compile_allocs(struct shape *s)
{
    s->n_allocs = s->allocate ? allocate_count(s->allocate) : 0;
    s->allocs = ARENA_ARRAY(s->arena, struct shape_alloc, s->n_allocs);
    for (size_t i = 0; i < s->n_allocs; i++) {
        struct shape_alloc *al = &s->allocs[i];
        struct str name;

        al->over = allocate_over(s->allocate, i);
        al->as = allocate_as(s->allocate, i);
        al->array = array_index(s, al->over);
        name = arena_printf(s->arena, STR_FMT "_" STR_FMT, STR_ARG(last_segment(al->over)), STR_ARG(al->as));
        al->slot = map_get(s->names, name);
    }
}

static void compile_plain(struct shape *s)
{
    for (size_t i = 0; i < s->in.n_statements; i++) {
        s->plain[i] = ARENA_ARRAY(s->arena, size_t, s->in.n_columns[i]);
        for (size_t c = 0; c < s->in.n_columns[i]; c++)
            if (!column_is_plain_text(s->in.columns[i][c], &s->plain[i][c]))
                s->plain[i][c] = SIZE_MAX;
    }
}

struct shape *shape_compile(struct arena *a, const struct shape_input *in, struct diags *diags)
{
    struct shape *s = ARENA_NEW(a, struct shape);
    const struct node *allocate = in->source->allocate;
    bool ok[4], all;

    s->in = *in;
    s->arena = a;
    if (!allocate && in->iface)
        allocate = in->iface->allocate;
    s->cond = cond_compile(a, in->source->condition, &in->source->beat_flat, diags, &ok[0]);
    if (s->cond)
        s->cond = cond_in_zone(a, s->cond, in->remote_zone);
    s->allocate = allocate_compile(a, allocate, diags, &ok[1]);
    s->group = group_compile(a, in->target->group_calculate, diags, &ok[2]);
    s->operation = operation_compile(a, in->target->operation, diags, &ok[3]);
    all = ok[0] && ok[1] && ok[2] && ok[3];
    all &= formats_compile(a, in->source->format_response, diags, &s->formats);
    all &= compile_arrays(s, diags);
    compile_formats_slots(s);
    compile_slots(s);
    compile_allocs(s);
    compile_plain(s);
    if (all)
        return s;
    shape_free(s);
    return NULL;
}

void shape_free(struct shape *s)
{
    if (!s)
        return;
    map_free(s->names);
    slots_free(s->in.slots);
}

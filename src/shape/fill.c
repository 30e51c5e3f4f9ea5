/* From a JSON object to the slots of a row, in one walk over its members.
 *
 * What a key means (its slot, another name of it, whether slots lie inside it) is worked out when it is seen for the
 * first time and kept with its guess (guess.c) for the shaper's life. The same walk counts what values look like
 * (look.c) when the run wants to know.
 *
 * Where several sources give the same slot, the higher rank wins (decisions 19): element field over header field over
 * flattened object; an alias counts less than the name itself. A path slot is resolved after the walk, against the
 * record or the element that the row stands for. */
#include "shape/plan.h"

enum rank { RANK_NONE, RANK_FLAT, RANK_ALIAS, RANK_HEADER, RANK_ELEMENT_FLAT, RANK_ELEMENT_ALIAS, RANK_ELEMENT };

#define NAME_MAX_BYTES 256
#define NEST_MAX       8

void fill_clear(const struct shape *s, struct fill *f)
{
    memset(f->value, 0, s->n_slots * sizeof *f->value);
    memset(f->rank, 0, s->n_slots);
}

static size_t slot_of(const struct shape *s, struct str prefix, struct str key)
{
    char name[NAME_MAX_BYTES];

    if (prefix.n + key.n > sizeof name)
        return MAP_NONE;
    if (prefix.n)
        memcpy(name, prefix.p, prefix.n);
    if (key.n)
        memcpy(name + prefix.n, key.p, key.n);
    return map_get(s->names, (struct str){name, prefix.n + key.n});
}

static size_t alias_of(const struct shape *s, struct str prefix, struct str key)
{
    const struct iface *face = s->in.iface;

    for (size_t i = 0; face && i < face->n_aliases; i++) {
        if (str_eq(key, face->aliases[i].a))
            return slot_of(s, prefix, face->aliases[i].b);
        if (str_eq(key, face->aliases[i].b))
            return slot_of(s, prefix, face->aliases[i].a);
    }
    return MAP_NONE;
}

/* Is there a slot named prefix + key + "_" + something? */
static bool has_inner_slots(const struct shape *s, struct str prefix, struct str key)
{
    for (size_t i = 0; i < s->n_slots; i++) {
        struct str name = slots_name(s->in.slots, i);

        if (name.n > prefix.n + key.n + 1 && str_starts(name, prefix) &&
            str_starts(str_sub(name, prefix.n, name.n), key) && name.p[prefix.n + key.n] == '_')
            return true;
    }
    return false;
}

/* Does the field of this guess hold the elements of lines? Then they are looked at line by line. */
static bool gives_lines(const struct shape *s, struct str prefix, struct str key)
{
    for (size_t i = 0; i < s->n_arrays && !prefix.n; i++)
        if (str_starts(s->arrays[i].name, key) && (s->arrays[i].name.n == key.n || s->arrays[i].name.p[key.n] == '.'))
            return true;
    return false;
}

/* What a key means, worked out once. */
static void judge(const struct shape *s, const struct guesses *g, struct guess *k)
{
    k->slot = slot_of(s, g->prefix, k->key);
    k->alias = alias_of(s, g->prefix, k->key);
    k->nested = has_inner_slots(s, g->prefix, k->key);
    k->walked = gives_lines(s, g->prefix, k->key);
}

static void put(struct fill *f, size_t slot, const struct value *v, enum rank rank)
{
    if (slot == MAP_NONE || f->rank[slot] > rank)
        return;
    f->value[slot] = *v;
    f->rank[slot] = (uint8_t)rank;
}

static void fill_nested(const struct shape *s, struct str prefix, const struct json *object, enum rank rank,
                        struct fill *f)
{
    struct nest {
        struct json_iter it;
        size_t n;
    } stack[NEST_MAX];
    char name[NAME_MAX_BYTES];
    int depth = 0;

    if (prefix.n + 1 > sizeof name)
        return;
    memcpy(name, prefix.p, prefix.n);
    name[prefix.n] = '_';
    stack[0] = (struct nest){json_iter(object), prefix.n + 1};
    while (depth >= 0) {
        struct nest *top = &stack[depth];
        struct str key;
        const struct json *v = json_next(&top->it, &key);
        struct value value;
        size_t n;

        if (!v) {
            depth--;
            continue;
        }
        n = top->n + key.n;
        if (n + 1 > sizeof name)
            continue;
        memcpy(name + top->n, key.p, key.n);
        value = value_of_json(v);
        put(f, map_get(s->names, (struct str){name, n}), &value, rank);
        if (json_type(v) == JSON_OBJECT && depth + 1 < NEST_MAX) {
            name[n] = '_';
            stack[++depth] = (struct nest){json_iter(v), n + 1};
        }
    }
}

void fill_object(const struct shape *s, struct guesses *g, const struct json *object, bool element, struct fill *f)
{
    struct json_iter it = json_iter(object);
    const struct json *v;
    struct str key;

    g->pos = 0;
    g->objects += g->look;
    while ((v = json_next(&it, &key))) {
        bool new;
        struct guess *k = guess_find(g, key, &new);
        struct value value;

        if (new)
            judge(s, g, k);
        value = value_of_json(v);
        if (g->look && k != &g->spare)
            look_at(k, &value, g->tally);
        put(f, k->slot, &value, element ? RANK_ELEMENT : RANK_HEADER);
        put(f, k->alias, &value, element ? RANK_ELEMENT_ALIAS : RANK_ALIAS);
        if (k->nested && json_type(v) == JSON_OBJECT) {
            char full[NAME_MAX_BYTES];
            size_t n = g->prefix.n + key.n;

            if (n > sizeof full)
                continue;
            memcpy(full, g->prefix.n ? g->prefix.p : "", g->prefix.n);
            memcpy(full + g->prefix.n, key.p, key.n);
            fill_nested(s, (struct str){full, n}, v, element ? RANK_ELEMENT_FLAT : RANK_FLAT, f);
        }
    }
}

void fill_paths(const struct shape *s, const struct json *record, const struct json *const *elements, struct fill *f)
{
    for (size_t i = 0; i < s->n_paths; i++) {
        const struct path_slot *p = &s->paths[i];
        const struct json *element = p->array >= 0 ? elements[p->array] : NULL;

        if (f->rank[p->slot] == RANK_ELEMENT)
            continue;
        f->value[p->slot] = value_of_json(element ? json_path(element, p->rest) : json_path(record, p->path));
    }
}

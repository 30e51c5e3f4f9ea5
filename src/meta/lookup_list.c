/* The lookups of a whole document, to know what else has to be read before it can be compiled. What is wrong with them
 * is told when the document is compiled, not here. */
#include "meta/doc.h"
#include "meta/tmpl_impl.h"

#define DEPTH_MAX 64

static void in_text(struct compile *c, struct str text, struct pos pos)
{
    if (tmpl_lookup_find(text, 0) != SIZE_MAX)
        (void)tmpl_compile(c, text, pos);
}

static void in_node(struct compile *c, const struct node *n, int depth)
{
    if (!n || depth > DEPTH_MAX)
        return;
    if (n->type == NODE_STRING)
        in_text(c, n->text, n->pos);
    for (const struct node *e = n->child; e; e = e->next)
        in_node(c, e, depth + 1);
}

static void in_fields(struct compile *c, struct meta_fields fields, int depth)
{
    for (size_t i = 0; i < fields.n && depth <= DEPTH_MAX; i++) {
        const struct meta_field *f = &fields.at[i];

        in_node(c, f->value, 0);
        in_node(c, f->preset, 0);
        in_fields(c, (struct meta_fields){f->children, f->n_children}, depth + 1);
    }
}

void meta_lookups(const struct meta_doc *doc, struct arena *a, struct lookup_list *ret)
{
    struct compile c = {.arena = a, .slots = slots_new(), .side = SIDE_TARGET, .diags = diags_new(), .lookups = ret};

    in_text(&c, doc->id, doc->id_pos);
    in_fields(&c, doc->request, 0);
    in_fields(&c, doc->other_request, 0);
    in_fields(&c, doc->take_over, 0);
    diags_free(c.diags);
    slots_free(c.slots);
}

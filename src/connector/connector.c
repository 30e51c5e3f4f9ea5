/* Questions to a connector that was read: its name, options, interfaces, quota and clock, an interface's paging, and a
 * record's field by either of its names. Reading is in connector_read.c, calls in sign.c, replies in judge.c. */
#include "connector/connector_model.h"

struct str connector_name(const struct connector *c)
{
    return c->name;
}

struct str connector_title(const struct connector *c)
{
    return c->title.n ? c->title : c->name;
}

enum connector_kind connector_get_kind(const struct connector *c)
{
    return (enum connector_kind)c->kind;
}

const struct connector_option *connector_options(const struct connector *c, size_t *ret_n)
{
    *ret_n = c->n_options;
    return c->options;
}

const struct connector_option *connector_option(const struct connector *c, struct str name)
{
    for (size_t i = 0; i < c->n_options; i++) {
        if (str_eq(c->options[i].name, name))
            return &c->options[i];
    }
    return NULL;
}

const struct iface *connector_ifaces(const struct connector *c, size_t *ret_n)
{
    *ret_n = c->n_ifaces;
    return c->ifaces;
}

const struct iface *connector_iface(const struct connector *c, struct str name)
{
    for (size_t i = 0; i < c->n_ifaces; i++) {
        if (str_eq(c->ifaces[i].name, name))
            return &c->ifaces[i];
    }
    return NULL;
}

void connector_quota(const struct connector *c, int64_t *ret_calls, int64_t *ret_per_ms)
{
    *ret_calls = c->quota.calls;
    *ret_per_ms = c->quota.per_ms;
}

struct str connector_zone(const struct connector *c)
{
    return c->clock.zone;
}

int64_t connector_clock_tolerance_ms(const struct connector *c)
{
    return c->clock.tolerance_ms;
}

const struct paging *iface_paging(const struct iface *i, struct str mode)
{
    if (!mode.n)
        return &i->paging;
    for (size_t m = 0; m < i->n_modes; m++) {
        if (str_eq(i->modes[m].name, mode))
            return &i->modes[m].paging;
    }
    return NULL;
}

struct str iface_mode(const struct iface *i, const struct kv *business, size_t n)
{
    for (size_t m = 0; m < i->n_modes; m++) {
        for (size_t k = 0; k < n; k++) {
            if (business[k].value.n && str_eq(business[k].key, i->modes[m].name))
                return i->modes[m].name;
        }
    }
    return (struct str){0};
}

const struct json *iface_field(const struct iface *i, const struct json *record, struct str name)
{
    const struct json *v = json_get(record, name);

    for (size_t k = 0; !v && k < i->n_aliases; k++) {
        const struct alias *al = &i->aliases[k];

        if (str_eq(name, al->a))
            v = json_get(record, al->b);
        else if (str_eq(name, al->b))
            v = json_get(record, al->a);
    }
    return v;
}

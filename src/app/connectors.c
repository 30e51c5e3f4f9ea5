/* `connectors`: the systems that the program speaks, as their descriptions say. */
#include "app/out.h"
#include "base/product.h"

#include <unistd.h>

/* A project's own connectors count as well, when we stand in one. */
static const char *project_dir(const struct app *app)
{
    return access(app->dir, F_OK) == 0 ? app->dir : NULL;
}

static const struct connector *load(struct app *app, struct str name, struct errinfo *ei)
{
    const struct connector *c = connector_find(app->arena, project_dir(app), name, (struct pos){0}, app->diags);

    if (!c && !diags_first_error(app->diags, ei))
        fail(ei, ERR_CONFIG, "connector \"" STR_FMT "\" cannot be read", STR_ARG(name));
    return c;
}

static const char *kind_of(const struct connector *c)
{
    return connector_get_kind(c) == CONNECTOR_DATABASE ? "database" : "http";
}

static int list(struct app *app)
{
    struct buf b = buf_make(1u << 20);
    struct json_out w = json_out(&b);
    struct strs names;
    struct errinfo ei;

    if (connector_names(app->arena, project_dir(app), &names, &ei))
        return app_fail(app, &ei);
    json_out_begin(&w, '{');
    json_out_key(&w, "connectors");
    json_out_begin(&w, '[');
    for (size_t i = 0; i < names.n; i++) {
        const struct connector *c = load(app, names.at[i], &ei);
        struct buf cell = buf_make(256);
        size_t n;

        if (!c)
            return app_fail(app, &ei);
        connector_ifaces(c, &n);
        add_fitted(&cell, names.at[i], 20);
        say(app, "%s  %-8s  %3zu interfaces  " STR_FMT "\n", buf_cstr(&cell), kind_of(c), n,
            STR_ARG(connector_title(c)));
        buf_free(&cell);
        json_out_begin(&w, '{');
        json_member(&w, "name", names.at[i]);
        json_member(&w, "title", connector_title(c));
        json_member(&w, "kind", str_of(kind_of(c)));
        json_number(&w, "interfaces", (int64_t)n);
        json_out_end(&w, '}');
    }
    json_out_end(&w, ']');
    json_out_end(&w, '}');
    if (app->json)
        print_json(app, &b);
    buf_free(&b);
    return STATUS_OK;
}

static void options_json(struct json_out *w, const struct connector *c)
{
    size_t n;
    const struct connector_option *o = connector_options(c, &n);

    json_out_key(w, "params");
    json_out_begin(w, '[');
    for (size_t i = 0; i < n; i++) {
        json_out_begin(w, '{');
        json_member(w, "name", o[i].name);
        json_member(w, "help", o[i].help);
        json_member(w, "default", o[i].preset.n ? o[i].preset : (struct str){0});
        json_flag(w, "required", o[i].required);
        json_flag(w, "secret", o[i].secret);
        json_out_end(w, '}');
    }
    json_out_end(w, ']');
}

static void fields_json(struct json_out *w, const char *key, const struct iface_field *f, size_t n)
{
    json_out_key(w, key);
    json_out_begin(w, '[');
    for (size_t i = 0; i < n; i++) {
        json_out_begin(w, '{');
        json_member(w, "name", f[i].name);
        json_member(w, "type", f[i].type);
        json_member(w, "label", f[i].label);
        json_out_end(w, '}');
    }
    json_out_end(w, ']');
}

static void ifaces_json(struct json_out *w, const struct connector *c)
{
    size_t n;
    const struct iface *f = connector_ifaces(c, &n);

    json_out_key(w, "interfaces");
    json_out_begin(w, '[');
    for (size_t i = 0; i < n; i++) {
        json_out_begin(w, '{');
        json_member(w, "name", f[i].name);
        json_member(w, "label", f[i].label);
        json_member(w, "id", f[i].id.n ? f[i].id : (struct str){0});
        json_number(w, "page_size_max", f[i].paging.size_max);
        json_number(w, "window_max_ms", f[i].window.max_ms);
        fields_json(w, "params", f[i].params, f[i].n_params);
        fields_json(w, "fields", f[i].fields, f[i].n_fields);
        json_out_end(w, '}');
    }
    json_out_end(w, ']');
}

static void tell_json(const struct app *app, const struct connector *c)
{
    struct buf b = buf_make(8u << 20);
    struct json_out w = json_out(&b);
    int64_t calls, per_ms;

    connector_quota(c, &calls, &per_ms);
    json_out_begin(&w, '{');
    json_member(&w, "name", connector_name(c));
    json_member(&w, "title", connector_title(c));
    json_member(&w, "kind", str_of(kind_of(c)));
    json_out_key(&w, "quota");
    json_out_begin(&w, '{');
    json_number(&w, "calls", calls);
    json_number(&w, "per_ms", per_ms);
    json_out_end(&w, '}');
    options_json(&w, c);
    ifaces_json(&w, c);
    json_out_end(&w, '}');
    print_json(app, &b);
    buf_free(&b);
}

static void add_row(struct buf *b, struct str name, size_t width, struct str help)
{
    buf_add(b, S("  "));
    add_fitted(b, name, text_width(name) < width ? width : text_width(name) + 2);
    add_clean(b, help);
    buf_byte(b, '\n');
}

static void tell_options(struct app *app, const struct connector *c, struct buf *b)
{
    size_t n;
    const struct connector_option *o = connector_options(c, &n);

    buf_add(b, S("\nParameters of a connection:\n"));
    for (size_t i = 0; i < n; i++) {
        struct str note = arena_printf(app->arena, STR_FMT "%s%s%s" STR_FMT "%s", STR_ARG(o[i].help),
                                       o[i].required ? " [required]" : "", o[i].secret ? " [secret]" : "",
                                       o[i].preset.n ? " [" : "", STR_ARG(o[i].preset), o[i].preset.n ? "]" : "");

        add_row(b, o[i].name, 18, note);
    }
}

static void tell_iface(struct app *app, const struct iface *f, struct buf *b)
{
    buf_printf(b, "\n%s" STR_FMT "%s  " STR_FMT "\n", color(app, COLOR_BOLD), STR_ARG(f->name), color(app, COLOR_NONE),
               STR_ARG(f->label));
    if (f->paging.size_max)
        buf_printf(b, "  at most %lld rows a page\n", (long long)f->paging.size_max);
    if (f->window.max_ms)
        buf_printf(b, "  windows of at most " STR_FMT "\n", STR_ARG(duration_text(app, f->window.max_ms)));
    if (f->id.n)
        buf_printf(b, "  a record's id is " STR_FMT "\n", STR_ARG(f->id));
    for (size_t i = 0; app->verbose && i < f->n_params; i++)
        add_row(b, f->params[i].name, 24, f->params[i].label);
    if (app->verbose && f->n_fields)
        buf_add(b, S("  fields of a record:\n"));
    for (size_t i = 0; app->verbose && i < f->n_fields; i++)
        add_row(b, f->fields[i].name, 24, f->fields[i].label);
}

static void tell(struct app *app, const struct connector *c)
{
    struct buf b = buf_make(8u << 20);
    size_t n;
    const struct iface *f = connector_ifaces(c, &n);
    int64_t calls, per_ms;

    connector_quota(c, &calls, &per_ms);
    buf_printf(&b, "%s" STR_FMT "%s  " STR_FMT "\n", color(app, COLOR_BOLD), STR_ARG(connector_name(c)),
               color(app, COLOR_NONE), STR_ARG(connector_title(c)));
    if (calls)
        buf_printf(&b, "at most %lld calls in " STR_FMT "\n", (long long)calls, STR_ARG(duration_text(app, per_ms)));
    tell_options(app, c, &b);
    buf_add(&b, S("\nInterfaces:\n"));
    for (size_t i = 0; i < n; i++)
        tell_iface(app, &f[i], &b);
    if (!app->verbose && connector_get_kind(c) == CONNECTOR_HTTP)
        buf_add(&b, S("\n-v lists parameters and fields as well\n"));
    say_str(app, buf_str(&b));
    buf_free(&b);
}

int command_connectors(struct app *app)
{
    const struct connector *c;
    struct errinfo ei;

    if (!app->n_words)
        return list(app);
    c = load(app, app_word(app, 0), &ei);
    if (!c)
        return app_fail(app, &ei);
    if (app->json)
        tell_json(app, c);
    else
        tell(app, c);
    return STATUS_OK;
}

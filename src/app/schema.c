/* `schema`: JSON Schemas of a project's files, for editors. */
#include "app/out.h"
#include "base/product.h"

static void list(const struct app *app)
{
    struct buf b = buf_make(1u << 16);
    struct json_out w = json_out(&b);

    json_out_begin(&w, '{');
    json_out_key(&w, "schemas");
    json_out_begin(&w, '[');
    for (size_t i = 0; project_schema_names[i]; i++) {
        say(app, "%s\n", project_schema_names[i]);
        json_out_cstr(&w, project_schema_names[i]);
    }
    json_out_end(&w, ']');
    json_out_end(&w, '}');
    if (app->json)
        print_json(app, &b);
    buf_free(&b);
}

int command_schema(struct app *app)
{
    struct buf b = buf_make(8u << 20);
    const char *near;
    size_t n = 0;

    if (!app->n_words) {
        list(app);
        return STATUS_OK;
    }
    if (!project_schema(app_word(app, 0), &b)) {
        while (project_schema_names[n])
            n++;
        near = str_nearest(app_word(app, 0), project_schema_names, n);
        buf_free(&b);
        return near ? app_usage(app, "there is no schema \"%s\" (did you mean \"%s\"?)", app->words[0], near)
                    : app_usage(app, "there is no schema \"%s\"", app->words[0]);
    }
    print_json(app, &b);
    buf_free(&b);
    return STATUS_OK;
}

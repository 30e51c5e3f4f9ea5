/* `version`: what this build is. */
#include "app/out.h"
#include "base/product.h"

#ifdef FAULT_POINTS
#define HAS_FAULT_POINTS true
#else
#define HAS_FAULT_POINTS false
#endif

int command_version(struct app *app)
{
    struct buf b = buf_make(1u << 16);
    struct json_out w = json_out(&b);
    struct errinfo ei;
    struct str dir;
    bool found = connectors_dir(app->arena, &dir, &ei) == OK;

    say(app, "%s %s\n", PRODUCT, PRODUCT_VERSION);
    say(app, "compiler    %s\nconnectors  " STR_FMT "\n", __VERSION__, STR_ARG(found ? dir : str_of(ei.msg)));
    if (app->json) {
        json_out_begin(&w, '{');
        json_member(&w, "name", S(PRODUCT));
        json_member(&w, "version", S(PRODUCT_VERSION));
        json_member(&w, "compiler", S(__VERSION__));
        json_member(&w, "connectors", found ? dir : (struct str){0});
        json_flag(&w, "fault_points", HAS_FAULT_POINTS);
        json_out_end(&w, '}');
        print_json(app, &b);
    }
    buf_free(&b);
    return STATUS_OK;
}

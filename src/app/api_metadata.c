/* Routes about the documents of an integration: as they are, tried out, saved, gone back to. What has errors is not
 * saved: it would not be run either. */
#include <string.h>

#include "app/api_impl.h"
#include "app/documents.h"
#include "app/out.h"

static void write_documents(const struct documents *d, struct json_out *w)
{
    json_out_begin(w, '{');
    json_member(w, "version", d->version);
    for (int k = 0; k < DOC_KINDS; k++) {
        json_out_key(w, document_names[k]);
        json_out_begin(w, '{');
        json_member(w, "path", d->path[k]);
        json_member(w, "text", d->text[k]);
        json_out_end(w, '}');
    }
    json_out_end(w, '}');
}

static struct json_out body(struct http_answer *ret)
{
    return json_out(&ret->body);
}

HANDLER(api_get_metadata)
{
    struct serving *s = serving;
    struct json_out w = body(ret);
    struct documents d;
    struct errinfo ei;
    struct str name;

    if (!api_name(s, call, ret, &name))
        return;
    if (documents_read(s->app->project, name, call->arena, &d, &ei))
        answer_err(ret, &ei);
    else
        write_documents(&d, &w);
}

/* The texts that came with the call. */
static void texts_of(const struct http_call *call, struct str texts[DOC_KINDS])
{
    for (int k = 0; k < DOC_KINDS; k++)
        texts[k] = call_text(call, document_names[k]);
}

/* A command on a copy of the project with these texts in place. */
static void try_command(struct serving *s, const struct http_call *call, const struct str texts[DOC_KINDS],
                        const char *const *words, struct http_answer *ret)
{
    struct serving other = *s;
    struct errinfo ei;
    struct str name;

    if (!api_name(s, call, ret, &name))
        return;
    if (documents_try(s->app->project, name, texts, call->arena, &other.dir, &ei)) {
        answer_err(ret, &ei);
        return;
    }
    api_command(&other, call, words, ret);
    documents_untry(other.dir);
}

HANDLER(api_post_metadata_check)
{
    const char *words[] = {"check", "--", arena_cstr(call->arena, call_text(call, "name")), NULL};
    struct str texts[DOC_KINDS];

    texts_of(call, texts);
    try_command(serving, call, texts, words, ret);
}

HANDLER(api_post_metadata_preview)
{
    const char *words[] = {"preview", "", "--", arena_cstr(call->arena, call_text(call, "name")), NULL};
    struct str texts[DOC_KINDS];

    words[1] = arena_printf(call->arena, "--number=%lld", (long long)call_int(call, "n", 5)).p;
    texts_of(call, texts);
    try_command(serving, call, texts, words, ret);
}

/* ---- versions ---- */

HANDLER(api_get_versions)
{
    struct serving *s = serving;
    struct json_out w = body(ret);
    struct errinfo ei;
    struct str name;

    if (!api_name(s, call, ret, &name))
        return;
    json_out_begin(&w, '{');
    json_out_key(&w, "versions");
    if (documents_versions(s->app->project, name, &w, &ei)) {
        answer_err(ret, &ei);
        return;
    }
    json_out_end(&w, '}');
}

HANDLER(api_get_version)
{
    struct serving *s = serving;
    struct json_out w = body(ret);
    struct documents d;
    struct errinfo ei;
    struct str name;

    if (!api_name(s, call, ret, &name))
        return;
    if (documents_version(s->app->project, name, call_text(call, "version"), call->arena, &d, &ei))
        answer_missing(ret, "version", call_text(call, "version"), NULL);
    else
        write_documents(&d, &w);
}

/* Would the project have errors with these texts? They are answered. */
static bool has_errors(struct serving *s, const struct http_call *call, const struct str texts[DOC_KINDS],
                       struct http_answer *ret)
{
    const char *words[] = {"check", "--", arena_cstr(call->arena, call_text(call, "name")), NULL};
    struct http_answer said = {.status = 200, .body = buf_make(ANSWER_MAX)};
    struct json_doc *doc = NULL;
    const struct json *first;
    struct errinfo ei;
    int64_t errors = 0;

    try_command(s, call, texts, words, &said);
    if (said.status == 200 && !json_parse(buf_str(&said.body), &JSON_LIMITS_DEFAULT, &doc, NULL, &ei))
        json_i64(json_get(json_root(doc), S("errors")), &errors);
    if (errors) {
        struct json_iter it = json_iter(json_get(json_root(doc), S("diagnostics")));

        while ((first = json_next(&it, NULL)) && !str_eq(json_text(json_get(first, S("severity"))), S("error")))
            ;
        fail(&ei, ERR_CONFIG, STR_FMT ": " STR_FMT, STR_ARG(json_text(json_get(first, S("file")))),
             STR_ARG(json_text(json_get(first, S("what")))));
        fail_hint(&ei, "documents with errors are not saved; %lld to mend", (long long)errors);
        answer_err(ret, &ei);
    } else if (said.status != 200) {
        ret->status = said.status;
        buf_add(&ret->body, buf_str(&said.body));
    }
    json_free(doc);
    buf_free(&said.body);
    return errors || said.status != 200;
}

static void save(struct serving *s, const struct http_call *call, struct document_edit *e, struct http_answer *ret)
{
    struct json_out w = body(ret);
    struct str version;
    struct errinfo ei;

    e->note =
        (struct version_note){call->user, call_text(call, "comment"), clock_wall(&clock_system), s->app->project->zone};
    if (!api_name(s, call, ret, &e->name) || has_errors(s, call, e->texts, ret))
        return;
    if (documents_save(s->app->project, e, call->arena, &version, &ei)) {
        answer_err(ret, &ei);
        return;
    }
    service_reload(s->service);
    json_out_begin(&w, '{');
    json_member(&w, "version", version);
    json_out_end(&w, '}');
}

HANDLER(api_put_metadata)
{
    struct document_edit e = {.base = call_text(call, "base")};

    texts_of(call, e.texts);
    save(serving, call, &e, ret);
}

HANDLER(api_post_rollback)
{
    struct serving *s = serving;
    struct document_edit e = {0};
    struct documents d;
    struct errinfo ei;
    struct str name;

    if (!api_name(s, call, ret, &name))
        return;
    if (documents_version(s->app->project, name, call_text(call, "version"), call->arena, &d, &ei)) {
        answer_missing(ret, "version", call_text(call, "version"), NULL);
        return;
    }
    memcpy(e.texts, d.text, sizeof e.texts);
    save(s, call, &e, ret);
}

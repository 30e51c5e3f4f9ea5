/* `traces` of sluice.json: an address and headers. Headers often carry a key, so their values are secrets: references
 * are resolved when they are used, literals are masked and warned of when their name says that they are secret. */
#include "project/traces.h"

#include "base/product.h"
#include "project/secret.h"

#include <string.h>

#define HEADERS_MAX 32

struct traces_raw {
    struct str otlp;
    const struct node *headers;
};

const struct field_spec trace_members[TRACE_MEMBERS] = {
    {.name = "otlp",
     .type = FIELD_STRING,
     .offset = offsetof(struct traces_raw, otlp),
     .required = true,
     .help = "Address of a collector that takes OTLP over HTTP as JSON, such as http://127.0.0.1:4318."},
    {.name = "headers",
     .type = FIELD_NODE,
     .offset = offsetof(struct traces_raw, headers),
     .help = "Headers that it wants, by name; values may be secrets: ${env:NAME}, ${file:PATH}, ${secret:NAME}."},
};

static void wrong(struct diags *diags, struct pos pos, const char *what, const char *remedy)
{
    diags_add(diags, DIAG_ERROR, pos, "%s", what);
    diags_remedy(diags, "%s", remedy);
}

/* RFC 9110 5.6.2: a token; of a value, what may stand in a line (5.5). */
static bool is_token(struct str s)
{
    static const char others[] = "!#$%&'*+-.^_`|~";

    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c && strchr(others, c))))
            return false;
    }
    return s.n > 0;
}

static bool is_line(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
            return false;
    return true;
}

static void read_header(const struct node *n, struct trace_header *ret, struct diags *diags)
{
    if (!is_token(n->key))
        wrong(diags, n->key_pos, "that cannot be the name of a header", "letters, digits and -");
    if (n->type != NODE_STRING || !is_line(n->text)) {
        wrong(diags, n->pos, "the value of a header is a text of one line", "such as \"Bearer ${secret:NAME}\"");
        return;
    }
    *ret = (struct trace_header){n->key, n->text};
    if (secret_is_reference(n->text, n->pos, diags) || n->text.n == 0)
        return;
    secret_hide(n->text);
    if (!str_eq_nocase(n->key, S("authorization")))
        return;
    diags_add(diags, DIAG_WARNING, n->pos, "\"" STR_FMT "\" is a literal secret", STR_ARG(n->key));
    diags_remedy(diags, "keep it out of the file: write ${env:NAME}, ${file:PATH}, or ${secret:NAME} after "
                        "`" PRODUCT " secret set NAME`");
}

static void read_headers(const struct node *headers, struct trace_settings *s, struct arena *a, struct diags *diags)
{
    struct trace_header *all;

    if (!headers)
        return;
    if (headers->type != NODE_OBJECT || headers->n_children > HEADERS_MAX) {
        wrong(diags, headers->pos, "\"headers\" is an object of at most 32 headers by name", "");
        return;
    }
    all = ARENA_ARRAY(a, struct trace_header, headers->n_children + 1);
    for (const struct node *n = headers->child; n; n = n->next)
        read_header(n, &all[s->n_headers++], diags);
    s->headers = all;
}

const struct trace_settings *trace_settings_read(const struct node *traces, struct arena *a, struct diags *diags)
{
    struct trace_settings *s = ARENA_NEW(a, struct trace_settings);
    struct traces_raw raw = {0};
    size_t errors = diags_count(diags, DIAG_ERROR);

    if (!traces)
        return s;
    if (traces->type != NODE_OBJECT) {
        wrong(diags, traces->pos, "\"traces\" is an object", "such as {\"otlp\": \"http://127.0.0.1:4318\"}");
        return s;
    }
    if (!conf_fill(traces, trace_members, TRACE_MEMBERS, &raw, DIAG_WARNING, a, diags))
        return s;
    if ((!str_starts(raw.otlp, S("http://")) && !str_starts(raw.otlp, S("https://"))) || !is_line(raw.otlp))
        wrong(diags, node_get(traces, "otlp")->pos, "it is not an address", "it begins with http:// or https://");
    read_headers(raw.headers, s, a, diags);
    if (diags_count(diags, DIAG_ERROR) > errors)
        *s = (struct trace_settings){0};
    else
        s->otlp = raw.otlp;
    return s;
}

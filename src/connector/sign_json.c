/* Business parameters as a JSON object, for APIs that take a JSON body or a parameter with JSON in it.
 *
 * Rendered parameters are text. What they become is decided by the type that the interface declares: numbers and
 * booleans stand bare when the text is one, `array`, `object` and `json` take JSON text as it is (compacted), a list
 * written "1,2" becomes an array, everything else is a string. A text that does not fit its type is sent as a string:
 * it is the upstream's to refuse. */
#include "connector/sign_parts.h"

#include "base/num.h"

enum form { FORM_STRING, FORM_NUMBER, FORM_BOOL, FORM_JSON, FORM_STRINGS, FORM_NUMBERS };

static enum form form_of(const struct iface *i, struct str name)
{
    static const struct {
        const char *type;
        enum form form;
    } forms[] = {
        {"int", FORM_NUMBER},  {"float", FORM_NUMBER},  {"decimal", FORM_NUMBER},
        {"bool", FORM_BOOL},   {"int[]", FORM_NUMBERS}, {"json", FORM_JSON},
        {"object", FORM_JSON}, {"array", FORM_STRINGS}, {"string[]", FORM_STRINGS},
    };

    for (size_t p = 0; p < i->n_params; p++) {
        if (!str_eq(i->params[p].name, name))
            continue;
        for (size_t f = 0; f < sizeof forms / sizeof *forms; f++) {
            if (str_eq(i->params[p].type, str_of(forms[f].type)))
                return forms[f].form;
        }
    }
    return FORM_STRING;
}

/* Writes the text when it is a JSON array or object (or, with `any`, any JSON value). */
static bool write_json(struct json_out *w, struct str text, bool any)
{
    const struct json_limits limits = {REQUEST_MAX_BYTES, 32};
    struct json_doc *doc = NULL;
    struct buf b = buf_make(REQUEST_MAX_BYTES);
    struct errinfo ei;
    enum json_type type;
    bool ok = false;

    if (json_parse(text, &limits, &doc, NULL, &ei) != OK)
        return false;
    type = json_type(json_root(doc));
    if (any || type == JSON_ARRAY || type == JSON_OBJECT) {
        json_write(json_root(doc), &b);
        ok = !b.failed;
    }
    if (ok)
        json_out_raw(w, buf_str(&b));
    buf_free(&b);
    json_free(doc);
    return ok;
}

static void write_number(struct json_out *w, struct str text)
{
    double d;

    if (num_double(text, &d))
        json_out_raw(w, text);
    else
        json_out_str(w, text);
}

static void write_bool(struct json_out *w, struct str text)
{
    if (str_eq(text, S("true")) || str_eq(text, S("1")))
        json_out_bool(w, true);
    else if (str_eq(text, S("false")) || str_eq(text, S("0")))
        json_out_bool(w, false);
    else
        json_out_str(w, text);
}

/* "[1,2]" as it is, "1,2" cut at its commas. */
static void write_list(struct json_out *w, struct str text, bool numbers)
{
    struct str rest = text, part;

    if (str_starts(str_trim(text), S("[")) && write_json(w, text, false))
        return;
    json_out_begin(w, '[');
    while (text.n && str_cut(&rest, ',', &part)) {
        part = str_trim(part);
        if (numbers)
            write_number(w, part);
        else
            json_out_str(w, part);
    }
    json_out_end(w, ']');
}

void sign_business_json(const struct iface *i, const struct kv *business, size_t n, struct buf *out)
{
    struct json_out w = json_out(out);

    json_out_begin(&w, '{');
    for (size_t k = 0; k < n; k++) {
        struct str text = business[k].value;

        json_out_key_str(&w, business[k].key);
        switch (form_of(i, business[k].key)) {
        case FORM_NUMBER:
            write_number(&w, text);
            break;
        case FORM_BOOL:
            write_bool(&w, text);
            break;
        case FORM_JSON:
            if (!write_json(&w, text, true))
                json_out_str(&w, text);
            break;
        case FORM_STRINGS:
        case FORM_NUMBERS:
            write_list(&w, text, form_of(i, business[k].key) == FORM_NUMBERS);
            break;
        case FORM_STRING:
            json_out_str(&w, text);
            break;
        }
    }
    json_out_end(&w, '}');
}

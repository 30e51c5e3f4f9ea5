/* The XML form of an answer, which the gateway gives to a client that does not ask for JSON.
 *
 * Members become elements; an array `orders` becomes <orders><order>…</order></orders>; null becomes an empty
 * element. Characters that XML 1.0 forbids are left out. */
#include "base/json.h"
#include "sim.h"

static void add_text(struct buf *out, struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (c == '<')
            buf_add(out, S("&lt;"));
        else if (c == '>')
            buf_add(out, S("&gt;"));
        else if (c == '&')
            buf_add(out, S("&amp;"));
        else if (c == '"')
            buf_add(out, S("&quot;"));
        else if (c == '\r')
            buf_add(out, S("&#13;"));
        else if ((unsigned char)c >= 0x20 || c == '\n' || c == '\t')
            buf_byte(out, c);
    }
}

static void add_tag(struct buf *out, struct str name, bool closing)
{
    buf_add(out, closing ? S("</") : S("<"));
    add_text(out, name);
    buf_byte(out, '>');
}

static struct str singular(struct str name)
{
    return name.n > 1 && name.p[name.n - 1] == 's' ? str_sub(name, 0, name.n - 1) : S("item");
}

/* As deep as json_parse lets documents be. */
static void add_element(struct buf *out, struct str name, const struct json *v)
{
    add_tag(out, name, false);
    struct json_iter it = json_iter(v);
    struct str key;
    const struct json *child;
    switch (json_type(v)) {
    case JSON_OBJECT:
        while ((child = json_next(&it, &key)))
            add_element(out, key, child);
        break;
    case JSON_ARRAY:
        while ((child = json_next(&it, NULL)))
            add_element(out, singular(name), child);
        break;
    case JSON_STRING:
    case JSON_NUMBER:
        add_text(out, json_text(v));
        break;
    case JSON_BOOL:
        buf_add(out, json_true(v) ? S("true") : S("false"));
        break;
    case JSON_NULL:
    case JSON_NONE:
        break;
    }
    add_tag(out, name, true);
}

void to_xml(struct str json, struct buf *out)
{
    struct json_doc *doc;
    struct errinfo ei;
    buf_add(out, S("<?xml version=\"1.0\" encoding=\"utf-8\" ?>"));
    if (json_parse(json, &JSON_LIMITS_DEFAULT, &doc, NULL, &ei) != OK) {
        buf_add(out, S("<error_response><code>10</code><msg>Service Currently Unavailable</msg></error_response>"));
        return;
    }
    const struct json *root = json_root(doc), *inner = json_get(root, S("response"));
    if (inner || !json_get(root, S("error_response")))
        add_element(out, S("response"), inner ? inner : root);
    else
        add_element(out, S("error_response"), json_get(root, S("error_response")));
    json_free(doc);
}

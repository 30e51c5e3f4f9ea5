/* A request as a person may see it: a curl command with the parameters in clear, the secrets as ***.
 *
 * Two nets hold secrets back. By name: parameters and headers whose value holds a secret option or the sign, and every
 * parameter that is called like a secret option. By value: each secret value of the request (at least four bytes long)
 * wherever it stands, also inside a business parameter, a JSON body or the address. The text is for eyes: long bodies
 * are cut. */
#include "connector/sign_parts.h"

#define MASK             S("***")
#define SHOW_MAX_BYTES   (64u << 10)
#define VALUE_MAX_BYTES  4096u
#define SECRET_MIN_BYTES 4u

static bool names_secret(const struct connector *c, struct str name)
{
    for (size_t s = 0; s < c->request.n_system; s++) {
        if (c->request.system[s].secret && str_eq_nocase(c->request.system[s].name, name))
            return true;
    }
    for (size_t h = 0; h < c->request.n_headers; h++) {
        if (c->request.headers[h].secret && str_eq_nocase(c->request.headers[h].name, name))
            return true;
    }
    for (size_t i = 0; i < c->n_options; i++) {
        if (c->options[i].secret && str_eq_nocase(c->options[i].name, name))
            return true;
    }
    return false;
}

/* The length of the secret that begins at `at`; 0: none. */
static size_t secret_at(const struct wire_request *r, struct str text, size_t at)
{
    size_t longest = 0;

    for (size_t s = 0; s < r->n_secrets; s++) {
        struct str secret = r->secrets[s];

        if (secret.n >= SECRET_MIN_BYTES && secret.n > longest && str_starts(str_sub(text, at, secret.n), secret))
            longest = secret.n;
    }
    return longest;
}

/* Within single quotes of a shell, secrets masked, cut when long. */
static void add_quoted(const struct wire_request *r, struct str text, struct buf *out)
{
    size_t end = out->n + VALUE_MAX_BYTES;

    for (size_t i = 0; i < text.n;) {
        size_t secret = secret_at(r, text, i), step = 1;
        uint32_t cp;

        if (out->n > end) {
            buf_add(out, S("…"));
            return;
        }
        if (secret) {
            buf_add(out, MASK);
            step = secret;
        } else if (text.p[i] == '\'') {
            buf_add(out, S("'\\''"));
        } else if ((unsigned char)text.p[i] < ' ') {
            buf_byte(out, ' ');
        } else {
            step = utf8_decode(str_sub(text, i, text.n), &cp);
            buf_add(out, cp == 0xFFFD ? S("\xEF\xBF\xBD") : str_sub(text, i, step));
        }
        i += step;
    }
}

static void add_pair(const struct connector *c, const struct wire_request *r, struct kv pair, struct buf *out)
{
    add_quoted(r, pair.key, out);
    buf_byte(out, '=');
    if (names_secret(c, pair.key))
        buf_add(out, MASK);
    else
        add_quoted(r, pair.value, out);
}

/* "a=1&b=2" as one option of curl for each. */
static void add_pairs(const struct connector *c, const struct wire_request *r, struct str text, const char *option,
                      struct buf *out)
{
    struct str rest = text, part;

    while (text.n && str_cut(&rest, '&', &part)) {
        struct buf key = buf_make(REQUEST_MAX_BYTES), value = buf_make(REQUEST_MAX_BYTES);
        struct str name;

        str_cut(&part, '=', &name);
        if (url_decode_form(name, &key) && url_decode_form(part, &value)) {
            buf_printf(out, " %s '", option);
            add_pair(c, r, (struct kv){buf_str(&key), buf_str(&value)}, out);
            buf_byte(out, '\'');
        }
        buf_free(&key);
        buf_free(&value);
    }
}

/* The address without its query; a name and a password in it are masked. */
static void add_address(const struct wire_request *r, struct str url, struct buf *out)
{
    size_t host = str_find(url, S("://"), 0), at;

    host = host == SIZE_MAX ? 0 : host + 3;
    at = str_find(str_sub(url, host, url.n), S("@"), 0);
    if (at != SIZE_MAX && str_find(str_sub(url, host, at), S("/"), 0) == SIZE_MAX) {
        add_quoted(r, str_sub(url, 0, host), out);
        buf_add(out, MASK);
        url = str_sub(url, host + at, url.n);
    }
    add_quoted(r, url, out);
}

static void add_headers(const struct connector *c, const struct wire_request *r, struct buf *out)
{
    for (size_t h = 0; h < r->n_headers; h++) {
        buf_add(out, S(" -H '"));
        add_quoted(r, r->headers[h].key, out);
        buf_add(out, S(": "));
        if (names_secret(c, r->headers[h].key))
            buf_add(out, MASK);
        else
            add_quoted(r, r->headers[h].value, out);
        buf_byte(out, '\'');
    }
}

struct str connector_show(const struct connector *c, const struct wire_request *r, struct arena *a)
{
    struct buf b = buf_make(SHOW_MAX_BYTES);
    struct str rest = r->url, address, shown;

    str_cut(&rest, '?', &address);
    buf_printf(&b, "curl -X " STR_FMT " '", STR_ARG(r->method));
    add_address(r, address, &b);
    buf_byte(&b, '\'');
    add_headers(c, r, &b);
    add_pairs(c, r, rest, "--url-query", &b);
    if (str_starts(r->content_type, S("application/json"))) {
        buf_add(&b, S(" -H 'Content-Type: application/json' --data-raw '"));
        add_quoted(r, r->body, &b);
        buf_byte(&b, '\'');
    } else {
        add_pairs(c, r, r->body, "--data-urlencode", &b);
    }
    shown = b.failed ? arena_printf(a, "curl -X " STR_FMT " … (too long to show)", STR_ARG(r->method))
                     : arena_str(a, buf_str(&b));
    buf_free(&b);
    return shown;
}

/* Form fields: application/x-www-form-urlencoded, decoded in place (decoding never grows). Lenient as web servers
 * are: a broken %XX stays as it is. A field that comes twice counts with its last value. */
#include "sim.h"

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

static struct str decode(char *p, size_t n)
{
    size_t to = 0;
    for (size_t i = 0; i < n; i++) {
        int hi, lo;
        if (p[i] == '%' && i + 2 < n && (hi = hex_value(p[i + 1])) >= 0 && (lo = hex_value(p[i + 2])) >= 0) {
            p[to++] = (char)(hi * 16 + lo);
            i += 2;
        } else {
            p[to++] = p[i] == '+' ? ' ' : p[i];
        }
    }
    return str_mk(p, to);
}

void form_add(struct params *p, struct str key, struct str value)
{
    for (size_t i = 0; i < p->n; i++) {
        if (str_eq(p->v[i].key, key)) {
            p->v[i].value = value;
            return;
        }
    }
    if (p->n == PARAMS_MAX)
        p->overflow = true;
    else
        p->v[p->n++] = (struct param){key, value};
}

void form_parse(struct params *p, char *body, size_t n)
{
    size_t at = 0;
    while (at < n) {
        char *amp = memchr(body + at, '&', n - at);
        size_t end = amp ? (size_t)(amp - body) : n;
        char *eq = memchr(body + at, '=', end - at);
        size_t key_end = eq ? (size_t)(eq - body) : end;
        struct str value = eq ? decode(eq + 1, end - key_end - 1) : S("");
        struct str key = decode(body + at, key_end - at);
        if (key.n > 0)
            form_add(p, key, value);
        at = end + 1;
    }
}

struct str form_get(const struct params *p, const char *key)
{
    for (size_t i = 0; i < p->n; i++)
        if (str_eq(p->v[i].key, str_of(key)))
            return p->v[i].value;
    return (struct str){NULL, 0};
}

/* Parsers of paths, queries, cookies and hosts. Each cuts views out of the text it is given; only decoding makes bytes
 * of its own. A path is split before it is decoded, so an encoded slash belongs to the segment it stands in. What does
 * not fit is refused, never mended: two readings of one request are how gates are passed by. */
#include "server/uri.h"

#include "base/num.h"

static int hex_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool uri_decode(struct str s, bool query, struct arena *a, struct str *ret)
{
    char *out = arena_try(a, s.n + 1);
    size_t n = 0;

    if (!out)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];

        if (c == '%') {
            int high = i + 2 < s.n ? hex_of(s.p[i + 1]) : -1, low = i + 2 < s.n ? hex_of(s.p[i + 2]) : -1;

            if (high < 0 || low < 0)
                return false;
            c = (char)(high * 16 + low);
            i += 2;
        } else if (c == '+' && query) {
            c = ' ';
        }
        if ((unsigned char)c < 0x20 || c == 0x7f)
            return false;
        out[n++] = c;
    }
    out[n] = 0;
    *ret = str_mk(out, n);
    return utf8_valid(*ret);
}

bool uri_match(const char *pattern, struct str path, struct str ret[URI_SEGMENTS_MAX], size_t *ret_n)
{
    struct str want = str_of(pattern), have = path, w, h;
    size_t n = 0;

    while (str_cut(&want, '/', &w)) {
        if (!str_cut(&have, '/', &h))
            return false;
        if (w.n > 1 && w.p[0] == '{') {
            if (!h.n || n == URI_SEGMENTS_MAX)
                return false;
            ret[n++] = h;
        } else if (!str_eq(w, h)) {
            return false;
        }
    }
    *ret_n = n;
    return !have.p;
}

bool uri_pair(struct str *rest, struct str *ret_name, struct str *ret_value)
{
    struct str pair;

    while (rest->p && str_cut(rest, '&', &pair)) {
        if (!pair.n)
            continue;
        (void)str_cut(&pair, '=', ret_name);
        *ret_value = pair.p ? pair : S("");
        return true;
    }
    return false;
}

bool uri_cookie(struct str header, const char *name, struct str *ret)
{
    struct str rest = header, pair, key, value = {0};

    while (rest.p && str_cut(&rest, ';', &pair)) {
        pair = str_trim(pair);
        (void)str_cut(&pair, '=', &key);
        if (!pair.p || !str_eq(key, str_of(name)))
            continue;
        if (value.p && !str_eq(value, pair))
            return false;
        value = pair;
    }
    if (value.p)
        *ret = value;
    return value.p != NULL;
}

static bool port_ok(struct str port)
{
    int64_t n;

    return num_i64(port, &n) && n >= 0 && n <= 65535 && port.p[0] != '-';
}

bool uri_host(struct str text, struct str *ret_name, struct str *ret_port)
{
    struct str name = text, port = {0};
    size_t colon;

    if (text.n && text.p[0] == '[') {
        size_t close = str_find(text, S("]"), 0);

        if (close == SIZE_MAX)
            return false;
        name = str_sub(text, 1, close - 1);
        port = str_sub(text, close + 1, text.n);
        if (port.n && (port.p[0] != ':' || !port_ok(port = str_sub(port, 1, port.n))))
            return false;
        for (size_t i = 0; i < name.n; i++)
            if (hex_of(name.p[i]) < 0 && name.p[i] != ':' && name.p[i] != '.')
                return false;
    } else {
        colon = str_find(text, S(":"), 0);
        if (colon != SIZE_MAX) {
            name = str_sub(text, 0, colon);
            port = str_sub(text, colon + 1, text.n);
            if (!port_ok(port))
                return false;
        }
        for (size_t i = 0; i < name.n; i++)
            if (!((name.p[i] | 32) >= 'a' && (name.p[i] | 32) <= 'z') && !(name.p[i] >= '0' && name.p[i] <= '9') &&
                name.p[i] != '.' && name.p[i] != '-' && name.p[i] != '_')
                return false;
    }
    *ret_name = name;
    *ret_port = port;
    return name.n > 0 && name.n < 256;
}

bool uri_is_loopback(struct str name)
{
    struct str rest = name, part;
    int64_t n;
    int count = 0;

    if (str_eq_nocase(name, S("localhost")) || str_eq(name, S("::1")))
        return true;
    while (rest.p && str_cut(&rest, '.', &part)) {
        if (!num_i64(part, &n) || n < 0 || n > 255 || (count == 0 && n != 127))
            return false;
        count++;
    }
    return count == 4;
}

/* Is the weight among an encoding's parameters zero: "q=0", "q=0.000"? */
static bool refused(struct str parameters)
{
    struct str one;

    while (parameters.p && str_cut(&parameters, ';', &one)) {
        double weight;

        one = str_trim(one);
        if (one.n > 2 && (one.p[0] | 32) == 'q' && one.p[1] == '=')
            return !num_double(str_sub(one, 2, one.n), &weight) || weight <= 0;
    }
    return false;
}

bool uri_accepts_gzip(struct str header)
{
    struct str rest = header, one, name;
    bool any = false;

    while (rest.p && str_cut(&rest, ',', &one)) {
        (void)str_cut(&one, ';', &name);
        name = str_trim(name);
        if (str_eq_nocase(name, S("gzip")))
            return !refused(one);
        any = any || (str_eq(name, S("*")) && !refused(one));
    }
    return any;
}

bool uri_etag_listed(struct str header, struct str tag)
{
    struct str rest = header, one;

    while (rest.p && str_cut(&rest, ',', &one)) {
        one = str_trim(one);
        if (str_starts(one, S("W/")))
            one = str_sub(one, 2, one.n);
        if (str_eq(one, tag) || str_eq(one, S("*")))
            return true;
    }
    return false;
}

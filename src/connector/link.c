/* The next address that a reply named (paging by links), in place of the request's own.
 *
 * The address comes from outside and the request carries credentials, so it must be where the request would have gone:
 * scheme, host and port are compared, letter by letter but for case and the scheme's own port. Besides whole
 * addresses, "/path?query" and "?query" are taken, relative to the request's. Anything else (other schemes, "//host",
 * "../", blanks) is refused rather than interpreted. */
#include "connector/connector.h"

#define LINK_MAX_BYTES (64u << 10)

/* "https://host:443/a?b" → "https", "host" (without the scheme's own port), and the rest "/a?b". False: not such an
 * address. */
static bool split(struct str url, struct str *ret_scheme, struct str *ret_host, struct str *ret_rest)
{
    size_t at = str_find(url, S("://"), 0), end;
    struct str own_port;

    if (at == SIZE_MAX)
        return false;
    *ret_scheme = str_sub(url, 0, at);
    if (!str_eq_nocase(*ret_scheme, S("http")) && !str_eq_nocase(*ret_scheme, S("https")))
        return false;
    own_port = str_eq_nocase(*ret_scheme, S("http")) ? S(":80") : S(":443");
    for (end = at + 3; end < url.n && url.p[end] != '/' && url.p[end] != '?' && url.p[end] != '#'; end++)
        continue;
    *ret_host = str_sub(url, at + 3, end - at - 3);
    *ret_rest = str_sub(url, end, url.n);
    if (str_ends(*ret_host, own_port))
        ret_host->n -= own_port.n;
    return ret_host->n > 0;
}

static bool printable(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] <= ' ' || s.p[i] == 0x7f || s.p[i] == '\\')
            return false;
    return s.n > 0;
}

static struct str joined(struct arena *a, struct str origin, struct str path, struct str link)
{
    struct buf b = buf_make(1u << 20);
    struct str url;

    buf_add(&b, origin);
    buf_add(&b, path);
    buf_add(&b, link);
    url = arena_str(a, buf_str(&b));
    buf_free(&b);
    return url;
}

enum err connector_follow(struct str link, struct arena *a, struct wire_request *w, struct errinfo *ei)
{
    struct str scheme, host, rest, path, link_scheme, link_host, link_rest;
    bool whole;

    if (!split(w->url, &scheme, &host, &rest))
        return fail(ei, ERR_INTERNAL, "the request has no address");
    if (!printable(link) || link.n > LINK_MAX_BYTES)
        return fail(ei, ERR_REMOTE, "the next address that the reply names is not an address");
    whole = split(link, &link_scheme, &link_host, &link_rest);
    if (whole && (!str_eq_nocase(link_scheme, scheme) || !str_eq_nocase(link_host, host))) {
        fail(ei, ERR_REMOTE, "the next address that the reply names is on another server: " STR_FMT "://" STR_FMT,
             STR_ARG(link_scheme), STR_ARG(link_host));
        return fail_hint(ei, "Credentials are sent to the connection's base_url only.");
    }
    if (whole) {
        w->url = arena_str(a, link);
        return OK;
    }
    if (link.p[0] != '?' && (link.p[0] != '/' || str_starts(link, S("//"))))
        return fail(ei, ERR_REMOTE, "the next address that the reply names is neither whole nor begins with / or ?");
    path = link.p[0] == '?' ? str_sub(rest, 0, str_find(rest, S("?"), 0)) : S("");
    w->url = joined(a, str_sub(w->url, 0, w->url.n - rest.n), path, link);
    return OK;
}

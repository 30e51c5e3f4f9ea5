/* The small parsers of what comes with a request: paths, queries, cookies, hosts. Pure; nothing here trusts a byte. */
#ifndef SERVER_URI_H
#define SERVER_URI_H

#include "base/arena.h"

#define URI_SEGMENTS_MAX 12

/* Percent-decodes into `a` ('+' is a blank in queries). False: a broken %XX, bad UTF-8, or a control character. */
bool uri_decode(struct str s, bool query, struct arena *a, struct str *ret) MUST_USE;
/* True when the raw path fits the pattern ("/a/{b}/c"); the raw segments that stand for {…} go to `ret`. */
bool uri_match(const char *pattern, struct str path, struct str ret[URI_SEGMENTS_MAX], size_t *ret_n);
/* Cuts the next name=value off the front of `rest`, both raw. False at the end. Empty pairs are passed over. */
bool uri_pair(struct str *rest, struct str *ret_name, struct str *ret_value);
/* The value of the cookie (RFC 6265, 5.4). False when it is not there, or there with two values. */
bool uri_cookie(struct str header, const char *name, struct str *ret);
/* "name:port", "[v6]:port", "name": `ret_port` empty when there is none. False: neither. */
bool uri_host(struct str text, struct str *ret_name, struct str *ret_port);
bool uri_is_loopback(struct str name); /* "localhost", "::1", 127.0.0.0/8 as four numbers */
/* True when the Accept-Encoding allows gzip (RFC 9110, 12.5.3): named, or by "*", and not with q=0. */
bool uri_accepts_gzip(struct str header);
/* True when the value of an If-None-Match names the tag (with its quotes), or is "*". */
bool uri_etag_listed(struct str header, struct str tag);

#endif

/* HTTP client: libcurl's multi interface on the loop. Many calls at once, all on the loop's thread. No redirects, http
 * and https only, certificates verified, gzip only; bytes are counted after decompression. */
#ifndef NET_HTTP_H
#define NET_HTTP_H

#include "base/buf.h"
#include "net/loop.h"

struct http;
struct http_call;

struct http_header {
    struct str key, value;
};
struct http_request {
    struct str method, url, body, content_type;
    const struct http_header *headers;
    size_t n_headers;
    size_t max_bytes;             /* of the reply after decompression */
    int64_t connect_ms, total_ms; /* deadlines; a reply slower than 1 byte a second for 30 s is given up as well */
    struct str ca_file;           /* or empty */
    struct str unix_socket;       /* its path: the call goes there, whatever host the address names; or empty */
};
struct http_reply {
    enum err code; /* OK: a whole reply arrived, whatever its status. ERR_NETWORK (no connection, cut, time-out, TLS
                      cut), ERR_REMOTE (too long, not HTTP), ERR_CONFIG (not an address), ERR_AUTH (a certificate that
                      is not accepted) */
    struct errinfo why;
    bool refused; /* nothing was sent: no connection at all */
    int status;
    struct str content_type;
    struct str body;       /* of the callback's time only, unless taken */
    int64_t date_s;        /* of the Date header, or -1 */
    int64_t date_age_ms;   /* how long ago it came */
    int64_t retry_after_s; /* of Retry-After (seconds or date), or -1 */
    int64_t took_ms;       /* by the monotonic clock */
    int64_t wire_bytes;
    struct http_call *call; /* private */
};

struct http *http_new(struct loop *l, const struct clock *clock);
void http_free(struct http *h); /* cancels what is under way without calling back */
/* Copies what it needs of the request. `done` is called once, on the loop's thread, never before this returns; it may
 * send, and may cancel other calls, but neither cancel its own nor free `h`. */
struct http_call *http_send(struct http *h, const struct http_request *r,
                            void (*done)(void *ctx, struct http_reply *reply), void *ctx);
void http_cancel(struct http_call *c); /* no callback any more */
/* In the callback: takes the body's memory (free() it) with its length. */
char *http_take_body(struct http_reply *r, size_t *ret_n);

#endif

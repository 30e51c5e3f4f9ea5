/* libcurl's multi interface driven by the loop: curl says which sockets and which time-out it wants, libuv tells when
 * they are due (everything as curl's documentation of multi_socket shows it).
 *
 * Two traps that were measured: a time-out of 0 ms must be a timer of 0 ms, not of 1; and curl must not be called from
 * inside its own timer callback. The size of a reply is counted in the write callback, after decompression, because
 * curl's own limit is not; only gzip is offered. Headers have a ceiling of their own, over all that come, so a flood of
 * interim replies ends too. Redirects are off: they would carry signatures elsewhere. */
#include "net/http.h"

#include "base/log.h"
#include "base/num.h"
#include "net/loop_uv.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>

#define HEADER_MAX_BYTES (256u << 10)
#define LOW_SPEED_S      30

struct http {
    struct loop *loop;
    const struct clock *clock;
    CURLM *multi;
    uv_timer_t timer;
    struct http_call *calls; /* under way */
};

struct socket_watch {
    uv_poll_t poll;
    struct http *h;
    curl_socket_t fd;
};

struct http_call {
    struct http *h;
    struct http_call *prev, *next;
    CURL *easy;
    struct curl_slist *headers;
    struct buf body;
    size_t header_bytes;
    bool headers_too_long, headers_ended;
    int64_t date_s, date_ms, retry_after_s, began_ms;
    char error[CURL_ERROR_SIZE];
    void (*done)(void *ctx, struct http_reply *reply);
    void *ctx;
};

/* ---- one call ---- */

static void call_free(struct http_call *c)
{
    if (c->prev)
        c->prev->next = c->next;
    else
        c->h->calls = c->next;
    if (c->next)
        c->next->prev = c->prev;
    curl_multi_remove_handle(c->h->multi, c->easy);
    curl_easy_cleanup(c->easy);
    curl_slist_free_all(c->headers);
    buf_free(&c->body);
    free(c);
}

static size_t on_body(char *data, size_t size, size_t n, void *ctx)
{
    struct http_call *c = ctx;

    buf_add(&c->body, (struct str){data, size * n});
    return c->body.failed ? 0 : size * n;
}

/* Seconds, however many digits they have, or a date; -1: neither. */
static int64_t read_retry_after(const struct http_call *c, struct str value)
{
    int64_t s;
    size_t digits = 0;

    if (num_i64(value, &s))
        return s;
    while (digits < value.n && value.p[digits] >= '0' && value.p[digits] <= '9')
        digits++;
    if (value.n && digits == value.n)
        return INT64_MAX;
    return time_parse_http(value, &s) ? s - clock_wall(c->h->clock) / 1000 : -1;
}

static size_t on_header(char *data, size_t size, size_t n, void *ctx)
{
    struct http_call *c = ctx;
    struct str line = str_trim((struct str){data, size * n}), value;
    size_t colon = str_find(line, S(":"), 0);

    c->header_bytes += size * n;
    c->headers_too_long = c->header_bytes > HEADER_MAX_BYTES;
    if (c->headers_too_long)
        return 0;
    if (!line.n)
        c->headers_ended = true;
    else if (str_starts(line, S("HTTP/")))
        c->headers_ended = false;
    if (colon == SIZE_MAX)
        return size * n;
    value = str_trim(str_sub(line, colon + 1, line.n));
    line = str_sub(line, 0, colon);
    if (str_eq_nocase(line, S("date"))) {
        if (!time_parse_http(value, &c->date_s))
            c->date_s = -1;
        c->date_ms = clock_mono(c->h->clock);
    }
    if (str_eq_nocase(line, S("retry-after")))
        c->retry_after_s = read_retry_after(c, value);
    return size * n;
}

static bool is_http(struct str url)
{
    return str_starts(url, S("http://")) || str_starts(url, S("https://"));
}

static void explain(const struct http_call *c, CURLcode code, struct http_reply *r)
{
    char *url = NULL;
    const char *what = c->error[0] ? c->error : curl_easy_strerror(code);
    char masked[400];

    curl_easy_getinfo(c->easy, CURLINFO_EFFECTIVE_URL, &url);
    log_mask(str_of(url ? url : ""), masked, sizeof masked);
    masked[strcspn(masked, "?")] = '\0';
    r->refused =
        code == CURLE_COULDNT_CONNECT || code == CURLE_COULDNT_RESOLVE_HOST || code == CURLE_COULDNT_RESOLVE_PROXY;
    if (c->body.failed) {
        fail(&r->why, ERR_REMOTE, "%s: the reply is longer than %zu bytes", masked, c->body.max_bytes);
        fail_hint(&r->why, "ask for smaller pages (page_size)");
    } else if (code == CURLE_OK) {
        fail(&r->why, ERR_NETWORK, "%s: the reply ended in its headers", masked);
    } else if (c->headers_too_long) {
        fail(&r->why, ERR_REMOTE, "%s: the reply's headers are longer than %u bytes", masked, HEADER_MAX_BYTES);
    } else if (code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE) {
        fail(&r->why, ERR_AUTH, "%s: the certificate is not accepted: %s", masked, what);
        fail_hint(&r->why,
                  "check the address and the certificates of this machine; verification cannot be switched off");
    } else if (code == CURLE_SSL_CONNECT_ERROR) {
        fail(&r->why, ERR_NETWORK, "%s: TLS failed: %s", masked, what);
        fail_hint(&r->why,
                  "check the address and the certificates of this machine; verification cannot be switched off");
    } else if (code == CURLE_UNSUPPORTED_PROTOCOL && is_http(str_of(masked))) {
        fail(&r->why, ERR_REMOTE, "%s: what answered does not speak HTTP", masked);
    } else if (code == CURLE_UNSUPPORTED_PROTOCOL || code == CURLE_URL_MALFORMAT) {
        fail(&r->why, ERR_CONFIG, "%s: not an http or https address", masked);
        fail_hint(&r->why, "see `base_url` of the connection");
    } else if (code == CURLE_WEIRD_SERVER_REPLY || code == CURLE_BAD_CONTENT_ENCODING || code == CURLE_WRITE_ERROR) {
        fail(&r->why, ERR_REMOTE, "%s: %s", masked, what);
    } else {
        fail(&r->why, ERR_NETWORK, "%s: %s", masked, what);
        fail_hint(&r->why, r->refused ? "is the address right, and is the other side up?"
                                      : "the network or the other side is in trouble; it is tried again");
    }
    r->code = r->why.code;
}

static void finish(struct http_call *c, CURLcode code)
{
    int64_t now = clock_mono(c->h->clock);
    struct http_reply r = {.date_s = c->date_s, .retry_after_s = c->retry_after_s};
    long status = 0;
    char *type = NULL;
    curl_off_t wire = 0;

    curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(c->easy, CURLINFO_CONTENT_TYPE, &type);
    curl_easy_getinfo(c->easy, CURLINFO_SIZE_DOWNLOAD_T, &wire);
    if (code != CURLE_OK || !c->headers_ended)
        explain(c, code, &r);
    r.status = (int)status;
    r.content_type = str_of(type ? type : "");
    r.body = buf_str(&c->body);
    r.wire_bytes = (int64_t)wire;
    r.took_ms = now - c->began_ms;
    r.date_age_ms = c->date_s >= 0 ? now - c->date_ms : 0;
    r.call = c;
    c->done(c->ctx, &r);
    call_free(c);
}

char *http_take_body(struct http_reply *r, size_t *ret_n)
{
    r->body = (struct str){0};
    return buf_take(&r->call->body, ret_n);
}

/* ---- curl and the loop ---- */

static void collect(struct http *h)
{
    CURLMsg *m;
    int left;

    while ((m = curl_multi_info_read(h->multi, &left))) {
        struct http_call *c = NULL;

        if (m->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&c);
        finish(c, m->data.result);
    }
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct socket_watch *w = poll->data;
    struct http *h = w->h;
    int flags = 0, running;

    if (status < 0)
        flags = CURL_CSELECT_ERR;
    if (events & UV_READABLE)
        flags |= CURL_CSELECT_IN;
    if (events & UV_WRITABLE)
        flags |= CURL_CSELECT_OUT;
    curl_multi_socket_action(h->multi, w->fd, flags, &running);
    collect(h);
}

static void free_watch(uv_handle_t *handle)
{
    free(handle->data);
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *socket_ctx)
{
    struct http *h = ctx;
    struct socket_watch *w = socket_ctx;
    int events = 0;

    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (w) {
            uv_poll_stop(&w->poll);
            uv_close((uv_handle_t *)&w->poll, free_watch);
            curl_multi_assign(h->multi, fd, NULL);
        }
        return 0;
    }
    if (!w) {
        w = mem_zero(sizeof *w);
        w->h = h;
        w->fd = fd;
        w->poll.data = w;
        uv_poll_init_socket(loop_uv(h->loop), &w->poll, fd);
        curl_multi_assign(h->multi, fd, w);
    }
    events |= what != CURL_POLL_IN ? UV_WRITABLE : 0;
    events |= what != CURL_POLL_OUT ? UV_READABLE : 0;
    uv_poll_start(&w->poll, events, on_poll);
    return 0;
}

static void on_timeout(uv_timer_t *timer)
{
    struct http *h = timer->data;
    int running;

    curl_multi_socket_action(h->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    collect(h);
}

static int on_timer(CURLM *multi, long timeout_ms, void *ctx)
{
    struct http *h = ctx;

    (void)multi;
    if (timeout_ms < 0)
        uv_timer_stop(&h->timer);
    else
        uv_timer_start(&h->timer, on_timeout, (uint64_t)timeout_ms, 0);
    return 0;
}

struct http *http_new(struct loop *l, const struct clock *clock)
{
    struct http *h = mem_zero(sizeof *h);

    if (curl_global_init(CURL_GLOBAL_DEFAULT))
        die_no_memory();
    h->loop = l;
    h->clock = clock;
    h->multi = curl_multi_init();
    if (!h->multi)
        die_no_memory();
    uv_timer_init(loop_uv(l), &h->timer);
    h->timer.data = h;
    curl_multi_setopt(h->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(h->multi, CURLMOPT_SOCKETDATA, h);
    curl_multi_setopt(h->multi, CURLMOPT_TIMERFUNCTION, on_timer);
    curl_multi_setopt(h->multi, CURLMOPT_TIMERDATA, h);
    return h;
}

static void free_http(uv_handle_t *handle)
{
    free(handle->data);
}

void http_free(struct http *h)
{
    if (!h)
        return;
    for (struct http_call *c = h->calls, *next; c; c = next) {
        next = c->next;
        call_free(c);
    }
    curl_multi_cleanup(h->multi);
    uv_timer_stop(&h->timer);
    uv_close((uv_handle_t *)&h->timer, free_http);
}

/* ---- sending ---- */

static void add_header(struct http_call *c, struct str key, struct str value)
{
    struct buf line = buf_make(64u << 10);
    struct curl_slist *list;

    buf_add(&line, key);
    buf_add(&line, S(": "));
    buf_add(&line, value);
    list = curl_slist_append(c->headers, buf_cstr(&line));
    if (!list)
        die_no_memory();
    c->headers = list;
    buf_free(&line);
}

static void set_text(CURL *easy, CURLoption option, struct str s)
{
    char *copy = mem_alloc(s.n + 1);

    if (s.n)
        memcpy(copy, s.p, s.n);
    copy[s.n] = '\0';
    curl_easy_setopt(easy, option, copy);
    free(copy);
}

static void set_limits(struct http_call *c, const struct http_request *r)
{
    curl_easy_setopt(c->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)(r->connect_ms > 0 ? r->connect_ms : 15000));
    curl_easy_setopt(c->easy, CURLOPT_TIMEOUT_MS, (long)(r->total_ms > 0 ? r->total_ms : 60000));
    curl_easy_setopt(c->easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(c->easy, CURLOPT_LOW_SPEED_TIME, (long)LOW_SPEED_S);
    curl_easy_setopt(c->easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(c->easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(c->easy, CURLOPT_DEFAULT_PROTOCOL, "none"); /* an address without a scheme is no address */
    curl_easy_setopt(c->easy, CURLOPT_ACCEPT_ENCODING, "gzip");
    curl_easy_setopt(c->easy, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(c->easy, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(c->easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c->easy, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(c->easy, CURLOPT_BUFFERSIZE, 262144L);
    if (r->ca_file.n)
        set_text(c->easy, CURLOPT_CAINFO, r->ca_file);
    if (r->unix_socket.n)
        set_text(c->easy, CURLOPT_UNIX_SOCKET_PATH, r->unix_socket);
}

static void set_request(struct http_call *c, const struct http_request *r)
{
    set_text(c->easy, CURLOPT_URL, r->url);
    if (r->body.n || str_eq(r->method, S("POST"))) {
        curl_easy_setopt(c->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body.n);
        curl_easy_setopt(c->easy, CURLOPT_COPYPOSTFIELDS, r->body.n ? r->body.p : "");
    }
    if (!str_eq(r->method, S("POST")) && !str_eq(r->method, S("GET")))
        set_text(c->easy, CURLOPT_CUSTOMREQUEST, r->method);
    if (r->content_type.n)
        add_header(c, S("Content-Type"), r->content_type);
    add_header(c, S("Accept"), S("application/json"));
    add_header(c, S("Expect"), (struct str){0});
    for (size_t i = 0; i < r->n_headers; i++)
        add_header(c, r->headers[i].key, r->headers[i].value);
    curl_easy_setopt(c->easy, CURLOPT_HTTPHEADER, c->headers);
}

struct http_call *http_send(struct http *h, const struct http_request *r,
                            void (*done)(void *ctx, struct http_reply *reply), void *ctx)
{
    struct http_call *c = mem_zero(sizeof *c);

    *c = (struct http_call){.h = h,
                            .next = h->calls,
                            .body = buf_make(r->max_bytes ? r->max_bytes : 32u << 20),
                            .date_s = -1,
                            .retry_after_s = -1,
                            .done = done,
                            .ctx = ctx};
    c->easy = curl_easy_init();
    if (!c->easy)
        die_no_memory();
    if (h->calls)
        h->calls->prev = c;
    h->calls = c;
    c->began_ms = clock_mono(h->clock);
    set_limits(c, r);
    set_request(c, r);
    curl_easy_setopt(c->easy, CURLOPT_PRIVATE, c);
    curl_easy_setopt(c->easy, CURLOPT_ERRORBUFFER, c->error);
    curl_easy_setopt(c->easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(c->easy, CURLOPT_WRITEDATA, c);
    curl_easy_setopt(c->easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(c->easy, CURLOPT_HEADERDATA, c);
    curl_multi_add_handle(h->multi, c->easy);
    return c;
}

void http_cancel(struct http_call *c)
{
    if (c)
        call_free(c);
}

/* SMTP by libcurl's easy interface: one mail, one connection, the caller's thread.
 *
 * The text is made here: a subject in encoded words, the body in base64, so that nothing in either can end a line, a
 * header or the mail. What the server says of a failure is told with its code; the account's password never is. */
#include "net/mail.h"

#include "base/clock.h"
#include "base/digest.h"
#include "base/log.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>

#define MAIL_MAX_BYTES (1u << 20)
#define WORD_BYTES     42 /* of a subject in one encoded word: 75 characters with its frame */

/* ---- the text ---- */

static void encoded_words(struct str s, struct buf *out)
{
    bool first = true;

    while (s.n) {
        size_t n = s.n > WORD_BYTES ? WORD_BYTES : s.n;

        while (n && n < s.n && ((unsigned char)s.p[n] & 0xC0) == 0x80)
            n--;
        n = n ? n : 1;
        buf_add(out, first ? S("=?UTF-8?B?") : S("\r\n =?UTF-8?B?"));
        base64_encode(str_sub(s, 0, n), out);
        buf_add(out, S("?="));
        s = str_sub(s, n, s.n);
        first = false;
    }
}

static void base64_lines(struct str s, struct buf *out)
{
    struct buf b = buf_make(2 * MAIL_MAX_BYTES);
    struct str rest;

    base64_encode(s, &b);
    for (rest = buf_str(&b); rest.n; rest = str_sub(rest, 76, rest.n)) {
        buf_add(out, str_sub(rest, 0, 76));
        buf_add(out, S("\r\n"));
    }
    buf_free(&b);
}

void mail_text(const struct mail *m, struct buf *out)
{
    static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    size_t at = str_find(m->from, S("@"), 0);
    struct civil t;

    civil_from_unix(NULL, m->unix_s, &t);
    buf_printf(out, "Date: %s, %02d %s %d %02d:%02d:%02d +0000\r\n", days[t.weekday], t.day, months[t.month - 1],
               t.year, t.hour, t.minute, t.second);
    buf_printf(out, "From: <" STR_FMT ">\r\nTo: ", STR_ARG(m->from));
    for (size_t i = 0; i < m->n_to; i++)
        buf_printf(out, "%s<" STR_FMT ">", i ? ",\r\n " : "", STR_ARG(m->to[i]));
    buf_printf(out, "\r\nMessage-ID: <" STR_FMT "@" STR_FMT ">\r\nSubject: ", STR_ARG(m->id),
               STR_ARG(str_sub(m->from, at == SIZE_MAX ? m->from.n : at + 1, m->from.n)));
    encoded_words(m->subject, out);
    buf_add(out, S("\r\nAuto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n"
                   "Content-Type: text/plain; charset=UTF-8\r\nContent-Transfer-Encoding: base64\r\n\r\n"));
    base64_lines(m->text, out);
}

/* ---- sending ---- */

struct upload {
    struct str rest;
};

static size_t on_read(char *to, size_t size, size_t n, void *ctx)
{
    struct upload *u = ctx;
    size_t take = size * n < u->rest.n ? size * n : u->rest.n;

    if (take)
        memcpy(to, u->rest.p, take);
    u->rest = str_sub(u->rest, take, u->rest.n);
    return take;
}

static void set_text(CURL *easy, CURLoption option, struct str s)
{
    char *copy = mem_alloc(s.n + 1);

    if (s.n)
        memcpy(copy, s.p, s.n);
    copy[s.n] = '\0';
    curl_easy_setopt(easy, option, copy);
    explicit_bzero(copy, s.n);
    free(copy);
}

/* The host as libcurl itself finds it: what stands before an @ is no host. */
static bool is_loopback(struct str url)
{
    static const char *const hosts[] = {"127.0.0.1", "localhost", "[::1]"};
    char *copy = mem_zero(url.n + 1), *host = NULL;
    CURLU *u = curl_url();
    bool found = false;

    if (!u)
        die_no_memory();
    if (url.n)
        memcpy(copy, url.p, url.n);
    if (!curl_url_set(u, CURLUPART_URL, copy, 0) && !curl_url_get(u, CURLUPART_HOST, &host, 0))
        for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++)
            found = found || strcmp(host, hosts[i]) == 0;
    curl_free(host);
    curl_url_cleanup(u);
    explicit_bzero(copy, url.n);
    free(copy);
    return found;
}

/* Ends the transfer when the caller's flag is set. */
static int on_progress(void *ctx, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    const struct mail *m = ctx;

    (void)a;
    (void)b;
    (void)c;
    (void)d;
    return m->stop && atomic_load(m->stop);
}

static enum err explain(CURL *easy, CURLcode code, const char *words, struct errinfo *ei)
{
    long status = 0;
    char masked[300];

    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    log_mask(str_of(words[0] ? words : curl_easy_strerror(code)), masked, sizeof masked);
    if (code == CURLE_LOGIN_DENIED && status >= 400 && status < 500)
        return fail(ei, ERR_NETWORK, "the mail could not be sent: the login cannot be checked now (%ld)", status);
    if (code == CURLE_LOGIN_DENIED)
        return fail(ei, ERR_AUTH, "the mail server refuses the login: %s", masked);
    if (code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE)
        return fail(ei, ERR_AUTH, "the mail server's certificate is not accepted: %s", masked);
    if (code == CURLE_USE_SSL_FAILED)
        return fail(ei, ERR_AUTH, "the mail server offers no TLS: %s", masked);
    if (code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL)
        return fail(ei, ERR_CONFIG, "that is not the address of a mail server");
    if (status >= 500 && status < 600)
        return fail(ei, ERR_REMOTE, "the mail server refuses the mail (%ld): %s", status, masked);
    return fail(ei, ERR_NETWORK, "the mail could not be sent: %s", masked);
}

static struct curl_slist *recipients(const struct mail *m)
{
    struct curl_slist *list = NULL;

    for (size_t i = 0; i < m->n_to; i++) {
        char address[400];
        struct curl_slist *longer;

        snprintf(address, sizeof address, "<" STR_FMT ">", STR_ARG(str_sub(m->to[i], 0, 380)));
        longer = curl_slist_append(list, address);
        if (!longer)
            die_no_memory();
        list = longer;
    }
    return list;
}

static void set_options(CURL *easy, const struct mail *m, struct upload *u, char *words)
{
    char from[400];

    set_text(easy, CURLOPT_URL, m->url);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    curl_easy_setopt(easy, CURLOPT_USE_SSL, (long)(is_loopback(m->url) ? CURLUSESSL_TRY : CURLUSESSL_ALL));
    if (m->user.n) {
        set_text(easy, CURLOPT_USERNAME, m->user);
        set_text(easy, CURLOPT_PASSWORD, m->password);
    }
    if (m->ca_file.n)
        set_text(easy, CURLOPT_CAINFO, m->ca_file);
    snprintf(from, sizeof from, "<" STR_FMT ">", STR_ARG(str_sub(m->from, 0, 380)));
    curl_easy_setopt(easy, CURLOPT_MAIL_FROM, from);
    curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_read);
    curl_easy_setopt(easy, CURLOPT_READDATA, u);
    curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)m->timeout_ms);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)m->timeout_ms);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, words);
    curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(easy, CURLOPT_XFERINFODATA, m);
}

/* One attempt. `some`: recipients that are refused do not keep the mail from the others. */
static CURLcode try_once(CURL *easy, const struct mail *m, struct str text, bool some, char *words)
{
    struct curl_slist *to = recipients(m);
    struct upload u = {text};
    CURLcode code;

    words[0] = '\0';
    curl_easy_reset(easy);
    set_options(easy, m, &u, words);
    curl_easy_setopt(easy, CURLOPT_MAIL_RCPT, to);
    curl_easy_setopt(easy, CURLOPT_MAIL_RCPT_ALLLOWFAILS, (long)some);
    code = curl_easy_perform(easy);
    curl_slist_free_all(to);
    return code;
}

/* A recipient was refused for good, and there are others. */
static bool some_refused(CURL *easy, const struct mail *m, CURLcode code, const char *words)
{
    long status = 0;

    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    return code == CURLE_SEND_ERROR && m->n_to > 1 && status >= 500 && str_starts(str_of(words), S("RCPT failed"));
}

enum err mail_send(const struct mail *m, struct errinfo *ei)
{
    struct buf text = buf_make(4 * MAIL_MAX_BYTES);
    char words[CURL_ERROR_SIZE], first[CURL_ERROR_SIZE];
    CURL *easy = curl_easy_init();
    CURLcode code;
    enum err err = OK;

    if (!easy)
        die_no_memory();
    mail_text(m, &text);
    code = try_once(easy, m, buf_str(&text), false, words);
    if (some_refused(easy, m, code, words)) {
        memcpy(first, words, sizeof first);
        code = try_once(easy, m, buf_str(&text), true, words);
        if (!code)
            log_warn("the mail server refuses some of the %zu recipients, the others got the mail: %s", m->n_to, first);
    }
    if (code)
        err = explain(easy, code, words, ei);
    curl_easy_cleanup(easy);
    buf_free(&text);
    return err;
}

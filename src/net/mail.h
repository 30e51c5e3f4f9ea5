/* One mail over SMTP (libcurl), with TLS: smtps:// from the first byte, smtp:// by STARTTLS, which is demanded unless
 * the server is on this machine's loopback. Certificates are verified. */
#ifndef NET_MAIL_H
#define NET_MAIL_H

#include "base/buf.h"
#include "base/err.h"

#include <stdatomic.h>

struct mail {
    struct str url, user, password; /* user empty: no login */
    struct str from;
    const struct str *to;
    size_t n_to;
    struct str subject, text; /* UTF-8 */
    struct str id;            /* of Message-ID, before its @: the same when the mail is sent again */
    struct str ca_file;       /* or empty */
    int64_t unix_s, timeout_ms;
    atomic_bool *stop; /* gives it up when set, within a second; NULL: never */
};

/* Waits until the server took it for one recipient at least; refused ones are logged. ERR_AUTH (login, certificate),
 * ERR_REMOTE (refused, for good), ERR_NETWORK (try again), ERR_CONFIG (no address). Thread-safe. */
enum err mail_send(const struct mail *m, struct errinfo *ei) MUST_USE;
/* The text that is sent: header lines (RFC 5322, RFC 2047) and a base64 body. */
void mail_text(const struct mail *m, struct buf *out);

#endif

/* What the parts of the mail server's stand-in share: options and books (smtp.c), talk (smtp_talk.c), TLS (smtp_tls.c).
 */
#ifndef SIM_SMTP_IMPL_H
#define SIM_SMTP_IMPL_H

#include "base/buf.h"
#include "base/err.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#define SESSIONS_MAX 64

enum smtp_fault {
    SMTP_NONE,
    SMTP_DOWN,
    SMTP_SLOW,
    SMTP_CUT,
    SMTP_UNANSWERED,
    SMTP_WRONG_HOST,
    SMTP_NO_STARTTLS,
    SMTP_GREETING, /* from here on: the stage that is refused with the fault's value */
    SMTP_EHLO,
    SMTP_AUTH,
    SMTP_MAIL,
    SMTP_RCPT,
    SMTP_DATA,
    SMTP_TEXT,
    SMTP_FAULTS
};

enum smtp_security { SECURITY_NONE, SECURITY_STARTTLS, SECURITY_TLS };

struct smtp_mail {
    struct smtp_mail *next;
    int64_t at_ms;
    enum smtp_security security;
    char *user, *from, *to; /* `to`: one a line */
    struct buf text;        /* as it was sent, dots taken off */
};

struct tls;

/* One that talks to us. */
struct session {
    struct post *post;
    pthread_t thread;
    int fd;
    bool used, implicit; /* of the slot; TLS from the first byte */
    atomic_bool ended;
};

struct post {
    const char *address, *user, *password, *auth, *unknown, *ca_file;
    int64_t port, size_max;
    bool die_with_parent, made_ca_file;
    char made_path[4096];
    struct tls *right, *wrong; /* certificates for this host, and for another */

    pthread_mutex_t lock; /* over what follows */
    int fault;            /* enum smtp_fault */
    int64_t fault_value;
    struct smtp_mail *first, **last;
    int64_t connections, accepted, refused, logins, bad_logins, logins_in_clear;

    int listener[2]; /* smtp, smtps */
    int listener_port[2];
    pthread_t acceptor;
    bool accepting;
    atomic_bool stopping;
    struct session sessions[SESSIONS_MAX]; /* the acceptor's */
};

/* ---- smtp.c ---- */

/* The fault that is on, and its value. */
int smtp_fault(struct post *p, int64_t *ret_value);
void smtp_count(struct post *p, int64_t *counter);
/* Takes the mail over, and what it holds. */
void smtp_keep(struct post *p, struct smtp_mail *m);

/* ---- smtp_talk.c ---- */

/* Opens both ports and answers on threads. ERR_NETWORK. */
enum err talk_start(struct post *p, struct errinfo *ei) MUST_USE;
void talk_stop(struct post *p);

/* ---- smtp_tls.c ---- */

/* A key and a certificate for a host, signed by itself; its PEM is added to `pem`. ERR_INTERNAL. */
enum err tls_new(const char *host, struct tls **ret, struct buf *pem, struct errinfo *ei) MUST_USE;
void tls_free(struct tls *t);

/* Bytes to and from the other side, in clear or not. */
struct link;
struct link *link_new(int fd);
void link_free(struct link *l); /* the descriptor stays open */
/* From now on TLS; what came before it unread is thrown away. */
bool link_secure(struct link *l, struct tls *t);
/* The next line with its LF; what is beyond the buffer's ceiling is dropped (and `failed` set). False: no more. */
bool link_line(struct link *l, struct buf *line);
bool link_write(struct link *l, struct str s);

#endif

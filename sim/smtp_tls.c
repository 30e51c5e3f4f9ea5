/* Certificates that are made at start, and a link that may become TLS in its middle.
 *
 * Each certificate is for one host, and for 127.0.0.1's names besides when that is where we listen; it is its own root,
 * so a client that reads the PEM trusts it and nobody else does. The key never leaves the memory. */
#include "smtp_impl.h"

#include "base/digest.h"

#include <errno.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define DAY_S    86400
#define LIFE_S   (400L * DAY_S)
#define IN_BYTES 4096

struct tls {
    EVP_PKEY *key;
    X509 *certificate;
    SSL_CTX *context;
};

struct link {
    int fd;
    SSL *ssl;
    char in[IN_BYTES];
    size_t at, n;
};

/* ---- certificates ---- */

static bool add_extension(X509 *x, int nid, const char *value)
{
    X509_EXTENSION *e = X509V3_EXT_nconf_nid(NULL, NULL, nid, value);
    bool ok = e && X509_add_ext(x, e, -1);

    X509_EXTENSION_free(e);
    return ok;
}

static bool fill(X509 *x, EVP_PKEY *key, const char *host)
{
    X509_NAME *name = X509_get_subject_name(x);
    bool address = host[0] >= '0' && host[0] <= '9';
    char names[300];
    uint32_t serial;

    random_bytes(&serial, sizeof serial);
    snprintf(names, sizeof names, address ? "DNS:localhost,IP:%s" : "DNS:%s", host);
    return X509_set_version(x, 2) && ASN1_INTEGER_set_uint64(X509_get_serialNumber(x), serial | 1u) &&
           X509_gmtime_adj(X509_getm_notBefore(x), -DAY_S) && X509_gmtime_adj(X509_getm_notAfter(x), LIFE_S) &&
           X509_set_pubkey(x, key) &&
           X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)host, -1, -1, 0) &&
           X509_set_issuer_name(x, name) && add_extension(x, NID_basic_constraints, "critical,CA:TRUE") &&
           add_extension(x, NID_subject_alt_name, names) && X509_sign(x, key, EVP_sha256());
}

static bool add_pem(X509 *x, struct buf *pem)
{
    BIO *b = BIO_new(BIO_s_mem());
    bool ok = b && PEM_write_bio_X509(b, x);
    char *p;
    long n = ok ? BIO_get_mem_data(b, &p) : 0;

    if (n > 0)
        buf_add(pem, str_mk(p, (size_t)n));
    BIO_free(b);
    return ok;
}

enum err tls_new(const char *host, struct tls **ret, struct buf *pem, struct errinfo *ei)
{
    struct tls *t = mem_zero(sizeof *t);

    t->key = EVP_EC_gen("P-256");
    t->certificate = X509_new();
    t->context = SSL_CTX_new(TLS_server_method());
    if (t->key && t->certificate && t->context && fill(t->certificate, t->key, host) &&
        SSL_CTX_set_min_proto_version(t->context, TLS1_2_VERSION) &&
        SSL_CTX_use_certificate(t->context, t->certificate) == 1 && SSL_CTX_use_PrivateKey(t->context, t->key) == 1 &&
        add_pem(t->certificate, pem)) {
        *ret = t;
        return OK;
    }
    tls_free(t);
    return fail(ei, ERR_INTERNAL, "cannot make a certificate: %s", ERR_reason_error_string(ERR_get_error()));
}

void tls_free(struct tls *t)
{
    if (!t)
        return;
    SSL_CTX_free(t->context);
    X509_free(t->certificate);
    EVP_PKEY_free(t->key);
    free(t);
}

/* ---- the link ---- */

struct link *link_new(int fd)
{
    struct link *l = mem_zero(sizeof *l);

    l->fd = fd;
    return l;
}

void link_free(struct link *l)
{
    if (l->ssl)
        SSL_shutdown(l->ssl);
    SSL_free(l->ssl);
    free(l);
}

bool link_secure(struct link *l, struct tls *t)
{
    l->at = l->n = 0;
    l->ssl = SSL_new(t->context);
    return l->ssl && SSL_set_fd(l->ssl, l->fd) == 1 && SSL_accept(l->ssl) == 1;
}

static bool refill(struct link *l)
{
    ssize_t n;

    if (l->ssl) {
        n = SSL_read(l->ssl, l->in, IN_BYTES);
    } else {
        do
            n = recv(l->fd, l->in, IN_BYTES, 0);
        while (n < 0 && errno == EINTR);
    }
    l->at = 0;
    l->n = n > 0 ? (size_t)n : 0;
    return n > 0;
}

bool link_line(struct link *l, struct buf *line)
{
    buf_clear(line);
    for (;;) {
        struct str rest;
        size_t end;

        if (l->at == l->n && !refill(l))
            return false;
        rest = str_mk(l->in + l->at, l->n - l->at);
        end = str_find(rest, S("\n"), 0);
        buf_add(line, str_sub(rest, 0, end == SIZE_MAX ? rest.n : end + 1));
        l->at += end == SIZE_MAX ? rest.n : end + 1;
        if (end != SIZE_MAX)
            return true;
    }
}

bool link_write(struct link *l, struct str s)
{
    while (s.n) {
        ssize_t n = l->ssl ? SSL_write(l->ssl, s.p, (int)s.n) : send(l->fd, s.p, s.n, MSG_NOSIGNAL);

        if (n <= 0 && !(n < 0 && !l->ssl && errno == EINTR))
            return false;
        s = str_sub(s, n > 0 ? (size_t)n : 0, s.n);
    }
    return true;
}

/* Digests, HMAC and encodings of bytes. Wraps OpenSSL libcrypto (EVP) and XXH3. */
#ifndef BASE_DIGEST_H
#define BASE_DIGEST_H

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

enum digest_kind { DIGEST_MD5, DIGEST_SHA1, DIGEST_SHA224, DIGEST_SHA256, DIGEST_SHA384, DIGEST_SHA512 };
#define DIGEST_MAX 64

/* Digest of the concatenated parts; gives its length in bytes. */
size_t digest(enum digest_kind kind, const struct str *parts, size_t n_parts, uint8_t out[DIGEST_MAX]);
size_t digest_hmac(enum digest_kind kind, struct str key, struct str msg, uint8_t out[DIGEST_MAX]);
/* Hex of n bytes into out[2n+1], NUL-terminated. */
void hex_lower(const uint8_t *in, size_t n, char *out);
void hex_upper(const uint8_t *in, size_t n, char *out);
bool hex_decode(struct str s, uint8_t *out); /* s.n/2 bytes; false on odd length or other bytes */
void base64_encode(struct str s, struct buf *out);
bool base64_decode(struct str s, struct buf *out);
void url_encode(struct str s, struct buf *out);      /* RFC 3986 unreserved stay, all else %XX */
void url_encode_form(struct str s, struct buf *out); /* the same, blank becomes '+' */
bool url_decode_form(struct str s, struct buf *out); /* false on a broken %XX */
void random_bytes(void *out, size_t n);              /* from the system; ends the process if it has none */
void uuid_v4(char out[37]);

/* Content hashing for the ledger (XXH3, 128 bits, unseeded: it is stored). Streaming. */
struct hash128 {
    uint64_t lo, hi;
};
struct hasher;
struct hasher *hasher_new(void);
void hasher_free(struct hasher *h);
void hasher_reset(struct hasher *h);
void hasher_add(struct hasher *h, struct str s);
struct hash128 hasher_done(const struct hasher *h);
uint64_t hash_stable(struct str s); /* XXH3, 64 bits, unseeded: may be stored */

#endif

/* Digests by OpenSSL's EVP interface, content hashes by XXH3, random bytes from the kernel.
 *
 * Nothing is kept between calls, so all of it may be used from any thread; a hasher belongs to one thread at a time. A
 * digest fails only when memory is out, and that ends the process as elsewhere. Nothing here compares secrets. */
#include "base/digest.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <xxhash.h>

static const EVP_MD *md_of(enum digest_kind kind)
{
    switch (kind) {
    case DIGEST_MD5:
        return EVP_md5();
    case DIGEST_SHA1:
        return EVP_sha1();
    case DIGEST_SHA224:
        return EVP_sha224();
    case DIGEST_SHA256:
        return EVP_sha256();
    case DIGEST_SHA384:
        return EVP_sha384();
    case DIGEST_SHA512:
        break;
    }
    return EVP_sha512();
}

size_t digest(enum digest_kind kind, const struct str *parts, size_t n_parts, uint8_t out[DIGEST_MAX])
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    unsigned n = 0;
    int ok = ctx && EVP_DigestInit_ex(ctx, md_of(kind), NULL);

    for (size_t i = 0; ok && i < n_parts; i++)
        ok = parts[i].n == 0 || EVP_DigestUpdate(ctx, parts[i].p, parts[i].n);
    if (!ok || !EVP_DigestFinal_ex(ctx, out, &n))
        die_no_memory();
    EVP_MD_CTX_free(ctx);
    return n;
}

size_t digest_hmac(enum digest_kind kind, struct str key, struct str msg, uint8_t out[DIGEST_MAX])
{
    unsigned n = 0;

    if (!HMAC(md_of(kind), key.n ? key.p : "", (int)key.n, (const unsigned char *)(msg.n ? msg.p : ""), msg.n, out, &n))
        die_no_memory();
    return n;
}

void random_bytes(void *out, size_t n)
{
    uint8_t *p = out;

    while (n) {
        ssize_t got = getrandom(p, n, 0);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            fputs("the system gives no random bytes\n", stderr);
            abort();
        }
        p += got;
        n -= (size_t)got;
    }
}

void uuid_v4(char out[37])
{
    uint8_t b[16];

    random_bytes(b, sizeof b);
    b[6] = (uint8_t)((b[6] & 0x0F) | 0x40);
    b[8] = (uint8_t)((b[8] & 0x3F) | 0x80);
    snprintf(out, 37, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1], b[2], b[3],
             b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
}

struct hasher {
    XXH3_state_t *state;
};

struct hasher *hasher_new(void)
{
    struct hasher *h = mem_alloc(sizeof *h);

    h->state = XXH3_createState();
    if (!h->state)
        die_no_memory();
    hasher_reset(h);
    return h;
}

void hasher_free(struct hasher *h)
{
    if (!h)
        return;
    XXH3_freeState(h->state);
    free(h);
}

void hasher_reset(struct hasher *h)
{
    XXH3_128bits_reset(h->state);
}

void hasher_add(struct hasher *h, struct str s)
{
    if (s.n)
        XXH3_128bits_update(h->state, s.p, s.n);
}

struct hash128 hasher_done(const struct hasher *h)
{
    XXH128_hash_t r = XXH3_128bits_digest(h->state);

    return (struct hash128){r.low64, r.high64};
}

uint64_t hash_stable(struct str s)
{
    return XXH3_64bits(s.n ? s.p : "", s.n);
}

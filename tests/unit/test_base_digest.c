/* Digests against the vectors of their RFCs, encodings both ways, content hashes and random bytes. */
#include "table.h"

#include "base/digest.h"
#include "base/num.h"

static const char *const kinds[] = {"md5", "sha1", "sha224", "sha256", "sha384", "sha512"};

/* "20*0b" is 20 bytes 0x0b; anything else is itself. */
static struct str bytes_of(struct str spec, char *out, size_t cap)
{
    struct str rest = spec, count;
    size_t n;

    if (!str_cut(&rest, '*', &count) || !rest.p || !num_size(count, &n) || n > cap)
        return spec;
    memset(out, (int)strtol(rest.p, NULL, 16), n);
    return str_mk(out, n);
}

static bool check_digest(const struct table_row *row)
{
    char key[256], input[256], hex[2 * DIGEST_MAX + 1];
    struct str what = row->col[0], text = bytes_of(row->col[2], input, sizeof input);
    bool hmac = str_starts(what, S("hmac-"));
    struct str name = hmac ? str_sub(what, 5, what.n) : what;
    uint8_t out[DIGEST_MAX];

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        enum digest_kind kind = (enum digest_kind)i;
        struct str parts[3] = {str_sub(text, 0, text.n / 3), {0}, str_sub(text, text.n / 3, text.n)};
        size_t n;

        if (!str_eq(name, str_of(kinds[i])))
            continue;
        n = hmac ? digest_hmac(kind, bytes_of(row->col[1], key, sizeof key), text, out) : digest(kind, parts, 3, out);
        hex_lower(out, n, hex);
        return str_eq(str_of(hex), row->col[3]);
    }
    return false;
}

static void digests(void **state)
{
    (void)state;
    table_run("base/digest.txt", check_digest);
}

static void digest_of_nothing(void **state)
{
    uint8_t a[DIGEST_MAX], b[DIGEST_MAX];
    struct str empty[2] = {{0}, S("")};

    (void)state;
    assert_int_equal(digest(DIGEST_SHA256, NULL, 0, a), 32);
    assert_int_equal(digest(DIGEST_SHA256, empty, 2, b), 32);
    assert_memory_equal(a, b, 32);
    assert_int_equal(digest_hmac(DIGEST_SHA512, (struct str){0}, (struct str){0}, a), 64);
    assert_int_equal(digest_hmac(DIGEST_SHA512, S(""), S(""), b), 64);
    assert_memory_equal(a, b, 64);
}

static bool decode_to(struct str kind, struct str text, struct buf *out)
{
    uint8_t bytes[256];

    if (str_eq(kind, S("base64")))
        return base64_decode(text, out);
    if (str_eq(kind, S("form")))
        return url_decode_form(text, out);
    if (!hex_decode(text, bytes))
        return false;
    buf_add(out, str_mk((const char *)bytes, text.n / 2));
    return true;
}

static void encode_to(struct str kind, struct str text, struct buf *out)
{
    char hex[512];

    if (str_eq(kind, S("base64"))) {
        base64_encode(text, out);
    } else if (str_eq(kind, S("form"))) {
        url_encode_form(text, out);
    } else if (str_eq(kind, S("url"))) {
        url_encode(text, out);
    } else {
        hex_lower((const uint8_t *)text.p, text.n, hex);
        buf_add(out, str_of(hex));
    }
}

static bool check_encoding(const struct table_row *row)
{
    struct str kind = row->col[0], plain = row->col[1], encoded = row->col[2];
    struct buf b = buf_make(1000), back = buf_make(1000);
    bool holds;

    if (str_eq(plain, S("no"))) {
        buf_add(&b, S("before"));
        holds = !decode_to(kind, encoded, &b) && str_eq(buf_str(&b), S("before"));
    } else {
        encode_to(kind, plain, &b);
        holds = str_eq(buf_str(&b), encoded);
        if (!str_eq(kind, S("url")))
            holds &= decode_to(kind, encoded, &back) && str_eq(buf_str(&back), plain);
    }
    buf_free(&b);
    buf_free(&back);
    return holds;
}

static void encodings(void **state)
{
    (void)state;
    table_run("base/encode.txt", check_encoding);
}

static void every_length_and_byte(void **state)
{
    struct buf b = buf_make(10000), back = buf_make(10000);
    char bytes[256], hex[513];
    uint8_t decoded[256];

    (void)state;
    for (int i = 0; i < 256; i++)
        bytes[i] = (char)(i * 167 + 3);
    for (size_t n = 0; n <= 256; n++) {
        struct str s = str_mk(bytes, n);

        buf_clear(&b);
        buf_clear(&back);
        base64_encode(s, &b);
        assert_int_equal(b.n, (n + 2) / 3 * 4);
        assert_true(base64_decode(buf_str(&b), &back) && str_eq(buf_str(&back), s));
        buf_clear(&b);
        buf_clear(&back);
        url_encode_form(s, &b);
        assert_true(url_decode_form(buf_str(&b), &back) && str_eq(buf_str(&back), s));
        hex_upper((const uint8_t *)bytes, n, hex);
        assert_int_equal(strlen(hex), 2 * n);
        assert_true(hex_decode(str_of(hex), decoded));
        assert_memory_equal(decoded, bytes, n);
    }
    hex_upper((const uint8_t *)"\xAB\x0F", 2, hex);
    assert_string_equal(hex, "AB0F");
    buf_free(&b);
    buf_free(&back);
}

static void content_hashes(void **state)
{
    struct hasher *h = hasher_new();
    struct hash128 whole, parts;
    char bytes[5000];

    (void)state;
    /* XXH3_128bits of nothing, from the reference implementation's own checks. */
    whole = hasher_done(h);
    assert_true(whole.hi == 0x99aa06d3014798d8u && whole.lo == 0x6001c324468d497fu);
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)(i * 31);
    hasher_add(h, str_mk(bytes, sizeof bytes));
    whole = hasher_done(h);
    for (size_t step = 1; step < sizeof bytes; step = step * 3 + 1) {
        hasher_reset(h);
        for (size_t at = 0; at < sizeof bytes; at += step)
            hasher_add(h, str_sub(str_mk(bytes, sizeof bytes), at, step));
        hasher_add(h, (struct str){0});
        parts = hasher_done(h);
        assert_true(parts.lo == whole.lo && parts.hi == whole.hi);
    }
    bytes[4999] ^= 1;
    hasher_reset(h);
    hasher_add(h, str_mk(bytes, sizeof bytes));
    parts = hasher_done(h);
    assert_true(parts.lo != whole.lo && parts.hi != whole.hi);
    hasher_free(h);
    hasher_free(NULL);
}

static void randomness(void **state)
{
    uint8_t a[64] = {0}, b[64] = {0};
    char id[37], other[37];

    (void)state;
    random_bytes(a, sizeof a);
    random_bytes(b, sizeof b);
    assert_memory_not_equal(a, b, sizeof a);
    random_bytes(a, 0);
    for (int round = 0; round < 100; round++) {
        uuid_v4(id);
        assert_int_equal(strlen(id), 36);
        assert_int_equal(id[14], '4');
        assert_non_null(strchr("89ab", id[19]));
        for (size_t i = 0; i < 36; i++)
            assert_true(i == 8 || i == 13 || i == 18 || i == 23 ? id[i] == '-'
                                                                : strchr("0123456789abcdef", id[i]) != NULL);
    }
    uuid_v4(other);
    assert_string_not_equal(id, other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digests),        cmocka_unit_test(digest_of_nothing),
        cmocka_unit_test(encodings),      cmocka_unit_test(every_length_and_byte),
        cmocka_unit_test(content_hashes), cmocka_unit_test(randomness),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

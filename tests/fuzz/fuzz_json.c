/* JSON from anybody. What is read is UTF-8 and within its depth; written, it reads again without a repair and is the
 * same: same walk, same text. A refusal says why. The text is read as JSON and as content of a string, so that repairs
 * are met often.
 *
 * clang -fsanitize=fuzzer. */
#include "base/json.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define DEPTH_MAX 64

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void collect(void *ctx, struct str piece)
{
    buf_add(ctx, piece);
}

/* Every value of a tree through the iterator; gives how many there are. */
static size_t visit(const struct json *root, int depth)
{
    struct json_iter it = json_iter(root);
    const struct json *v;
    struct str key = {0};
    size_t n = 1, count = 0;

    must(depth <= DEPTH_MAX);
    must(utf8_valid(json_text(root)));
    while ((v = json_next(&it, &key))) {
        if (json_type(root) == JSON_OBJECT)
            must(utf8_valid(key) && json_get(root, key));
        else if (count < 8)
            must(json_at(root, count) == v);
        n += visit(v, depth + 1);
        count++;
    }
    must(count == json_count(root));
    return n;
}

static void check_read(const struct json_doc *doc)
{
    struct buf text = buf_make(256u << 20), again = buf_make(256u << 20);
    struct buf walk = buf_make(256u << 20), walk_again = buf_make(256u << 20);
    struct json_limits limits = {256u << 20, DEPTH_MAX};
    struct json_repairs repairs = {0};
    struct json_doc *second = NULL;

    (void)visit(json_root(doc), 0);
    json_write(json_root(doc), &text);
    must(!text.failed && utf8_valid(buf_str(&text)));
    must(json_parse(buf_str(&text), &limits, &second, &repairs, NULL) == OK);
    must(!repairs.bom && !repairs.controls && !repairs.raw_blanks && !repairs.bad_utf8 && !repairs.surrogates);
    json_write(json_root(second), &again);
    must(str_eq(buf_str(&text), buf_str(&again)));
    json_walk(json_root(doc), collect, &walk);
    json_walk(json_root(second), collect, &walk_again);
    must(walk.n > 0 && str_eq(buf_str(&walk), buf_str(&walk_again)));
    json_free(second);
    buf_free(&text);
    buf_free(&again);
    buf_free(&walk);
    buf_free(&walk_again);
}

static void check(struct str text)
{
    struct json_doc *doc = NULL;
    struct json_repairs repairs = {7, 7, 7, 7, 7};
    struct errinfo ei = {.msg = ""};
    enum err e = json_parse(text, &JSON_LIMITS_DEFAULT, &doc, &repairs, &ei);

    if (e) {
        must(e == ERR_DATA && ei.code == e && ei.msg[0] && !doc && repairs.bom == 7);
        must(utf8_valid(str_of(ei.msg)));
    } else {
        /* Nothing repaired means that the text was right as it stood. */
        if (!repairs.bad_utf8)
            must(utf8_valid(text));
        check_read(doc);
    }
    json_free(doc);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct str text = {(const char *)data, n};
    struct buf b = buf_make(32u << 20);

    check(text);
    buf_add(&b, S("[\""));
    buf_add(&b, text);
    buf_add(&b, S("\",1]"));
    check(buf_str(&b));
    buf_clear(&b);
    {
        struct json_out w = json_out(&b);

        json_out_str(&w, text); /* whatever the bytes, what is written is JSON */
    }
    check(buf_str(&b));
    buf_free(&b);
    return 0;
}

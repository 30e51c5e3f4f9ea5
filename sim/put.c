/* The small verbs of the generator, and its stock of hostile text.
 *
 * The hostile texts are what real order remarks have been seen to carry or what breaks naive software: emoji with
 * joiners, right-to-left marks, quotes and backslashes, line ends, script, SQL, the markers of file formats
 * (\N of LOAD DATA, a leading = of spreadsheets), placeholders of template engines. None is longer than 200
 * characters, so that a VARCHAR(255) holds them. NUL and raw control characters are not among them: those are a
 * fault of the transport, switched on apart. */
#include "put.h"

#include "base/num.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static void __attribute__((noreturn)) outgrown(void)
{
    fputs("sluice-sim: a record outgrew its pool\n", stderr);
    abort();
}

static struct str put_copy(struct record *r, struct str s)
{
    char *at = r->pool + r->pool_used;
    if (sizeof r->pool - r->pool_used < s.n)
        outgrown();
    memcpy(at, s.p, s.n);
    r->pool_used += s.n;
    return str_mk(at, s.n);
}

struct str put_printf(struct record *r, const char *fmt, ...)
{
    char *at = r->pool + r->pool_used;
    size_t room = sizeof r->pool - r->pool_used;
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(at, room, fmt, ap);
    va_end(ap);
    if (n < 0 || (size_t)n >= room)
        outgrown();
    r->pool_used += (size_t)n;
    return str_mk(at, (size_t)n);
}

void put_null(struct value *v)
{
    v->kind = V_NULL;
}

void put_text(struct value *v, struct str s)
{
    v->kind = V_TEXT;
    v->plain = s;
}

void put_cstr(struct value *v, const char *s)
{
    put_text(v, str_of(s));
}

void put_token(struct value *v, struct str digits)
{
    v->kind = V_TOKEN;
    v->plain = digits;
}

void put_bool(struct value *v, bool b)
{
    put_token(v, b ? S("true") : S("false"));
}

void put_int(struct record *r, struct value *v, int64_t n)
{
    char text[21];
    put_token(v, put_copy(r, str_mk(text, num_print_i64(n, text))));
}

void put_json(struct value *v, struct str sent, struct str plain)
{
    v->kind = V_JSON;
    v->sent = sent;
    v->plain = plain;
}

/* The last n_digits of `value` and a point before them. */
static size_t put_fraction(char *to, int64_t value, int n_digits)
{
    to[0] = '.';
    for (int i = n_digits; i > 0; i--, value /= 10)
        to[i] = (char)('0' + value % 10);
    return (size_t)n_digits + 1;
}

void put_amount(struct record *r, struct value *v, int64_t units, int scale, bool as_text)
{
    char text[32];
    size_t n = 0;
    int64_t magnitude = units < 0 ? -units : units;
    if (units < 0)
        text[n++] = '-';
    n += num_print_i64(magnitude / 10000, text + n);
    if (magnitude % 100 != 0 || scale == 4)
        n += put_fraction(text + n, magnitude % 10000, 4);
    else if (magnitude % 10000 != 0 || scale == 2)
        n += put_fraction(text + n, magnitude % 10000 / 100, 2);
    struct str s = put_copy(r, str_mk(text, n));
    if (as_text)
        put_text(v, s);
    else
        put_token(v, s);
}

void put_time(struct record *r, struct value *v, int64_t unix_s)
{
    char text[CHINA_TEXT];
    china_print(unix_s, text);
    put_text(v, put_copy(r, str_mk(text, CHINA_TEXT - 1)));
}

void put_some(struct value *v, struct rng *b, struct str s)
{
    switch (rng_below(b, 16)) {
    case 0:
    case 1:
        v->kind = V_NULL;
        break;
    case 2:
    case 3:
        v->kind = V_MISSING;
        break;
    case 4:
        put_text(v, S(""));
        break;
    default:
        put_text(v, s);
    }
}

static const char *const hostile[] = {
    "👨‍👩‍👧‍👦 一家人的礼物 👍🏽",
    "\xe2\x80\xaerenevo dnuora\xe2\x80\xac 反向文字 שלום مرحبا",
    "Robert'); DROP TABLE order_list_query;--",
    "<script>alert('送货')</script><img src=x onerror=\"alert(1)\">",
    "引号\"双\"与'单'，反斜杠\\与\\\\，结尾\\",
    "第一行\n第二行\t制表\r\n第四行",
    "{{o_id}} {LAST_SYNC_TIME} ${env:HOME} %s %n",
    "' OR '1'='1",
    "NULL",
    "\\N",
    "=cmd|' /C calc'!A0",
    "e\xcc\x81 \xc3\xa9 组合字符 𠮷野家 𠀀",
    "\xe2\x80\x8b"
    "零宽"
    "\xe2\x80\x8d"
    "连字"
    "\xef\xbb\xbf",
    "a,b;c|d\te\t\"f\",,",
    "O'Brien 的包裹, it''s fine",
    "100% _like_ *glob* [x] ^$",
    "C:\\temp\\new\\users\\0",
    "😀😃😄😁😆😅🤣😂🙂🙃",
    "{\"备注\":\"里面是 JSON\",\"n\":[1,2]}",
    "null",
    "结尾有空格 ",
    "/* 注释 */ -- 尾巴 # 井号",
};

/* Up to 200 characters of mixed width. */
static struct str long_text(struct record *r, struct rng *b)
{
    static const char *const piece[] = {"请务必在周五之前送达", "门口放鞋柜上", "🎁", "call 138****0000 ", "（急）"};
    static const size_t piece_chars[] = {10, 6, 1, 17, 3};
    size_t chars = 0;
    struct str all = put_printf(r, "%s", "");
    for (;;) {
        size_t i = (size_t)rng_below(b, 5);
        if (chars + piece_chars[i] > 200)
            return all;
        struct str more = put_printf(r, "%s", piece[i]);
        all.n += more.n;
        chars += piece_chars[i];
    }
}

struct str put_wild(struct record *r, struct rng *b, bool plain, struct str calm)
{
    uint64_t draw = rng_below(b, 8 * (sizeof hostile / sizeof *hostile + 2));
    if (plain)
        return calm;
    if (draw < sizeof hostile / sizeof *hostile)
        return str_of(hostile[draw]);
    if (draw < sizeof hostile / sizeof *hostile + 2)
        return long_text(r, b);
    return calm;
}

void put_extension(struct record *r, struct value *v, struct rng *b, bool plain)
{
    unsigned n = (unsigned)rng_below(b, 100000);
    switch (rng_below(b, 10)) {
    case 0:
        break; /* missing */
    case 1:
        put_json(v, put_printf(r, "{ \"定制\" : \"刻字%u\" ,\t\"n\" : 1.50, \"是\" : true, \"空\" : null }", n),
                 put_printf(r, "{\"定制\":\"刻字%u\",\"n\":1.50,\"是\":true,\"空\":null}", n));
        break;
    case 2: {
        struct str s = put_printf(r, "{\"k\":%u,\"list\":[1,\"二\",{\"三\":3}],\"m\":{}}", n);
        put_json(v, s, s);
        break;
    }
    case 3:
        put_text(v, put_printf(r, "{\"定制内容\":\"永远在一起%u\",\"字体\":\"楷体\"}", n));
        break;
    case 4:
        put_text(v, plain
                        ? put_printf(r, "加急包装第%u号请用蓝色丝带不要贺卡谢谢", n)
                        : put_printf(
                              r, "礼盒%05u号'贺卡'写:👨‍👩‍👧‍👦一家人永远幸福\n谢谢", n));
        break;
    case 5:
        put_text(v, put_printf(r, "短%u", n));
        break;
    case 6:
        put_text(v, S(""));
        break;
    default:
        put_null(v);
    }
}

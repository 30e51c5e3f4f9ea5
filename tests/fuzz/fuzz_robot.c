/* Replies of robots, and text from outside in messages: whatever comes, there is a verdict, and what is shown is one
 * line of UTF-8 with nothing in it that acts. The first byte chooses the kind of channel, the second the status.
 * clang -fsanitize=fuzzer. */
#include "watch/alert_robot.h"
#include "watch/alert_text.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const int statuses[] = {200, 204, 302, 400, 401, 404, 408, 429, 500, 503};
    static const int types[] = {CHANNEL_DINGTALK, CHANNEL_WECOM, CHANNEL_FEISHU, CHANNEL_WEBHOOK};
    struct verdict v;
    struct buf b = buf_make(1u << 20);
    struct str rest;

    if (n < 2)
        return 0;
    rest = (struct str){(const char *)data + 2, n - 2};
    robot_judge(types[data[0] % 4], statuses[data[1] % 10], data[0], rest, &v);
    if (v.what < OUTCOME_OK || v.what > OUTCOME_REFUSED || (v.what == OUTCOME_BANNED && v.wait_ms <= 0) ||
        (v.what != OUTCOME_OK && !v.why[0]) || !utf8_valid(str_of(v.why)))
        abort();
    text_safe(rest, data[1], &b);
    if (b.n > data[1] || !utf8_valid(buf_str(&b)) ||
        (b.n && (memchr(b.p, '@', b.n) || memchr(b.p, '<', b.n) || memchr(b.p, '\n', b.n) || memchr(b.p, '[', b.n))))
        abort();
    buf_free(&b);
    return 0;
}

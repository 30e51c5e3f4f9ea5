/* Words for somebody who reads them on a phone at night: what, how bad, what is being done, what to do. One row a rule.
 *
 * {i} is the integration, {v} the value, {l} what it was held against, {n} the number of errors, each in the rule's
 * unit. Text from outside passes text_safe: robots read markdown of dialects that know no escape, so what could act is
 * replaced by its full-width twin, which looks the same and does nothing. */
#include "watch/alert_text.h"

#include "base/log.h"

#include <stdlib.h>

enum unit { UNIT_COUNT, UNIT_SPAN, UNIT_PERCENT };

struct words {
    const char *title, *summary, *doing, *action;
};
static const struct row {
    enum unit unit;
    struct words zh, en;
} rows[ALERT_RULES] = {
    [ALERT_RUN_FAILED] = {UNIT_COUNT,
                          {"同步失败", "{i} 同步失败（共 {n} 次）",
                           "会按计划再次运行，已写入的数据不受影响，游标不动。", "看错误原因；改好后点“立即运行”。"},
                          {"run failed", "{i}: the run failed ({n} times)",
                           "It runs again by its schedule; what is written stays, the cursor did not move.",
                           "Read the error; when it is mended, press “Run now”."}},
    [ALERT_SOURCE_DOWN] = {UNIT_COUNT,
                           {"来源不可用", "{i} 的来源接口不可用", "自动退避重试；恢复后从断点补齐，不会漏。",
                            "对方是否在维护？检查网络、账号和授权。"},
                           {"source is down", "{i}: the source does not answer",
                            "It is tried again at growing intervals and goes on where it stopped; nothing is skipped.",
                            "Is the other side in maintenance? Check network, account and authorisation."}},
    [ALERT_TARGET_DOWN] = {UNIT_COUNT,
                           {"目标库不可用", "{i} 的目标库写不进去", "继续取数并存入本地日志，恢复后按顺序写入。",
                            "检查数据库是否在运行、磁盘是否已满、账号和权限。"},
                           {"target is down", "{i}: the target database takes nothing",
                            "Fetching goes on into the local journal; it is written in order when the target is back.",
                            "Is the database running, its disk full, its account allowed?"}},
    [ALERT_STALE] = {UNIT_SPAN,
                     {"数据落后", "{i} 落后 {v}（上限 {l}）", "继续追赶，按顺序补齐。",
                      "看它在等什么：配额、来源、还是目标库。"},
                     {"data is late", "{i} is {v} behind (limit {l})", "It goes on catching up, in order.",
                      "See what it waits for: quota, source or target."}},
    [ALERT_DEAD_LETTERS] = {UNIT_COUNT,
                            {"有记录写不进去", "{i} 有 {v} 条记录未写入（新增 {n} 条）",
                             "其余记录照常写入；这些已保存，可改正后重试。", "在“死信”里看原因，改正后重试或丢弃。"},
                            {"records were refused", "{i}: {v} records are not written ({n} new)",
                             "All others are written; these are kept and can be corrected.",
                             "See the reasons under dead letters; correct and retry, or drop them."}},
    [ALERT_FOUND_MISSING] = {UNIT_COUNT,
                             {"补到漏掉的记录", "{i} 补到此前漏掉的 {v} 条记录", "已经补写。",
                              "来源有迟到的修改：考虑加大 lag 或 overlap。"},
                             {"records had been missed", "{i}: {v} records that had been missed were found",
                              "They are written by now.",
                              "The source shows changes late: consider a larger lag or overlap."}},
    [ALERT_NO_DATA] = {UNIT_SPAN,
                       {"一直没有新数据", "{i} 已有 {v} 没有任何记录（平常不超过 {l}）",
                        "按计划继续查询，来源每次都答“没有”。", "业务是否真的停了？检查来源账号的授权范围和查询条件。"},
                       {"no data", "{i}: no record for {v} (usually within {l})",
                        "It goes on asking; the source says each time that there is nothing.",
                        "Has business really stopped? Check what the account may see, and the filter."}},
    [ALERT_QUOTA] = {UNIT_PERCENT,
                     {"接口配额将用尽", "{i} 的接口配额已用 {v}（上限 {l}）", "自动放慢，主任务优先，补查让路。",
                      "减少频率或重查范围，或向对方申请更多配额。"},
                     {"quota nearly used", "{i}: {v} of the source's quota is used (limit {l})",
                      "It slows down; main runs go first, reading again waits.",
                      "Run less often, read again less, or ask the other side for more."}},
    [ALERT_TOKEN_EXPIRING] = {UNIT_SPAN,
                              {"授权将到期", "{i} 的授权还剩 {v}", "能自动续期的会续期。",
                               "到期前请重新授权，否则同步会停。"},
                              {"token expires", "{i}: the authorisation ends in {v}", "It is renewed where it can be.",
                               "Authorise again before that, or the runs stop."}},
    [ALERT_SCHEMA_DRIFT] = {UNIT_COUNT,
                            {"来源字段变了", "{i} 的来源字段有变化（{n} 处）", "按 drift 设置处理，原始数据都已保存。",
                             "看变了哪些字段；更新映射，或确认接受。"},
                            {"fields changed", "{i}: the source's fields changed ({n} times)",
                             "It does what `drift` says; the raw data is kept.",
                             "See which fields; change the mapping, or accept them."}},
    [ALERT_DISK] = {UNIT_PERCENT,
                    {"磁盘将满", "本机磁盘已用 {v}（上限 {l}）", "满了会停止取数，但不会丢数据。",
                     "腾出空间，或缩短 retention。"},
                    {"disk nearly full", "This machine's disk is {v} full (limit {l})",
                     "When it is full fetching stops; nothing is lost.", "Make room, or shorten `retention`."}},
    [ALERT_CLOCK_SKEW] = {UNIT_SPAN,
                          {"时钟不准", "{i}：本机时钟与来源相差 {v}（上限 {l}）", "按来源的时钟取数，不会漏。",
                           "校准本机时间（NTP）。"},
                          {"clock is off", "{i}: this machine's clock differs from the source's by {v} (limit {l})",
                           "Windows go by the source's clock; nothing is skipped.", "Set this machine's time (NTP)."}},
};

static const struct words *words_of(int rule, bool chinese)
{
    return chinese ? &rows[rule].zh : &rows[rule].en;
}

const char *rule_title(int rule, bool chinese)
{
    return words_of(rule, chinese)->title;
}

const char *rule_doing(int rule, bool chinese)
{
    return words_of(rule, chinese)->doing;
}

const char *rule_action(int rule, bool chinese)
{
    return words_of(rule, chinese)->action;
}

const char *severity_title(int severity, bool chinese)
{
    static const char *const zh[] = {"提示", "警告", "严重"};

    return chinese ? zh[severity] : alert_severity_names[severity];
}

/* ---- figures ---- */

void text_span(int64_t ms, bool chinese, struct buf *out)
{
    static const struct {
        int64_t s;
        const char *zh, *en;
    } units[] = {{86400, " 天", " d"}, {3600, " 小时", " h"}, {60, " 分钟", " min"}, {1, " 秒", " s"}};
    int64_t s = (ms < 0 ? -(ms / 1000) : ms / 1000);
    size_t i = 0;

    while (i < 3 && s < units[i].s)
        i++;
    buf_int(out, s / units[i].s);
    buf_add(out, str_of(chinese ? units[i].zh : units[i].en));
    if (i < 2 && s % units[i].s >= units[i + 1].s) {
        buf_byte(out, ' ');
        buf_int(out, s % units[i].s / units[i + 1].s);
        buf_add(out, str_of(chinese ? units[i + 1].zh : units[i + 1].en));
    }
}

static void figure(enum unit unit, int64_t v, bool chinese, struct buf *out)
{
    if (unit == UNIT_SPAN)
        text_span(v, chinese, out);
    else
        buf_int(out, v);
    if (unit == UNIT_PERCENT)
        buf_byte(out, '%');
}

void rule_summary(const struct figures *f, bool chinese, struct buf *out)
{
    enum unit unit = rows[f->rule].unit;

    for (const char *p = words_of(f->rule, chinese)->summary; *p; p++) {
        if (p[0] != '{' || !p[1] || p[2] != '}') {
            buf_byte(out, *p);
            continue;
        }
        if (p[1] == 'i')
            text_safe(f->integration, 200, out);
        else if (p[1] == 'n')
            buf_int(out, f->count);
        else
            figure(unit, p[1] == 'v' ? f->value : f->limit, chinese, out);
        p += 2;
    }
}

/* ---- text from outside ---- */

void text_cut(struct str s, size_t max_bytes, struct buf *out)
{
    size_t n = s.n > max_bytes ? max_bytes : s.n;

    while (n && n < s.n && ((unsigned char)s.p[n] & 0xC0) == 0x80)
        n--;
    buf_add(out, str_sub(s, 0, n));
}

static bool digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool word_char(char c)
{
    return digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* A Chinese identity card number: 17 digits with a date in them, and a check digit (GB 11643). */
static bool identity_card(struct str s)
{
    static const int weight[] = {7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2};
    int sum = 0;

    for (size_t i = 0; i < 17; i++) {
        if (!digit(s.p[i]))
            return false;
        sum += (s.p[i] - '0') * weight[i];
    }
    return "10X98765432"[sum % 11] == (s.p[17] == 'x' ? 'X' : s.p[17]);
}

/* How many bytes of a word of letters and digits to mask in its middle, from `*ret_from`; 0: it is nobody's number. */
static size_t personal(struct str word, size_t *ret_from)
{
    size_t digits = 0;

    while (digits < word.n && digit(word.p[digits]))
        digits++;
    if (word.n == 11 && digits == 11 && word.p[0] == '1' && word.p[1] >= '3') {
        *ret_from = 3;
        return 4;
    }
    if (word.n == 18 && identity_card(word)) {
        *ret_from = 4;
        return 10;
    }
    return 0;
}

static size_t word_length(struct str s)
{
    size_t n = 0;

    while (n < s.n && word_char(s.p[n]))
        n++;
    return n;
}

/* The bytes of a mail address's first part that begins here, or 0. */
static size_t mail_local(struct str s)
{
    size_t n = 0;

    while (n < s.n && n < 64 && (word_char(s.p[n]) || str_find(S("._%+-"), str_sub(s, n, 1), 0) != SIZE_MAX))
        n++;
    return n && n + 1 < s.n && s.p[n] == '@' && word_char(s.p[n + 1]) ? n : 0;
}

static void add_word(struct str s, struct buf *out)
{
    size_t from = 0, n = personal(s, &from);

    if (!n) {
        buf_add(out, s);
        return;
    }
    buf_add(out, str_sub(s, 0, from));
    buf_add(out, S("****"));
    buf_add(out, str_sub(s, from + n, s.n));
}

/* One character that is not of a word. */
static size_t add_other(struct str rest, bool inside_word, struct buf *out)
{
    static const char acting[] = "@[]<>`*~\\";
    uint32_t cp;
    size_t n = utf8_decode(rest, &cp);

    if (cp < 0x20 || (cp >= 0x7F && cp < 0xA0) || cp == 0x2028 || cp == 0x2029 || (cp >= 0x202A && cp <= 0x202E) ||
        (cp >= 0x2066 && cp <= 0x2069) || cp == 0x200B || cp == 0xFEFF) {
        buf_byte(out, ' ');
    } else if (str_starts(rest, S("://"))) {
        buf_add(out, S(":／／"));
        return 3;
    } else if ((cp < 0x80 && memchr(acting, (int)cp, sizeof acting - 1)) || (cp == '_' && !inside_word)) {
        char wide[4];

        buf_add(out, str_mk(wide, utf8_encode(cp - 0x20 + 0xFF00, wide)));
    } else if (cp == 0xFFFD && n == 1) {
        buf_add(out, S("\xEF\xBF\xBD"));
    } else {
        buf_add(out, str_sub(rest, 0, n));
    }
    return n;
}

void text_safe(struct str s, size_t max_bytes, struct buf *out)
{
    size_t room = s.n * 3 + 64;
    char *masked = mem_alloc(room);
    struct buf b = buf_make(room * 4);
    struct str rest = {masked, log_mask(s, masked, room)};
    char before = ' ';

    while (rest.n) {
        size_t n = mail_local(rest);

        if (n && !word_char(before)) {
            buf_add(&b, str_sub(rest, 0, 1));
            buf_add(&b, S("***"));
        } else if ((n = word_length(rest))) {
            add_word(str_sub(rest, 0, n), &b);
        } else {
            n = add_other(rest, word_char(before) && rest.n > 1 && word_char(rest.p[1]), &b);
        }
        before = rest.p[n - 1];
        rest = str_sub(rest, n, rest.n);
    }
    text_cut(buf_str(&b), max_bytes, out);
    buf_free(&b);
    free(masked);
}

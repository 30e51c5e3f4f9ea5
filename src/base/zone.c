/* Time zones: the system's compiled zone files (TZif, RFC 8536), "UTC" and fixed offsets.
 *
 * A zone is a list of spans, each with an offset: those between the transitions of the file, and after the
 * last one those of the file's rule (tzrule.c). Civil time becomes an instant by walking the spans around it: the
 * first span that the wall clock shows the time in has it; when a span begins after it, the time was jumped
 * over, and the span's start is the answer. No more than a day and some hours have to be walked.
 *
 * Only the 64-bit block of version 2 and later is read. Files that count leap seconds are refused. A name
 * is a path below /usr/share/zoneinfo and is checked before it is opened. */
#include "base/civil.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/tzrule.h"

#define ZONE_DIR       "/usr/share/zoneinfo"
#define NAME_TEXT      64
#define MAX_FILE_BYTES ((size_t)256 * 1024)
#define HEADER_BYTES   44
#define MAX_OFFSET_S   93599 /* RFC 8536, 3.2: less than 26 hours */
#define LOOK_BACK_S    (27 * INT64_C(3600))

struct type {
    int offset_s;
    char abbreviation[ABBREVIATION_TEXT];
};

struct zone {
    char name[NAME_TEXT];
    int64_t *at_s; /* transitions, ascending */
    uint8_t *type_of;
    size_t n_transitions;
    struct type *types; /* the first one holds before the first transition */
    size_t n_types;
    struct tz_rule rule; /* after the last transition */
    bool has_rule;
};

struct header {
    uint32_t n_isut, n_isstd, n_leap, n_transitions, n_types, n_chars;
    unsigned char version;
};

static const struct type utc = {0, "UTC"};

void zone_free(struct zone *z)
{
    if (!z)
        return;
    free(z->at_s);
    free(z->type_of);
    free(z->types);
    free(z);
}

const char *zone_name(const struct zone *z)
{
    return z ? z->name : utc.abbreviation;
}

static uint32_t big32(const unsigned char *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static int64_t big64(const unsigned char *p)
{
    return (int64_t)((uint64_t)big32(p) << 32 | big32(p + 4));
}

static bool read_header(struct str s, struct header *ret)
{
    if (s.n < HEADER_BYTES || !str_starts(s, S("TZif")))
        return false;
    const unsigned char *p = (const unsigned char *)s.p;
    *ret = (struct header){.version = p[4],
                           .n_isut = big32(p + 20),
                           .n_isstd = big32(p + 24),
                           .n_leap = big32(p + 28),
                           .n_transitions = big32(p + 32),
                           .n_types = big32(p + 36),
                           .n_chars = big32(p + 40)};
    return true;
}

/* Bytes of the block behind a header, whose times take `time_bytes` each. */
static uint64_t block_bytes(const struct header *h, uint64_t time_bytes)
{
    return h->n_transitions * (time_bytes + 1) + h->n_types * UINT64_C(6) + h->n_chars + h->n_leap * (time_bytes + 4) +
           h->n_isstd + h->n_isut;
}

static bool read_type(const unsigned char *p, struct str names, struct type *ret)
{
    int32_t offset = (int32_t)big32(p);
    if (offset < -MAX_OFFSET_S || offset > MAX_OFFSET_S || p[5] >= names.n)
        return false;
    struct str name = str_sub(names, p[5], SIZE_MAX);
    const char *end = memchr(name.p, '\0', name.n);
    if (!end || (size_t)(end - name.p) >= sizeof(ret->abbreviation))
        return false;
    ret->offset_s = offset;
    memcpy(ret->abbreviation, name.p, (size_t)(end - name.p) + 1);
    return true;
}

/* Fills the tables from the 64-bit block at p, whose length was checked. */
static bool read_tables(struct zone *z, const struct header *h, const unsigned char *p)
{
    const unsigned char *index = p + (size_t)h->n_transitions * 8;
    const unsigned char *types = index + h->n_transitions;
    struct str names = str_mk((const char *)types + (size_t)h->n_types * 6, h->n_chars);
    z->n_transitions = h->n_transitions;
    z->n_types = h->n_types;
    z->at_s = mem_zero(z->n_transitions * sizeof(*z->at_s));
    z->type_of = mem_zero(z->n_transitions);
    z->types = mem_zero(z->n_types * sizeof(*z->types));
    for (size_t i = 0; i < z->n_transitions; i++) {
        z->at_s[i] = big64(p + i * 8);
        z->type_of[i] = index[i];
        if (index[i] >= z->n_types || (i > 0 && z->at_s[i] <= z->at_s[i - 1]))
            return false;
    }
    for (size_t i = 0; i < z->n_types; i++)
        if (!read_type(types + i * 6, names, &z->types[i]))
            return false;
    return true;
}

/* What is wrong with the file's bytes, or NULL when the zone was filled from them. */
static const char *read_tzif(struct str data, struct zone *z)
{
    struct header h;
    if (!read_header(data, &h))
        return "it is no zone file";
    if (h.version < '2')
        return "it has no 64-bit times (version 1)";
    uint64_t skip = HEADER_BYTES + block_bytes(&h, 4);
    if (skip > data.n)
        return "it is cut short";
    data = str_sub(data, (size_t)skip, SIZE_MAX);
    if (!read_header(data, &h))
        return "its second header is missing";
    if (h.n_leap > 0)
        return "it counts leap seconds";
    uint64_t block = block_bytes(&h, 8);
    if (block > data.n - HEADER_BYTES)
        return "it is cut short";
    if (h.n_types == 0 || h.n_types > 256 || h.n_chars == 0 ||
        !read_tables(z, &h, (const unsigned char *)data.p + HEADER_BYTES))
        return "its tables do not fit together";
    struct str footer = str_sub(data, HEADER_BYTES + (size_t)block, SIZE_MAX);
    if (footer.n < 2 || footer.p[0] != '\n' || footer.p[footer.n - 1] != '\n')
        return "its last line is missing";
    footer = str_sub(footer, 1, footer.n - 2);
    z->has_rule = footer.n > 0;
    if (z->has_rule && !tz_rule_parse(footer, &z->rule))
        return "its rule for later times is unreadable";
    return NULL;
}

static struct zone *zone_new(struct str name)
{
    struct zone *z = mem_zero(sizeof(*z));
    size_t n = name.n < sizeof(z->name) ? name.n : sizeof(z->name) - 1;
    memcpy(z->name, name.p, n);
    return z;
}

enum err zone_from_tzif(struct str name, struct str data, struct zone **ret, struct errinfo *ei)
{
    struct zone *z = zone_new(name);
    const char *wrong = read_tzif(data, z);
    if (wrong) {
        zone_free(z);
        return fail(ei, ERR_CONFIG, "the file of the time zone \"" STR_FMT "\" cannot be used: %s", STR_ARG(name),
                    wrong);
    }
    *ret = z;
    return OK;
}

bool zone_parse_offset(struct str s, int *ret_offset_s)
{
    if (s.n != 6 || (s.p[0] != '+' && s.p[0] != '-') || s.p[3] != ':')
        return false;
    int part[2];
    for (size_t i = 0; i < 2; i++) {
        char tens = s.p[1 + 3 * i], ones = s.p[2 + 3 * i];
        if (tens < '0' || tens > '9' || ones < '0' || ones > '9')
            return false;
        part[i] = (tens - '0') * 10 + (ones - '0');
    }
    if (part[0] > 23 || part[1] > 59)
        return false;
    int offset_s = part[0] * 3600 + part[1] * 60;
    *ret_offset_s = s.p[0] == '-' ? -offset_s : offset_s;
    return true;
}

static struct zone *fixed_zone(struct str name, int offset_s)
{
    struct zone *z = zone_new(name);
    z->n_types = 1;
    z->types = mem_zero(sizeof(*z->types));
    z->types[0].offset_s = offset_s;
    memcpy(z->types[0].abbreviation, name.p, name.n);
    return z;
}

static bool name_is_safe(struct str name)
{
    if (name.n == 0 || name.n >= NAME_TEXT || name.p[0] == '/' || str_find(name, S(".."), 0) != SIZE_MAX)
        return false;
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!letter && !(c >= '0' && c <= '9') && c != '_' && c != '+' && c != '-' && c != '/')
            return false;
    }
    return true;
}

/* Reads up to the limit; the length, or -1 with errno. */
static ssize_t read_whole(int fd, char *out, size_t cap)
{
    size_t n = 0;
    while (n < cap) {
        ssize_t got = read(fd, out + n, cap - n);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        n += (size_t)got;
    }
    return (ssize_t)n;
}

static enum err unknown(struct str name, struct errinfo *ei)
{
    (void)fail(ei, ERR_CONFIG, "unknown time zone \"" STR_FMT "\"", STR_ARG(name));
    (void)(access(ZONE_DIR "/Asia/Shanghai", R_OK) == 0
               ? fail_hint(ei, "use a name such as Asia/Shanghai, UTC, or an offset such as +08:00")
               : fail_hint(ei,
                           "the system's zone files are missing: install the package tzdata, or use an offset such as "
                           "+08:00"));
    return ERR_CONFIG;
}

static enum err open_file(struct str name, struct zone **ret, struct errinfo *ei)
{
    char path[sizeof(ZONE_DIR) + NAME_TEXT] = ZONE_DIR "/";
    memcpy(path + sizeof(ZONE_DIR), name.p, name.n);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return unknown(name, ei);
    enum err err;
    struct stat st;
    char *data = NULL;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        err = unknown(name, ei);
    } else if (st.st_size > (off_t)MAX_FILE_BYTES) {
        err = fail(ei, ERR_CONFIG, "the file %s is too large for a time zone", path);
    } else {
        data = mem_alloc(MAX_FILE_BYTES);
        ssize_t n = read_whole(fd, data, MAX_FILE_BYTES);
        err = n < 0 ? fail(ei, ERR_CONFIG, "cannot read %s: %s", path, strerror(errno))
                    : zone_from_tzif(name, str_mk(data, (size_t)n), ret, ei);
    }
    free(data);
    close(fd);
    return err;
}

enum err zone_open(struct str name, struct zone **ret, struct errinfo *ei)
{
    int offset_s;
    if (str_eq(name, S("UTC"))) {
        *ret = fixed_zone(name, 0);
        return OK;
    }
    if (zone_parse_offset(name, &offset_s)) {
        *ret = fixed_zone(name, offset_s);
        return OK;
    }
    return name_is_safe(name) ? open_file(name, ret, ei) : unknown(name, ei);
}

/* How many transitions lie at or before the instant. */
static size_t passed(const struct zone *z, int64_t unix_s)
{
    size_t low = 0, high = z->n_transitions;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (z->at_s[mid] <= unix_s)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

void zone_span_at(const struct zone *z, int64_t unix_s, struct zone_span *ret)
{
    if (!z) {
        *ret = (struct zone_span){INT64_MIN, INT64_MAX, utc.offset_s, utc.abbreviation};
        return;
    }
    size_t n = passed(z, unix_s);
    int64_t start_s = n > 0 ? z->at_s[n - 1] : INT64_MIN;
    if (n == z->n_transitions && z->has_rule) {
        tz_rule_span(&z->rule, unix_s, ret);
        ret->start_s = ret->start_s < start_s ? start_s : ret->start_s;
        return;
    }
    const struct type *type = &z->types[n > 0 ? z->type_of[n - 1] : 0];
    *ret =
        (struct zone_span){start_s, n < z->n_transitions ? z->at_s[n] : INT64_MAX, type->offset_s, type->abbreviation};
}

void civil_from_unix(const struct zone *z, int64_t unix_s, struct civil *ret)
{
    struct zone_span span;
    zone_span_at(z, unix_s, &span);
    civil_at_offset(unix_s, span.offset_s, ret);
}

int64_t civil_to_unix(const struct zone *z, const struct civil *c)
{
    int64_t days = civil_days(c->year, c->month, c->day);
    int64_t local_s = days * SECONDS_PER_DAY + c->hour * INT64_C(3600) + c->minute * INT64_C(60) + c->second;
    int64_t at_s = local_s - LOOK_BACK_S;
    for (;;) {
        struct zone_span span;
        zone_span_at(z, at_s, &span);
        int64_t unix_s = local_s - span.offset_s;
        if (unix_s < span.start_s)
            return span.start_s;
        if (unix_s < span.end_s)
            return unix_s;
        at_s = span.end_s;
    }
}

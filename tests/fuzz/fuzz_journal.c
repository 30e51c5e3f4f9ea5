/* A journal's segment with bytes changed anywhere: reading it ends with entries or with an error, never beyond them.
 * The input is edits of three bytes: a place, twice, and what is laid over it; a first byte above 250 cuts the file
 * there. The segment is made once, in memory where there is a /dev/shm. */
#include "store/journal.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define SEGMENT_MAX (1u << 20)

static char folder[64], path[128];
static unsigned char whole[SEGMENT_MAX];
static size_t whole_n;

static void need(bool ok)
{
    if (!ok)
        abort();
}

static void clean(void)
{
    char name[160];
    static const char *const ends[] = {"", "-wal", "-shm", "-journal"};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        snprintf(name, sizeof name, "%s%s", path, ends[i]);
        unlink(name);
    }
}

static void leave(void)
{
    clean();
    rmdir(folder);
}

/* Three entries, sealed by their journal's closing. */
static void make_segment(void)
{
    struct journal *j = NULL;
    struct errinfo ei;
    char body[3000];
    struct journal_entry e[3] = {0};
    struct stat st;
    snprintf(folder, sizeof folder, "%s/sluice-fuzz-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    need(mkdtemp(folder) != NULL);
    snprintf(path, sizeof path, "%s/00000001.db", folder);
    atexit(leave);
    for (size_t i = 0; i < sizeof body; i++)
        body[i] = (char)('a' + i * i % 23);
    for (size_t i = 0; i < 3; i++)
        e[i] = (struct journal_entry){.page_no = 1, .call = S("{}"), .body = str_mk(body, sizeof body - i * 700)};
    need(journal_open(folder, (struct journal_limits){0}, false, &j, &ei) == OK);
    need(journal_append(j, e, 3, &ei) == OK);
    journal_close(j);
    need(stat(path, &st) == 0 && (size_t)st.st_size <= sizeof whole);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    need(fd >= 0 && read(fd, whole, (size_t)st.st_size) == st.st_size);
    close(fd);
    whole_n = (size_t)st.st_size;
}

static void write_changed(const uint8_t *data, size_t n)
{
    static unsigned char changed[SEGMENT_MAX];
    size_t end = whole_n;
    memcpy(changed, whole, whole_n);
    for (size_t i = 0; i + 3 <= n; i += 3) {
        size_t at = ((size_t)data[i] << 8 | data[i + 1]) % whole_n;
        if (data[i] > 250 && i == 0)
            end = at * 7 % whole_n;
        else
            changed[at] = data[i + 2];
    }
    clean();
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    need(fd >= 0 && write(fd, changed, end) == (ssize_t)end);
    close(fd);
}

static void read_all(void)
{
    struct journal *j = NULL;
    struct errinfo ei = {0};
    enum err e = journal_open(folder, (struct journal_limits){0}, true, &j, &ei);
    bool found = true;
    int64_t seq = 1;
    for (int i = 0; !e && found && i < 8; i++) {
        struct arena *a = arena_new(64u << 20);
        struct journal_entry entry;
        e = journal_read(j, seq, a, &entry, &found, &ei);
        if (!e && found) {
            need(entry.seq >= seq && entry.kind <= JOURNAL_MARK && entry.purpose <= PURPOSE_LAST);
            need(entry.body.n <= JOURNAL_BODY_MAX);
            seq = entry.seq + 1;
        }
        arena_free(a);
        if (seq <= 0 || seq > 1000000)
            break;
    }
    need(!e || (ei.code == e && ei.msg[0]));
    journal_close(j);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (!whole_n)
        make_segment();
    write_changed(data, n);
    read_all();
    return 0;
}

/* Locks of integrations, and telling the living from the dead.
 *
 * One file for each integration in .sluice/lock holds a lock and, as text, who holds it. The kernel lets go of the lock
 * when the process ends, however it ends; the file stays. Open-file-description locks are used: like flock they belong
 * to the opened file, so that two parts of one process exclude each other as well, and unlike flock they can be asked
 * about without taking them, so that `status` never gets in the way of a start.
 *
 * A process number alone tells little: it is given out again, and in a container it is the same after each restart. So
 * the identity holds the start time (field 22 of /proc/PID/stat) and the boot id too. Where /proc is not there or does
 * not show them ("?": hidepid, ProcSubset=pid), what is known has to do. */
#include "store/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/num.h"
#include "store/files.h"

struct store_lock {
    int fd;
};

static size_t read_small(const char *path, char *out, size_t cap)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, out, cap - 1);
    if (fd >= 0)
        close(fd);
    out[n > 0 ? n : 0] = 0;
    return n > 0 ? (size_t)n : 0;
}

/* Field 22 of /proc/PID/stat; fields are counted after the name's closing parenthesis, which the name may hold too. */
static struct str start_time(int64_t pid, char *text, size_t cap)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%lld/stat", (long long)pid);
    size_t n = read_small(path, text, cap);
    const char *after = n ? memrchr(text, ')', n) : NULL;
    if (!after)
        return S("?");
    struct str rest = str_trim(str_mk(after + 1, n - (size_t)(after + 1 - text))), part = S("?");
    for (int field = 3; field <= 22; field++) {
        if (!str_cut(&rest, ' ', &part))
            return S("?");
    }
    return part;
}

static void identity_of(int64_t pid, char out[PROCESS_TEXT])
{
    char stat_text[1024], boot[64];
    struct str start = start_time(pid, stat_text, sizeof stat_text);
    size_t n = read_small("/proc/sys/kernel/random/boot_id", boot, sizeof boot);
    struct str boot_id = n ? str_trim(str_mk(boot, n)) : S("?");
    snprintf(out, PROCESS_TEXT, "%lld " STR_FMT " " STR_FMT, (long long)pid, STR_ARG(start), STR_ARG(boot_id));
}

void process_identity(char out[PROCESS_TEXT])
{
    identity_of((int64_t)getpid(), out);
}

int64_t process_pid(struct str identity)
{
    struct str rest = identity, first;
    int64_t pid = 0;
    if (!str_cut(&rest, ' ', &first) || !num_i64(first, &pid) || pid <= 0 || pid > INT32_MAX)
        return 0;
    return pid;
}

bool process_alive(struct str identity)
{
    int64_t pid = process_pid(identity);
    if (pid == 0 || (kill((pid_t)pid, 0) != 0 && errno == ESRCH))
        return false;
    char text[PROCESS_TEXT];
    identity_of(pid, text);
    struct str now = str_of(text), a, b;
    bool same = true;
    while (same && str_cut(&now, ' ', &a))
        same = str_cut(&identity, ' ', &b) && (str_eq(a, b) || str_eq(a, S("?")) || str_eq(b, S("?")));
    return same && !identity.n;
}

static char *lock_path(const char *dir, struct str integration)
{
    char name[FILES_NAME_MAX];
    files_name(integration, name);
    return files_path("%s/%s", dir, name);
}

static enum err fail_held(const char *path, struct str integration, struct errinfo *ei)
{
    char holder[PROCESS_TEXT];
    size_t n = read_small(path, holder, sizeof holder);
    int64_t pid = process_pid(str_mk(holder, n));
    if (pid > 0)
        fail(ei, ERR_CONFLICT, "integration " STR_FMT " is being run by process %lld", STR_ARG(integration),
             (long long)pid);
    else
        fail(ei, ERR_CONFLICT, "integration " STR_FMT " is being run by another process", STR_ARG(integration));
    return fail_hint(ei, "Wait until it is done, or stop it; the lock is %s.", path);
}

/* Says in the file who holds it. On a full disk the lock holds all the same, and only its holder's number is not told.
 */
static void sign(int fd)
{
    char me[PROCESS_TEXT];
    process_identity(me);
    size_t n = strlen(me);
    bool signed_ = ftruncate(fd, 0) == 0 && pwrite(fd, me, n, 0) == (ssize_t)n;
    (void)signed_;
}

static enum err take(const char *path, struct str integration, int *ret_fd, struct errinfo *ei)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return files_fail(ei, "cannot open the lock file", path);
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    enum err e = OK;
    if (fcntl(fd, F_OFD_SETLK, &whole) != 0)
        e = errno == EAGAIN || errno == EACCES ? fail_held(path, integration, ei)
                                               : files_fail(ei, "cannot lock the file", path);
    if (e != OK) {
        close(fd);
        return e;
    }
    sign(fd);
    *ret_fd = fd;
    return OK;
}

enum err lock_take(const char *dir, struct str integration, struct store_lock **ret, struct errinfo *ei)
{
    enum err e = files_mkdir(dir, ei);
    if (e != OK)
        return e;
    char *path = lock_path(dir, integration);
    int fd = -1;
    e = take(path, integration, &fd, ei);
    free(path);
    if (e != OK)
        return e;
    *ret = mem_alloc(sizeof **ret);
    **ret = (struct store_lock){.fd = fd};
    return OK;
}

void lock_release(struct store_lock *l)
{
    if (!l)
        return;
    close(l->fd);
    free(l);
}

bool lock_holder(const char *dir, struct str integration, char out[PROCESS_TEXT])
{
    char *path = lock_path(dir, integration);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    free(path);
    if (fd < 0)
        return false;
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    bool held = fcntl(fd, F_OFD_GETLK, &whole) == 0 && whole.l_type != F_UNLCK;
    ssize_t n = held ? pread(fd, out, PROCESS_TEXT - 1, 0) : 0;
    close(fd);
    out[n > 0 ? n : 0] = 0;
    return held;
}

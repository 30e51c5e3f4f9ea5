/* A program without a shell: arguments as they are, a session of its own (so that all its children can be ended with
 * it), nothing of our environment but what every program needs: secrets of sluice stand there.
 *
 * Standard input is a file in memory, so nobody has to feed it; standard error goes into another, whose end is told
 * when it fails. */
#include "watch/alert_command.h"

#include "base/buf.h"
#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define SLICE_MS 50

static bool write_all(int fd, struct str s)
{
    while (s.n) {
        ssize_t n = write(fd, s.p, s.n);

        if (n < 0 && errno != EINTR)
            return false;
        s = str_sub(s, n > 0 ? (size_t)n : 0, s.n);
    }
    return lseek(fd, 0, SEEK_SET) == 0;
}

static char **copy_argv(const struct str *argv, size_t n)
{
    char **ret = mem_zero((n + 1) * sizeof *ret);

    for (size_t i = 0; i < n; i++) {
        ret[i] = mem_zero(argv[i].n + 1);
        for (size_t k = 0; k < argv[i].n; k++)
            ret[i][k] = argv[i].p[k] ? argv[i].p[k] : ' ';
    }
    return ret;
}

static void free_argv(char **argv)
{
    for (size_t i = 0; argv[i]; i++)
        free(argv[i]);
    free(argv);
}

/* "NAME=value" of those that a program needs, in `ret`. */
static void environment(char *ret[6])
{
    static const char *const names[] = {"PATH", "HOME", "LANG", "LC_ALL", "TZ"};
    size_t n = 0;

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *v = getenv(names[i]);
        size_t room = v ? strlen(names[i]) + strlen(v) + 2 : 0;

        if (!v)
            continue;
        ret[n] = mem_alloc(room);
        snprintf(ret[n++], room, "%s=%s", names[i], v);
    }
    ret[n] = NULL;
}

static int spawn(char **argv, int in, int errors, pid_t *ret)
{
    char *env[6];
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    sigset_t none, all;
    int wrong;

    sigemptyset(&none);
    sigfillset(&all);
    environment(env);
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_adddup2(&files, in, STDIN_FILENO);
    posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_adddup2(&files, errors, STDERR_FILENO);
    posix_spawnattr_init(&attr);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setsigdefault(&attr, &all);
    wrong = posix_spawn(ret, argv[0], &files, &attr, argv, env);
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&files);
    for (size_t i = 0; env[i]; i++)
        free(env[i]);
    return wrong;
}

/* Its wait status, or -1 when time was up; by then it is ended, and all that it started. */
static int wait_for(pid_t pid, int64_t timeout_ms, const atomic_bool *stop)
{
    int64_t until = clock_mono(&clock_system) + timeout_ms;
    int status = -1;

    for (;;) {
        pid_t got = waitpid(pid, &status, WNOHANG);

        if (got == pid || (got < 0 && errno != EINTR))
            break;
        if (clock_mono(&clock_system) >= until || (stop && atomic_load(stop))) {
            kill(-pid, SIGKILL);
            while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
                ;
            return -1;
        }
        (void)poll(NULL, 0, SLICE_MS);
    }
    kill(-pid, SIGKILL); /* what it left running */
    return status;
}

/* The last line that it wrote to stderr. */
static void last_words(int fd, char *out, size_t cap)
{
    off_t end = lseek(fd, 0, SEEK_END);
    off_t from = end > (off_t)cap - 1 ? end - (off_t)cap + 1 : 0;
    ssize_t n = end > 0 ? pread(fd, out, cap - 1, from) : 0;

    out[n > 0 ? n : 0] = '\0';
    while (n > 0 && (out[n - 1] == '\n' || out[n - 1] == ' '))
        out[--n] = '\0';
    for (char *p = out; *p; p++)
        *p = (unsigned char)*p < 0x20 ? ' ' : *p;
}

static enum err tell(int status, int errors, const char *name, struct errinfo *ei)
{
    char words[200];

    if (status < 0)
        return fail(ei, ERR_NETWORK, "%s took too long and was ended", name);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return OK;
    last_words(errors, words, sizeof words);
    if (WIFSIGNALED(status))
        return fail(ei, ERR_REMOTE, "%s was ended by signal %d: %s", name, WTERMSIG(status), words);
    return fail(ei, ERR_REMOTE, "%s ended with status %d: %s", name, WEXITSTATUS(status), words);
}

enum err program_run(const struct str *argv, size_t n, struct str body, int64_t timeout_ms, const atomic_bool *stop,
                     struct errinfo *ei)
{
    int in = memfd_create("alert", MFD_CLOEXEC), errors = memfd_create("alert-errors", MFD_CLOEXEC), wrong;
    char **args = copy_argv(argv, n);
    pid_t pid = 0;
    enum err err;

    if (in < 0 || errors < 0 || !write_all(in, body))
        err = fail(ei, ERR_INTERNAL, "no memory for the input of %s", args[0]);
    else if ((wrong = spawn(args, in, errors, &pid)) != 0)
        err = fail(ei, ERR_CONFIG, "%s cannot be started: %s", args[0], strerror(wrong));
    else
        err = tell(wait_for(pid, timeout_ms, stop), errors, args[0], ei);
    if (in >= 0)
        close(in);
    if (errors >= 0)
        close(errors);
    free_argv(args);
    return err;
}

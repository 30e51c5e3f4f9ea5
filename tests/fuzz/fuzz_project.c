/* Projects from anybody: the input is the text of the files of a project, parted by lines of "=". Reading ends, says
 * why what it could not use is of no use, and gives what is whole. clang -fsanitize=fuzzer. */
#include "project/project.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const char *const folders[] = {"connections", "integrations", "maps"};
static const char *const files[] = {"connections/shop.json",           "integrations/orders.json", "sluice.json",
                                    "integrations/orders.source.json", "connections/depot.json",   "maps/shops.json",
                                    "integrations/orders.target.json"};
#define N_FILES (sizeof files / sizeof *files)

static void write_file(const char *dir, const char *name, struct str text)
{
    char path[256];

    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd < 0 || write(fd, text.p ? text.p : "", text.n) != (ssize_t)text.n)
        abort();
    close(fd);
}

static void clear(const char *dir, const char *const *names, size_t n)
{
    char path[256];

    for (size_t i = 0; i < n; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", dir, names[i]);
        (void)remove(path);
    }
}

static void check(const struct project *p, const struct diags *diags)
{
    for (size_t i = 0; i < p->n_integrations; i++) {
        const struct integration *g = &p->integrations[i];

        if (!g->ok && diags_count(diags, DIAG_ERROR) == 0)
            abort();
        if (g->ok && (!g->source || !g->source->ok || !g->target || !g->target->ok || !g->source_doc || !g->target_doc))
            abort();
    }
    for (size_t i = 0; i < p->n_connections; i++) {
        const struct connection *c = &p->connections[i];
        size_t n;

        if (!c->ok && diags_count(diags, DIAG_ERROR) == 0)
            abort();
        if (c->ok && (!c->connector || !connector_options(c->connector, &n) || c->options.n != n))
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    char dir[] = "/tmp/sluice-fuzz-XXXXXX", path[256];
    struct str rest = str_mk((const char *)data, n);
    struct diags *diags = diags_new();
    struct project *p = NULL;
    struct errinfo ei;

    if (setenv("SLUICE_CONNECTORS", SOURCE_DIR "/tests/data/project/connectors", 1) || !mkdtemp(dir))
        abort();
    for (size_t i = 0; i < 3; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", dir, folders[i]);
        if (mkdir(path, 0700))
            abort();
    }
    for (size_t i = 0; i < N_FILES && rest.n; i++) {
        size_t end = str_find(rest, S("\n=\n"), 0);

        write_file(dir, files[i], str_sub(rest, 0, end));
        rest = end == SIZE_MAX ? str_mk(NULL, 0) : str_sub(rest, end + 3, rest.n);
    }
    if (project_open(dir, NULL, 0, diags, &p, &ei))
        abort();
    check(p, diags);
    project_close(p);
    diags_free(diags);
    clear(dir, files, N_FILES);
    clear(dir, folders, 3);
    if (rmdir(dir))
        abort();
    return 0;
}

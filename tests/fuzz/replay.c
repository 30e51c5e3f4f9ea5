/* Runs a fuzz target over files and folders of files, without a fuzzer: a corpus is a regression test in every build.
 *
 * The empty input always comes first, so that a target without a corpus is run as well. A folder's files are taken in
 * no order; folders inside are not entered; a name that does not exist is an empty corpus. */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define LARGEST_INPUT (16u << 20)

static int replay_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    uint8_t *data = malloc(LARGEST_INPUT);
    size_t n;
    if (!f || !data) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        if (f)
            fclose(f);
        free(data);
        return 1;
    }
    n = fread(data, 1, LARGEST_INPUT, f);
    fclose(f);
    uint8_t *exact = realloc(data, n ? n : 1); /* so that a sanitizer sees a read beyond the end */
    LLVMFuzzerTestOneInput(exact, n);
    free(exact);
    return 0;
}

static int replay_folder(const char *path, size_t *files)
{
    DIR *dir = opendir(path);
    struct dirent *entry;
    char name[4096];
    int bad = 0;
    if (!dir)
        return errno == ENOENT ? 0 : 1;
    while ((entry = readdir(dir))) {
        struct stat st;
        snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
        if (stat(name, &st) != 0 || !S_ISREG(st.st_mode))
            continue;
        bad |= replay_file(name);
        ++*files;
    }
    closedir(dir);
    return bad;
}

int main(int argc, char **argv)
{
    size_t files = 0;
    int bad = 0;
    LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
    for (int i = 1; i < argc; i++) {
        struct stat st;
        if (stat(argv[i], &st) == 0 && S_ISREG(st.st_mode)) {
            bad |= replay_file(argv[i]);
            files++;
        } else {
            bad |= replay_folder(argv[i], &files);
        }
    }
    printf("%zu files\n", files);
    return bad;
}

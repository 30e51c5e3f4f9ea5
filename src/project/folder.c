/* Files and names of a project folder. A name is a file's name without ".json", so it must be fit for one: letters,
 * digits, _, - and inner blanks (decisions 25).
 *
 * "Letter" is told by ranges of Unicode: everything from U+00AA on counts, except the blocks of punctuation, symbols,
 * controls, private use and pictures. Marks count, since many scripts write vowels with them. */
#include "project/reading.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define NAME_CHARACTERS 64

/* From U+0080 on: what is no letter. */
static const struct range {
    uint32_t first, last;
} no_letters[] = {
    {0x80, 0xA9},     {0xAB, 0xB4},       {0xB6, 0xB9},       {0xBB, 0xBF},        {0xD7, 0xD7},     {0xF7, 0xF7},
    {0x1680, 0x1680}, {0x180E, 0x180E},   {0x2000, 0x2BFF},   {0x2E00, 0x2FFF},    {0x3000, 0x3004}, {0x3008, 0x3020},
    {0x3030, 0x3030}, {0x303D, 0x303F},   {0x3164, 0x3164},   {0x3200, 0x33FF},    {0x4DC0, 0x4DFF}, {0xD800, 0xF8FF},
    {0xFE00, 0xFE6F}, {0xFEFF, 0xFF0F},   {0xFF1A, 0xFF20},   {0xFF3B, 0xFF40},    {0xFF5B, 0xFF65}, {0xFFA0, 0xFFA0},
    {0xFFE0, 0xFFFF}, {0x1D000, 0x1D3FF}, {0x1F000, 0x1FAFF}, {0xE0000, 0x10FFFF},
};

static bool name_character(uint32_t cp)
{
    if (cp < 0x80)
        return (cp >= 'a' && cp <= 'z') || (cp >= 'A' && cp <= 'Z') || (cp >= '0' && cp <= '9') || cp == '_' ||
               cp == '-';
    for (size_t i = 0; i < sizeof no_letters / sizeof *no_letters; i++)
        if (cp >= no_letters[i].first && cp <= no_letters[i].last)
            return false;
    return true;
}

bool project_name_ok(struct str name)
{
    uint32_t cp;

    if (!name.n || name.n > NAME_CHARACTERS * 4 || name.p[0] == ' ' || name.p[name.n - 1] == ' ' || !utf8_valid(name) ||
        utf8_count(name) > NAME_CHARACTERS)
        return false;
    while (name.n) {
        size_t n = utf8_decode(name, &cp);

        if (cp != ' ' && !name_character(cp))
            return false;
        name = str_sub(name, n, name.n);
    }
    return true;
}

bool strs_has(struct strs list, struct str s)
{
    for (size_t i = 0; i < list.n; i++)
        if (str_eq(list.at[i], s))
            return true;
    return false;
}

const char *folder_nearest(struct strs names, struct str name)
{
    const char **words = mem_alloc((names.n + 1) * sizeof *words);
    const char *found;

    for (size_t i = 0; i < names.n; i++)
        words[i] = names.at[i].p;
    found = str_nearest(name, words, names.n);
    free(words);
    return found;
}

static int by_text(const void *a, const void *b)
{
    return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

struct strs folder_names(struct arena *a, const char *dir, const char *sub, struct diags *diags)
{
    DIR *d = opendir(arena_printf(a, "%s/%s", dir, sub).p);
    struct str *names = NULL;
    size_t n = 0, cap = 0;
    struct strs ret = {NULL, 0};

    if (!d && errno != ENOENT)
        diags_add(diags, DIAG_ERROR, (struct pos){arena_printf(a, "%s", sub).p, 0, 0}, "the folder cannot be read: %s",
                  strerror(errno));
    if (!d)
        return ret;
    for (const struct dirent *e; (e = readdir(d));) {
        struct str name = str_of(e->d_name);

        if (name.p[0] == '.' || !str_ends(name, S(".json")))
            continue;
        if (n == cap) {
            cap = cap ? cap * 2 : 64;
            names = mem_grow(names, cap * sizeof *names);
        }
        names[n++] = arena_str(a, str_sub(name, 0, name.n - 5));
    }
    closedir(d);
    if (n) {
        struct str *kept = ARENA_ARRAY(a, struct str, n);

        qsort(names, n, sizeof *names, by_text);
        memcpy(kept, names, n * sizeof *names);
        ret = (struct strs){kept, n};
    }
    free(names);
    return ret;
}

static bool look(const char *dir, const char *name, bool follow, struct stat *ret)
{
    struct buf path = buf_make(16384);
    bool found;

    buf_printf(&path, "%s/%s", dir, name);
    found = (follow ? stat : lstat)(buf_cstr(&path), ret) == 0 && !path.failed;
    buf_free(&path);
    return found;
}

bool folder_has(const char *dir, const char *name)
{
    struct stat st;

    return look(dir, name, true, &st) && S_ISDIR(st.st_mode);
}

bool folder_exists(const char *dir, const char *name)
{
    struct stat st;

    return look(dir, name, false, &st);
}

/* Does the path lead out of the project, over links? What is not there does not. */
static bool leads_out(const char *dir, const char *path)
{
    char *real = realpath(path, NULL);
    size_t n = strlen(dir);
    bool out = real && (strncmp(real, dir, n) != 0 || real[n] != '/');

    free(real);
    return out;
}

const struct node *folder_load(struct arena *a, const char *dir, const char *shown, struct diags *diags)
{
    const char *path = arena_printf(a, "%s/%s", dir, shown).p;
    struct node *root;

    if (leads_out(dir, path)) {
        diags_add(diags, DIAG_ERROR, (struct pos){shown, 0, 0}, "this link leads out of the project");
        diags_remedy(diags, "move the file into the project");
        return NULL;
    }
    return conf_load(a, path, shown, diags, &root) ? NULL : root;
}

void folder_copy_diags(const struct diags *from, struct diags *to)
{
    for (size_t i = 0; i < diags_count(from, DIAG_NOTE); i++) {
        const struct diag *d = diags_at(from, i);

        diags_add(to, d->level, d->pos, "%s", d->what);
        diags_nearest(to, d->nearest[0] ? d->nearest : NULL);
        diags_remedy(to, "%s", d->remedy);
    }
}

const char *folder_type(const struct node *n)
{
    static const char *const names[] = {"null", "a boolean", "a number", "a text", "an array", "an object"};

    return names[n->type];
}

void folder_bad_name(const char *shown, struct str name, struct diags *diags)
{
    diags_add(diags, DIAG_ERROR, (struct pos){shown, 0, 0}, "\"" STR_FMT "\" cannot be a name", STR_ARG(name));
    diags_remedy(diags, "rename the file: letters, digits, _, - and inner blanks, at most 64 characters");
}

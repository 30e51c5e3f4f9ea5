/* The words of a document: blanks, strings, numbers, places and complaints. Only conf.c uses it. */
#ifndef BASE_CONF_TEXT_H
#define BASE_CONF_TEXT_H

#include "base/conf.h"

struct conf_text {
    struct arena *a;
    struct diags *diags;
    const char *file;
    const char *p, *end; /* what is still to be read */
    const char *line_start;
    uint32_t line;
    const char *counted; /* up to here the characters of the line are counted */
    uint32_t counted_col;
    struct buf scratch;
    bool failed; /* the first complaint ends the reading */
};

struct conf_text conf_text_begin(struct arena *a, struct str text, const char *file, struct diags *diags);
void conf_text_end(struct conf_text *t);

struct pos conf_here(struct conf_text *t);
/* Both report an error unless there was one, and give false. The second is for a character that cannot stand here: it
 * knows the full-width and typographic ones that input methods leave. */
bool conf_wrong(struct conf_text *t, struct pos at, const char *remedy, const char *what_fmt, ...) PRINTF_LIKE(4, 5);
bool conf_unexpected(struct conf_text *t, const char *what, const char *remedy);

bool conf_is_utf8(struct conf_text *t);       /* false, and told, for UTF-16, binary files and other encodings */
bool conf_blanks(struct conf_text *t);        /* passes blanks and comments */
bool conf_is_word(const struct conf_text *t); /* a letter, digit, _ or $ stands here */
/* Each reads what stands here into the arena. A word may be empty; a number comes out in JSON's grammar. */
bool conf_word(struct conf_text *t, struct str *ret);
bool conf_string(struct conf_text *t, struct str *ret);
bool conf_number(struct conf_text *t, struct str *ret);
/* n bytes at an address for any type, zeroed; NULL (and told) when the arena is full. */
void *conf_memory(struct conf_text *t, size_t n);

/* The first 60 characters, for messages. */
struct str conf_shown(struct str s);

#endif

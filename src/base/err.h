/* Failure has one shape: an `enum err` that must be used, and one line for a person.
 *
 * A function that can fail returns `enum err`. Its results go through `ret_…` pointers, which are
 * written on success only; the `struct errinfo` is written on failure only. The codes are those of
 * the public interface (`error.code` in JSON). An errinfo is logged once, where it is decided what
 * to do about it. */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stddef.h>

#define MUST_USE                __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, first) __attribute__((format(printf, fmt, first)))

enum err {
    OK = 0,
    ERR_CONFIG,    /* a document or a setting is wrong */
    ERR_SECRET,    /* a secret is missing or cannot be opened */
    ERR_USAGE,     /* the command line */
    ERR_AUTH,      /* the other side does not let us in */
    ERR_SIGNATURE, /* the other side refuses our signature */
    ERR_QUOTA,     /* refused for calling too often */
    ERR_NETWORK,   /* no connection, a cut, a time-out */
    ERR_REMOTE,    /* the upstream answered an error */
    ERR_DATA,      /* a record or a reply is not what it should be */
    ERR_SCHEMA,    /* table and mapping do not fit */
    ERR_TARGET,    /* the target database refused or failed */
    ERR_CONFLICT,  /* another process holds it */
    ERR_DISK,      /* the local disk is full, read-only or failing */
    ERR_INTERNAL,  /* our own fault, or out of memory */
    ERR_COUNT
};

/* What went wrong, for a person. `msg` says what and where, `hint` what to do ("" if nothing).
 * Both are UTF-8 and NUL-terminated; overlong text is cut at a character's edge, secrets (`log_hide`) are masked. */
struct errinfo {
    enum err code;
    char msg[640];
    char hint[320];
};

/* The name of a code as it stands in JSON: "config", "network", …; "ok" for OK. Static. */
const char *err_name(enum err code);

/* Fills `ei` (which may be NULL) with the code and the formatted message, clears the hint, returns `code`. */
enum err fail(struct errinfo *ei, enum err code, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* Sets the hint of `ei` (may be NULL) and returns its code (ERR_INTERNAL when NULL):
 * `return fail_hint(ei, …)` after `fail`. */
enum err fail_hint(struct errinfo *ei, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Puts formatted text and ": " before the message of `ei` (may be NULL). */
void err_prefix(struct errinfo *ei, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Ends the process when a small allocation fails: one line on stderr, no clean-up. State is safe by design. */
void die_no_memory(void) __attribute__((noreturn));

/* malloc/calloc/realloc for small, fixed sizes: never NULL (they end the process). Free with free(). */
void *mem_alloc(size_t n) __attribute__((malloc, returns_nonnull));
void *mem_zero(size_t n) __attribute__((malloc, returns_nonnull));
void *mem_grow(void *p, size_t n) __attribute__((returns_nonnull));

#endif

/* What happens in a run, as it happens: the engine emits, logs and progress lines listen. Emitted from several threads;
 * a listener locks for itself and must be quick. */
#ifndef BASE_EVENT_H
#define BASE_EVENT_H

#include "base/err.h"
#include "base/str.h"

enum event_kind {
    EVENT_RUN_STARTED,
    EVENT_WINDOW_DONE,  /* window, from_s, to_s, records, flag: verified, took_ms: since its first call */
    EVENT_WINDOW_AGAIN, /* window; will be read again, narrower: text says why */
    EVENT_GAP,          /* window; recorded as a gap: text says why */
    EVENT_GAP_CLOSED,
    EVENT_PAGE,    /* window, page_no, records, bytes, calls and took_ms that it cost, tries and waits included */
    EVENT_COMMIT,  /* batch, rows, records, position, took_ms */
    EVENT_DEAD,    /* key, batch, position, code, text: the reason */
    EVENT_RETRY,   /* text, took_ms: the wait; source or target */
    EVENT_CIRCUIT, /* flag: open, text says since when; else closed again */
    EVENT_LOGIN,   /* a token was fetched, for all who share the connection */
    EVENT_MISSING, /* records, rows, key: some of the records; text */
    EVENT_NOTICE,  /* text: what a person should know (checkpoint adopted, fields never found, …) */
    EVENT_RUN_ENDED
};

struct event {
    enum event_kind kind;
    struct str integration;
    int64_t run, from_s, to_s, page_no, position, records, rows, took_ms;
    int64_t window; /* counts the windows of a run from 1; a window that is read again in halves keeps its number */
    int64_t batch;  /* as in the target's checkpoint */
    int64_t bytes, calls;
    bool flag;
    enum err code;
    struct str key, text;
};

struct listener {
    void (*hear)(void *ctx, const struct event *e);
    void *ctx;
};

const char *event_name(enum event_kind kind); /* "commit", … */
static inline void event_emit(const struct listener *l, const struct event *e)
{
    if (l && l->hear)
        l->hear(l->ctx, e);
}

#endif

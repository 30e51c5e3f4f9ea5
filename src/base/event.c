/* Names of events, as they stand in the log's JSON lines. */
#include "base/event.h"

static const char *const names[] = {
    [EVENT_RUN_STARTED] = "run_started",
    [EVENT_WINDOW_DONE] = "window_done",
    [EVENT_WINDOW_AGAIN] = "window_again",
    [EVENT_GAP] = "gap",
    [EVENT_GAP_CLOSED] = "gap_closed",
    [EVENT_PAGE] = "page",
    [EVENT_COMMIT] = "commit",
    [EVENT_DEAD] = "dead_letter",
    [EVENT_RETRY] = "retry",
    [EVENT_CIRCUIT] = "circuit",
    [EVENT_LOGIN] = "login",
    [EVENT_MISSING] = "found_missing",
    [EVENT_NOTICE] = "notice",
    [EVENT_RUN_ENDED] = "run_ended",
};

const char *event_name(enum event_kind kind)
{
    return names[kind];
}

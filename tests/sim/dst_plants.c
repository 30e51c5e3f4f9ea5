/* Does the simulation find bugs? In the build with planted bugs each is switched on by itself, and seeds are run until
 * an invariant breaks. */
#include "dst_plants.h"

#include <stdlib.h>
#include <string.h>

/* Named where they stand in the code: PLANTED(name). */
static const char *const plants[] = {
    "no_overlap",        /* a run begins where the last one ended */
    "no_lag",            /* and reads up to now */
    "no_question",       /* a clock behind the cursor asks nobody */
    "own_clock",         /* what the first reply tells of the time changes nothing */
    "moving_total",      /* a total that changes while a window is read means nothing */
    "no_count",          /* records are not counted against the total */
    "first_look",        /* what only the first look saw counts as read */
    "short_page",        /* a page that is not full is the last */
    "verified_always",   /* every window is whole */
    "no_gap",            /* a window that is not whole is forgotten */
    "no_backlog",        /* what an earlier run left unwritten is not looked at */
    "whole_page",        /* the checkpoint passes the page whose first records went in */
    "page_again",        /* a page of which a part went in begins anew */
    "asked_once",        /* what went in of a page before a crash is not known */
    "ledger_ahead",      /* the ledger is kept before the rows are in */
    "ledger_of_another", /* what was written to another target counts */
    "unknown_is_in",     /* a COMMIT without an answer is taken for done */
    "claim_blind",       /* the target is claimed though its checkpoint moved on meanwhile */
    "no_letters",        /* refused records leave nothing */
    "skipped_turn",      /* every other turn of a schedule is left out: in an hour of serve */
};

int plants_hunt(struct sim *s, int64_t seeds, bool (*run)(struct sim *s, uint64_t seed, bool hour, struct totals *t))
{
    const size_t n = sizeof plants / sizeof *plants;
    int missed = 0;

    for (size_t i = 0; i < n; i++) {
        struct totals t = {0};
        int64_t seed = 1;
        bool hour = strcmp(plants[i], "skipped_turn") == 0;

        setenv("SLUICE_PLANT", plants[i], 1);
        while (seed <= seeds && run(s, (uint64_t)seed, hour, &t))
            seed++;
        if (seed <= seeds)
            printf("%-18s found by seed %lld: %s\n", plants[i], (long long)seed, s->why);
        else
            printf("%-18s NOT FOUND in %lld seeds\n", plants[i], (long long)seeds);
        missed += seed > seeds;
    }
    unsetenv("SLUICE_PLANT");
    printf("%zu of %zu planted bugs found\n", n - (size_t)missed, n);
    return missed;
}

/* A function's row in docs/functions.md: printed by expr_eval, checked by the unit test. */
#ifndef TOOLS_EXPR_TABLE_H
#define TOOLS_EXPR_TABLE_H

#include "meta/expr.h"

#include <stdio.h>

#define EXPR_ROW_BYTES 400

static const char *expr_table_row(const struct expr_function_info *f, char out[EXPR_ROW_BYTES])
{
    char args[24];
    if (f->max_args == SIZE_MAX)
        snprintf(args, sizeof args, "%u…", (unsigned)f->min_args);
    else if (f->min_args == f->max_args)
        snprintf(args, sizeof args, "%u", (unsigned)f->min_args);
    else
        snprintf(args, sizeof args, "%u-%u", (unsigned)f->min_args, (unsigned)f->max_args);
    snprintf(out, EXPR_ROW_BYTES, "| `%s` | %s | %s |", f->name, args, f->help);
    return out;
}

#endif

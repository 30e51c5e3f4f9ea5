/* CSV as spreadsheets read it (RFC 4180): UTF-8 with a byte order mark, CRLF, quotes where they are needed. A cell that
 * a spreadsheet would take for a formula (it begins with = + - @ TAB or CR and is no number) gets an apostrophe before
 * it. */
#ifndef APP_CSV_H
#define APP_CSV_H

#include "base/buf.h"

struct csv {
    struct buf *b;
    bool inside; /* a line has been begun */
};
struct csv csv_begin(struct buf *b);
void csv_cell(struct csv *c, struct str text); /* p NULL: an empty cell */
void csv_number(struct csv *c, int64_t n);
void csv_end_line(struct csv *c);

#endif

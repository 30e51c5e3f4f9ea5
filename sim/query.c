/* The business part of a call: arguments, selection of rows, paging, the page itself.
 *
 * Rows of a time window come by (modified, id), rows of a row-version cursor by row version; both ends of a window
 * count. A window alone, or a cursor alone, is a range of an index and costs a binary search; any further condition
 * goes through the rows of that range. The page is put together from JSON that the book keeps. */
#include "base/json.h"
#include "base/num.h"
#include "sim.h"

#include <stdio.h>
#include <stdlib.h>

#define WINDOW_MAX_S (7 * 86400)

struct query {
    int method;
    int64_t page_index, page_size, asked_size;
    bool has_window, has_ts, total;
    int64_t from_s, to_s, ts, date_type;
    struct str status, not_status, so_ids, o_ids;
    struct str shop_id, wms_co_id; /* compared as digits */
};

static void refuse(struct problem *problem, const char *detail)
{
    problem->code = 41;
    snprintf(problem->detail, sizeof problem->detail, "%s", detail);
}

static bool read_number(const struct params *p, const char *name, int64_t fallback, int64_t *ret)
{
    struct str text = form_get(p, name);
    if (text.n == 0) {
        *ret = fallback;
        return true;
    }
    return num_i64(text, ret);
}

static bool read_window(const struct params *p, struct query *q, struct problem *problem)
{
    struct str start = form_get(p, "start_time"), end = form_get(p, "end_time");
    if ((start.n == 0) != (end.n == 0)) {
        refuse(problem, "start_time and end_time must be given together");
        return false;
    }
    q->has_window = start.n > 0;
    if (!q->has_window)
        return true;
    if (!china_parse(start, &q->from_s) || !china_parse(end, &q->to_s)) {
        refuse(problem, "start_time and end_time must be yyyy-MM-dd HH:mm:ss");
        return false;
    }
    if (q->from_s > q->to_s || q->to_s - q->from_s > WINDOW_MAX_S) {
        refuse(problem, q->from_s > q->to_s ? "start_time is after end_time" : "the window is longer than seven days");
        return false;
    }
    return true;
}

static bool read_query(const struct sim *s, const struct params *p, struct query *q, struct problem *problem)
{
    if (!read_number(p, "page_index", 1, &q->page_index) || q->page_index < 1 || q->page_index > 100000000) {
        refuse(problem, "page_index must be a number from 1");
        return false;
    }
    if (!read_number(p, "page_size", 25, &q->asked_size) || q->asked_size < 1 || q->asked_size > s->opt.page_max) {
        snprintf(problem->detail, sizeof problem->detail, "page_size must be from 1 to %lld",
                 (long long)s->opt.page_max);
        problem->code = 41;
        return false;
    }
    q->page_size = q->asked_size;
    if (s->faults.on[FAULT_CLAMP] && q->page_size > (int64_t)s->faults.value[FAULT_CLAMP])
        q->page_size = (int64_t)s->faults.value[FAULT_CLAMP];
    if (!read_number(p, "date_type", 0, &q->date_type) ||
        (q->date_type != 0 && q->date_type != 2 && q->date_type != 3)) {
        refuse(problem, "date_type must be 0, 2 or 3");
        return false;
    }
    if (!read_number(p, "start_ts", 0, &q->ts)) {
        refuse(problem, "start_ts must be a number");
        return false;
    }
    q->has_ts = form_get(p, "start_ts").n > 0;
    q->total = !str_eq(form_get(p, "is_get_total"), S("false"));
    q->status = form_get(p, "status");
    q->not_status = form_get(p, "not_status");
    q->so_ids = form_get(p, "so_ids");
    q->o_ids = form_get(p, "o_ids");
    q->shop_id = form_get(p, "shop_id");
    q->wms_co_id = form_get(p, "wms_co_id");
    if (!read_window(p, q, problem))
        return false;
    if (!q->has_window && !q->has_ts && q->so_ids.n == 0 && q->o_ids.n == 0) {
        refuse(problem, "one of start_time and end_time, so_ids, o_ids, start_ts is required");
        return false;
    }
    return true;
}

/* Is `word` one of the entries of "a,b" or "[1, \"2\"]"? */
static bool in_list(struct str list, struct str word)
{
    while (list.p) {
        struct str part;
        if (!str_cut(&list, ',', &part))
            break;
        while (part.n > 0 && strchr("[\" ", part.p[0]))
            part = str_sub(part, 1, part.n - 1);
        while (part.n > 0 && strchr("]\" ", part.p[part.n - 1]))
            part.n--;
        if (part.n > 0 && str_eq(part, word))
            return true;
    }
    return false;
}

static bool date_matches(const struct query *q, const struct record *r)
{
    const struct value *v = &r->h[q->date_type == 2 ? H_order_date : H_send_date];
    int64_t at_s;
    return v->kind == V_TEXT && china_parse(v->plain, &at_s) && at_s >= q->from_s && at_s <= q->to_s;
}

static const char *row_status(const struct sim *s, int method, uint64_t idx)
{
    uint32_t status = s->book.slot[idx].status;
    if (method == METHOD_ORDERS)
        return order_statuses[status];
    if (method == METHOD_SALEOUTS)
        return saleout_statuses[saleout_status(status)];
    struct version v = book_version(&s->book, idx);
    return refund_statuses[refund_status(&v)];
}

/* What needs the record made again comes last. */
static bool row_matches(struct sim *s, const struct query *q, uint64_t idx)
{
    const struct slot *slot = &s->book.slot[idx];
    if (q->method == METHOD_REFUNDS && !gen_has_refund(&s->book.gen, idx))
        return false;
    if (q->method == METHOD_SALEOUTS && !gen_has_saleout(&s->book.gen, idx))
        return false;
    struct str status = str_of(row_status(s, q->method, idx));
    if (q->status.n > 0 && !str_eq(status, q->status))
        return false;
    if (q->not_status.n > 0 && str_eq(status, q->not_status))
        return false;
    if (q->has_ts && slot->ts < q->ts)
        return false;
    if (q->o_ids.n > 0) {
        char digits[21];
        if (!in_list(q->o_ids, str_mk(digits, num_print_i64((int64_t)slot->o_id, digits))))
            return false;
    }
    bool by_date = q->has_window && q->date_type != 0;
    if (!by_date && q->so_ids.n == 0 && q->shop_id.n == 0 && q->wms_co_id.n == 0)
        return true;
    const struct record *r = book_record(&s->book, idx);
    return (!by_date || date_matches(q, r)) && (q->so_ids.n == 0 || in_list(q->so_ids, r->h[H_so_id].plain)) &&
           (q->shop_id.n == 0 || str_eq(q->shop_id, r->h[H_shop_id].plain)) &&
           (q->wms_co_id.n == 0 || str_eq(q->wms_co_id, r->h[H_wms_co_id].plain));
}

/* Rows of a query: a stretch of an index, or the scratch list when they had to be looked at one by one. */
struct rows {
    const uint32_t *at;
    size_t n;
};

static bool plain_range(const struct query *q)
{
    return q->method == METHOD_ORDERS && q->status.n == 0 && q->not_status.n == 0 && q->so_ids.n == 0 &&
           q->o_ids.n == 0 && q->shop_id.n == 0 && q->wms_co_id.n == 0 &&
           !(q->has_window && (q->date_type != 0 || q->has_ts));
}

static struct rows select_rows(struct sim *s, const struct query *q)
{
    struct book *b = &s->book;
    size_t lo = 0, hi = b->n_visible;
    const uint32_t *index = b->by_modified;
    if (q->has_window && q->date_type == 0) {
        book_range(b, q->from_s, q->to_s, &lo, &hi);
    } else if (q->has_ts) {
        index = b->by_ts;
        lo = book_from_ts(b, q->ts);
    }
    if (plain_range(q))
        return (struct rows){index + lo, hi - lo};
    if (s->cap_matched < hi - lo || !s->matched) {
        s->cap_matched = hi - lo;
        s->matched = mem_grow(s->matched, (s->cap_matched + 1) * sizeof *s->matched);
    }
    size_t n = 0;
    for (size_t i = lo; i < hi; i++)
        if (row_matches(s, q, index[i]))
            s->matched[n++] = index[i];
    return (struct rows){s->matched, n};
}

static void add_row(struct sim *s, int method, uint32_t idx, struct buf *out)
{
    struct book *b = &s->book;
    if (method == METHOD_ORDERS) {
        buf_add(out, str_mk(b->slot[idx].json, b->slot[idx].json_len));
        return;
    }
    struct version v = book_version(b, idx);
    const struct record *r = book_record(b, idx);
    if (method == METHOD_REFUNDS)
        render_refund(r, &v, out);
    else
        render_saleout(r, &v, out);
}

/* The rows of the page, in place, with the repeats of the fault `dup` around them. */
static void add_rows(struct sim *s, int method, struct rows all, struct rows page, struct buf *out)
{
    bool dup = s->faults.on[FAULT_DUP];
    bool first = true;
    buf_byte(out, '[');
    if (dup && page.n > 0 && page.at > all.at) {
        add_row(s, method, page.at[-1], out);
        first = false;
    }
    for (size_t i = 0; i < page.n; i++) {
        if (!first)
            buf_byte(out, ',');
        first = false;
        add_row(s, method, page.at[i], out);
        if (dup && i == page.n / 2) {
            buf_byte(out, ',');
            add_row(s, method, page.at[i], out);
        }
    }
    buf_byte(out, ']');
    s->stats.rows += page.n;
}

static size_t rows_bytes(const struct sim *s, struct rows page)
{
    size_t n = 1024;
    for (size_t i = 0; i < page.n; i++)
        n += s->book.slot[page.at[i]].json_len + 1u;
    return n;
}

static bool has_next(struct sim *s, bool truth)
{
    if (!s->faults.on[FAULT_LIE_HASNEXT])
        return truth;
    int how = (int)s->faults.value[FAULT_LIE_HASNEXT];
    if (how == 0)
        how = rng_one_in(&s->rng, 2) ? 1 : 2;
    return how == 2;
}

static void add_page_head(struct sim *s, const struct query *q, struct rows all, bool more, struct buf *out)
{
    size_t size = (size_t)q->page_size;
    if (!s->opt.open)
        buf_add(out, S("\"flag\":\"success\",\"code\":\"0\",\"message\":\"\","));
    buf_printf(out, "\"page_index\":%lld,\"page_size\":%lld", (long long)q->page_index, (long long)q->asked_size);
    if (!s->faults.on[FAULT_NOTOTAL])
        buf_printf(out, ",\"data_count\":%zu,\"page_count\":%zu", q->total ? all.n : 0,
                   q->total ? (all.n + size - 1) / size : 0);
    buf_printf(out, ",\"has_next\":%s,\"request_id\":\"15q%llx\",\"%s\":", has_next(s, more) ? "true" : "false",
               (unsigned long long)(rng_mix(++s->n_requests) >> 16), q->method == METHOD_ORDERS ? "orders" : "datas");
}

void query_run(struct sim *s, int method, const struct params *p, struct buf *out, struct problem *problem)
{
    struct query q = {.method = method};
    if (!read_query(s, p, &q, problem))
        return;
    struct rows all = select_rows(s, &q), page = {all.at, 0};
    size_t skip = (size_t)(q.page_index - 1) * (size_t)q.page_size;
    if (skip < all.n) {
        page.at = all.at + skip;
        page.n = all.n - skip < (size_t)q.page_size ? all.n - skip : (size_t)q.page_size;
    }
    bool bare = s->faults.on[FAULT_BAREROOT] && !s->opt.open;
    if (!buf_room(out, rows_bytes(s, page)))
        return;
    buf_add(out, s->opt.open ? S("{\"code\":0,\"msg\":\"执行成功\",\"data\":{") : bare ? S("{") : S("{\"response\":{"));
    add_page_head(s, &q, all, skip + page.n < all.n, out);
    add_rows(s, method, all, page, out);
    buf_add(out, bare ? S("}") : S("}}"));
}

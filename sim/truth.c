/* The oracle: the rows that a perfect copy of the seed case holds, straight from the generator's structures.
 *
 * Nothing of the product's shaping takes part, least of all its arithmetic: amounts are integers of 1/10000 here and
 * shares are exact integers of 128 bits. The rules are those of the metadata dialect: the condition on labels and
 * shop, one row a line (or one for an order without lines), fields that are null or missing are NULL, numbers keep
 * the digits that were sent, item_ext_data is cut to 20 characters, the payment less freight is spread over the
 * lines by largest remainder. */
#include "record.h"

#include <stdio.h>

__extension__ typedef __int128 wide;

enum column_kind { COLUMN_ID, COLUMN_HEADER, COLUMN_LINE, COLUMN_EXTENSION, COLUMN_SHARE };

struct column {
    const char *name;
    enum column_kind kind;
    int field;
};

#define HEAD(name)                                                                                                     \
    {                                                                                                                  \
#name, COLUMN_HEADER, H_##name                                                                                 \
    }
#define ITEM(name)                                                                                                     \
    {                                                                                                                  \
        "items_" #name, COLUMN_LINE, L_##name                                                                          \
    }

static const struct column columns[] = {
    {"id", COLUMN_ID, 0},
    HEAD(order_date),
    HEAD(shop_status),
    HEAD(question_type),
    HEAD(shop_id),
    HEAD(question_desc),
    HEAD(so_id),
    HEAD(status),
    HEAD(receiver_state),
    HEAD(receiver_city),
    HEAD(receiver_district),
    HEAD(send_date),
    HEAD(plan_delivery_date),
    HEAD(creator_name),
    HEAD(buyer_tax_no),
    HEAD(invoice_type),
    HEAD(pay_amount),
    HEAD(freight),
    HEAD(buyer_message),
    HEAD(remark),
    HEAD(invoice_title),
    HEAD(is_cod),
    HEAD(type),
    HEAD(paid_amount),
    HEAD(pay_date),
    HEAD(modified),
    HEAD(order_from),
    HEAD(l_id),
    HEAD(shop_name),
    HEAD(wms_co_id),
    HEAD(logistics_company),
    HEAD(free_amount),
    HEAD(co_id),
    HEAD(drp_co_id_to),
    HEAD(end_time),
    HEAD(referrer_id),
    HEAD(invoice_data),
    HEAD(drp_info),
    HEAD(shop_buyer_id),
    HEAD(seller_flag),
    HEAD(invoice_amount),
    HEAD(oaid),
    HEAD(open_id),
    HEAD(node),
    HEAD(o_id),
    HEAD(created),
    HEAD(labels),
    HEAD(currency),
    HEAD(weight),
    ITEM(oi_id),
    ITEM(outer_oi_id),
    ITEM(sku_id),
    ITEM(shop_sku_id),
    ITEM(i_id),
    ITEM(shop_i_id),
    ITEM(raw_so_id),
    ITEM(name),
    ITEM(properties_value),
    ITEM(qty),
    ITEM(price),
    ITEM(base_price),
    ITEM(amount),
    ITEM(item_pay_amount),
    ITEM(is_gift),
    ITEM(refund_status),
    ITEM(item_status),
    ITEM(src_combine_sku_id),
    {"items_item_ext_data", COLUMN_EXTENSION, L_item_ext_data},
    {"items_qyy_amountafter", COLUMN_SHARE, 0},
};
#define N_COLUMNS (sizeof columns / sizeof *columns)

static wide by_amount(const struct line *l)
{
    return l->amount;
}

static wide by_qty(const struct line *l)
{
    return l->qty;
}

static wide by_nothing(const struct line *l)
{
    (void)l;
    return 1;
}

static wide sum_of(const struct record *r, wide (*weight)(const struct line *))
{
    wide sum = 0;
    for (int i = 0; i < r->n_lines; i++)
        sum += weight(&r->lines[i]);
    return sum;
}

/* Shares in cents: truncated toward zero; the cents left over go one each to the lines that lost most, the earlier
 * first. */
static void spread(const struct record *r, wide share[LINES_MAX])
{
    wide (*weight)(const struct line *) = by_amount;
    if (sum_of(r, weight) == 0)
        weight = by_qty;
    if (sum_of(r, weight) == 0)
        weight = by_nothing;
    wide whole = sum_of(r, weight), lost[LINES_MAX] = {0};
    if (whole == 0)
        return; /* no lines */
    int64_t net = r->pay - r->freight;
    wide total = (net + (net < 0 ? -50 : 50)) / 100, left = total;
    for (int i = 0; i < r->n_lines; i++) {
        wide exact = total * weight(&r->lines[i]);
        share[i] = exact / whole;
        lost[i] = exact % whole * (whole < 0 ? -1 : 1);
        left -= share[i];
    }
    wide step = left < 0 ? -1 : 1;
    for (; left != 0; left -= step) {
        int best = 0;
        for (int i = 1; i < r->n_lines; i++)
            if (lost[i] * step > lost[best] * step)
                best = i;
        share[best] += step;
        lost[best] -= step * (whole < 0 ? -whole : whole);
    }
}

static void add_share(struct buf *out, wide cents)
{
    unsigned long long magnitude = (unsigned long long)(cents < 0 ? -cents : cents);
    buf_printf(out, "\"%s%llu.%02llu\"", cents < 0 ? "-" : "", magnitude / 100, magnitude % 100);
}

static void add_plain(struct buf *out, const struct value *v, size_t n_chars)
{
    if (v->kind == V_NULL || v->kind == V_MISSING)
        buf_add(out, S("null"));
    else
        render_text(str_sub(v->plain, 0, n_chars ? utf8_prefix(v->plain, n_chars) : v->plain.n), false, out);
}

static void add_id(struct buf *out, const struct record *r, const struct line *l)
{
    buf_byte(out, '"');
    buf_add(out, r->h[H_o_id].plain);
    buf_byte(out, '-');
    if (l)
        buf_add(out, l->f[L_oi_id].plain);
    buf_byte(out, '"');
}

static void add_row(struct buf *out, const struct record *r, const struct line *l, wide cents)
{
    static const struct value none = {.kind = V_NULL};
    for (size_t c = 0; c < N_COLUMNS; c++) {
        buf_printf(out, "%c\"%s\":", c == 0 ? '{' : ',', columns[c].name);
        const struct value *v = columns[c].kind == COLUMN_HEADER ? &r->h[columns[c].field]
                                : l                              ? &l->f[columns[c].field]
                                                                 : &none;
        if (columns[c].kind == COLUMN_ID)
            add_id(out, r, l);
        else if (columns[c].kind == COLUMN_SHARE && l)
            add_share(out, cents);
        else if (columns[c].kind == COLUMN_SHARE)
            buf_add(out, S("null"));
        else
            add_plain(out, v, columns[c].kind == COLUMN_EXTENSION ? 20 : 0);
    }
    buf_byte(out, '}');
}

void truth_rows(const struct record *r, bool ids, struct buf *out)
{
    wide share[LINES_MAX] = {0};
    if (r->excluded)
        return;
    spread(r, share);
    int n_rows = r->n_lines > 0 ? r->n_lines : 1;
    for (int i = 0; i < n_rows; i++) {
        const struct line *l = r->n_lines > 0 ? &r->lines[i] : NULL;
        if (ids)
            add_id(out, r, l);
        else
            add_row(out, r, l, share[i]);
        buf_byte(out, '\n');
    }
}

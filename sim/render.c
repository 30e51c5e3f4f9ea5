/* JSON of an order, and of the refund and the outbound document that hang on it.
 *
 * An order is written by hand rather than through the JSON writer: it happens once for each revision and should be
 * quick for half a million of them. Refunds and outbound documents are written each time they are asked for. */
#include "base/json.h"
#include "put.h"
#include "record.h"

#include <stdio.h>

static const char hex_digits[] = "0123456789abcdef";

static void add_unicode(struct buf *out, uint32_t unit)
{
    char text[6] = {'\\',
                    'u',
                    hex_digits[unit >> 12 & 15],
                    hex_digits[unit >> 8 & 15],
                    hex_digits[unit >> 4 & 15],
                    hex_digits[unit & 15]};
    buf_add(out, str_mk(text, sizeof text));
}

static void add_escaped(struct buf *out, uint32_t cp)
{
    if (cp >= 0x10000) {
        add_unicode(out, 0xd800 + ((cp - 0x10000) >> 10));
        add_unicode(out, 0xdc00 + ((cp - 0x10000) & 0x3ff));
    } else {
        add_unicode(out, cp);
    }
}

static void add_special(struct buf *out, char c)
{
    switch (c) {
    case '"':
        buf_add(out, S("\\\""));
        break;
    case '\\':
        buf_add(out, S("\\\\"));
        break;
    case '\n':
        buf_add(out, S("\\n"));
        break;
    case '\r':
        buf_add(out, S("\\r"));
        break;
    case '\t':
        buf_add(out, S("\\t"));
        break;
    case '/':
        buf_add(out, S("\\/"));
        break;
    default:
        add_unicode(out, (unsigned char)c);
    }
}

void render_text(struct str s, bool ascii, struct buf *out)
{
    size_t done = 0, i = 0;
    buf_byte(out, '"');
    while (i < s.n) {
        unsigned char c = (unsigned char)s.p[i];
        bool wide = c >= 0x80;
        if (c >= 0x20 && c != '"' && c != '\\' && !(ascii && (wide || c == '/'))) {
            i++;
            continue;
        }
        buf_add(out, str_mk(s.p + done, i - done));
        if (wide) {
            uint32_t cp;
            i += utf8_decode(str_sub(s, i, s.n - i), &cp);
            add_escaped(out, cp);
        } else {
            add_special(out, (char)c);
            i++;
        }
        done = i;
    }
    buf_add(out, str_mk(s.p + done, s.n - done));
    buf_byte(out, '"');
}

static void add_key(struct buf *out, bool *first, const char *name)
{
    if (!*first)
        buf_byte(out, ',');
    *first = false;
    buf_byte(out, '"');
    buf_add(out, str_of(name));
    buf_add(out, S("\":"));
}

static void add_value(struct buf *out, const struct value *v, bool ascii)
{
    switch (v->kind) {
    case V_TEXT:
        render_text(v->plain, ascii, out);
        break;
    case V_TOKEN:
        buf_add(out, v->plain);
        break;
    case V_JSON:
        buf_add(out, v->sent);
        break;
    case V_NULL:
    case V_MISSING:
        buf_add(out, S("null"));
        break;
    }
}

static const char *sent_name(const struct record *r, enum header_field f)
{
    if (r->drop_spelling) {
        if (f == H_drp_co_id_to)
            return "drop_co_id_to";
        if (f == H_drp_co_id_from)
            return "drop_co_id_from";
        if (f == H_drp_info)
            return "drop_info";
    }
    return header_names[f];
}

static void add_lines(struct buf *out, const struct record *r)
{
    buf_byte(out, '[');
    for (int i = 0; i < r->n_lines; i++) {
        bool first = true;
        if (i > 0)
            buf_byte(out, ',');
        buf_byte(out, '{');
        for (int f = 0; f < L_COUNT; f++) {
            const struct value *v = &r->lines[i].f[f];
            if (v->kind == V_MISSING)
                continue;
            add_key(out, &first, line_names[f]);
            add_value(out, v, r->ascii);
        }
        buf_byte(out, '}');
    }
    buf_byte(out, ']');
}

static void add_pays(struct buf *out, const struct record *r)
{
    buf_printf(out, "[{\"pay_id\":%llu,\"outer_pay_id\":\"2026%llu\",\"pay_date\":",
               (unsigned long long)(r->o_id % 100000000 + 40000000), (unsigned long long)r->o_id);
    add_value(out, &r->h[H_pay_date], r->ascii);
    buf_add(out, S(",\"amount\":"));
    add_value(out, &r->h[H_pay_amount], r->ascii);
    buf_add(out, S(",\"payment\":\"支付宝\",\"buyer_account\":null,\"status\":\"Confirmed\",\"is_order_pay\":true}]"));
}

void render_order(const struct record *r, struct buf *out)
{
    bool first = true;
    buf_byte(out, '{');
    for (int f = 0; f < H_COUNT; f++) {
        const struct value *v = &r->h[f];
        if (v->kind == V_MISSING)
            continue;
        add_key(out, &first, sent_name(r, (enum header_field)f));
        add_value(out, v, r->ascii);
    }
    if (r->items == ITEMS_NULL) {
        add_key(out, &first, "items");
        buf_add(out, S("null"));
    } else if (r->items == ITEMS_ARRAY) {
        add_key(out, &first, "items");
        add_lines(out, r);
    }
    if (r->has_pays) {
        add_key(out, &first, "pays");
        add_pays(out, r);
    }
    buf_byte(out, '}');
}

const char *const refund_statuses[] = {"WaitConfirm", "Confirmed", "Cancelled", "Merged"};
const char *const saleout_statuses[] = {"WaitConfirm", "Confirmed", "Cancelled",
                                        "Delete",      "Archive",   "OuterConfirming"};

uint32_t refund_status(const struct version *v)
{
    return (uint32_t)(rng_mix(v->idx * 31 + v->rev) % 4);
}

uint32_t saleout_status(uint32_t order_status)
{
    static const uint32_t of[] = {0, 0, 3, 0, 0, 5, 0, 0, 1, 2};
    return of[order_status % 10];
}

/* The header fields that a document shares with its order. */
static void copy_fields(struct json_out *w, const struct record *r, const enum header_field *fields, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct value *v = &r->h[fields[i]];
        if (v->kind == V_MISSING)
            continue;
        json_out_key(w, header_names[fields[i]]);
        if (v->kind == V_TEXT)
            json_out_str(w, v->plain);
        else if (v->kind == V_NULL)
            json_out_null(w);
        else
            json_out_raw(w, v->kind == V_JSON ? v->sent : v->plain);
    }
}

static void copy_line(struct json_out *w, const struct line *l, enum line_field f, const char *as)
{
    json_out_key(w, as);
    if (l->f[f].kind == V_TEXT)
        json_out_str(w, l->f[f].plain);
    else if (l->f[f].kind == V_TOKEN || l->f[f].kind == V_JSON)
        json_out_raw(w, l->f[f].plain);
    else
        json_out_null(w);
}

void render_refund(const struct record *r, const struct version *v, struct buf *out)
{
    static const enum header_field shared[] = {
        H_o_id,        H_so_id,         H_shop_id, H_shop_name, H_shop_status, H_created,   H_modified,
        H_free_amount, H_freight,       H_remark,  H_node,      H_labels,      H_wms_co_id, H_logistics_company,
        H_l_id,        H_shop_buyer_id, H_currency};
    struct json_out w = json_out(out);
    json_out_begin(&w, '{');
    json_out_key(&w, "as_id");
    json_out_int(&w, 50000001 + (int64_t)v->idx);
    json_out_key(&w, "outer_as_id");
    json_out_str(&w, S(""));
    copy_fields(&w, r, shared, sizeof shared / sizeof *shared);
    json_out_key(&w, "type");
    json_out_cstr(&w, v->idx % 2 ? "普通退货" : "仅退款");
    json_out_key(&w, "status");
    json_out_cstr(&w, refund_statuses[refund_status(v)]);
    json_out_key(&w, "good_status");
    json_out_cstr(&w, "BUYER_NOT_RECEIVED");
    json_out_key(&w, "order_status");
    json_out_cstr(&w, order_statuses[r->status]);
    json_out_key(&w, "refund");
    json_out_int(&w, r->pay / 10000);
    json_out_key(&w, "ts"); /* text here, a number elsewhere */
    json_out_str(&w, r->h[H_ts].plain);
    json_out_key(&w, "items");
    json_out_begin(&w, '[');
    for (int i = 0; i < r->n_lines; i++) {
        json_out_begin(&w, '{');
        json_out_key(&w, "asi_id");
        json_out_int(&w, 51000001 + (int64_t)v->idx * LINES_MAX + i);
        copy_line(&w, &r->lines[i], L_sku_id, "sku_id");
        copy_line(&w, &r->lines[i], L_name, "name");
        copy_line(&w, &r->lines[i], L_qty, "qty");
        copy_line(&w, &r->lines[i], L_price, "price");
        copy_line(&w, &r->lines[i], L_amount, "amount");
        json_out_end(&w, '}');
    }
    json_out_end(&w, ']');
    json_out_end(&w, '}');
}

void render_saleout(const struct record *r, const struct version *v, struct buf *out)
{
    static const enum header_field shared[] = {H_o_id,
                                               H_so_id,
                                               H_shop_id,
                                               H_shop_name,
                                               H_co_id,
                                               H_wms_co_id,
                                               H_created,
                                               H_modified,
                                               H_pay_date,
                                               H_ts,
                                               H_pay_amount,
                                               H_paid_amount,
                                               H_free_amount,
                                               H_freight,
                                               H_weight,
                                               H_l_id,
                                               H_logistics_company,
                                               H_labels,
                                               H_seller_flag,
                                               H_currency,
                                               H_is_cod,
                                               H_shop_buyer_id,
                                               H_open_id,
                                               H_receiver_state,
                                               H_receiver_city,
                                               H_receiver_district,
                                               H_buyer_message,
                                               H_remark,
                                               H_node};
    struct json_out w = json_out(out);
    json_out_begin(&w, '{');
    json_out_key(&w, "io_id");
    json_out_int(&w, 60000001 + (int64_t)v->idx);
    copy_fields(&w, r, shared, sizeof shared / sizeof *shared);
    json_out_key(&w, "status");
    json_out_cstr(&w, saleout_statuses[saleout_status(r->status)]);
    json_out_key(&w, "order_type");
    json_out_str(&w, r->h[H_type].plain);
    json_out_key(&w, "io_date");
    json_out_str(&w, r->h[H_modified].plain);
    json_out_key(&w, "items");
    json_out_begin(&w, '[');
    for (int i = 0; i < r->n_lines; i++) {
        json_out_begin(&w, '{');
        json_out_key(&w, "ioi_id");
        json_out_int(&w, 61000001 + (int64_t)v->idx * LINES_MAX + i);
        copy_line(&w, &r->lines[i], L_oi_id, "oi_id");
        copy_line(&w, &r->lines[i], L_sku_id, "sku_id");
        copy_line(&w, &r->lines[i], L_name, "name");
        copy_line(&w, &r->lines[i], L_qty, "qty");
        copy_line(&w, &r->lines[i], L_price, "sale_price");
        copy_line(&w, &r->lines[i], L_amount, "sale_amount");
        copy_line(&w, &r->lines[i], L_is_gift, "is_gift");
        json_out_end(&w, '}');
    }
    json_out_end(&w, ']');
    json_out_end(&w, '}');
}

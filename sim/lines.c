/* The lines of an order: how many, what they sell and what they cost.
 *
 * A line depends on the order and its own number only, so an edit that adds a line leaves the others alone; an edit
 * also changes the quantity of the first line where that keeps the order's kind of sums. Lines are taken away
 * only when a test says so, and an order without lines stays without: a copy that keeps one row a line needs to delete
 * rows then. Orders with negative sums keep the ratio 1:2:4 between their (at most three) lines, so that no two
 * shares of a negative amount have equal remainders: there the rule "earlier line first" could be read in two ways. */
#include "put.h"

enum money money_kind(const struct gen *g, uint64_t idx)
{
    struct rng b = rng_make(g->seed, idx, 2);
    uint64_t draw = rng_below(&b, 64);
    return draw < MONEY_PLAIN ? (enum money)draw : MONEY_PLAIN;
}

static int lines_before(const struct gen *g, const struct version *v, enum money money, enum items_kind *ret_items)
{
    static const int table[] = {0, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 3, 3, 4, 5};
    struct rng b = rng_make(g->seed, v->idx, 3);
    int n = table[rng_below(&b, 16)];
    if (n == 5 && rng_one_in(&b, 2))
        n = 6;
    *ret_items = ITEMS_ARRAY;
    if (n == 0) {
        static const enum items_kind none[] = {ITEMS_ARRAY, ITEMS_ARRAY, ITEMS_NULL, ITEMS_NULL, ITEMS_MISSING};
        *ret_items = none[rng_below(&b, 5)];
        return 0;
    }
    if (money == MONEY_NEGATIVE)
        return n > 3 ? 3 : n;
    for (uint32_t k = 1; k <= (v->twist.shorter ? v->twist.lines_from : v->rev) && n < LINES_MAX; k++) {
        struct rng e = rng_make(g->seed, v->idx, 1000 + (uint64_t)k);
        if (rng_one_in(&e, 4))
            n++;
    }
    return n;
}

static int count_lines(const struct gen *g, const struct version *v, enum money money, enum items_kind *ret_items)
{
    int n = lines_before(g, v, money, ret_items);

    return n > v->twist.shorter ? n - v->twist.shorter : 0;
}

/* Price, quantity and amount. */
static void line_money(struct record *r, int i, struct rng *b, enum money money, uint32_t rev)
{
    struct line *l = &r->lines[i];
    bool text = money != MONEY_TOKENS && !rng_one_in(b, 4);
    int scale = money == MONEY_LINES_4 || money == MONEY_BIG ? 4 : money == MONEY_WHOLE ? 0 : 2;
    int64_t unit = scale == 4 ? 1 : scale == 2 ? 100 : 10000;
    int64_t price = (int64_t)(1 + rng_below(b, scale == 0 ? 400 : 40000)) * unit;
    bool gift = rng_one_in(b, 12);
    l->qty = 1 + (int64_t)rng_below(b, 3);
    if (money == MONEY_BIG)
        price = 10000000000000 + (int64_t)rng_below(b, 900000000000000);
    if (money == MONEY_NEGATIVE) {
        gift = false;
        l->qty = 1;
        price = -(int64_t)(r->o_id % 977 + 1) * 1700 * ((int64_t)1 << i);
    }
    if (money == MONEY_FREE || money == MONEY_FREE_NO_QTY || gift)
        price = 0;
    if (money == MONEY_FREE_NO_QTY)
        l->qty = 0;
    else if (i == 0 && rev > 0 && money != MONEY_NEGATIVE)
        l->qty += (int64_t)(rev % 5);
    l->amount = price * l->qty;
    put_int(r, &l->f[L_qty], l->qty);
    put_amount(r, &l->f[L_price], price, scale, text);
    if (rng_one_in(b, 40))
        put_token(&l->f[L_base_price], put_printf(r, "%u.1234567890123456", (unsigned)rng_below(b, 90) + 10));
    else
        put_amount(r, &l->f[L_base_price], price + 1000, scale, rng_one_in(b, 2));
    if (gift && rng_one_in(b, 3))
        put_null(&l->f[L_amount]);
    else
        put_amount(r, &l->f[L_amount], l->amount, scale, text);
    put_amount(r, &l->f[L_item_pay_amount], l->amount - l->amount % 10000, 2, rng_one_in(b, 2));
    put_bool(&l->f[L_is_gift], gift);
}

static void line_goods(const struct gen *g, struct record *r, struct line *l, struct rng *b)
{
    static const char *const goods[] = {"纯棉T恤",  "保温杯 500ml", "蓝牙耳机 Pro", "手机壳",
                                        "儿童雨靴", "坚果礼盒",     "Vitamin C 片", "不锈钢炒锅"};
    static const char *const variants[] = {"红色;XL", "蓝色;M", "白色", "500ml;银", "128G;黑;官方标配", "默认"};
    unsigned sku = (unsigned)rng_below(b, 5000);
    put_text(&l->f[L_sku_id], put_printf(r, "SKU-%05u", sku));
    put_some(&l->f[L_shop_sku_id], b, put_printf(r, "%llu", 4000000000000ull + sku));
    put_some(&l->f[L_i_id], b, put_printf(r, "K%04u", sku / 8));
    put_some(&l->f[L_shop_i_id], b, put_printf(r, "%llu", 600000000000ull + sku / 8));
    put_text(&l->f[L_name], put_wild(r, b, g->plain, str_of(goods[sku % 8])));
    put_some(&l->f[L_properties_value], b, put_wild(r, b, g->plain, str_of(variants[sku % 6])));
    if (rng_one_in(b, 5))
        put_text(&l->f[L_src_combine_sku_id], put_printf(r, "ZH-%04u", sku % 1000));
    else if (rng_one_in(b, 2))
        put_null(&l->f[L_src_combine_sku_id]);
    put_extension(r, &l->f[L_item_ext_data], b, g->plain);
}

/* The fields that the seed case does not read. */
static void line_rest(struct record *r, struct line *l, struct rng *b)
{
    put_text(&l->f[L_pic], put_printf(r, "https://img.example.com/i%u/T2.jpg", (unsigned)rng_below(b, 9999)));
    put_cstr(&l->f[L_sku_type], rng_one_in(b, 9) ? "combine" : "nomal");
    put_amount(r, &l->f[L_buyer_paid_amount], l->amount, 2, true);
    put_amount(r, &l->f[L_seller_income_amount], l->amount, 2, true);
    put_bool(&l->f[L_is_presale], rng_one_in(b, 9));
    put_some(&l->f[L_refund_id], b, S(""));
    put_some(&l->f[L_batch_id], b, put_printf(r, "B%u", (unsigned)rng_below(b, 500)));
    put_some(&l->f[L_produced_date], b, S("2025-10-01 00:00:00"));
    put_null(&l->f[L_referrer_id]);
    put_some(&l->f[L_remark], b, S("行备注"));
}

static void make_line(const struct gen *g, const struct version *v, struct record *r, int i, bool full)
{
    static const char *const refunds[] = {"none", "none", "none", "waiting", "success", "closed"};
    struct rng b = rng_make(g->seed, v->idx, 100 + (uint64_t)i);
    struct line *l = &r->lines[i];
    memset(l, 0, sizeof *l);
    int64_t oi_id = 70000001 + (int64_t)v->idx * LINES_MAX + i;
    if (rng_one_in(&b, 10))
        put_text(&l->f[L_oi_id], put_printf(r, "%lld", (long long)oi_id));
    else
        put_int(r, &l->f[L_oi_id], oi_id);
    put_some(&l->f[L_outer_oi_id], &b, put_printf(r, "%llu", 3300000000000000000ull + (unsigned long long)oi_id));
    put_some(&l->f[L_raw_so_id], &b, r->h[H_so_id].plain);
    line_goods(g, r, l, &b);
    line_money(r, i, &b, money_kind(g, v->idx), v->rev);
    put_some(&l->f[L_refund_status], &b, str_of(refunds[rng_below(&b, 6)]));
    put_cstr(&l->f[L_item_status], order_statuses[r->status]);
    if (full)
        line_rest(r, l, &b);
}

int64_t lines_make(const struct gen *g, const struct version *v, struct record *r)
{
    struct rng b = rng_make(g->seed, v->idx, 4);
    bool full = rng_one_in(&b, 6);
    int64_t sum = 0;
    r->n_lines = count_lines(g, v, money_kind(g, v->idx), &r->items);
    for (int i = 0; i < r->n_lines; i++) {
        make_line(g, v, r, i, full);
        sum += r->lines[i].amount;
    }
    return sum;
}

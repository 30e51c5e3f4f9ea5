/* The generator of orders: an order is a function of the seed, its number and its revision.
 *
 * Everything that must not change with an edit (ids, shop, labels, who ordered, which fields are missing or null)
 * is drawn from a stream that does not know the revision; status, payment, remark, quantities and the number of
 * lines come from one that does. So an order can be made again at any time from 40 bytes, and /truth and the pages
 * can never disagree about which revision they show.
 *
 * What it does not do: it does not keep anything (book.c) and does not write JSON (render.c). */
#include "put.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

const char *const order_statuses[] = {"WaitPay",       "Delivering",  "Merged",       "Question", "Split",
                                      "WaitOuterSent", "WaitConfirm", "WaitFConfirm", "Sent",     "Cancelled"};
const size_t n_order_statuses = sizeof order_statuses / sizeof *order_statuses;
enum { STATUS_WAIT_PAY = 0, STATUS_DELIVERING = 1, STATUS_QUESTION = 3, STATUS_SENT = 8 };

#define FIELD_NAME(name) #name,
const char *const header_names[H_COUNT] = {HEADER_FIELDS(FIELD_NAME)};
const char *const line_names[L_COUNT] = {LINE_FIELDS(FIELD_NAME)};

/* By hand, since an order has half a dozen of them. Days to date: the proleptic Gregorian calendar counted in eras
 * of 400 years that begin on 1 March. */
void china_print(int64_t unix_s, char out[CHINA_TEXT])
{
    int64_t t = unix_s + CHINA_OFFSET_S, days = t / 86400, rest = t % 86400;
    if (rest < 0) {
        rest += 86400;
        days--;
    }
    int64_t shifted = days + 719468, era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
    int64_t of_era = shifted - era * 146097;
    int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year + year / 4 - year / 100), month = (5 * of_year + 2) / 153;
    int64_t day = of_year - (153 * month + 2) / 5 + 1;
    month += month < 10 ? 3 : -9;
    year += era * 400 + (month <= 2);
    const struct {
        int64_t value;
        size_t at;
    } part[] = {{year / 100, 0},   {year % 100, 2},      {month, 5},     {day, 8},
                {rest / 3600, 11}, {rest / 60 % 60, 14}, {rest % 60, 17}};
    memcpy(out, "0000-00-00 00:00:00", CHINA_TEXT);
    for (size_t i = 0; i < sizeof part / sizeof *part; i++) {
        out[part[i].at] = (char)('0' + part[i].value / 10 % 10);
        out[part[i].at + 1] = (char)('0' + part[i].value % 10);
    }
}

bool china_parse(struct str s, int64_t *ret_unix_s)
{
    static const char shape[] = "dddd-dd-dd dd:dd:dd";
    if (s.n != sizeof shape - 1)
        return false;
    int part[6] = {0};
    int k = 0;
    for (size_t i = 0; i < s.n; i++) {
        if (shape[i] != 'd') {
            if (s.p[i] != shape[i])
                return false;
            k++;
            continue;
        }
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
        part[k] = part[k] * 10 + (s.p[i] - '0');
    }
    struct tm tm = {.tm_year = part[0] - 1900,
                    .tm_mon = part[1] - 1,
                    .tm_mday = part[2],
                    .tm_hour = part[3],
                    .tm_min = part[4],
                    .tm_sec = part[5]};
    int64_t t = (int64_t)timegm(&tm) - CHINA_OFFSET_S;
    char again[CHINA_TEXT];
    china_print(t, again);
    if (memcmp(again, s.p, s.n) != 0)
        return false; /* 30 February, 25:00 … */
    *ret_unix_s = t;
    return true;
}

/* Mostly anywhere in the range; one in ten on a full ten minutes; one block of 230 within a single second, and
 * pairs that share theirs with a neighbour. */
int64_t gen_modified(const struct gen *g, uint64_t idx)
{
    uint64_t span = (uint64_t)(g->to_s - g->from_s) + 1;
    uint64_t block = g->n_initial >= 1000 ? 230 : g->n_initial / 5;
    uint64_t first = g->n_initial / 2;
    if (idx >= first && idx < first + block)
        return g->from_s + (int64_t)(span / 4 * 3);
    if (idx % 25 == 7)
        idx--;
    struct rng b = rng_make(g->seed, idx, 1);
    int64_t t = g->from_s + (int64_t)rng_below(&b, span);
    if (rng_one_in(&b, 10)) {
        int64_t round = t - t % 600;
        if (round >= g->from_s)
            t = round;
    }
    return t;
}

#define SMALL_ID_BASE UINT64_C(900001)
#define LARGE_ID_BASE UINT64_C(9007199254740993) /* 2^53 + 1: a double cannot hold it */

uint64_t gen_o_id(const struct gen *g, uint64_t idx)
{
    (void)g;
    return idx % 13 == 5 ? LARGE_ID_BASE + 2 * idx : SMALL_ID_BASE + idx;
}

bool gen_idx_of(uint64_t o_id, uint64_t *ret_idx)
{
    uint64_t idx;
    if (o_id >= LARGE_ID_BASE) {
        if ((o_id - LARGE_ID_BASE) % 2 != 0)
            return false;
        idx = (o_id - LARGE_ID_BASE) / 2;
    } else if (o_id >= SMALL_ID_BASE) {
        idx = o_id - SMALL_ID_BASE;
    } else {
        return false;
    }
    if (gen_o_id(NULL, idx) != o_id)
        return false;
    *ret_idx = idx;
    return true;
}

bool gen_has_refund(const struct gen *g, uint64_t idx)
{
    struct rng b = rng_make(g->seed, idx, 5);
    return rng_one_in(&b, 8);
}

bool gen_has_saleout(const struct gen *g, uint64_t idx)
{
    struct rng b = rng_make(g->seed, idx, 6);
    return !rng_one_in(&b, 3);
}

static void make_identity(const struct gen *g, const struct version *v, struct record *r, struct rng *b)
{
    static const char *const from[] = {"TAOBAO", "PINDUODUO", "TOUTIAOFXG", "KWAISHOP",
                                       "ERP",    "MERGE",     "IMPORT",     "drp-s"};
    static const char *const prefix[] = {"TB", "PDD-", "", "KS", "ERP", "M", "测试-", "FX"};
    static const char *const type[] = {"普通订单", "普通订单", "普通订单", "补发订单",
                                       "换货订单", "供销Plus", "天猫供销"};
    uint64_t k = rng_below(b, 8);
    r->o_id = gen_o_id(g, v->idx);
    struct str digits = put_printf(r, "%llu", (unsigned long long)r->o_id);
    if (v->idx % 10 == 5)
        put_text(&r->h[H_o_id], digits);
    else
        put_token(&r->h[H_o_id], digits);
    put_text(&r->h[H_so_id], put_printf(r, "%s%llu%09llu", prefix[k], 1000 + (unsigned long long)rng_below(b, 9000),
                                        (unsigned long long)v->idx));
    if (gen_has_saleout(g, v->idx) && rng_one_in(b, 2))
        put_int(r, &r->h[H_io_id], 60000001 + (int64_t)v->idx);
    put_cstr(&r->h[H_order_from], from[k]);
    put_cstr(&r->h[H_type], type[rng_below(b, 7)]);
    put_int(r, &r->h[H_co_id], 10018);
    if (rng_one_in(b, 6))
        put_text(&r->h[H_wms_co_id], S("10018"));
    else
        put_int(r, &r->h[H_wms_co_id], 10018 + (int64_t)rng_below(b, 4));
    r->drop_spelling = rng_one_in(b, 3);
    if (rng_one_in(b, 4))
        put_text(&r->h[H_drp_co_id_to], put_printf(r, "%u", 200000 + (unsigned)rng_below(b, 900)));
    else if (rng_one_in(b, 2))
        put_null(&r->h[H_drp_co_id_to]);
    if (rng_one_in(b, 9)) {
        struct str s = put_printf(r, "{\"level\":%u,\"name\":\"分销商\"}", (unsigned)rng_below(b, 3));
        put_json(&r->h[H_drp_info], s, s);
    } else if (rng_one_in(b, 2)) {
        put_null(&r->h[H_drp_info]);
    }
}

/* Shop and labels decide whether the seed's condition lets the order pass: about one in ten does not. */
static void make_shop(const struct version *v, struct record *r, struct rng *b)
{
    static const char *const shops[] = {"天猫旗舰店", "拼多多专营店", "抖音小店·华东",   "O'Neill 官方店",
                                        "快手直播间", "线下门店",     "头条放心购旗舰店"};
    static const char *const labels[] = {"加急", "线下发货", "大客户,可分批", "VIP;老客户", "直播,秒杀"};
    static const char *const out_labels[] = {"线上发货", "加急,线上发货", "虚拟发货", "虚拟发货,已开票",
                                             "VIP,线上发货,大客户"};
    uint64_t draw = rng_below(b, 40);
    uint64_t shop = rng_below(b, 7);
    r->excluded = draw < 4;
    put_int(r, &r->h[H_shop_id], 70 + (int64_t)(draw == 3 ? 7 : shop));
    if (draw == 3)
        put_cstr(&r->h[H_shop_name], "头条放心购");
    else
        put_some(&r->h[H_shop_name], b, str_of(shops[shop]));
    if (draw < 3)
        put_cstr(&r->h[H_labels], out_labels[rng_below(b, 5)]);
    else
        put_some(&r->h[H_labels], b, str_of(labels[rng_below(b, 5)]));
    if (v->twist.outside) {
        r->excluded = true;
        put_cstr(&r->h[H_labels], "线上发货");
    }
}

static void make_people(const struct gen *g, struct record *r, struct rng *b)
{
    static const char *const place[][3] = {
        {"浙江省", "杭州市", "余杭区"}, {"广东省", "深圳市", "南山区"},
        {"上海", "上海市", "浦东新区"}, {"西藏自治区", "日喀则市", "桑珠孜区"},
        {"北京", "北京市", "朝阳区"},   {"新疆维吾尔自治区", "伊犁哈萨克自治州", "霍城县"}};
    uint64_t k = rng_below(b, 6);
    put_some(&r->h[H_receiver_state], b, str_of(place[k][0]));
    put_some(&r->h[H_receiver_city], b, str_of(place[k][1]));
    put_some(&r->h[H_receiver_district], b, str_of(place[k][2]));
    put_some(&r->h[H_buyer_message], b, put_wild(r, b, g->plain, rng_one_in(b, 3) ? S("请尽快发货") : S("")));
    put_some(&r->h[H_node], b, put_wild(r, b, g->plain, S("")));
    put_some(&r->h[H_creator_name], b, rng_one_in(b, 2) ? S("客服小王") : S("system"));
    put_some(&r->h[H_shop_buyer_id], b, put_printf(r, "买家***%02u", (unsigned)rng_below(b, 100)));
    put_some(&r->h[H_open_id], b, put_printf(r, "AAH%016llx", (unsigned long long)rng_next(b)));
    put_some(&r->h[H_oaid], b, put_printf(r, "1%016llxM", (unsigned long long)rng_next(b)));
    put_some(&r->h[H_referrer_id], b, rng_one_in(b, 4) ? S("主播-8801") : S(""));
    put_some(&r->h[H_question_type], b, r->status == STATUS_QUESTION ? S("特殊单") : S(""));
    put_some(&r->h[H_question_desc], b, r->status == STATUS_QUESTION ? S("地址待确认 ✔") : S(""));
    put_int(r, &r->h[H_seller_flag], (int64_t)rng_below(b, 6));
    if (rng_one_in(b, 8))
        put_null(&r->h[H_is_cod]);
    else
        put_bool(&r->h[H_is_cod], rng_one_in(b, 20));
    put_some(&r->h[H_currency], b, S("CNY"));
}

static void make_invoice(const struct gen *g, struct record *r, struct rng *b)
{
    if (!rng_one_in(b, 5)) {
        put_some(&r->h[H_invoice_type], b, S(""));
        put_null(&r->h[H_invoice_title]);
        put_null(&r->h[H_invoice_amount]);
        return;
    }
    put_cstr(&r->h[H_invoice_type], "电子发票");
    put_text(&r->h[H_invoice_title], put_wild(r, b, g->plain, S("杭州某某科技有限公司")));
    put_some(&r->h[H_buyer_tax_no], b, S("91330100MA00000X0X"));
    put_amount(r, &r->h[H_invoice_amount], (int64_t)rng_below(b, 90000) * 100, 2, rng_one_in(b, 2));
    if (rng_one_in(b, 2))
        put_json(&r->h[H_invoice_data], S("{\"kind\" : \"电票\", \"rate\" : 0.130}"),
                 S("{\"kind\":\"电票\",\"rate\":0.130}"));
    else
        put_null(&r->h[H_invoice_data]);
}

/* What an edit changes, and the times. */
static void make_state(const struct gen *g, const struct version *v, struct record *r, struct rng *e)
{
    static const char *const shop_status[] = {"WAIT_BUYER_PAY",
                                              "WAIT_SELLER_SEND_GOODS",
                                              "WAIT_BUYER_CONFIRM_GOODS",
                                              "TRADE_FINISHED",
                                              "TRADE_CLOSED",
                                              "2",
                                              "105"};
    static const char *const couriers[] = {"顺丰速运", "中通快递", "圆通速递", "京东快递"};
    struct rng b = rng_make(g->seed, v->idx, 7);
    int64_t ordered_s = v->born_s - 60 - (int64_t)rng_below(&b, 172800);
    put_cstr(&r->h[H_status], order_statuses[r->status]);
    put_cstr(&r->h[H_shop_status], shop_status[rng_below(e, 7)]);
    put_time(r, &r->h[H_order_date], ordered_s);
    put_time(r, &r->h[H_created], ordered_s + 30);
    put_time(r, &r->h[H_modified], v->modified_s);
    put_int(r, &r->h[H_ts], v->ts);
    if (r->status == STATUS_WAIT_PAY)
        put_null(&r->h[H_pay_date]);
    else
        put_time(r, &r->h[H_pay_date], ordered_s + 20);
    if (rng_one_in(&b, 3))
        put_time(r, &r->h[H_plan_delivery_date], ordered_s + 172800);
    else
        put_some(&r->h[H_plan_delivery_date], &b, S(""));
    if (r->status == STATUS_SENT) {
        put_time(r, &r->h[H_send_date], v->modified_s - 1);
        put_time(r, &r->h[H_end_time], v->modified_s);
    } else {
        put_null(&r->h[H_send_date]);
    }
    if (r->status == STATUS_SENT || r->status == STATUS_DELIVERING) {
        put_text(&r->h[H_l_id], put_printf(r, "SF%013llu", (unsigned long long)rng_below(e, 10000000000000u)));
        put_cstr(&r->h[H_logistics_company], couriers[rng_below(e, 4)]);
    } else {
        put_text(&r->h[H_l_id], S(""));
    }
    struct str calm = rng_one_in(&b, 2) ? S("") : S("发顺丰");
    struct str remark = put_wild(r, &b, g->plain, calm);
    if (v->rev > 0)
        remark = put_printf(r, "改%u次 " STR_FMT, v->rev, STR_ARG(str_sub(remark, 0, utf8_prefix(remark, 180))));
    put_some(&r->h[H_remark], &b, remark);
    put_amount(r, &r->h[H_weight], (int64_t)rng_below(&b, 50000) * 10, 4, rng_one_in(&b, 3));
}

static void make_money(const struct version *v, struct record *r, struct rng *b, enum money money, int64_t sum)
{
    bool text = money != MONEY_TOKENS;
    int scale = money == MONEY_PAY_4 || money == MONEY_BIG ? 4 : money == MONEY_WHOLE ? 0 : 2;
    int64_t unit = scale == 4 ? 1 : scale == 2 ? 100 : 10000;
    int64_t discount = sum > 0 ? sum / unit * (int64_t)rng_below(b, 40) / 100 * unit : 0;
    bool no_freight = money == MONEY_NO_PAY || money == MONEY_NEGATIVE || rng_one_in(b, 3);
    r->freight = no_freight ? 0 : (int64_t)rng_below(b, 25) * 10000;
    r->pay = sum - sum % unit - discount + r->freight;
    if (sum == 0 || money == MONEY_PAY_4)
        r->pay += (int64_t)rng_below(b, 3000) * unit;
    if (money == MONEY_NEGATIVE)
        r->pay -= (int64_t)rng_below(b, 1000) * unit + (int64_t)(v->rev % 7) * unit;
    else
        r->pay += (int64_t)(v->rev % 11) * 31 * unit;
    put_amount(r, &r->h[H_paid_amount], r->pay, scale, text);
    put_amount(r, &r->h[H_free_amount], discount, scale, rng_one_in(b, 2));
    put_amount(r, &r->h[H_seller_income_amount], r->pay, scale, false);
    put_amount(r, &r->h[H_buyer_paid_amount], r->pay, scale, false);
    if (money == MONEY_NO_PAY) {
        r->pay = 0;
        put_null(&r->h[H_pay_amount]);
    } else {
        put_amount(r, &r->h[H_pay_amount], r->pay, scale, text);
    }
    if (!no_freight || rng_one_in(b, 3))
        put_amount(r, &r->h[H_freight], r->freight, 2, !rng_one_in(b, 6));
    else if (rng_one_in(b, 2))
        put_null(&r->h[H_freight]);
}

/* The fields that the seed case does not read; seller_income_amount and buyer_paid_amount go with them. */
static void make_rest(const struct version *v, struct record *r, struct rng *b)
{
    static const enum header_field minor[] = {H_seller_income_amount, H_buyer_paid_amount};
    r->has_pays = rng_one_in(b, 6);
    if (!r->has_pays) {
        for (size_t i = 0; i < sizeof minor / sizeof *minor; i++)
            r->h[minor[i]].kind = V_MISSING;
        return;
    }
    put_cstr(&r->h[H_shop_site], "淘宝天猫");
    put_some(&r->h[H_sign_time], b, S(""));
    put_bool(&r->h[H_is_split], rng_one_in(b, 9));
    put_bool(&r->h[H_is_merge], rng_one_in(b, 9));
    put_null(&r->h[H_merge_so_id]);
    put_some(&r->h[H_link_o_id], b, put_printf(r, "%llu", (unsigned long long)(SMALL_ID_BASE + v->idx / 2)));
    put_some(&r->h[H_lc_id], b, S("SF.SF001"));
    put_some(&r->h[H_un_lid], b, S(""));
    put_some(&r->h[H_shipment], b, S("普通快递"));
    put_token(&r->h[H_f_weight], S("0.0"));
    put_some(&r->h[H_skus], b, S("SKU-00001 1"));
    put_cstr(&r->h[H_receiver_country], "中国");
    put_some(&r->h[H_receiver_zip], b, S("000000"));
    put_some(&r->h[H_referrer_name], b, S("主播"));
    put_some(&r->h[H_drp_co_id_from], b, S("10018"));
}

void order_make(const struct gen *g, const struct version *v, struct record *r)
{
    struct rng b = rng_make(g->seed, v->idx, 10);
    struct rng e = rng_make(g->seed, v->idx, 1000 + (uint64_t)v->rev);
    (void)rng_next(&e); /* the draw of lines.c */
    memset(r->h, 0, sizeof r->h);
    r->pool_used = 0;
    r->ascii = !g->plain && v->idx % 17 == 3;
    r->status = (uint32_t)rng_below(&e, n_order_statuses);
    make_identity(g, v, r, &b);
    make_shop(v, r, &b);
    make_people(g, r, &b);
    make_invoice(g, r, &b);
    make_state(g, v, r, &e);
    int64_t sum = lines_make(g, v, r);
    make_money(v, r, &b, money_kind(g, v->idx), sum);
    make_rest(v, r, &b);
}

/* One order as the generator makes it: every field of the interface's list, with what is sent for it and what a
 * faithful copy of it reads. An order is a pure function of (seed, number, revision, stamps), so nothing but the
 * stamps is kept between calls. */
#ifndef SIM_RECORD_H
#define SIM_RECORD_H

#include "base/buf.h"
#include "base/str.h"

/* clang-format off */
/* In the order in which they are sent. The first group is what the seed case maps; the second is sent in full by
 * one order in six only, to keep the pages at a realistic size. */
#define HEADER_FIELDS(X)                                                                                              \
    X(o_id) X(so_id) X(io_id) X(shop_id) X(shop_name) X(shop_site) X(shop_status) X(co_id) X(wms_co_id) X(status)     \
    X(type) X(order_from) X(order_date) X(pay_date) X(send_date) X(plan_delivery_date) X(sign_time) X(end_time)       \
    X(created) X(modified) X(ts) X(pay_amount) X(paid_amount) X(free_amount) X(freight) X(seller_income_amount)       \
    X(buyer_paid_amount) X(currency) X(is_cod) X(is_split) X(is_merge) X(merge_so_id) X(link_o_id) X(question_type)   \
    X(question_desc) X(buyer_message) X(remark) X(node) X(labels) X(seller_flag) X(l_id) X(lc_id)                     \
    X(logistics_company) X(un_lid) X(shipment) X(weight) X(f_weight) X(skus) X(receiver_country) X(receiver_state)    \
    X(receiver_city) X(receiver_district) X(receiver_zip) X(shop_buyer_id) X(open_id) X(oaid) X(invoice_type)         \
    X(invoice_title) X(invoice_data) X(invoice_amount) X(buyer_tax_no) X(creator_name) X(referrer_id)                 \
    X(referrer_name) X(drp_info) X(drp_co_id_from) X(drp_co_id_to)

#define LINE_FIELDS(X)                                                                                                \
    X(oi_id) X(outer_oi_id) X(sku_id) X(shop_sku_id) X(i_id) X(shop_i_id) X(raw_so_id) X(name) X(properties_value)    \
    X(pic) X(sku_type) X(qty) X(price) X(base_price) X(amount) X(item_pay_amount) X(buyer_paid_amount)                \
    X(seller_income_amount) X(is_gift) X(is_presale) X(refund_id) X(refund_status) X(item_status)                     \
    X(src_combine_sku_id) X(batch_id) X(produced_date) X(referrer_id) X(item_ext_data) X(remark)
/* clang-format on */

#define HEADER_ENUM(name) H_##name,
#define LINE_ENUM(name)   L_##name,
enum header_field { HEADER_FIELDS(HEADER_ENUM) H_COUNT };
enum line_field { LINE_FIELDS(LINE_ENUM) L_COUNT };

enum value_kind {
    V_MISSING, /* the key is not sent */
    V_NULL,
    V_TEXT,  /* a JSON string; `plain` is its content */
    V_TOKEN, /* a number or a boolean; `plain` is the very token */
    V_JSON   /* an object: `sent` as it travels (blanks inside), `plain` the compact text */
};

struct value {
    enum value_kind kind;
    struct str plain, sent;
};

enum items_kind { ITEMS_ARRAY, ITEMS_NULL, ITEMS_MISSING };

#define LINES_MAX         12
#define RECORD_POOL_BYTES (256u << 10)

struct line {
    struct value f[L_COUNT];
    int64_t amount; /* in 1/10000 */
    int64_t qty;
};

struct record {
    uint64_t o_id;
    uint32_t status;    /* index into order_statuses */
    bool excluded;      /* by the condition of the seed case */
    bool drop_spelling; /* drp_… fields travel as drop_… */
    bool ascii;         /* non-ASCII characters travel as \uXXXX */
    enum items_kind items;
    int n_lines;
    int64_t pay, freight; /* in 1/10000; null counts as 0 */
    struct value h[H_COUNT];
    struct line lines[LINES_MAX];
    bool has_pays;
    size_t pool_used;
    char pool[RECORD_POOL_BYTES];
};

/* What the orders of one simulator have in common. Times are unix seconds. */
struct gen {
    uint64_t seed;
    uint64_t n_initial;
    int64_t from_s, to_s; /* initial orders were modified in here */
    bool plain;           /* no hostile content */
};

/* One state of one order. */
/* What a test did to an order beyond ordinary edits. */
struct twist {
    uint8_t shorter;     /* lines taken from its end; */
    uint32_t lines_from; /* then edits add no more, its lines are those of this revision */
    bool outside;        /* it has a label that the seed's condition leaves out */
    bool removed;        /* the API shows it no more */
};

struct version {
    uint64_t idx;
    uint32_t rev;   /* number of edits so far */
    int64_t born_s; /* first `modified` */
    int64_t modified_s;
    int64_t ts; /* row version */
    struct twist twist;
};

extern const char *const order_statuses[];
extern const size_t n_order_statuses;
extern const char *const header_names[H_COUNT];
extern const char *const line_names[L_COUNT];

int64_t gen_modified(const struct gen *g, uint64_t idx); /* of an initial order */
uint64_t gen_o_id(const struct gen *g, uint64_t idx);    /* distinct for each idx */
bool gen_idx_of(uint64_t o_id, uint64_t *ret_idx);       /* the inverse; the caller checks the range */
bool gen_has_refund(const struct gen *g, uint64_t idx);
bool gen_has_saleout(const struct gen *g, uint64_t idx);
/* Fills `r` (about 280 KB, reused) with that state of that order. Texts point into r or are static. */
void order_make(const struct gen *g, const struct version *v, struct record *r);

/* "2026-03-01 08:30:00" in China time (UTC+8). The reader is strict: this one form, existing dates only. */
#define CHINA_OFFSET_S (8 * 3600)
#define CHINA_TEXT     20
void china_print(int64_t unix_s, char out[CHINA_TEXT]); /* years 0 to 9999 */
bool china_parse(struct str s, int64_t *ret_unix_s);

/* render.c */
void render_text(struct str s, bool ascii, struct buf *out); /* a quoted JSON string */
void render_order(const struct record *r, struct buf *out);
void render_refund(const struct record *r, const struct version *v, struct buf *out);
void render_saleout(const struct record *r, const struct version *v, struct buf *out);
uint32_t refund_status(const struct version *v); /* index into refund_statuses */
uint32_t saleout_status(uint32_t order_status);  /* index into saleout_statuses */
extern const char *const refund_statuses[];
extern const char *const saleout_statuses[];

/* truth.c: the rows that a perfect copy of the seed case holds of this order; `ids` gives the ids alone. */
void truth_rows(const struct record *r, bool ids, struct buf *out);

#endif

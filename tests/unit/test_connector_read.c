/* Reading connector documents: what the shipped ones say, what is wrong with others (tests/data/connector/read.txt),
 * sizes, and the schema. */
#include "connector_data.h"

#define BASE_OPTIONS    "[{name: 'base_url'}, {name: 'key', secret: true}, {name: 'way'}]"
#define BASE_INTERFACES "[{name: 'i', records: 'r'}]"

struct read_case {
    struct arena *a;
    struct str name, options, interfaces, more, doc;
    struct diags *diags;
    bool tried, ok;
};

static void read_doc(struct read_case *t)
{
    struct str text = t->doc;
    struct node *root = NULL;

    if (t->tried)
        return;
    t->tried = true;
    if (!text.n)
        text =
            arena_printf(t->a, "{name: 't', kind: 'http', options: " STR_FMT ", interfaces: " STR_FMT "%s" STR_FMT "}",
                         STR_ARG(t->options), STR_ARG(t->interfaces), t->more.n ? ", " : "", STR_ARG(t->more));
    t->diags = diags_new();
    if (conf_parse(t->a, text, "connector.json", t->diags, &root) != OK)
        fail_msg(STR_FMT ": does not parse: " STR_FMT, STR_ARG(t->name), STR_ARG(text));
    assert_int_equal(diags_count(t->diags, DIAG_NOTE), 0);
    t->ok = connector_read(t->a, root, t->diags) != NULL;
}

static bool said(const struct read_case *t, struct str part)
{
    char line[1024];

    for (size_t i = 0; i < diags_count(t->diags, DIAG_NOTE); i++) {
        diag_print(diags_at(t->diags, i), line, sizeof line);
        if (str_find(str_of(line), part, 0) != SIZE_MAX && str_starts(str_of(line), S("connector.json:1:")))
            return true;
    }
    return false;
}

static void report(const struct read_case *t, struct str line)
{
    char text[1024];

    for (size_t i = 0; i < diags_count(t->diags, DIAG_NOTE); i++) {
        diag_print(diags_at(t->diags, i), text, sizeof text);
        print_message("%s\n", text);
    }
    fail_msg(STR_FMT ": " STR_FMT, STR_ARG(t->name), STR_ARG(line));
}

static void run_group(struct str group)
{
    struct read_case t = {
        .a = arena_new(DATA_ARENA_BYTES), .options = S(BASE_OPTIONS), .interfaces = S(BASE_INTERFACES)};
    struct str key, value;

    while (data_line(&group, &key, &value)) {
        if (str_eq(key, S("name"))) {
            t.name = value;
        } else if (str_eq(key, S("options"))) {
            t.options = value;
        } else if (str_eq(key, S("interfaces"))) {
            t.interfaces = value;
        } else if (str_eq(key, S("more"))) {
            t.more = value;
        } else if (str_eq(key, S("doc"))) {
            t.doc = value;
        } else if (str_eq(key, S("fine"))) {
            read_doc(&t);
            if (!t.ok || diags_count(t.diags, DIAG_NOTE))
                report(&t, key);
        } else if (str_eq(key, S("error"))) {
            read_doc(&t);
            if (t.ok || !said(&t, value))
                report(&t, value);
        } else {
            fail_msg("unknown line " STR_FMT, STR_ARG(key));
        }
    }
    assert_true(t.tried);
    diags_free(t.diags);
    arena_free(t.a);
}

static void wrong_documents(void **state)
{
    struct arena *a = arena_new(DATA_ARENA_BYTES);
    struct str rest = data_file(a, TEST_DATA "/connector/read.txt"), group;
    size_t n = 0;

    (void)state;
    for (; data_group(&rest, &group); n++)
        run_group(group);
    assert_true(n > 60);
    arena_free(a);
}

/* Every column of the seed case that comes from the API is a declared field with its label. */
static void seed_columns(void **state)
{
    static const char *const columns[] = {
        "order_date",   "shop_status",     "question_type", "plan_delivery_date",    "buyer_tax_no",
        "pay_amount",   "drp_co_id_to",    "drp_info",      "invoice_amount",        "oaid",
        "items.oi_id",  "items.raw_so_id", "items.qty",     "items.item_pay_amount", "items.item_ext_data",
        "items.is_gift"};
    struct arena *a = arena_new(DATA_ARENA_BYTES);
    const struct connector *c = data_connector(a, S("jushuitan-qimen"));
    const struct iface *i = connector_iface(c, S("jushuitan.order.list.query"));

    (void)state;
    for (size_t k = 0; k < sizeof columns / sizeof *columns; k++) {
        bool found = false;

        for (size_t f = 0; f < i->n_fields; f++)
            found = found || (str_eq(i->fields[f].name, str_of(columns[k])) && i->fields[f].label.n > 0);
        if (!found)
            fail_msg("%s", columns[k]);
    }
    arena_free(a);
}

static void qimen(void **state)
{
    struct arena *a = arena_new(DATA_ARENA_BYTES);
    const struct connector *c = data_connector(a, S("jushuitan-qimen"));
    const struct iface *i = connector_iface(c, S("jushuitan.order.list.query"));
    int64_t calls, per_ms;
    size_t n;

    (void)state;
    assert_int_equal(connector_get_kind(c), CONNECTOR_HTTP);
    assert_true(str_eq(connector_zone(c), S("+08:00")));
    assert_int_equal(connector_clock_tolerance_ms(c), 600000);
    connector_quota(c, &calls, &per_ms);
    assert_int_equal(calls, 8);
    assert_int_equal(per_ms, 1000);
    connector_ifaces(c, &n);
    assert_int_equal(n, 3);
    assert_true(connector_option(c, S("app_secret"))->secret);
    assert_null(connector_option(c, S("nothing")));
    assert_null(connector_iface(c, S("nothing")));
    assert_non_null(i);
    assert_string_equal(i->verb, "POST");
    assert_true(str_eq(i->method, i->name));
    assert_true(str_eq(i->id, S("o_id")));
    assert_int_equal(i->versions.n, 2);
    assert_int_equal(i->window.max_ms, INT64_C(7) * 86400000);
    assert_true(str_eq(i->window.from_param, S("start_time")));
    assert_int_equal(i->paging.kind, PAGE_BACKWARD);
    assert_int_equal(i->paging.size_max, 100);
    assert_non_null(i->allocate);
    assert_int_equal(i->allocate->n_children, 1);
    arena_free(a);
}

static void paging_modes(void **state)
{
    struct arena *a = arena_new(DATA_ARENA_BYTES);
    const struct connector *c = data_connector(a, S("jushuitan-qimen"));
    const struct iface *i = connector_iface(c, S("jushuitan.refund.list.query"));
    const struct kv windowed[] = {{S("start_time"), S("x")}, {S("start_ts"), S("")}},
                    cursor[] = {{S("start_ts"), S("1")}};
    const struct paging *p = iface_paging(i, S("start_ts"));

    (void)state;
    assert_ptr_equal(iface_paging(i, S("")), &i->paging);
    assert_null(iface_paging(i, S("page_index")));
    assert_non_null(p);
    assert_int_equal(p->kind, PAGE_CURSOR);
    assert_true(str_eq(p->cursor_param, S("start_ts")));
    assert_true(str_eq(p->cursor_field, S("ts")));
    assert_true(str_eq(p->cursor_first, S("1")));
    assert_true(str_eq(p->size_param, S("page_size"))); /* from the connector's paging */
    assert_int_equal(iface_mode(i, windowed, 2).n, 0);
    assert_true(str_eq(iface_mode(i, cursor, 1), S("start_ts")));
    arena_free(a);
}

static void databases(void **state)
{
    struct arena *a = arena_new(DATA_ARENA_BYTES);
    const struct connector *mysql = data_connector(a, S("mysql")), *sqlite = data_connector(a, S("sqlite"));
    const struct connector_option *o = connector_option(mysql, S("port"));

    (void)state;
    assert_int_equal(connector_get_kind(mysql), CONNECTOR_DATABASE);
    assert_int_equal(o->type, OPTION_INT);
    assert_true(str_eq(o->preset, S("3306")));
    assert_true(connector_option(mysql, S("password"))->secret);
    assert_int_equal(connector_option(mysql, S("tls"))->one_of.n, 3);
    assert_non_null(connector_iface(mysql, S("batchexecute")));
    assert_non_null(connector_iface(mysql, S("execute")));
    assert_non_null(connector_iface(sqlite, S("select")));
    assert_true(connector_option(sqlite, S("path"))->required);
    arena_free(a);
}

/* Lists have a ceiling together, so a document cannot take all memory. */
static void too_many(void **state)
{
    struct arena *a = arena_new(DATA_ARENA_BYTES);
    struct diags *diags = diags_new();
    struct buf b = buf_make(1u << 20);
    struct node *root = NULL;

    (void)state;
    buf_add(&b, S("{name: 't', kind: 'http', options: [{name: 'base_url'}], interfaces: [{name: 'i', records: ["));
    for (int n = 0; n < 20001; n++)
        buf_add(&b, S("'r',"));
    buf_add(&b, S("]}], codes: [{react: 'stop', codes: ["));
    for (int n = 0; n < 20001; n++)
        buf_add(&b, S("1,"));
    buf_add(&b, S("]}]}"));
    assert_int_equal(conf_parse(a, buf_str(&b), "many.json", diags, &root), OK);
    assert_null(connector_read(a, root, diags));
    assert_true(diags_count(diags, DIAG_ERROR) > 0);
    buf_free(&b);
    diags_free(diags);
    arena_free(a);
}

static void schema(void **state)
{
    struct buf b = buf_make(1u << 20);
    struct json_out w = json_out(&b);
    struct json_doc *doc = NULL;
    struct errinfo ei;
    const struct json *properties;

    (void)state;
    connector_schema(&w);
    assert_int_equal(json_parse(buf_str(&b), &JSON_LIMITS_DEFAULT, &doc, NULL, &ei), OK);
    properties = json_get(json_root(doc), S("properties"));
    assert_int_equal(json_type(json_get(properties, S("name"))), JSON_OBJECT);
    assert_true(str_find(buf_str(&b), S("paging_modes"), 0) != SIZE_MAX);
    assert_true(str_find(buf_str(&b), S("slow_down"), 0) != SIZE_MAX);
    json_free(doc);
    buf_free(&b);
}

/* The reference in the book is the one that the tables give. UPDATE_DOCS=1 writes it there. */
static void the_book_is_up_to_date(void **state)
{
    struct arena *a = arena_new(DATA_ARENA_BYTES);
    struct str book = data_file(a, SOURCE_DIR "/docs/connectors.md"),
               mark = S("<!-- reference: written by the program -->\n\n");
    struct buf b = buf_make(1u << 20);
    size_t at = str_find(book, mark, 0);
    FILE *f;

    (void)state;
    assert_true(at != SIZE_MAX);
    at += mark.n;
    connector_reference(&b);
    if (getenv("UPDATE_DOCS") && (f = fopen(SOURCE_DIR "/docs/connectors.md", "wb"))) {
        fwrite(book.p, 1, at, f);
        fwrite(b.p, 1, b.n, f);
        fclose(f);
    } else if (!str_eq(str_sub(book, at, book.n), buf_str(&b))) {
        fail_msg("docs/connectors.md is out of date: run this test with UPDATE_DOCS=1");
    }
    buf_free(&b);
    arena_free(a);
}

/* Text between a line that begins with ```json and the next ```. */
static bool next_example(struct str *rest, struct str *ret)
{
    size_t from = str_find(*rest, S("\n```json\n"), 0), to;

    if (from == SIZE_MAX)
        return false;
    from += 9;
    to = str_find(*rest, S("\n```"), from);
    assert_true(to != SIZE_MAX);
    *ret = str_sub(*rest, from, to - from);
    *rest = str_sub(*rest, to + 4, rest->n);
    return true;
}

/* The examples in the book are connectors that can be read. */
static void the_book_can_be_read(void **state)
{
    struct arena *a = arena_new(DATA_ARENA_BYTES);
    struct str rest = data_file(a, SOURCE_DIR "/docs/connectors.md"), text;
    size_t n = 0;

    (void)state;
    for (; next_example(&rest, &text); n++) {
        struct read_case t = {.a = a, .name = S("an example of docs/connectors.md"), .doc = text};

        read_doc(&t);
        if (!t.ok)
            report(&t, text);
        diags_free(t.diags);
    }
    assert_true(n >= 2);
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_documents),
        cmocka_unit_test(qimen),
        cmocka_unit_test(paging_modes),
        cmocka_unit_test(databases),
        cmocka_unit_test(too_many),
        cmocka_unit_test(schema),
        cmocka_unit_test(seed_columns),
        cmocka_unit_test(the_book_is_up_to_date),
        cmocka_unit_test(the_book_can_be_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

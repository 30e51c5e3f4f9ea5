/* Connector documents from anybody: read, and if one is fine, sign and show a call by it. clang -fsanitize=fuzzer. */
#include "connector/connector.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define OPTIONS_MAX 64

static void use(struct arena *a, const struct connector *c)
{
    struct str at[OPTIONS_MAX];
    struct option_values values = {at, 0};
    const struct kv business[] = {{S("page_index"), S("1")}, {S("a"), S("[1]")}, {S("b"), S("it's")}, {S("c"), S("")}};
    const struct iface *ifaces;
    struct sign_input in = {.options = &values, .business = business, .n_business = 4, .now_s = 1772325000};
    struct token_terms terms;
    struct wire_request w;
    struct errinfo ei;
    size_t n, n_options;

    connector_options(c, &n_options);
    if (n_options > OPTIONS_MAX)
        abort();
    for (values.n = 0; values.n < n_options; values.n++)
        at[values.n] = S("http://secret.example/x");
    ifaces = connector_ifaces(c, &n);
    for (size_t i = 0; i < n && i < 4; i++) {
        if (connector_get_kind(c) == CONNECTOR_HTTP && connector_sign(c, &ifaces[i], &in, a, &w, &ei) == OK)
            connector_show(c, &w, a);
    }
    in.random = S("0123456789abcdef0123456789abcdef");
    for (int refresh = 0; refresh < 2 && connector_token(c, &terms); refresh++) {
        in.refresh_token = refresh ? S("again") : S("");
        if ((!refresh || terms.can_refresh) && connector_sign_token(c, &in, a, &w, &ei) == OK)
            connector_show(c, &w, a);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct arena *a = arena_new(256u << 20);
    struct diags *diags = diags_new();
    struct node *root = NULL;

    if (conf_parse(a, str_mk((const char *)data, n), "fuzz.json", diags, &root) == OK) {
        const struct connector *c = connector_read(a, root, diags);

        if (c)
            use(a, c);
        else if (diags_count(diags, DIAG_ERROR) == 0)
            abort(); /* refused without a word */
    }
    diags_free(diags);
    arena_free(a);
    return 0;
}

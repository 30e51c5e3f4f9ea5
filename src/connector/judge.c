/* What a reply means: the rows are there, try again, slow down, correct the clock, log in again, or give up.
 *
 * An HTTP status of 200 proves nothing: upstreams answer errors, error pages and nothing at all with it. So success
 * must be positive: no failure rule holds, and one of the declared paths holds an array. A failure in the body says
 * more than the status does, so it is looked for first (judge_failure.c); a status of 300 and above without a known
 * failure is judged by itself (judge_status.c). What the envelope tells about paging is believed only as far as it
 * can be true: a total below the rows that came, a negative or an absurd number, a flag that is no boolean are
 * "not told".
 *
 * Rows may be told as null. That is an empty page only if the reply says that nothing follows and either shows the
 * marker of success or counts zero rows. Pure: no clock, no state; the same reply gives the same verdict, also years
 * later from the journal. */
#include "connector/judge_parts.h"

#include "base/num.h"

#define COUNT_MAX INT64_C(1000000000000)

const struct json *judged_at(const struct judged *j, struct str path)
{
    const struct json *v;

    if (!path.n)
        return NULL;
    v = json_path(j->envelope, path);
    return v || j->envelope == j->root ? v : json_path(j->root, path);
}

static struct str scalar_text(const struct json *v)
{
    if (json_type(v) == JSON_BOOL)
        return json_true(v) ? S("true") : S("false");
    return str_trim(json_text(v));
}

static bool is_in(struct strs list, struct str text)
{
    for (size_t i = 0; i < list.n; i++) {
        if (str_eq(list.at[i], text))
            return true;
    }
    return false;
}

static bool holds(const struct judged *j, const struct condition *c)
{
    const struct json *v = judged_at(j, c->path);
    bool there = v && json_type(v) != JSON_NULL;
    bool scalar = there && json_type(v) != JSON_ARRAY && json_type(v) != JSON_OBJECT;

    if (c->exists >= 0 && there != (c->exists == 1))
        return false;
    if (c->in.n && !(scalar && is_in(c->in, scalar_text(v))))
        return false;
    return !(c->not_in.n && scalar && is_in(c->not_in, scalar_text(v)));
}

bool judged_holds(const struct judged *j, const struct condition *all, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!holds(j, &all[i]))
            return false;
    }
    return n > 0;
}

const struct json *judged_unwrap(const struct connector *c, const struct json *root)
{
    for (size_t i = 0; i < c->reply.unwrap.n; i++) {
        const struct json *v = json_path(root, c->reply.unwrap.at[i]);

        if (json_type(v) == JSON_OBJECT)
            return v;
    }
    return root;
}

static int64_t count_at(const struct judged *j, struct str path)
{
    int64_t v;

    return json_i64(judged_at(j, path), &v) && v >= 0 && v <= COUNT_MAX ? v : -1;
}

static int flag_at(const struct judged *j, struct str path)
{
    const struct json *v = judged_at(j, path);
    struct str text = scalar_text(v);

    if (str_eq_nocase(text, S("true")) || str_eq(text, S("1")))
        return 1;
    if (str_eq_nocase(text, S("false")) || str_eq(text, S("0")))
        return 0;
    return -1;
}

/* Finds the rows. `ret_v` gets the array, or whatever stood at the last path that was there. */
static bool find_rows(const struct judged *j, struct strs paths, const struct json **ret_v)
{
    *ret_v = NULL;
    for (size_t i = 0; i < paths.n; i++) {
        const struct json *v = judged_at(j, paths.at[i]);

        if (v)
            *ret_v = v;
        if (json_type(v) == JSON_ARRAY)
            return true;
    }
    return false;
}

static void tell_facts(const struct judged *j, struct reply *ret)
{
    const struct paging *p = j->paging;
    int64_t rows = (int64_t)ret->n_records;

    ret->total = count_at(j, p->total_path);
    ret->pages = count_at(j, p->pages_path);
    ret->page_size = count_at(j, p->size_path);
    ret->page_index = count_at(j, p->index_path);
    ret->has_next = flag_at(j, p->has_next_path);
    ret->next_link = str_trim(json_text(judged_at(j, p->next_path)));
    if (ret->total < rows)
        ret->total = -1;
    if (ret->pages == 0 && rows > 0)
        ret->pages = -1;
    if (ret->page_size == 0 || ret->page_size < rows)
        ret->page_size = -1;
}

/* A null list is an empty page when all else says so; one that is missing needs the count of zero besides. */
static bool is_empty_page(const struct judged *j, const struct json *v, const struct reply *facts)
{
    bool marked = judged_holds(j, j->c->reply.success, j->c->reply.n_success);

    if (facts->has_next != 0)
        return false;
    if (json_type(v) == JSON_NULL)
        return marked || facts->total == 0;
    return !v && marked && facts->total == 0;
}

static void set(struct reply *ret, enum reaction reaction, enum err code)
{
    ret->reaction = reaction;
    ret->code = code;
}

static void lacks_rows(const struct judged *j, const struct json *v, struct strs paths, bool overridden,
                       struct reply *ret)
{
    struct str path = paths.n ? paths.at[0] : S("");
    bool wrong = v && json_type(v) != JSON_NULL;

    if (wrong) {
        set(ret, REACT_STOP, ERR_DATA);
        fail(&ret->why, ERR_DATA,
             STR_FMT ": the rows are expected at \"" STR_FMT "\", where the reply has %s instead of an array",
             STR_ARG(j->i->name), STR_ARG(path), json_type_name(json_type(v)));
    } else {
        set(ret, overridden ? REACT_STOP : REACT_RETRY, overridden ? ERR_CONFIG : ERR_REMOTE);
        fail(&ret->why, ret->code, STR_FMT ": the reply reports no failure, but has no rows at \"" STR_FMT "\"",
             STR_ARG(j->i->name), STR_ARG(path));
    }
    if (overridden)
        fail_hint(&ret->why, "Correct DataKey in the document's otherResponse, or take it out.");
    else if (wrong)
        fail_hint(&ret->why, "The upstream changed its reply, or the connector's \"records\" is wrong.");
}

static void judge_rows(const struct judged *j, struct str records_override, struct reply *ret)
{
    struct strs paths = records_override.n ? (struct strs){&records_override, 1} : j->i->records;
    const struct json *v;
    bool found = find_rows(j, paths, &v);

    ret->records = found ? v : NULL;
    ret->n_records = found ? json_count(v) : 0;
    tell_facts(j, ret);
    if (!found && !is_empty_page(j, v, ret))
        lacks_rows(j, v, paths, records_override.n > 0, ret);
}

static void begin(struct reply *ret)
{
    *ret = (struct reply){.total = -1, .pages = -1, .page_size = -1, .page_index = -1, .has_next = -1};
}

void connector_judge_text(const struct connector *c, const struct iface *i, int status, struct str body,
                          const struct errinfo *parse_error, struct reply *ret)
{
    struct judged j = {.c = c, .i = i, .status = status};
    char snippet[SNIPPET_CAP];
    size_t n = judge_snippet(body, snippet);
    struct str text = str_mk(snippet, n);
    const char *why = parse_error ? parse_error->msg : "";

    begin(ret);
    if (judge_status(&j, text, ret))
        return;
    set(ret, REACT_RETRY, ERR_REMOTE);
    if (status == 204 || (n == 0 && (body.p || !why[0]))) {
        fail(&ret->why, ERR_REMOTE, STR_FMT ": the reply (HTTP %d) is empty", STR_ARG(i->name), status);
    } else if (str_starts(text, S("<?xml")) || str_ends(text, S("_response>"))) {
        set(ret, REACT_STOP, ERR_CONFIG);
        fail(&ret->why, ERR_CONFIG, STR_FMT ": the reply is XML: " STR_FMT, STR_ARG(i->name), STR_ARG(text));
        fail_hint(&ret->why, "The call must ask for JSON: check the parameter that chooses the format (format=json).");
    } else if (str_starts(text, S("<"))) {
        fail(&ret->why, ERR_REMOTE, STR_FMT ": the reply is an HTML page: " STR_FMT, STR_ARG(i->name), STR_ARG(text));
        fail_hint(&ret->why, "A proxy or an error page answered; check base_url if it stays.");
    } else {
        fail(&ret->why, ERR_REMOTE, STR_FMT ": the reply is not JSON (%s)%s" STR_FMT, STR_ARG(i->name), why,
             n ? ": " : "", STR_ARG(text));
    }
}

void connector_judge(const struct judge_input *in, const struct json_doc *doc, struct reply *ret)
{
    struct judged j = {.c = in->connector,
                       .i = in->iface,
                       .paging = in->paging ? in->paging : &in->iface->paging,
                       .status = in->status,
                       .root = json_root(doc)};

    if (!j.root) {
        connector_judge_text(j.c, j.i, j.status, (struct str){0}, NULL, ret);
        return;
    }
    begin(ret);
    j.envelope = judged_unwrap(j.c, j.root);
    if (judge_failure(&j, ret) || judge_status(&j, (struct str){0}, ret))
        return;
    if (json_type(j.root) != JSON_OBJECT && json_type(j.root) != JSON_ARRAY) {
        set(ret, REACT_RETRY, ERR_REMOTE);
        fail(&ret->why, ERR_REMOTE, STR_FMT ": the reply is %s instead of an object", STR_ARG(j.i->name),
             json_type_name(json_type(j.root)));
        return;
    }
    judge_rows(&j, in->records_override, ret);
}

/* The fault `reshape`: orders that look different from one day to the next, as real ones do after an update of the
 * system that they come from. The answer's text is changed on its way out; the book and /truth know nothing of it. */
#include <math.h>

#include "sim.h"

/* Where the value that begins at `from` ends: a text, or anything up to a comma or a bracket. */
static size_t value_end(struct str body, size_t from)
{
    bool text = from < body.n && body.p[from] == '"';
    size_t i = from + text;

    for (; i < body.n; i++) {
        if (text && body.p[i] == '\\')
            i++;
        else if (text && body.p[i] == '"')
            return i + 1;
        else if (!text && (body.p[i] == ',' || body.p[i] == '}' || body.p[i] == ']'))
            return i;
    }
    return body.n;
}

static void put_value(enum reshape how, struct str value, struct buf *out)
{
    if (how == RESHAPE_RETYPE) {
        buf_add(out, S("{\"id\":"));
        buf_add(out, value);
        buf_byte(out, '}');
    } else {
        buf_byte(out, '"');
        for (int i = 0; i < 30; i++)
            buf_add(out, S("长x"));
        buf_byte(out, '"');
    }
}

void reshape(struct sim *s, struct buf *body)
{
    static const struct {
        const char *find, *put; /* `put` takes the place of what was found; then the value is changed */
        bool value;
    } rules[] = {
        [RESHAPE_GROW] = {"{\"o_id\":", "{\"grade_level\":7,\"o_id\":", false},
        [RESHAPE_GROW_LINES] = {"{\"oi_id\":", "{\"lot_no\":\"L1\",\"oi_id\":", false},
        [RESHAPE_RENAME] = {"\"shop_id\":", "\"store_id\":", false},
        [RESHAPE_RETYPE] = {"\"shop_id\":", "\"shop_id\":", true},
        [RESHAPE_LENGTHEN] = {"\"shop_name\":", "\"shop_name\":", true},
    };
    enum reshape how = (enum reshape)lround(s->faults.value[FAULT_RESHAPE]);
    struct str in, find = str_of(rules[how].find);
    size_t done = 0, at = 0;

    if (!s->faults.on[FAULT_RESHAPE])
        return;
    in = buf_str(body);
    buf_clear(&s->scratch);
    while ((at = str_find(in, find, done)) != SIZE_MAX) {
        buf_add(&s->scratch, str_sub(in, done, at - done));
        buf_add(&s->scratch, str_of(rules[how].put));
        done = at + find.n;
        if (rules[how].value) {
            at = value_end(in, done);
            put_value(how, str_sub(in, done, at - done), &s->scratch);
            done = at;
        }
    }
    buf_add(&s->scratch, str_sub(in, done, in.n - done));
    buf_clear(body);
    buf_add(body, buf_str(&s->scratch));
}

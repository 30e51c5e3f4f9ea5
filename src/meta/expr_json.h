/* JSON functions and aggregates. Inside of expr_*.c only. */
#ifndef META_EXPR_JSON_H
#define META_EXPR_JSON_H

#include "meta/expr_impl.h"

expr_lazy_fn fn_json_extract, op_arrow, op_arrow_text, fn_sum, fn_avg, fn_min, fn_max, fn_count;
expr_strict_fn fn_json_unquote;
expr_type_fn type_aggregate;

#endif

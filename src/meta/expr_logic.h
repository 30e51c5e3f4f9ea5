/* Comparison operators, three-valued logic and functions that choose. Inside of expr_*.c only. */
#ifndef META_EXPR_LOGIC_H
#define META_EXPR_LOGIC_H

#include "meta/expr_impl.h"

expr_strict_fn op_eq, op_ne, op_lt, op_le, op_gt, op_ge, op_null_safe_eq, op_not, op_xor, op_is_null, op_is_true,
    op_is_false, op_like, op_binary;
expr_lazy_fn op_between, op_and, op_or, op_in, op_regexp, fn_if, fn_ifnull, fn_nullif, fn_coalesce, op_case,
    fn_greatest, fn_least, fn_field;
expr_strict_fn fn_elt;
expr_type_fn type_if, type_all, type_first, type_case, type_extreme;

#endif

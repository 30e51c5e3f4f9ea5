/* Functions of numbers. Inside of expr_*.c only. */
#ifndef META_EXPR_MATH_H
#define META_EXPR_MATH_H

#include "meta/expr_impl.h"

expr_strict_fn fn_abs, fn_ceil, fn_floor, fn_round, fn_truncate, fn_pow, fn_sqrt, fn_sign, fn_rand;
expr_lazy_fn op_cast;
expr_type_fn type_whole, type_round, type_cast;

#endif

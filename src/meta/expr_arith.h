/* Operators of arithmetic. Inside of expr_*.c only. */
#ifndef META_EXPR_ARITH_H
#define META_EXPR_ARITH_H

#include "meta/expr_impl.h"

#define QUOTIENT_PLACES    4 /* div_precision_increment */
#define MAX_QUOTIENT_SCALE 30

expr_strict_fn op_add, op_sub, op_mul, op_div, op_int_div, op_mod, op_neg;
enum err divide(struct run *r, const struct val *args, struct val *ret) MUST_USE;     /* two numbers; by zero: NULL */
enum err real_result(struct run *r, double f, uint8_t dec, struct val *ret) MUST_USE; /* an error unless finite */
expr_type_fn type_number, type_arith, type_div;

#endif

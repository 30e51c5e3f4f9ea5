/* Functions of texts. Inside of expr_*.c only. */
#ifndef META_EXPR_TEXT_H
#define META_EXPR_TEXT_H

#include "meta/expr_impl.h"

expr_strict_fn fn_concat, fn_concat_ws, fn_left, fn_right, fn_substring, fn_substring_index, fn_length, fn_char_length,
    fn_lower, fn_upper, fn_ltrim, fn_rtrim, fn_lpad, fn_rpad, fn_replace, fn_reverse, fn_repeat, fn_space, fn_locate,
    fn_instr, fn_find_in_set;
expr_lazy_fn op_trim;
expr_strict_fn fn_format, fn_hex, fn_unhex, fn_md5, fn_sha1, fn_sha2, fn_to_base64, fn_from_base64;

#endif

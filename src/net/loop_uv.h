/* The libuv loop inside a `struct loop`, for this floor only. */
#ifndef NET_LOOP_UV_H
#define NET_LOOP_UV_H

#include "net/loop.h"

#include <uv.h>

uv_loop_t *loop_uv(struct loop *l);

#endif

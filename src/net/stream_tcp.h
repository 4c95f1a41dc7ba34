/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * The bottom of every stack: a connected socket on a loop.
 */
#pragma once

#include "net/stream.h"

/** ERR_NOMEM, ERR_IO with errno; on OK the socket is the stream's. */
must_check enum err stream_tcp_new(struct stream **ret_top, struct loop *loop, int *take_fd);

/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * What the tests of both sides of the opening handshake say: the subprotocols, and fields as
 * they are written.
 */
#pragma once

#include "lib/testing.h"
#include "ws/ws_handshake.h"

static const struct span handshake_rig_names[] = {SPAN_INIT("v12.stomp"),
                                                  SPAN_INIT("v11.stomp")};
static const struct ws_handshake_protocols handshake_rig_protocols = {handshake_rig_names, 2};

/** "Name: value" */
static inline void handshake_rig_split(const char *field, struct span *ret_name,
                                       struct span *ret_value)
{
    struct span line = span_str(field);
    size_t colon = span_find(line, ':');

    *ret_name = span_head(line, colon);
    *ret_value = span_tail(line, colon + 1);
}

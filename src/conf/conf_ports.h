/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * A set of TCP ports, as AllowCONNECT names them. Embedded by value; no memory, no failure.
 */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"

enum {
    CONF_PORTS_MAX = 65535,
};

struct conf_ports {
    uint64_t bits[(CONF_PORTS_MAX + 1) / 64]; /* private */
};

struct conf_ports_range {
    uint16_t first; /* not over last, unless the text runs backwards */
    uint16_t last;
};

void conf_ports_clear(struct conf_ports *ports);

/** Both ends included; first must not be over last. */
void conf_ports_add(struct conf_ports *ports, struct conf_ports_range range);

bool conf_ports_has(const struct conf_ports *ports, uint16_t port);

bool conf_ports_is_empty(const struct conf_ports *ports);

/** "9000" or "9000-9010"; false for anything else, port 0 and ports over 65535 included. */
bool conf_ports_read(struct span text, struct conf_ports_range *ret_range);

/** "443 563 9000-9010", as a directive would say it; "none". Errors as buf_append(). */
must_check enum err conf_ports_print(const struct conf_ports *ports, struct buf *out);

/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "conf/conf_ports.h"

#include "base/text.h"

void conf_ports_clear(struct conf_ports *ports)
{
    memset(ports, 0, sizeof *ports);
}

void conf_ports_add(struct conf_ports *ports, struct conf_ports_range range)
{
    assert(range.first <= range.last);
    for (uint32_t port = range.first; port <= range.last; port++) {
        ports->bits[port / 64] |= UINT64_C(1) << (port % 64);
    }
}

bool conf_ports_has(const struct conf_ports *ports, uint16_t port)
{
    return (ports->bits[port / 64] >> (port % 64) & 1) != 0;
}

bool conf_ports_is_empty(const struct conf_ports *ports)
{
    for (size_t i = 0; i < sizeof ports->bits / sizeof ports->bits[0]; i++) {
        if (ports->bits[i] != 0) {
            return false;
        }
    }
    return true;
}

static bool read_port(struct span text, uint16_t *ret_port)
{
    uint64_t port;

    if (!text_u64(text, CONF_PORTS_MAX, &port) || port == 0) {
        return false;
    }
    *ret_port = (uint16_t)port;
    return true;
}

bool conf_ports_read(struct span text, struct conf_ports_range *ret_range)
{
    size_t dash = span_find(text, '-');
    struct conf_ports_range range;

    if (!read_port(span_head(text, dash), &range.first)) {
        return false;
    }
    range.last = range.first;
    if (dash < text.len && !read_port(span_tail(text, dash + 1), &range.last)) {
        return false;
    }
    *ret_range = range;
    return true;
}

enum err conf_ports_print(const struct conf_ports *ports, struct buf *out)
{
    size_t start = out->len;
    enum err e = OK;

    for (uint32_t port = 0; port <= CONF_PORTS_MAX && e == OK; port++) {
        const char *gap = out->len == start ? "" : " ";
        uint32_t first = port;

        if (!conf_ports_has(ports, (uint16_t)port)) {
            continue;
        }
        while (port < CONF_PORTS_MAX && conf_ports_has(ports, (uint16_t)(port + 1))) {
            port++;
        }
        if (first == port) {
            e = buf_printf(out, "%s%u", gap, first);
        } else {
            e = buf_printf(out, "%s%u-%u", gap, first, port);
        }
    }
    if (e == OK && out->len == start) {
        e = buf_printf(out, "none");
    }
    if (e != OK) {
        buf_truncate(out, start); /* as it was */
    }
    return e;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * An IP address with a port, and networks of them. Text in, text out, comparisons; no system
 * call.
 */
#pragma once

#include "base/span.h"

#include <netinet/in.h>
#include <sys/socket.h>

enum {
    ADDR_TEXT_BYTES = 64 /* room for any address with port, brackets and final zero */
};

struct addr {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } sa;
};

/** From a literal: "127.0.0.1", "::1" or "[::1]"; no names. False when it is none. */
bool addr_parse(struct span text, uint16_t port, struct addr *ret_addr);

/** From what accept(), getsockname() or c-ares gave. False for another family. */
bool addr_from_sockaddr(const struct sockaddr *sa, struct addr *ret_addr);

/** "127.0.0.1:9000", "[::1]:9000"; "-" for a zeroed address. Returns room, which holds
 *  ADDR_TEXT_BYTES. */
const char *addr_text(const struct addr *addr, char *room);

/** The same without the port: "127.0.0.1", "::1". */
const char *addr_host_text(const struct addr *addr, char *room);

uint16_t addr_port(const struct addr *addr);
void addr_set_port(struct addr *addr, uint16_t port);
socklen_t addr_len(const struct addr *addr);

/** IPv4-mapped IPv6 (::ffff:a.b.c.d) becomes IPv4; everything else is left as it is. */
struct addr addr_unmapped(const struct addr *addr);

/** Host and port are the same (mapped addresses count as IPv4). A zeroed address is like none.
 */
bool addr_equal(const struct addr *a, const struct addr *b);
bool addr_same_host(const struct addr *a, const struct addr *b);

bool addr_is_loopback(const struct addr *addr); /* 127/8, ::1 */
bool addr_is_any(const struct addr *addr);      /* 0.0.0.0, :: */
bool addr_is_link_local(
    const struct addr *addr); /* 169.254/16, fe80::/10: also metadata services */

/** A network: address and mask, as in "10.0.0.0/8", "10.1", "::1", "10.0.0.0/255.0.0.0". */
struct addr_net {
    struct addr addr;
    uint8_t mask[16];
};

/** httpd's forms: full address, CIDR, address/netmask (also with holes), partial IPv4 ("10.1"
 * or "10.1."). Host bits are dropped. False when it is none of them: also partial with a slash
 *  ("127/8"), IPv4-mapped IPv6, brackets, an octet with a leading zero. "/0" is kinder than
 * httpd: it is everything of that family. */
bool addr_net_parse(struct span text, struct addr_net *ret_net);
bool addr_net_has(const struct addr_net *net, const struct addr *addr);

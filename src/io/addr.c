/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "io/addr.h"

#include "base/text.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdio.h>

enum {
    V4_BYTES = 4,
    V6_BYTES = 16,
    MAPPED_PREFIX_BYTES = 12
};

/* The address alone, in network order. */
static struct span host_bytes(const struct addr *addr)
{
    if (addr->sa.any.sa_family == AF_INET) {
        return span_of(&addr->sa.v4.sin_addr, V4_BYTES);
    }
    assert(addr->sa.any.sa_family == AF_INET6);
    return span_of(&addr->sa.v6.sin6_addr, V6_BYTES);
}

static bool is_mapped(const struct addr *addr)
{
    return addr->sa.any.sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&addr->sa.v6.sin6_addr);
}

/* inet_pton() wants a C string and must see all of the text: no NUL inside. */
static bool parse_family(struct span text, int family, void *room)
{
    char string[INET6_ADDRSTRLEN];

    if (text.len == 0 || text.len >= sizeof string || span_find(text, 0) < text.len) {
        return false;
    }
    memcpy(string, text.ptr, text.len);
    string[text.len] = '\0';
    return inet_pton(family, string, room) == 1;
}

bool addr_parse(struct span text, uint16_t port, struct addr *ret_addr)
{
    struct addr addr = {0};
    bool bracketed = text.len >= 2 && text.ptr[0] == '[' && text.ptr[text.len - 1] == ']';

    if (bracketed) {
        text = span_of(text.ptr + 1, text.len - 2);
    }
    if (!bracketed && parse_family(text, AF_INET, &addr.sa.v4.sin_addr)) {
        addr.sa.v4.sin_family = AF_INET;
    } else if (parse_family(text, AF_INET6, &addr.sa.v6.sin6_addr)) {
        addr.sa.v6.sin6_family = AF_INET6;
    } else {
        return false;
    }
    addr_set_port(&addr, port);
    *ret_addr = addr;
    return true;
}

bool addr_from_sockaddr(const struct sockaddr *sa, struct addr *ret_addr)
{
    struct addr addr = {0};

    if (sa->sa_family == AF_INET) {
        memcpy(&addr.sa.v4, sa, sizeof addr.sa.v4);
    } else if (sa->sa_family == AF_INET6) {
        memcpy(&addr.sa.v6, sa, sizeof addr.sa.v6);
    } else {
        return false;
    }
    *ret_addr = addr;
    return true;
}

static bool has_family(const struct addr *addr)
{
    return addr->sa.any.sa_family == AF_INET || addr->sa.any.sa_family == AF_INET6;
}

const char *addr_host_text(const struct addr *addr, char *room)
{
    if (!has_family(addr)) {
        return memcpy(room, "-", sizeof "-");
    }
    return inet_ntop(addr->sa.any.sa_family, host_bytes(addr).ptr, room, ADDR_TEXT_BYTES);
}

const char *addr_text(const struct addr *addr, char *room)
{
    char host[ADDR_TEXT_BYTES];
    bool v6 = addr->sa.any.sa_family == AF_INET6;

    if (!has_family(addr)) {
        return addr_host_text(addr, room);
    }
    addr_host_text(addr, host);
    snprintf(room, ADDR_TEXT_BYTES, "%s%.*s%s:%u", v6 ? "[" : "", INET6_ADDRSTRLEN, host,
             v6 ? "]" : "", (unsigned)addr_port(addr));
    return room;
}

uint16_t addr_port(const struct addr *addr)
{
    return ntohs(addr->sa.any.sa_family == AF_INET6 ? addr->sa.v6.sin6_port
                                                    : addr->sa.v4.sin_port);
}

void addr_set_port(struct addr *addr, uint16_t port)
{
    if (addr->sa.any.sa_family == AF_INET6) {
        addr->sa.v6.sin6_port = htons(port);
    } else {
        addr->sa.v4.sin_port = htons(port);
    }
}

socklen_t addr_len(const struct addr *addr)
{
    return addr->sa.any.sa_family == AF_INET6 ? (socklen_t)sizeof addr->sa.v6
                                              : (socklen_t)sizeof addr->sa.v4;
}

struct addr addr_unmapped(const struct addr *addr)
{
    struct addr plain = {0};

    if (!is_mapped(addr)) {
        return *addr;
    }
    plain.sa.v4.sin_family = AF_INET;
    plain.sa.v4.sin_port = addr->sa.v6.sin6_port;
    memcpy(&plain.sa.v4.sin_addr, host_bytes(addr).ptr + MAPPED_PREFIX_BYTES, V4_BYTES);
    return plain;
}

bool addr_same_host(const struct addr *a, const struct addr *b)
{
    struct addr left = addr_unmapped(a);
    struct addr right = addr_unmapped(b);

    if (!has_family(&left) || !has_family(&right)) {
        return false;
    }
    /* fe80::1 on one link is not fe80::1 on another */
    if (left.sa.any.sa_family == AF_INET6 && right.sa.any.sa_family == AF_INET6 &&
        left.sa.v6.sin6_scope_id != right.sa.v6.sin6_scope_id) {
        return false;
    }
    return span_equal(host_bytes(&left), host_bytes(&right)); /* lengths tell the families */
}

bool addr_equal(const struct addr *a, const struct addr *b)
{
    return addr_port(a) == addr_port(b) && addr_same_host(a, b);
}

bool addr_is_loopback(const struct addr *addr)
{
    struct addr plain = addr_unmapped(addr);

    if (plain.sa.any.sa_family == AF_INET) {
        return host_bytes(&plain).ptr[0] == 127;
    }
    return IN6_IS_ADDR_LOOPBACK(&plain.sa.v6.sin6_addr);
}

bool addr_is_any(const struct addr *addr)
{
    struct addr plain = addr_unmapped(addr);

    if (plain.sa.any.sa_family == AF_INET) {
        return plain.sa.v4.sin_addr.s_addr == htonl(INADDR_ANY);
    }
    return IN6_IS_ADDR_UNSPECIFIED(&plain.sa.v6.sin6_addr);
}

bool addr_is_link_local(const struct addr *addr)
{
    struct addr plain = addr_unmapped(addr);
    const uint8_t *bytes = host_bytes(&plain).ptr;

    if (plain.sa.any.sa_family == AF_INET) {
        return bytes[0] == 169 && bytes[1] == 254;
    }
    return IN6_IS_ADDR_LINKLOCAL(&plain.sa.v6.sin6_addr);
}

static void mask_of_bits(uint8_t *mask, size_t bits)
{
    memset(mask, 0xff, bits / 8);
    if (bits % 8 != 0) {
        mask[bits / 8] = (uint8_t)(0xff << (8 - bits % 8));
    }
}

/* "10", "10.", "10.1", "10.1.": whole octets from the left. A leading zero is refused: people
 * do not agree whether 010 is eight or ten. */
static bool parse_partial(struct span text, struct addr_net *net)
{
    uint8_t octets[V4_BYTES] = {0};
    size_t count = 0;

    while (text.len > 0) {
        size_t len = span_find(text, '.');
        uint64_t octet;

        if (count == V4_BYTES || (len > 1 && text.ptr[0] == '0') ||
            !text_u64(span_head(text, len), 255, &octet)) {
            return false;
        }
        octets[count++] = (uint8_t)octet;
        text = span_tail(text, len < text.len ? len + 1 : len);
    }
    if (count == 0) {
        return false;
    }
    net->addr.sa.v4.sin_family = AF_INET;
    memcpy(&net->addr.sa.v4.sin_addr, octets, V4_BYTES);
    mask_of_bits(net->mask, count * 8);
    return true;
}

/* What stands behind the slash: a number of bits, or a netmask for IPv4. */
static bool parse_mask(struct span text, struct addr_net *net)
{
    bool v4 = net->addr.sa.any.sa_family == AF_INET;
    uint64_t bits;

    if (text_u64(text, v4 ? V4_BYTES * 8 : V6_BYTES * 8, &bits)) {
        mask_of_bits(net->mask, (size_t)bits);
        return true;
    }
    return v4 && parse_family(text, AF_INET, net->mask);
}

static void drop_host_bits(struct addr_net *net)
{
    struct span host = host_bytes(&net->addr);
    uint8_t masked[V6_BYTES];

    for (size_t i = 0; i < host.len; i++) {
        masked[i] = host.ptr[i] & net->mask[i];
    }
    if (net->addr.sa.any.sa_family == AF_INET) {
        memcpy(&net->addr.sa.v4.sin_addr, masked, V4_BYTES);
    } else {
        memcpy(&net->addr.sa.v6.sin6_addr, masked, V6_BYTES);
    }
}

bool addr_net_parse(struct span text, struct addr_net *ret_net)
{
    struct addr_net net = {0};
    size_t slash = span_find(text, '/');
    struct span host = span_head(text, slash);

    if (host.len > 0 && host.ptr[0] == '[') {
        return false; /* brackets belong to a port, and a network has none */
    }
    if (addr_parse(host, 0, &net.addr)) {
        if (is_mapped(&net.addr)) {
            return false; /* as httpd: write it as IPv4 */
        }
        if (slash == text.len) {
            memset(net.mask, 0xff, sizeof net.mask);
        } else if (!parse_mask(span_tail(text, slash + 1), &net)) {
            return false;
        }
    } else if (slash < text.len || !parse_partial(host, &net)) {
        return false; /* as httpd: 127/8 and 127.0/16 are no networks */
    }
    drop_host_bits(&net);
    *ret_net = net;
    return true;
}

bool addr_net_has(const struct addr_net *net, const struct addr *addr)
{
    struct addr plain = addr_unmapped(addr);
    struct span inside = host_bytes(&net->addr);
    struct span host = host_bytes(&plain);

    if (inside.len != host.len) {
        return false;
    }
    for (size_t i = 0; i < host.len; i++) {
        if ((host.ptr[i] & net->mask[i]) != inside.ptr[i]) {
            return false;
        }
    }
    return true;
}

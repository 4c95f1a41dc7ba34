/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * The rules are explained line by line in doc/transparent.md; comments in the text itself say
 * what is not to be seen in a line.
 */
#include "proxy/proxy_nft.h"

#include "base/text.h"

enum {
    FILE_BYTES = 256 /* of the configuration's name, in comments */
};

enum {
    V4,
    V6,
    FAMILIES
};

static const struct {
    const char *nfproto; /* of "meta nfproto" */
    const char *ip;      /* of "ip saddr", "dnat ip to" */
    const char *set;     /* of the clients, by --from */
    const char *set_type;
    const char *route; /* the command, and */
    const char *everything;
} families[FAMILIES] = {
    [V4] = {"ipv4", "ip", "clients4", "ipv4_addr", "ip -4", "0.0.0.0/0"},
    [V6] = {"ipv6", "ip6", "clients6", "ipv6_addr", "ip -6", "::/0"},
};

/* For each family: where its connections go. NULL: they are not diverted. */
struct ways {
    const struct proxy_listen *tproxy[FAMILIES];
    const struct proxy_listen *redirect[FAMILIES]; /* of routed clients; never with tproxy */
    const struct proxy_listen *local[FAMILIES];
};

static const char *shown_file(const struct proxy_nft *nft, char *room)
{
    return text_printable(span_str(nft->file), room, FILE_BYTES);
}

static int family_of(const struct addr *addr)
{
    return addr->sa.any.sa_family == AF_INET6 ? V6 : V4;
}

/* ---- the words of the command ---- */

static size_t mask_bits(const struct addr_net *net)
{
    size_t len = family_of(&net->addr) == V4 ? 4 : 16;
    size_t bits = 0;

    while (bits < len * 8 && (net->mask[bits / 8] & (0x80 >> bits % 8)) != 0) {
        bits++;
    }
    return bits;
}

static bool has_holes(const struct addr_net *net)
{
    size_t len = family_of(&net->addr) == V4 ? 4 : 16;

    for (size_t bit = mask_bits(net); bit < len * 8; bit++) {
        if ((net->mask[bit / 8] & (0x80 >> bit % 8)) != 0) {
            return true;
        }
    }
    return false;
}

bool proxy_nft_add_from(struct proxy_nft *nft, struct span text)
{
    struct addr_net net;

    /* A mask with holes cannot be written as a prefix. */
    if (nft->from_count == PROXY_NFT_FROM_MAX || !addr_net_parse(text, &net) ||
        has_holes(&net)) {
        return false;
    }
    nft->from[nft->from_count++] = net;
    return true;
}

static bool is_interface_byte(uint8_t c)
{
    return (span_lower(c) >= 'a' && span_lower(c) <= 'z') || (c >= '0' && c <= '9') ||
           c == '-' || c == '_' || c == '.' || c == '@' || c == ':' || c == '+';
}

bool proxy_nft_add_interface(struct proxy_nft *nft, struct span text)
{
    if (nft->interface_count == PROXY_NFT_INTERFACES_MAX || text.len == 0 ||
        text.len > PROXY_NFT_INTERFACE_BYTES) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        bool is_star = text.ptr[i] == '*' && i > 0 && i + 1 == text.len;

        if (!is_star && !is_interface_byte(text.ptr[i])) {
            return false;
        }
    }
    nft->interfaces[nft->interface_count++] = text;
    return true;
}

static size_t find_gap(struct span text)
{
    size_t space = span_find(text, ' ');
    size_t comma = span_find(text, ',');

    return space < comma ? space : comma;
}

bool proxy_nft_set_ports(struct proxy_nft *nft, struct span text)
{
    struct conf_ports ports;

    conf_ports_clear(&ports);
    for (;;) {
        size_t gap = find_gap(text);
        struct conf_ports_range range;

        if (gap > 0) {
            if (!conf_ports_read(span_head(text, gap), &range) || range.first > range.last) {
                return false;
            }
            conf_ports_add(&ports, range);
        }
        if (gap == text.len) {
            break;
        }
        text = span_tail(text, gap + 1);
    }
    if (conf_ports_is_empty(&ports)) {
        return false;
    }
    nft->ports = ports;
    return true;
}

/* ---- which way ---- */

/* The first of its kind has all: nftables could share them out, but by what? */
static struct ways find_ways(const struct proxy_nft *nft)
{
    struct ways ways = {0};

    for (size_t i = 0; i < nft->listens.count; i++) {
        const struct proxy_listen *listen = &nft->listens.ptr[i];
        int family = family_of(&listen->addr);

        if (listen->is_tproxy) {
            if (ways.tproxy[family] == NULL) {
                ways.tproxy[family] = listen;
            }
            continue;
        }
        /* What comes in from outside cannot be sent on to 127.0.0.1. */
        if (ways.redirect[family] == NULL && !addr_is_loopback(&listen->addr)) {
            ways.redirect[family] = listen;
        }
        if (ways.local[family] == NULL && nft->is_local) {
            ways.local[family] = listen;
        }
    }
    for (int family = V4; family < FAMILIES; family++) {
        if (ways.tproxy[family] != NULL) {
            ways.redirect[family] = NULL;
        }
    }
    return ways;
}

static bool has_any(const struct proxy_listen *const *listens)
{
    return listens[V4] != NULL || listens[V6] != NULL;
}

static bool is_used(const struct ways *ways, const struct proxy_listen *listen)
{
    int family = family_of(&listen->addr);

    return ways->tproxy[family] == listen || ways->redirect[family] == listen ||
           ways->local[family] == listen;
}

/* It stands between quotes in a rule. */
static bool is_account(struct span user)
{
    for (size_t i = 0; i < user.len; i++) {
        if (!is_interface_byte(user.ptr[i])) {
            return false;
        }
    }
    return user.len > 0;
}

/* ERR_CONF and a sentence, when the rules could not do what they are asked for. */
static enum err check(const struct proxy_nft *nft, const struct ways *ways, struct buf *out)
{
    const char *why = NULL;
    char file[FILE_BYTES];

    if (nft->listens.count == 0) {
        why = "has no TransparentListen, so there is nothing to divert connections to (write "
              "TransparentListen 3129)";
    } else if (nft->is_local && !has_any(ways->local)) {
        why = "has no TransparentListen for redirect, and TPROXY diverts only what comes from "
              "other machines (write TransparentListen 127.0.0.1:3130 redirect, or leave "
              "--local out)";
    } else if (!has_any(ways->tproxy) && !has_any(ways->redirect) && !has_any(ways->local)) {
        why = "has TransparentListen on loopback alone, where only clients on this machine can "
              "be diverted to (add --local, or write TransparentListen 3129)";
    }
    if (why == NULL && nft->is_local && !is_account(nft->user)) {
        why = "has a User whose name nftables cannot be told (write its number: --user 990)";
    }
    if (why == NULL) {
        return OK;
    }
    TRY(buf_printf(out, "%s %s\n", shown_file(nft, file), why));
    return ERR_CONF;
}

/* ---- the rules ---- */

static enum err write_sets(const struct proxy_nft *nft, struct buf *out)
{
    struct buf ports;
    enum err e;

    TRY(buf_append(out, SPAN("\tset ports {\n\t\ttype inet_service\n\t\tflags interval\n"
                             "\t\telements = { ")));
    buf_init(&ports, PROXY_NFT_BYTES_MAX);
    e = conf_ports_print(&nft->ports, &ports);
    for (size_t i = 0; e == OK && i < ports.len; i++) {
        e = ports.ptr[i] == ' ' ? buf_append(out, SPAN(", "))
                                : buf_append_byte(out, ports.ptr[i]);
    }
    buf_fini(&ports);
    TRY(e);
    TRY(buf_append(out, SPAN(" }\n\t}\n")));
    for (int family = V4; family < FAMILIES; family++) {
        const char *gap = "";

        for (size_t i = 0; i < nft->from_count; i++) {
            char text[ADDR_TEXT_BYTES];

            if (family_of(&nft->from[i].addr) != family) {
                continue;
            }
            if (gap[0] == '\0') {
                TRY(buf_printf(out,
                               "\tset %s {\n\t\ttype %s\n\t\tflags interval\n"
                               "\t\tauto-merge\n\t\telements = { ",
                               families[family].set, families[family].set_type));
            }
            TRY(buf_printf(out, "%s%s/%zu", gap, addr_host_text(&nft->from[i].addr, text),
                           mask_bits(&nft->from[i])));
            gap = ", ";
        }
        if (gap[0] != '\0') {
            TRY(buf_append(out, SPAN(" }\n\t}\n")));
        }
    }
    return OK;
}

static enum err write_restrictions(const struct proxy_nft *nft, struct buf *out)
{
    bool has[FAMILIES] = {false, false};

    if (nft->interface_count > 0) {
        TRY(buf_append(out, SPAN("\t\tiifname != { ")));
        for (size_t i = 0; i < nft->interface_count; i++) {
            TRY(buf_printf(out, "%s\"%.*s\"", i == 0 ? "" : ", ",
                           SPAN_ARG(nft->interfaces[i])));
        }
        TRY(buf_append(out, SPAN(" } return\n")));
    }
    for (size_t i = 0; i < nft->from_count; i++) {
        has[family_of(&nft->from[i].addr)] = true;
    }
    for (int family = V4; family < FAMILIES && nft->from_count > 0; family++) {
        if (has[family]) {
            TRY(buf_printf(out, "\t\t%s saddr != @%s return\n", families[family].ip,
                           families[family].set));
        } else {
            TRY(buf_printf(out, "\t\tmeta nfproto %s return\n", families[family].nfproto));
        }
    }
    return OK;
}

static enum err write_match(int family, struct buf *out)
{
    return buf_printf(out, "\t\tmeta nfproto %s tcp dport @ports ", families[family].nfproto);
}

/* RFC 9293 3.10.7.1 would answer a packet without a listener by a reset; TPROXY lets it pass by
 * instead, so the last line keeps clients from going round a proxy that does not run. */
static enum err write_tproxy(const struct proxy_nft *nft,
                             const struct proxy_listen *const *listens, struct buf *out)
{
    TRY(buf_printf(out,
                   "\n\t# needs routes, too: wayleave config --nft-routes\n"
                   "\tchain routed_tproxy {\n"
                   "\t\ttype filter hook prerouting priority mangle; policy accept;\n"
                   "\t\tmeta l4proto tcp socket transparent 1 socket wildcard 0 "
                   "meta mark set 0x%x accept\n"
                   "\t\tfib daddr type local return\n",
                   PROXY_NFT_MARK));
    TRY(write_restrictions(nft, out));
    for (int family = V4; family < FAMILIES; family++) {
        const struct proxy_listen *listen = listens[family];
        char text[ADDR_TEXT_BYTES];

        if (listen == NULL) {
            continue;
        }
        TRY(write_match(family, out));
        TRY(buf_printf(out, "tproxy %s to ", families[family].ip));
        if (addr_is_any(&listen->addr)) {
            TRY(buf_printf(out, ":%u", addr_port(&listen->addr)));
        } else {
            TRY(buf_printf(out, "%s", addr_text(&listen->addr, text)));
        }
        TRY(buf_printf(out, " meta mark set 0x%x accept\n", PROXY_NFT_MARK));
        TRY(write_match(family, out));
        TRY(buf_printf(out, "reject with tcp reset\n"));
    }
    return buf_append(out, SPAN("\t}\n"));
}

static enum err write_redirects(const struct proxy_listen *const *listens, struct buf *out)
{
    for (int family = V4; family < FAMILIES; family++) {
        const struct proxy_listen *listen = listens[family];
        char text[ADDR_TEXT_BYTES];

        if (listen == NULL) {
            continue;
        }
        TRY(write_match(family, out));
        /* "redirect" means the address of the interface, which need not be the listener's. */
        if (addr_is_any(&listen->addr)) {
            TRY(buf_printf(out, "redirect to :%u\n", addr_port(&listen->addr)));
        } else {
            TRY(buf_printf(out, "dnat %s to %s\n", families[family].ip,
                           addr_text(&listen->addr, text)));
        }
    }
    return buf_append(out, SPAN("\t}\n"));
}

static enum err write_redirect(const struct proxy_nft *nft,
                               const struct proxy_listen *const *listens, struct buf *out)
{
    TRY(buf_append(out, SPAN("\n\tchain routed_redirect {\n"
                             "\t\ttype nat hook prerouting priority dstnat; policy accept;\n"
                             "\t\tfib daddr type local return\n")));
    TRY(write_restrictions(nft, out));
    return write_redirects(listens, out);
}

/* "dstnat" is a word for prerouting alone. */
static enum err write_local(const struct proxy_nft *nft,
                            const struct proxy_listen *const *listens, struct buf *out)
{
    TRY(buf_printf(out,
                   "\n\t# the account that the proxy serves as comes first: without that line "
                   "its connections come back to it\n"
                   "\tchain local_redirect {\n"
                   "\t\ttype nat hook output priority -100; policy accept;\n"
                   "\t\tmeta skuid \"%.*s\" return\n"
                   "\t\tfib daddr type local return\n",
                   SPAN_ARG(nft->user)));
    return write_redirects(listens, out);
}

static enum err write_unused(const struct proxy_nft *nft, const struct ways *ways,
                             struct buf *out)
{
    char file[FILE_BYTES];

    for (size_t i = 0; i < nft->listens.count; i++) {
        const struct proxy_listen *listen = &nft->listens.ptr[i];
        char text[ADDR_TEXT_BYTES];

        if (is_used(ways, listen)) {
            continue;
        }
        TRY(buf_printf(out, "# %s:%u: nothing is diverted to %s: %s\n", shown_file(nft, file),
                       listen->line, addr_text(&listen->addr, text),
                       !listen->is_tproxy && addr_is_loopback(&listen->addr) && !nft->is_local
                           ? "it is for clients on this machine (--local)"
                           : "another TransparentListen has these connections"));
    }
    return OK;
}

enum err proxy_nft_write(const struct proxy_nft *nft, struct buf *out)
{
    const struct ways ways = find_ways(nft);
    char file[FILE_BYTES];

    TRY(check(nft, &ways, out));
    TRY(buf_printf(
        out,
        "# Diverts TCP connections to the proxy of %s; made by wayleave config --nft.\n"
        "# nft -f loads it, also in place of an older one. To take it away: "
        "nft delete table inet wayleave\n",
        shown_file(nft, file)));
    TRY(write_unused(nft, &ways, out));
    TRY(buf_append(out, SPAN("\nadd table inet wayleave\n"
                             "delete table inet wayleave\n\n"
                             "table inet wayleave {\n")));
    TRY(write_sets(nft, out));
    if (has_any(ways.tproxy)) {
        TRY(write_tproxy(nft, ways.tproxy, out));
    }
    if (has_any(ways.redirect)) {
        TRY(write_redirect(nft, ways.redirect, out));
    }
    if (has_any(ways.local)) {
        TRY(write_local(nft, ways.local, out));
    }
    return buf_append(out, SPAN("}\n"));
}

enum err proxy_nft_write_routes(const struct proxy_nft *nft, struct buf *out)
{
    const struct ways ways = find_ways(nft);
    char file[FILE_BYTES];

    TRY(check(nft, &ways, out));
    if (!has_any(ways.tproxy)) {
        return buf_printf(out, "# %s diverts by redirect alone, which needs no routes.\n",
                          shown_file(nft, file));
    }
    TRY(buf_printf(
        out,
        "# What TPROXY marked goes to the proxy, not out of this machine. Belongs to "
        "the rules of wayleave config --nft %s\n",
        shown_file(nft, file)));
    for (int family = V4; family < FAMILIES; family++) {
        const char *route = families[family].route;

        if (ways.tproxy[family] == NULL) {
            continue;
        }
        TRY(buf_printf(out,
                       "%s rule del fwmark 0x%x lookup %d 2>/dev/null\n"
                       "%s rule add fwmark 0x%x lookup %d\n"
                       "%s route replace local %s dev lo table %d\n",
                       route, PROXY_NFT_MARK, PROXY_NFT_TABLE, route, PROXY_NFT_MARK,
                       PROXY_NFT_TABLE, route, families[family].everything, PROXY_NFT_TABLE));
    }
    return OK;
}

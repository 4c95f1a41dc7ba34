/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * `wayleave config --nft FILE`: the rules of nftables that divert connections to the proxy's
 * TransparentListen, ready for `nft -f -`, and the policy routing that TPROXY needs besides.
 * Text alone; who loads it is the administrator.
 *
 * Whose connections: those that this machine forwards for others ("routed"), with is_local also
 * those of its own clients. Never the proxy's own: they would come back to it for ever.
 */
#pragma once

#include "base/buf.h"
#include "conf/conf_ports.h"
#include "io/addr.h"
#include "proxy/proxy_listen.h"

enum {
    PROXY_NFT_BYTES_MAX = 512 * 1024, /* a good ceiling for `out` */
    PROXY_NFT_FROM_MAX = 32,
    PROXY_NFT_INTERFACES_MAX = 32,
    PROXY_NFT_INTERFACE_BYTES = 15, /* IFNAMSIZ, without the final zero */
    PROXY_NFT_MARK = 0x77,          /* of packets that TPROXY diverts */
    PROXY_NFT_TABLE = 119,          /* the routing table that they are looked up in */
    PROXY_NFT_WEB_PORT = 80         /* diverted besides AllowCONNECT's */
};

/* All pointers and spans are borrowed for the calls below. Zero and fill in. */
struct proxy_nft {
    const char *file;                 /* of the configuration, for comments */
    struct proxy_listen_list listens; /* TransparentListen */
    struct conf_ports ports;          /* that are diverted */
    struct span user;                 /* whom the proxy serves as, a name or a number */
    bool is_local;                    /* divert clients on this machine, too */

    /* Which of the routed clients; without any: all of them. */
    struct addr_net from[PROXY_NFT_FROM_MAX];
    size_t from_count;
    struct span interfaces[PROXY_NFT_INTERFACES_MAX]; /* they come in by these */
    size_t interface_count;
};

/** "10.0.0.0/8", "2001:db8::/32" or an address; false for anything else, and when it is full.
 */
bool proxy_nft_add_from(struct proxy_nft *nft, struct span text);

/** "eth1", "lan*"; false for what no interface is called, and when it is full. */
bool proxy_nft_add_interface(struct proxy_nft *nft, struct span text);

/** In place of those that are there: "80 443 9000-9010", commas are as good as spaces. False
 * for anything else. */
bool proxy_nft_set_ports(struct proxy_nft *nft, struct span text);

/**
 * The rules.
 *
 * Returns OK         they are in `out`
 *         ERR_CONF   there is nothing to divert to; `out` has a sentence about it instead
 *         ERR_LIMIT, ERR_NOMEM  as buf_append()
 */
must_check enum err proxy_nft_write(const struct proxy_nft *nft, struct buf *out);

/** The policy routing, as a script for sh; one that does nothing when TPROXY is not used.
 * Errors as above. */
must_check enum err proxy_nft_write_routes(const struct proxy_nft *nft, struct buf *out);

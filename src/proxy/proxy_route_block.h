/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * The addresses of the hosts that ProxyBlock names, so that another name for such a host is
 * blocked as well ("ProxyBlock localhost" blocks 127.0.0.1). httpd looks them up once, when it
 * starts; each of our workers does so again every minute. Asked for the address that is
 * dialled, from a dial_filter.
 */
#pragma once

#include "io/resolver.h"
#include "proxy/proxy_route.h"

struct proxy_route_block;

/** Begins to look up. `conf` is borrowed until the end. ERR_NOMEM. */
must_check enum err proxy_route_block_new(struct proxy_route_block **ret_block,
                                          struct loop *loop, struct resolver *resolver,
                                          const struct proxy_route_conf *conf);

/** Takes NULL. */
void proxy_route_block_free(struct proxy_route_block *block);

/** Whether the address is one of them, or a literal among the words; then *ret_line. */
bool proxy_route_block_has(const struct proxy_route_block *block, const struct addr *addr,
                           unsigned *ret_line);

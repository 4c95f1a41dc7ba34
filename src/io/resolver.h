/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Names to addresses without blocking: c-ares on our loop. The hosts file counts; literals are
 * the caller's business (io/addr.h). One resolver per worker.
 *
 * Answers are remembered as long as they may be (io/resolver_cache.h), each time beginning with
 * another address; who asks what somebody else is asking already waits for the same answer.
 */
#pragma once

#include "io/addr.h"
#include "io/loop.h"

enum {
    RESOLVER_ADDRS_MAX = 16 /* addresses of one answer that are kept */
};

struct resolver;
struct resolver_query;

enum resolver_result {
    RESOLVER_FOUND,
    RESOLVER_NO_NAME, /* the name does not exist, or has no address of this family */
    RESOLVER_FAILED,  /* servers did not answer or refused */
    RESOLVER_NOMEM,
};

/**
 * The answer. Called exactly once for a query that was not cancelled, never from inside
 * resolver_ask(). `addrs` is borrowed for the call; port is the one that was asked for. The
 * query is gone after the call; whoever is called may do anything.
 */
typedef void resolver_answer(void *ctx, enum resolver_result result, const struct addr *addrs,
                             size_t count);

/** ERR_NOMEM; ERR_CONF when c-ares cannot make sense of resolv.conf. */
must_check enum err resolver_new(struct resolver **ret_resolver, struct loop *loop);

/**
 * Other name servers than the system's: "127.0.0.1:5353,[::1]:5353", or NULL for the system's
 * again; `timeout` of the first try (it doubles), and how many tries. For tests, and for a
 * directive some day. No query may be open. ERR_CONF: not a list of addresses; ERR_NOMEM.
 */
must_check enum err resolver_use_servers(struct resolver *resolver, const char *servers,
                                         msec timeout, unsigned tries);

/**
 * How many answers are remembered (at most, and then the oldest used gives way), and for how
 * long (at most: an answer's own time to live counts when it is shorter, but never less than a
 * second). That a name does not exist is remembered for five seconds, failures are not. What
 * was remembered is forgotten. Before this call: 4096 and 300 s.
 */
void resolver_use_cache(struct resolver *resolver, size_t entries, msec max_age);

/** Queries must be answered or cancelled before. Takes NULL. */
void resolver_free(struct resolver *resolver);

/** Ask for the addresses of one family (AF_INET or AF_INET6). The query lives until the answer
 * or resolver_cancel(). ERR_NOMEM; ERR_LIMIT for a name over 253 bytes or with a NUL. */
must_check enum err resolver_ask(struct resolver *resolver, struct span name, int family,
                                 uint16_t port, resolver_answer *answer, void *ctx,
                                 struct resolver_query **ret_query);

/** As resolver_answer, for a name: empty unless `result` is RESOLVER_FOUND; borrowed for the
 * call. What a name server says about an address is not to be trusted before it was looked up
 * again. */
typedef void resolver_name_answer(void *ctx, enum resolver_result result, struct span name);

/** Ask what name an address has (its PTR record, or the hosts file). ERR_NOMEM. */
must_check enum err resolver_ask_name(struct resolver *resolver, const struct addr *addr,
                                      resolver_name_answer *answer, void *ctx,
                                      struct resolver_query **ret_query);

/** No answer will come. At any time until the answer, also inside an answer, where its own
 * query is left alone. Takes NULL. */
void resolver_cancel(struct resolver_query *query);

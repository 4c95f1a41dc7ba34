/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "proxy/proxy_route_block.h"

#include "io/timer.h"
#include "proxy/proxy_route_read.h"

#include <stdlib.h>

enum {
    REFRESH_MS = 60 * 1000,
};

/* The addresses of one family of one host. */
struct watched {
    struct proxy_route_block *block; /* back, for the answer */
    const struct proxy_route_word *word;
    int family;
    struct resolver_query *query; /* NULL when answered */
    size_t count;
    struct addr addrs[RESOLVER_ADDRS_MAX];
};

struct proxy_route_block {
    struct resolver *resolver;           /* borrowed */
    const struct proxy_route_conf *conf; /* borrowed */
    struct loop *loop;                   /* borrowed */
    struct timer timer;
    size_t count;
    struct watched watched[];
};

/* What cannot be looked up now is what it was. */
static void on_answer(void *ctx, enum resolver_result result, const struct addr *addrs,
                      size_t count)
{
    struct watched *watched = ctx;

    watched->query = NULL;
    if (result != RESOLVER_FOUND && result != RESOLVER_NO_NAME) {
        return;
    }
    watched->count = count;
    for (size_t i = 0; i < count; i++) {
        watched->addrs[i] = addr_unmapped(&addrs[i]);
    }
}

static void on_timer(void *ctx)
{
    struct proxy_route_block *block = ctx;
    enum err e = timer_set(&block->timer, loop_now(block->loop) + REFRESH_MS);

    assert(e == OK); /* its place in the loop's heap has just become free */
    (void)e;
    for (size_t i = 0; i < block->count; i++) {
        struct watched *watched = &block->watched[i];

        if (watched->query == NULL &&
            resolver_ask(block->resolver, watched->word->text, watched->family, 0, on_answer,
                         watched, &watched->query) != OK) {
            watched->query = NULL; /* in a minute again */
        }
    }
}

static size_t count_names(const struct proxy_route_conf *conf)
{
    size_t count = 0;

    for (const struct proxy_route_word *word = conf->words; word != NULL; word = word->next) {
        count += word->is_host_name ? 1 : 0;
    }
    return count;
}

enum err proxy_route_block_new(struct proxy_route_block **ret_block, struct loop *loop,
                               struct resolver *resolver, const struct proxy_route_conf *conf)
{
    size_t count = 2 * count_names(conf);
    struct proxy_route_block *block =
        calloc(1, sizeof *block + count * sizeof block->watched[0]);

    if (block == NULL) {
        return ERR_NOMEM;
    }
    block->loop = loop;
    block->resolver = resolver;
    block->conf = conf;
    timer_init(&block->timer, loop, on_timer, block);
    for (const struct proxy_route_word *word = conf->words; word != NULL; word = word->next) {
        if (word->is_host_name) {
            block->watched[block->count++] =
                (struct watched){.block = block, .word = word, .family = AF_INET6};
            block->watched[block->count++] =
                (struct watched){.block = block, .word = word, .family = AF_INET};
        }
    }
    if (count > 0 && timer_set(&block->timer, loop_now(loop)) != OK) {
        free(block);
        return ERR_NOMEM;
    }
    *ret_block = block;
    return OK;
}

void proxy_route_block_free(struct proxy_route_block *block)
{
    if (block == NULL) {
        return;
    }
    for (size_t i = 0; i < block->count; i++) {
        resolver_cancel(block->watched[i].query);
    }
    timer_cancel(&block->timer);
    free(block);
}

bool proxy_route_block_has(const struct proxy_route_block *block, const struct addr *addr,
                           unsigned *ret_line)
{
    struct addr plain = addr_unmapped(addr);

    for (size_t i = 0; i < block->count; i++) {
        const struct watched *watched = &block->watched[i];

        for (size_t j = 0; j < watched->count; j++) {
            if (addr_same_host(&watched->addrs[j], &plain)) {
                *ret_line = watched->word->line;
                return true;
            }
        }
    }
    return proxy_route_blocks_addr(block->conf, addr, ret_line);
}

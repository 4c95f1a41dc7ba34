/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "proxy/proxy_clientname.h"

#include <stdlib.h>

enum {
    NAME_BYTES_MAX = 253 /* RFC 1035 section 2.3.4, as text */
};

struct proxy_clientname {
    struct resolver *resolver;    /* borrowed */
    struct resolver_query *query; /* owned while one is out */
    struct addr client;
    proxy_clientname_done *done;
    void *ctx;
    size_t name_len;
    uint8_t name[NAME_BYTES_MAX];
};

static void finish(struct proxy_clientname *lookup, bool is_verified)
{
    lookup->query = NULL;
    lookup->done(lookup->ctx, span_of(lookup->name, is_verified ? lookup->name_len : 0));
    free(lookup);
}

static void on_addresses(void *ctx, enum resolver_result result, const struct addr *addrs,
                         size_t count)
{
    struct proxy_clientname *lookup = ctx;
    bool is_verified = false;

    for (size_t i = 0; result == RESOLVER_FOUND && i < count; i++) {
        is_verified = is_verified || addr_same_host(&addrs[i], &lookup->client);
    }
    finish(lookup, is_verified);
}

static void on_name(void *ctx, enum resolver_result result, struct span name)
{
    struct proxy_clientname *lookup = ctx;

    if (result != RESOLVER_FOUND || name.len == 0 || name.len > NAME_BYTES_MAX) {
        finish(lookup, false);
        return;
    }
    memcpy(lookup->name, name.ptr, name.len);
    lookup->name_len = name.len;
    if (resolver_ask(lookup->resolver, span_of(lookup->name, name.len),
                     lookup->client.sa.any.sa_family, 0, on_addresses, lookup,
                     &lookup->query) != OK) {
        finish(lookup, false);
    }
}

enum err proxy_clientname_ask(struct resolver *resolver, const struct addr *client,
                              proxy_clientname_done *done, void *ctx,
                              struct proxy_clientname **ret_lookup)
{
    struct proxy_clientname *lookup = calloc(1, sizeof *lookup);
    enum err e;

    if (lookup == NULL) {
        return ERR_NOMEM;
    }
    lookup->resolver = resolver;
    lookup->client = addr_unmapped(client);
    lookup->done = done;
    lookup->ctx = ctx;
    e = resolver_ask_name(resolver, &lookup->client, on_name, lookup, &lookup->query);
    if (e != OK) {
        free(lookup);
        return e;
    }
    *ret_lookup = lookup;
    return OK;
}

void proxy_clientname_cancel(struct proxy_clientname *lookup)
{
    if (lookup == NULL) {
        return;
    }
    if (lookup->query != NULL) {
        resolver_cancel(lookup->query);
    }
    free(lookup);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "store/store_nats_streams.h"

#include "base/digest.h"

#include <stdlib.h>

/* The same in every realm, and another one for another log. */
static enum err make_epoch(const struct store_nats *nats, struct span name, uint64_t *ret_epoch)
{
    uint64_t deployment = (uint64_t)store_nats_link_server(nats->link)->created;
    uint8_t sum[DIGEST_SHA256_BYTES];

    TRY(digest_hmac_sha256(span_of(&deployment, sizeof deployment), name, sum));
    memcpy(ret_epoch, sum, sizeof *ret_epoch);
    return OK;
}

static void free_stream(struct store_nats_stream *stream)
{
    free((void *)(uintptr_t)stream->stream.name.ptr);
    free(stream);
}

static enum err fill(struct store_nats *nats, struct span name, struct store_nats_stream *made)
{
    char *copy = strndup((const char *)name.ptr, name.len);

    list_init(&made->view.node);
    made->stream.store = &nats->store;
    made->stream.name = span_of(copy, name.len);
    if (copy == NULL) {
        return ERR_NOMEM;
    }
    TRY(make_epoch(nats, name, &made->stream.epoch));
    TRY(store_open_stream(nats->mirror.store, name, STORE_KEEP_ALL, &made->mirror));
    return map_insert(&nats->by_name, made->stream.name, made);
}

enum err store_nats_streams_get(struct store_nats *nats, struct span name,
                                struct store_nats_stream **ret_stream)
{
    struct store_nats_stream *stream = map_find(&nats->by_name, name);
    enum err e;

    if (stream == NULL) {
        stream = calloc(1, sizeof *stream);
        if (stream == NULL) {
            return ERR_NOMEM;
        }
        e = fill(nats, name, stream);
        if (e != OK) {
            free_stream(stream);
            return e;
        }
        list_append(&nats->streams, &stream->node);
        stream->next = stream->mirror->next_eid;
        store_nats_streams_show(nats, stream);
    }
    *ret_stream = stream;
    return OK;
}

enum err store_nats_streams_reopen(struct store_nats *nats)
{
    LIST_FOREACH (node, after, &nats->streams) {
        struct store_nats_stream *stream = LIST_ENTRY(node, struct store_nats_stream, node);

        TRY(store_open_stream(nats->mirror.store, stream->stream.name, STORE_KEEP_ALL,
                              &stream->mirror));
    }
    return OK;
}

void store_nats_streams_show(struct store_nats *nats, struct store_nats_stream *stream)
{
    const struct store_stream *mirror = stream->mirror;

    nats->bytes += mirror->bytes;
    nats->bytes -= stream->stream.bytes;
    stream->stream.first_eid = mirror->first_eid;
    stream->stream.next_eid = mirror->next_eid;
    stream->stream.count = mirror->count;
    stream->stream.bytes = mirror->bytes;
}

void store_nats_streams_show_event(struct store_nats *nats, struct store_nats_stream *stream,
                                   uint64_t eid, uint64_t bytes)
{
    struct store_stream *shown = &stream->stream;

    shown->next_eid = eid + 1;
    if (stream->keeps_none) {
        shown->first_eid = eid + 1;
        return;
    }
    shown->first_eid = shown->count == 0 ? eid : shown->first_eid;
    shown->count++;
    shown->bytes += bytes;
    nats->bytes += bytes;
}

void store_nats_streams_fini(struct store_nats *nats)
{
    map_fini(&nats->by_name);
    LIST_FOREACH (node, after, &nats->streams) {
        free_stream(LIST_ENTRY(node, struct store_nats_stream, node));
    }
    list_init(&nats->streams);
}

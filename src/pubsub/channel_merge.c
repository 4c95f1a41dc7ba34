/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "pubsub/channel_merge.h"

#include "pubsub/event_merge.h"

#include <stdlib.h>

/* Its publish id is the merged event's. */
static enum err make_change(const struct event_parts *parts, struct event **ret_change)
{
    struct event_parts change = *parts;
    struct event_header *headers = calloc(parts->header_count + 1, sizeof *headers);
    enum err e;

    if (headers == NULL) {
        return ERR_NOMEM;
    }
    if (parts->header_count > 0) {
        memcpy(headers, parts->headers, parts->header_count * sizeof *headers);
    }
    headers[parts->header_count] = (struct event_header){SPAN("delta"), SPAN("true")};
    change.headers = headers;
    change.header_count = parts->header_count + 1;
    change.publish_id = span_of(NULL, 0);
    e = event_new(0, &change, ret_change);
    free(headers);
    return e;
}

static enum err replace(struct channel_entry *entry, const struct event_parts *parts,
                        struct span body)
{
    struct event_parts whole = *parts;
    struct event *merged;
    enum err e;

    whole.body = body;
    TRY(event_new(0, &whole, &merged));
    e = make_change(parts, &entry->change);
    if (e != OK) {
        event_unref(merged);
        return e;
    }
    event_unref(entry->event);
    entry->event = merged;
    entry->links[0].has_base = true;
    return OK;
}

struct laying {
    const struct channel *channel;
    struct channel_entry *entry;
    const struct event_parts *parts;
    uint64_t eid; /* of the event before */
    enum err e;
};

/* What is stored is to be no longer than what could have been published. */
static size_t longest(const struct laying *laying)
{
    size_t max = laying->parts->merged_max;
    size_t room = laying->channel->conf.store_bytes;

    return max > 0 && max < room ? max : room;
}

static enum err lay_over(const struct laying *laying, const struct event *base)
{
    struct channel_budget *budget = laying->channel->budget;
    struct buf body;
    enum err e;

    if (event_is_expired(base, laying->parts->time)) {
        return OK;
    }
    if (channel_merge_is_over(budget)) {
        return ERR_AGAIN;
    }
    budget->merged += event_bytes(base);
    buf_init(&body, longest(laying));
    e = event_merge(base, laying->entry->event, &body);
    if (e == OK) {
        e = replace(laying->entry, laying->parts, buf_span(&body));
    }
    buf_fini(&body);
    return e == ERR_CONF ? OK : e;
}

static bool on_stored(void *ctx, const struct event *event)
{
    struct laying *laying = ctx;

    if (event->eid == laying->eid) {
        laying->e = lay_over(laying, event);
    }
    return false;
}

enum err channel_merge(const struct channel *channel, struct channel_entry *entry,
                       const struct event_parts *parts)
{
    struct laying laying = {channel, entry, parts, 0, OK};
    void *links = channel_keys_before(&channel->keys, entry->links);
    const struct channel_entry *before;
    uint64_t next;

    if (links == NULL) {
        return OK;
    }
    before = LIST_ENTRY(links, struct channel_entry, links);
    if (before->event != NULL) {
        return lay_over(&laying, before->event);
    }
    laying.eid = before->eid;
    TRY(store_read(channel->stream, before->eid, on_stored, &laying, &next));
    return laying.e;
}

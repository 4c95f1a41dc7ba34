/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "pubsub/channel.h"

#include <stdlib.h>

enum {
    FIRST_RING_SIZE = 8
};

enum err channel_init(struct channel *channel, struct span name, uint64_t epoch,
                      const struct channel_limits *limits)
{
    char *copy;

    assert(limits->capacity > 0);
    *channel = (struct channel){.epoch = epoch, .next_eid = 1, .limits = *limits};
    map_init(&channel->ids, limits->capacity + 1); /* the newest comes before the oldest goes */
    copy = malloc(name.len + 1);
    if (copy == NULL) {
        return ERR_NOMEM;
    }
    memcpy(copy, name.ptr, name.len);
    copy[name.len] = '\0';
    channel->name = span_of(copy, name.len);
    return OK;
}

static struct event **place_of(const struct channel *channel, uint64_t eid)
{
    return &channel->ring[eid & (channel->ring_size - 1)];
}

void channel_drop_oldest(struct channel *channel)
{
    struct event **place = place_of(channel, channel_first_eid(channel));

    if ((*place)->id_len > 0) {
        map_remove(&channel->ids, event_publish_id(*place));
    }
    channel->bytes -= event_bytes(*place);
    channel->count--;
    event_unref(*place);
    *place = NULL;
}

void channel_fini(struct channel *channel)
{
    while (channel->count > 0) {
        channel_drop_oldest(channel);
    }
    map_fini(&channel->ids);
    free(channel->ring);
    free((void *)(uintptr_t)channel->name.ptr);
    *channel = (struct channel){0};
}

/* Room for one more than are stored, so that an append can come before what it drops. */
static enum err grow_ring(struct channel *channel)
{
    struct channel grown = *channel;

    if (channel->count < channel->ring_size) {
        return OK;
    }
    grown.ring_size = channel->ring_size == 0 ? FIRST_RING_SIZE : channel->ring_size * 2;
    grown.ring = calloc(grown.ring_size, sizeof(struct event *));
    if (grown.ring == NULL) {
        return ERR_NOMEM;
    }
    for (uint64_t eid = channel_first_eid(channel); eid < channel->next_eid; eid++) {
        *place_of(&grown, eid) = *place_of(channel, eid);
    }
    free(channel->ring);
    channel->ring = grown.ring;
    channel->ring_size = grown.ring_size;
    return OK;
}

static enum err append(struct channel *channel, struct event **take_event)
{
    struct event *event = *take_event;
    size_t bytes = event_bytes(event);

    if (bytes > channel->limits.store_bytes) {
        return ERR_LIMIT;
    }
    TRY(grow_ring(channel));
    if (event->id_len > 0) {
        TRY(map_insert(&channel->ids, event_publish_id(event), event));
    }
    *place_of(channel, event->eid) = event;
    *take_event = NULL;
    channel->next_eid++;
    channel->count++;
    channel->bytes += bytes;
    while (channel->count > channel->limits.capacity ||
           channel->bytes > channel->limits.store_bytes) {
        channel_drop_oldest(channel);
    }
    return OK;
}

enum err channel_publish(struct channel *channel, const struct event_parts *parts,
                         struct channel_receipt *ret_receipt)
{
    struct channel_receipt receipt = {.event = NULL};
    struct event *event;
    enum err e;

    if (parts->publish_id.len > 0) {
        receipt.event = map_find(&channel->ids, parts->publish_id);
    }
    if (receipt.event != NULL) {
        receipt.is_repeat = true;
        *ret_receipt = receipt;
        return OK;
    }
    TRY(event_new(channel->next_eid, parts, &event));
    receipt.event = event;
    e = append(channel, &event);
    event_unref(event); /* NULL, unless it was refused */
    if (e == OK) {
        *ret_receipt = receipt;
    }
    return e;
}

const struct event *channel_find(const struct channel *channel, uint64_t eid)
{
    if (eid < channel_first_eid(channel) || eid >= channel->next_eid) {
        return NULL;
    }
    return *place_of(channel, eid);
}

uint64_t channel_begin(const struct channel *channel, const struct channel_start *start)
{
    uint64_t first = channel_first_eid(channel);

    switch (start->from) {
    case CHANNEL_FROM_NOW: return channel->next_eid;
    case CHANNEL_FROM_STORED: return first;
    case CHANNEL_FROM_EID: break;
    }
    if (start->has_epoch && start->epoch != channel->epoch) {
        return first; /* another life: its EIDs say nothing about what this one holds */
    }
    if (start->eid > channel->next_eid) {
        return channel->next_eid;
    }
    return start->eid < first ? first : start->eid;
}

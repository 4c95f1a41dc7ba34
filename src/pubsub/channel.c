/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "pubsub/channel.h"

#include "base/list.h"
#include "pubsub/channel_merge.h"

#include <stdlib.h>

enum err channel_init(struct channel *channel, struct span name, uint64_t epoch,
                      const struct channel_conf *conf, struct channel_budget *budget)
{
    char *copy;

    *channel = (struct channel){.epoch = epoch, .next_eid = 1, .conf = *conf, .budget = budget};
    shelf_init(&channel->shelf);
    map_init(&channel->ids, SIZE_MAX); /* never more than events, which store_bytes bounds */
    heap_init(&channel->expiries);
    channel_keys_init(&channel->keys, channel->conf.keys, channel->conf.key_count);
    copy = malloc(name.len + 1);
    if (copy == NULL) {
        return ERR_NOMEM;
    }
    memcpy(copy, name.ptr, name.len);
    copy[name.len] = '\0';
    channel->name = span_of(copy, name.len);
    return OK;
}

static struct span id_of(const struct channel_entry *entry)
{
    return span_of(entry->id, entry->id_len);
}

static void entry_free(struct channel *channel, struct channel_entry *entry)
{
    if (entry->id_len > 0 && map_find(&channel->ids, id_of(entry)) == entry) {
        map_remove(&channel->ids, id_of(entry));
    }
    heap_remove(&channel->expiries, &entry->due);
    channel_keys_leave(&channel->keys, entry->links, entry->eid > 0);
    event_unref(entry->event);
    event_unref(entry->change);
    free(entry);
}

/* Not in memory any more. */
static void release(struct channel *channel, struct channel_entry *entry)
{
    if (entry->event != NULL) {
        channel->held_bytes -= entry->bytes;
        channel->budget->used -= entry->bytes;
        event_unref(entry->event);
        entry->event = NULL;
    }
}

static void drop(struct channel *channel, struct channel_entry *entry, enum channel_drop why)
{
    if (why == CHANNEL_DROP_FULL && entry->eid > channel->lost_eid) {
        channel->lost_eid = entry->eid;
    }
    shelf_take(&channel->shelf, entry->eid);
    channel->bytes -= entry->bytes;
    if (channel->watcher.on_drop != NULL) {
        channel->watcher.on_drop(channel->watcher.ctx, entry, why);
    }
    release(channel, entry);
    entry_free(channel, entry);
}

void channel_fini(struct channel *channel)
{
    struct channel_entry *entry;

    assert(channel->prepared == 0);
    channel->watcher.on_drop = NULL;
    while ((entry = shelf_first(&channel->shelf)) != NULL) {
        drop(channel, entry, CHANNEL_DROP_REMOVED);
    }
    shelf_fini(&channel->shelf);
    map_fini(&channel->ids);
    heap_fini(&channel->expiries);
    channel_keys_fini(&channel->keys);
    free((void *)(uintptr_t)channel->name.ptr);
    *channel = (struct channel){0};
}

/* ---- publishing ---- */

static uint64_t ttl_of(const struct channel *channel, const struct event_parts *parts)
{
    uint64_t longest = channel->conf.ttl == 0 ? UINT64_MAX : channel->conf.ttl;

    if (parts->ttl == 0) {
        return channel->conf.ttl;
    }
    return parts->ttl < longest ? parts->ttl : longest;
}

static enum err entry_new(const struct channel *channel, struct span id,
                          struct channel_entry **ret_entry)
{
    size_t links_len = channel->keys.count * sizeof(struct channel_keys_link);
    struct channel_entry *entry = calloc(1, sizeof *entry + links_len + id.len);
    uint8_t *room;

    if (entry == NULL) {
        return ERR_NOMEM;
    }
    room = (uint8_t *)entry->links + links_len;
    entry->id = room;
    entry->id_len = id.len;
    if (id.len > 0) {
        memcpy(room, id.ptr, id.len);
    }
    *ret_entry = entry;
    return OK;
}

static enum err find_groups(struct channel *channel, struct channel_entry *entry,
                            const struct event *event)
{
    struct event_source source;
    enum err e;

    if (channel->keys.count == 0) {
        return OK;
    }
    event_source_init(&source, event, channel->name);
    e = channel_keys_enter(&channel->keys, &source, entry->links);
    event_source_fini(&source);
    return e;
}

/* Places for it wherever it will have to be. */
static enum err reserve(struct channel *channel, struct channel_entry *entry,
                        const struct event *event)
{
    TRY(shelf_reserve(&channel->shelf, channel->prepared + 1));
    TRY(find_groups(channel, entry, event));
    if (event->expiry != EVENT_NEVER) {
        entry->due.at = MSEC_NEVER; /* not due before it is published */
        TRY(heap_push(&channel->expiries, &entry->due));
    }
    return entry->id_len == 0 ? OK : map_insert(&channel->ids, id_of(entry), entry);
}

static enum err fill_entry(struct channel *channel, struct channel_entry *entry,
                           const struct event_parts *parts)
{
    struct event_parts own = *parts;

    own.ttl = ttl_of(channel, parts);
    TRY(event_new(0, &own, &entry->event));
    TRY(reserve(channel, entry, entry->event));
    if (parts->is_change) {
        TRY(channel_merge(channel, entry, &own));
    }
    entry->bytes = event_bytes(entry->event);
    return entry->bytes > channel->conf.store_bytes ? ERR_LIMIT : OK;
}

enum err channel_prepare(struct channel *channel, const struct event_parts *parts,
                         struct channel_entry **ret_entry, bool *ret_is_repeat)
{
    struct span id = parts->publish_id;
    struct channel_entry *entry = id.len == 0 ? NULL : map_find(&channel->ids, id);
    bool is_repeat = entry != NULL;
    enum err e = OK;

    if (!is_repeat) {
        TRY(entry_new(channel, id, &entry));
        e = fill_entry(channel, entry, parts);
    }
    if (e != OK) {
        entry_free(channel, entry);
        return e;
    }
    channel->prepared += !is_repeat;
    *ret_entry = entry;
    *ret_is_repeat = is_repeat;
    return OK;
}

void channel_abandon(struct channel *channel, struct channel_entry *entry)
{
    assert(entry->eid == 0 && channel->prepared > 0);
    channel->prepared--;
    entry_free(channel, entry);
}

static bool is_over(const struct channel *channel)
{
    const struct channel_conf *conf = &channel->conf;

    return (conf->capacity > 0 && channel_count(channel) > conf->capacity) ||
           channel->bytes > conf->store_bytes ||
           /* The newest stays in any case. */
           (channel->stream == NULL && channel->budget->used > channel->budget->max &&
            channel_count(channel) > 1);
}

/* The oldest events leave the memory, or the channel. */
static void shrink(struct channel *channel)
{
    while (channel->stream != NULL && (channel->held_bytes > channel->conf.memory_bytes ||
                                       channel->budget->used > channel->budget->max)) {
        struct channel_entry *entry = shelf_from(&channel->shelf, channel->held_eid);

        if (entry == NULL || entry->eid + 1 == channel->next_eid) {
            break; /* the newest is about to be looked at */
        }
        release(channel, entry);
        channel->held_eid = entry->eid + 1;
    }
    while (is_over(channel)) {
        drop(channel, shelf_first(&channel->shelf), CHANNEL_DROP_FULL);
    }
}

static void put(struct channel *channel, struct channel_entry *entry, uint64_t eid,
                uint64_t expiry)
{
    entry->eid = eid;
    channel->next_eid = eid + 1;
    if (heap_has(&entry->due)) {
        heap_move(&channel->expiries, &entry->due, expiry);
    }
    shelf_put(&channel->shelf, eid, entry);
    channel->bytes += entry->bytes;
    channel_keys_count(&channel->keys, entry->links);
}

/* Older events with the same value of a key go. */
static void replace(struct channel *channel, const struct channel_entry *entry)
{
    struct channel_keys_link *link;
    size_t key;

    while ((link = channel_keys_over(&channel->keys, entry->links, &key)) != NULL) {
        void *first = link - key; /* of the links of its entry */

        drop(channel, LIST_ENTRY(first, struct channel_entry, links), CHANNEL_DROP_REPLACED);
    }
}

/* Whether everybody who has got all there is at `now` has got what the change builds on. */
static bool has_base(const struct channel *channel, const struct channel_entry *entry,
                     uint64_t now)
{
    void *links = channel_keys_before(&channel->keys, entry->links);
    const struct channel_entry *before;

    if (links == NULL || !entry->links[0].has_base) {
        return false;
    }
    before = LIST_ENTRY(links, struct channel_entry, links);
    return before->eid > 0 && (!heap_has(&before->due) || before->due.at > now);
}

struct event *channel_take_change(const struct channel *channel, struct channel_entry *entry,
                                  uint64_t eid, uint64_t now)
{
    struct event *change = entry->change;

    if (change == NULL) {
        return NULL;
    }
    entry->change = NULL;
    if (!has_base(channel, entry, now)) {
        event_unref(change);
        return NULL;
    }
    change->eid = eid; /* nobody has looked at it yet */
    return change;
}

/* The newest one, whose event is in memory. */
static void settle(struct channel *channel, const struct channel_entry *entry)
{
    channel->held_bytes += entry->bytes;
    channel->budget->used += entry->bytes;
    replace(channel, entry);
    shrink(channel);
}

struct event *channel_commit(struct channel *channel, struct channel_entry *entry, uint64_t eid)
{
    assert(entry->eid == 0 && channel->prepared > 0 && eid >= channel->next_eid);
    channel->prepared--;
    entry->publisher = NULL;
    entry->event->eid = eid; /* nobody else has looked at it yet */
    put(channel, entry, eid, entry->event->expiry);
    settle(channel, entry);
    return entry->event;
}

/* ---- what is in the stream already ---- */

/* An entry for it, with all that it needs. */
static enum err enter(struct channel *channel, const struct event *event,
                      struct channel_entry **ret_entry)
{
    struct span id = event_publish_id(event);
    struct channel_entry *same = id.len == 0 ? NULL : map_find(&channel->ids, id);
    struct channel_entry *entry;
    enum err e;

    if (same != NULL && same->eid > 0) {
        id.len = 0; /* nothing of ours wrote that: both stay, the first one counts */
    } else if (same != NULL) {
        /* Ours comes second, as its publisher will hear. Should there be no memory below, a
         * further repeat is found by the store. */
        map_remove(&channel->ids, id);
    }
    TRY(entry_new(channel, id, &entry));
    entry->bytes = event_bytes(event);
    e = reserve(channel, entry, event);
    if (e != OK) {
        entry_free(channel, entry);
        return e;
    }
    *ret_entry = entry;
    return OK;
}

enum err channel_take(struct channel *channel, struct event *event)
{
    struct channel_entry *entry;

    assert(event->eid >= channel->next_eid);
    TRY(enter(channel, event, &entry));
    entry->event = event_ref(event);
    put(channel, entry, event->eid, event->expiry);
    settle(channel, entry);
    return OK;
}

void channel_lose(struct channel *channel, uint64_t eid)
{
    assert(eid >= channel->next_eid);
    channel->lost_eid = eid;
    channel->next_eid = eid + 1;
}

struct restore {
    struct channel *channel;
    uint64_t now;
    enum err e;
};

static bool on_restored(void *ctx, const struct event *event)
{
    struct restore *restore = ctx;
    struct channel *channel = restore->channel;
    struct channel_entry *entry;

    restore->e = enter(channel, event, &entry);
    if (restore->e != OK) {
        return false;
    }
    put(channel, entry, event->eid, event->expiry);
    if (event_is_expired(event, restore->now)) {
        /* It may have gone long ago, and the store was not told in time: no other makes room
         * for it. */
        drop(channel, entry, CHANNEL_DROP_EXPIRED);
    } else {
        replace(channel, entry);
    }
    return true;
}

enum err channel_restore_some(struct channel *channel, struct store_stream *stream,
                              uint64_t now, bool *ret_is_all)
{
    struct restore restore = {.channel = channel, .now = now};
    uint64_t eid =
        channel->next_eid > stream->first_eid ? channel->next_eid : stream->first_eid;

    channel->stream = stream;
    channel->epoch = stream->epoch;
    if (eid < stream->next_eid) {
        TRY(store_read(stream, eid, on_restored, &restore, &eid));
        TRY(restore.e);
    }
    channel->next_eid = eid;
    *ret_is_all = eid >= stream->next_eid;
    if (*ret_is_all) {
        channel->next_eid = stream->next_eid;
        channel->held_eid = stream->next_eid;
        shrink(channel); /* less may be stored now, by the configuration */
    }
    return OK;
}

enum err channel_restore(struct channel *channel, struct store_stream *stream, uint64_t now)
{
    bool is_all = false;

    while (!is_all) {
        TRY(channel_restore_some(channel, stream, now, &is_all));
    }
    return OK;
}

/* ---- reading ---- */

/* One run over events that are in the store alone. */
struct run {
    const struct channel *channel;
    channel_visit *visit;
    void *ctx;
    uint64_t now;
    uint64_t next_eid; /* behind the last one that was looked at */
    bool is_enough;
    bool is_lost;
    uint64_t corrupt_count; /* of the stream, before */
};

/* The store does not show what is here before this event: another realm has dropped it, and
 * will be heard of in a moment. It may have made room, and is lost to readers then. */
static bool is_lost_before(const struct run *run, uint64_t eid)
{
    const struct channel *channel = run->channel;
    const struct channel_entry *next = shelf_from(&channel->shelf, run->next_eid);
    bool is_bounded =
        channel->conf.capacity > 0 || channel->bytes > channel->conf.store_bytes / 2;

    if (!channel->stream->store->is_shared || !is_bounded || next == NULL || next->eid >= eid ||
        next->event != NULL || channel->stream->corrupt_count != run->corrupt_count) {
        return false;
    }
    return !heap_has(&next->due) || next->due.at > run->now;
}

static bool on_store_event(void *ctx, const struct event *event)
{
    struct run *run = ctx;
    const struct channel_entry *entry = shelf_find(&run->channel->shelf, event->eid);

    if (entry != NULL && entry->event != NULL) {
        return false; /* in memory again */
    }
    run->is_lost = is_lost_before(run, event->eid);
    if (run->is_lost) {
        return false;
    }
    run->next_eid = event->eid + 1;
    if (entry != NULL && !event_is_expired(event, run->now)) {
        run->is_enough = !run->visit(run->ctx, event);
    }
    return !run->is_enough;
}

static enum err read_store(struct run *run, uint64_t eid)
{
    uint64_t next;

    run->next_eid = eid;
    run->corrupt_count = run->channel->stream->corrupt_count;
    TRY(store_read(run->channel->stream, eid, on_store_event, run, &next));
    if (run->next_eid == eid && !run->is_lost) { /* nothing was shown */
        run->is_lost = is_lost_before(run, UINT64_MAX);
        run->next_eid = eid + 1; /* its record cannot be read */
    }
    return run->is_lost ? ERR_LIMIT : OK;
}

enum err channel_read(const struct channel *channel, uint64_t eid, uint64_t now,
                      channel_visit *visit, void *ctx)
{
    struct run run = {
        .channel = channel, .visit = visit, .ctx = ctx, .now = now, .next_eid = eid};
    const struct channel_entry *entry;

    if (eid <= channel->lost_eid) {
        return ERR_LIMIT;
    }
    while (!run.is_enough && (entry = shelf_from(&channel->shelf, run.next_eid)) != NULL) {
        if (entry->event == NULL) {
            TRY(read_store(&run, entry->eid));
            continue;
        }
        run.next_eid = entry->eid + 1;
        run.is_enough = !event_is_expired(entry->event, now) && !visit(ctx, entry->event);
    }
    return OK;
}

uint64_t channel_first_eid(const struct channel *channel)
{
    const struct channel_entry *first = shelf_first(&channel->shelf);

    return first == NULL ? channel->next_eid : first->eid;
}

uint64_t channel_begin(const struct channel *channel, const struct channel_start *start)
{
    uint64_t first = channel_first_eid(channel);

    if (start->from == CHANNEL_FROM_NOW || channel->conf.type == CHANNEL_TRANSIENT) {
        return channel->next_eid;
    }
    if (start->from == CHANNEL_FROM_STORED) {
        return first;
    }
    if (start->has_epoch && start->epoch != channel->epoch) {
        return first; /* another life: its EIDs say nothing about what this one holds */
    }
    if (start->eid > channel->next_eid) {
        return channel->next_eid;
    }
    return start->eid < first ? first : start->eid;
}

/* ---- leaving ---- */

bool channel_remove(struct channel *channel, uint64_t eid)
{
    struct channel_entry *entry = shelf_find(&channel->shelf, eid);

    if (entry == NULL) {
        return false;
    }
    drop(channel, entry, CHANNEL_DROP_REMOVED);
    return true;
}

size_t channel_remove_all(struct channel *channel, uint64_t first_eid, uint64_t last_eid)
{
    struct channel_entry *entry;
    size_t count = 0;

    while ((entry = shelf_from(&channel->shelf, first_eid)) != NULL && entry->eid <= last_eid) {
        drop(channel, entry, CHANNEL_DROP_REMOVED);
        count++;
    }
    return count;
}

size_t channel_purge(struct channel *channel, uint64_t eid)
{
    return eid == 0 ? 0 : channel_remove_all(channel, 0, eid - 1);
}

uint64_t channel_deadline(const struct channel *channel)
{
    const struct heap_node *first = heap_peek(&channel->expiries);

    return first == NULL ? EVENT_NEVER : first->at;
}

void channel_expire(struct channel *channel, uint64_t now)
{
    struct heap_node *node;

    while ((node = heap_peek(&channel->expiries)) != NULL && node->at <= now) {
        drop(channel, LIST_ENTRY(node, struct channel_entry, due), CHANNEL_DROP_EXPIRED);
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "pubsub/view.h"

#include <stdlib.h>

enum {
    KEEP_BYTES_PER_CURSOR = 1024, /* room that an idle view keeps for the next event */
    KEEP_BYTES = 64 * 1024,
    LOOK_MAX = 1000, /* stored events that one peek looks through */
};

void view_room_init(struct view_room *room, size_t frame_bytes, size_t ring_bytes)
{
    *room = (struct view_room){.budget = {.max = ring_bytes}};
    buf_init(&room->scratch, frame_bytes);
    list_init(&room->dirty);
}

void view_room_fini(struct view_room *room)
{
    assert(room->budget.used == 0 && list_is_empty(&room->dirty));
    buf_fini(&room->scratch);
}

void view_set_init(struct view_set *set, struct channel *channel,
                   const struct view_limits *limits, struct view_room *room)
{
    *set = (struct view_set){.channel = channel, .limits = *limits, .room = room};
    map_init(&set->views, SIZE_MAX); /* never more than cursors, which sessions bound */
    list_init(&set->list);
    list_init(&set->filters);
}

void view_set_fini(struct view_set *set)
{
    assert(list_is_empty(&set->list) && list_is_empty(&set->filters));
    map_fini(&set->views);
}

/* ---- views and their filters ---- */

static struct view_filter *find_filter(const struct view_set *set,
                                       const struct selector *selector)
{
    LIST_FOREACH (node, after, (struct list *)(uintptr_t)&set->filters) {
        struct view_filter *filter = LIST_ENTRY(node, struct view_filter, node);

        if (span_equal(selector_text(filter->selector), selector_text(selector))) {
            return filter;
        }
    }
    return NULL;
}

/* *ret_filter is NULL where there is no selector. */
static enum err filter_enter(struct view_set *set, struct selector *selector,
                             struct view_filter **ret_filter)
{
    struct view_filter *filter = selector == NULL ? NULL : find_filter(set, selector);

    if (filter == NULL && selector != NULL) {
        filter = calloc(1, sizeof *filter);
        if (filter == NULL) {
            return ERR_NOMEM;
        }
        filter->selector = selector_ref(selector);
        list_append(&set->filters, &filter->node);
    }
    if (filter != NULL) {
        filter->views++;
    }
    *ret_filter = filter;
    return OK;
}

static void filter_leave(struct view_filter *filter)
{
    if (filter == NULL || --filter->views > 0) {
        return;
    }
    list_remove(&filter->node);
    selector_unref(filter->selector);
    free(filter);
}

enum {
    KEY_HEAD = 1 + sizeof(struct view_filter *)
};

static struct span view_id(const struct view *view)
{
    return span_of(view->key + KEY_HEAD, view->key_len - KEY_HEAD);
}

static size_t write_key(uint8_t *key, const struct view_form *form,
                        const struct view_filter *filter, struct span id)
{
    key[0] = (uint8_t)form->tag;
    memcpy(key + 1, &filter, sizeof filter);
    if (id.len > 0) {
        memcpy(key + KEY_HEAD, id.ptr, id.len);
    }
    return KEY_HEAD + id.len;
}

static void view_free(struct view_set *set, struct view *view)
{
    map_remove(&set->views, span_of(view->key, view->key_len));
    list_remove(&view->node);
    list_remove(&view->dirty);
    view_ring_fini(&view->ring);
    filter_leave(view->filter);
    free(view);
}

static enum err view_new(struct view_set *set, const struct view_kind *kind,
                         struct view_filter *filter, struct view **ret_view)
{
    struct view *view = calloc(1, sizeof *view + KEY_HEAD + kind->id.len);
    enum err e;

    if (view == NULL) {
        return ERR_NOMEM;
    }
    view->form = kind->form;
    view->filter = filter;
    view->channel = set->channel;
    view->key_len = write_key(view->key, kind->form, filter, kind->id);
    view_ring_init(&view->ring, set->limits.ring_bytes, &set->room->budget,
                   set->channel->next_eid);
    list_init(&view->cursors);
    list_init(&view->node);
    list_init(&view->dirty);
    e = map_insert(&set->views, span_of(view->key, view->key_len), view);
    if (e != OK) {
        free(view);
        return e;
    }
    list_append(&set->list, &view->node);
    *ret_view = view;
    return OK;
}

/* Finds or makes it. */
static enum err view_open(struct view_set *set, const struct view_kind *kind,
                          struct view **ret_view)
{
    uint8_t key[VIEW_KEY_MAX];
    struct view_filter *filter;
    struct view *view;
    enum err e;

    TRY(filter_enter(set, kind->selector, &filter));
    view = map_find(&set->views, span_of(key, write_key(key, kind->form, filter, kind->id)));
    if (view != NULL) {
        filter_leave(filter); /* the view counts once */
        *ret_view = view;
        return OK;
    }
    e = view_new(set, kind, filter, ret_view);
    if (e != OK) {
        filter_leave(filter);
    }
    return e;
}

/* ---- events ---- */

/* Framed, in the set's scratch room. */
static enum err frame(struct view_set *set, const struct view *view, const struct event *event)
{
    buf_truncate(&set->room->scratch, 0);
    TRY(view->form->encode(view->form->ctx, view->channel->name, view_id(view), event,
                           &set->room->scratch));
    assert(set->room->scratch.len > 0);
    return OK;
}

/* Room is kept in proportion to those who use it: an idle private view holds next to none. */
static void shrink(struct view *view)
{
    size_t keep = view->cursor_count * KEEP_BYTES_PER_CURSOR;

    view_ring_shrink(&view->ring, keep > KEEP_BYTES ? KEEP_BYTES : keep);
}

static void mark_dirty(struct view_room *room, struct view *view)
{
    if (list_is_empty(&view->dirty)) {
        list_append(&room->dirty, &view->dirty);
    }
}

/* The cursor is about to fall off the ring: what it has begun to send goes along. */
static void rescue(struct view_cursor *cursor)
{
    struct view_ring *ring = &cursor->view->ring;
    struct view_ring_place begin = cursor->place;
    size_t owed, sent = begin.sent;

    if (sent == 0 && cursor->offered == 0) {
        view_ring_note(ring, &cursor->place);
        view_ring_leave(ring, &cursor->place);
        return;
    }
    owed = view_ring_owed(ring, &begin, cursor->offered);
    view_ring_note(ring, &begin);
    begin.sent = 0;
    cursor->is_lost = buf_append(&cursor->own, view_ring_peek(ring, &begin, sent + owed)) != OK;
    cursor->own_sent = sent;
    cursor->own_eid = begin.eid;
    cursor->offered = 0;
    cursor->delivered += view_ring_advance(ring, &cursor->place, owed);
}

/* Cursors that stand at the first event, or all of them. */
static void rescue_cursors(struct view *view, bool all)
{
    uint64_t first = view->ring.first;

    LIST_FOREACH (node, after, &view->cursors) {
        struct view_cursor *cursor = LIST_ENTRY(node, struct view_cursor, node);

        if (view_ring_has(&view->ring, &cursor->place) &&
            (all || cursor->place.number == first)) {
            rescue(cursor);
        }
    }
}

static enum err make_room(struct view *view, size_t len)
{
    struct view_ring *ring = &view->ring;
    enum err e;

    while ((e = view_ring_fit(ring, len)) == ERR_LIMIT && !view_ring_is_empty(ring)) {
        uint64_t first = ring->first;

        rescue_cursors(view, false);
        if (ring->first == first) { /* nobody is left there, but somebody was */
            view_ring_forget(ring);
        }
    }
    return e;
}

static size_t view_append(struct view_set *set, struct view *view, const struct event *event)
{
    struct view_ring *ring = &view->ring;

    if (ring->live > 0 && frame(set, view, event) == OK &&
        set->room->scratch.len <= ring->max && make_room(view, set->room->scratch.len) == OK) {
        view_ring_put(ring, event->eid, buf_span(&set->room->scratch));
        return set->room->scratch.len;
    }
    /* Nobody is near, the frame is longer than the ring, or there is no memory: every cursor
     * finds it among the stored events. */
    rescue_cursors(view, true);
    LIST_FOREACH (node, after, &view->cursors) {
        struct view_cursor *cursor = LIST_ENTRY(node, struct view_cursor, node);

        if (view_ring_has(ring, &cursor->place)) { /* moved on by its rescue */
            view_ring_note(ring, &cursor->place);
            view_ring_leave(ring, &cursor->place);
        }
    }
    view_ring_reset(ring, event->eid + 1);
    shrink(view);
    return 0;
}

/* Each selector looks at the event once, whatever number of views has it. */
static void judge(struct view_set *set, struct event_source *source)
{
    LIST_FOREACH (node, after, &set->filters) {
        struct view_filter *filter = LIST_ENTRY(node, struct view_filter, node);

        filter->is_match = event_source_matches(source, filter->selector);
    }
}

size_t view_set_append(struct view_set *set, struct event_source *source)
{
    const struct event *event = source->event;
    size_t bytes = 0;

    judge(set, source);
    LIST_FOREACH (node, after, &set->list) {
        struct view *view = LIST_ENTRY(node, struct view, node);

        if (view->filter != NULL && !view->filter->is_match) {
            view_ring_skip(&view->ring, event->eid);
            continue;
        }
        bytes += view_append(set, view, event);
        mark_dirty(set->room, view);
    }
    return bytes;
}

void view_set_lose(struct view_set *set)
{
    LIST_FOREACH (node, after, &set->list) {
        struct view *view = LIST_ENTRY(node, struct view, node);

        LIST_FOREACH (place, next, &view->cursors) {
            LIST_ENTRY(place, struct view_cursor, node)->is_lost = true;
        }
        mark_dirty(set->room, view);
    }
}

struct view *view_next_dirty(struct view_room *room)
{
    struct list *first = room->dirty.next;

    if (list_is_empty(&room->dirty)) {
        return NULL;
    }
    list_remove(first);
    return LIST_ENTRY(first, struct view, dirty);
}

enum err view_attach(struct view_set *set, const struct view_kind *kind, uint64_t eid,
                     struct view_cursor *cursor)
{
    struct view *view;

    assert(kind->id.len <= VIEW_ID_MAX && eid <= set->channel->next_eid);
    TRY(view_open(set, kind, &view));
    *cursor = (struct view_cursor){.set = set, .view = view, .place = {.eid = eid}};
    /* One offer, and the whole frames at its two ends. */
    buf_init(&cursor->own, VIEW_GATHER_BYTES + 2 * set->limits.frame_bytes);
    list_append(&view->cursors, &cursor->node);
    view->cursor_count++;
    view_ring_enter(&view->ring, &cursor->place);
    return OK;
}

void view_detach(struct view_cursor *cursor)
{
    struct view *view = cursor->view;

    if (view == NULL) {
        return;
    }
    buf_fini(&cursor->own);
    view_ring_leave(&view->ring, &cursor->place);
    list_remove(&cursor->node);
    cursor->view = NULL;
    view->cursor_count--;
    if (view->cursor_count == 0) {
        view_free(cursor->set, view);
    }
}

/* One run over stored events, for one cursor. */
struct run {
    struct view_cursor *cursor;
    unsigned looked;
    bool is_full; /* the run ended before the stored events did */
    enum err e;   /* of framing; it matters for the first frame only */
};

static bool is_wanted(const struct view *view, const struct event *event)
{
    struct event_source source;
    bool is_match;

    if (view->filter == NULL) {
        return true;
    }
    event_source_init(&source, event, view->channel->name);
    is_match = event_source_matches(&source, view->filter->selector);
    event_source_fini(&source);
    return is_match;
}

static bool on_stored(void *ctx, const struct event *event)
{
    struct run *run = ctx;
    struct view_cursor *cursor = run->cursor;

    if (cursor->own.len >= VIEW_GATHER_BYTES || run->looked == LOOK_MAX) {
        run->is_full = true;
        return false;
    }
    run->looked++;
    if (!is_wanted(cursor->view, event)) {
        cursor->place.eid = event->eid + 1;
        return true;
    }
    run->e = frame(cursor->set, cursor->view, event);
    if (run->e == OK) {
        run->e = buf_append(&cursor->own, buf_span(&cursor->set->room->scratch));
    }
    if (run->e != OK) {
        run->is_full = true;
        return false;
    }
    if (cursor->own_eid == 0) {
        cursor->own_eid = event->eid;
    }
    cursor->delivered++;
    cursor->place.eid = event->eid + 1;
    return true;
}

/* Reads stored events from the cursor on. One that is too slow for them goes on with the newest
 * where the channel is like that, and the EIDs tell it. */
static enum err read_stored(struct view_cursor *cursor, struct run *run)
{
    const struct channel *channel = cursor->view->channel;
    uint64_t now = cursor->set->room->now;
    uint64_t newest = channel->next_eid - 1;
    enum err e = channel_read(channel, cursor->place.eid, now, on_stored, run);

    if (e != ERR_LIMIT || channel->conf.slow != CHANNEL_SLOW_SKIP || cursor->own.len > 0 ||
        cursor->place.eid >= newest) {
        return e;
    }
    cursor->skipped += newest - cursor->place.eid;
    cursor->place.eid = newest;
    return channel_read(channel, newest, now, on_stored, run);
}

/* Frame stored events for this cursor alone, as many as one peek may offer. A failure behind
 * the first frame only ends the run. */
static enum err fill_own(struct view_cursor *cursor)
{
    const struct view *view = cursor->view;
    struct run run = {.cursor = cursor};
    enum err e;

    cursor->own_eid = 0;
    e = read_stored(cursor, &run);
    if (cursor->own.len == 0) {
        TRY(e);
        TRY(run.e);
    }
    if (e == OK && !run.is_full) {
        cursor->place.eid = view->channel->next_eid;
    }
    view_ring_enter(&cursor->view->ring, &cursor->place);
    if (cursor->own.len == 0 && run.is_full) { /* the others' turn */
        mark_dirty(cursor->set->room, cursor->view);
    }
    return OK;
}

enum err view_peek(struct view_cursor *cursor, struct span *ret_bytes)
{
    const struct view *view = cursor->view;

    if (cursor->is_lost) {
        return ERR_LIMIT;
    }
    if (cursor->own.len == 0 && !view_ring_has(&view->ring, &cursor->place)) {
        TRY(fill_own(cursor));
    }
    if (cursor->own.len > 0) {
        *ret_bytes =
            span_head(span_tail(buf_span(&cursor->own), cursor->own_sent), VIEW_GATHER_BYTES);
        return OK;
    }
    if (!view_ring_has(&view->ring, &cursor->place)) {
        return ERR_AGAIN;
    }
    *ret_bytes = view_ring_peek(&view->ring, &cursor->place, VIEW_GATHER_BYTES);
    cursor->offered = ret_bytes->len;
    return ret_bytes->len == 0 ? ERR_AGAIN : OK;
}

void view_sent(struct view_cursor *cursor, size_t len)
{
    if (cursor->own.len > 0) {
        cursor->own_sent += len;
        assert(cursor->own_sent <= cursor->own.len);
        if (cursor->own_sent == cursor->own.len) {
            cursor->own_sent = 0;
            buf_fini(&cursor->own);
        }
        return;
    }
    cursor->offered = 0;
    cursor->delivered += view_ring_advance(&cursor->view->ring, &cursor->place, len);
    shrink(cursor->view);
}

uint64_t view_position(const struct view_cursor *cursor)
{
    struct view_ring_place place = cursor->place;

    if (cursor->own.len > 0) {
        return cursor->own_eid;
    }
    if (view_ring_has(&cursor->view->ring, &place)) {
        view_ring_note(&cursor->view->ring, &place);
    }
    return place.eid;
}

size_t view_owed(const struct view_cursor *cursor, size_t offered)
{
    if (cursor->own.len > 0) { /* where its frames end is not known: all of it */
        return cursor->own.len - cursor->own_sent;
    }
    return view_ring_owed(&cursor->view->ring, &cursor->place, offered);
}

enum err view_copy_owed(struct view_cursor *cursor, size_t offered, struct buf *out)
{
    while (view_is_inside(cursor) || offered > 0) {
        struct span bytes;

        TRY(view_peek(cursor, &bytes));
        bytes = span_head(bytes, view_owed(cursor, offered));
        TRY(buf_append(out, bytes));
        offered -= bytes.len < offered ? bytes.len : offered;
        view_sent(cursor, bytes.len);
    }
    return OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "pubsub/view.h"

#include <stdlib.h>

enum {
    KEEP_BYTES_PER_CURSOR = 1024, /* room that an idle view keeps for the next event */
    KEEP_BYTES = 64 * 1024,
};

void view_set_init(struct view_set *set, struct channel *channel,
                   const struct view_limits *limits, struct view_room *room)
{
    *set = (struct view_set){.channel = channel, .limits = *limits, .room = room};
    map_init(&set->views, SIZE_MAX); /* never more than cursors, which sessions bound */
    list_init(&set->list);
}

void view_set_fini(struct view_set *set)
{
    assert(list_is_empty(&set->list));
    map_fini(&set->views);
}

static struct span view_id(const struct view *view)
{
    return span_of(view->key + 1, view->key_len - 1);
}

static void view_free(struct view_set *set, struct view *view)
{
    map_remove(&set->views, span_of(view->key, view->key_len));
    list_remove(&view->node);
    list_remove(&view->dirty);
    view_ring_fini(&view->ring);
    free(view);
}

static enum err view_new(struct view_set *set, const struct view_form *form, struct span id,
                         struct view **ret_view)
{
    struct view *view = calloc(1, sizeof *view + 1 + id.len);
    enum err e;

    if (view == NULL) {
        return ERR_NOMEM;
    }
    view->form = form;
    view->channel = set->channel;
    view->key_len = 1 + id.len;
    view->key[0] = (uint8_t)form->tag;
    if (id.len > 0) {
        memcpy(view->key + 1, id.ptr, id.len);
    }
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

static struct view *find_view(const struct view_set *set, const struct view_form *form,
                              struct span id)
{
    uint8_t key[1 + VIEW_ID_MAX];

    key[0] = (uint8_t)form->tag;
    if (id.len > 0) {
        memcpy(key + 1, id.ptr, id.len);
    }
    return map_find(&set->views, span_of(key, 1 + id.len));
}

/* Framed, in the set's scratch room. */
static enum err frame(struct view_set *set, const struct view *view, const struct event *event)
{
    buf_truncate(&set->room->scratch, 0);
    TRY(view->form->encode(view->channel->name, view_id(view), event, &set->room->scratch));
    assert(set->room->scratch.len > 0);
    return OK;
}

/* Room is kept in proportion to those who use it: an idle private view holds next to none. */
static void shrink(struct view *view)
{
    size_t keep = view->cursor_count * KEEP_BYTES_PER_CURSOR;

    view_ring_shrink(&view->ring, keep > KEEP_BYTES ? KEEP_BYTES : keep);
}

static size_t view_append(struct view_set *set, struct view *view, const struct event *event)
{
    assert(view->ring.next == event->eid);
    if (view->ring.live > 0 && frame(set, view, event) == OK &&
        view_ring_put(&view->ring, buf_span(&set->room->scratch)) == OK) {
        return set->room->scratch.len;
    }
    /* Nobody is near, the frame is longer than the ring, or there is no memory: every cursor
     * finds it among the stored events. */
    view_ring_reset(&view->ring, event->eid + 1);
    shrink(view);
    return 0;
}

size_t view_set_append(struct view_set *set, const struct event *event, struct list *dirty)
{
    size_t bytes = 0;

    LIST_FOREACH (node, after, &set->list) {
        struct view *view = LIST_ENTRY(node, struct view, node);

        bytes += view_append(set, view, event);
        if (list_is_empty(&view->dirty)) {
            list_append(dirty, &view->dirty);
        }
    }
    return bytes;
}

struct view *view_next_dirty(struct list *dirty)
{
    struct list *first = dirty->next;

    if (list_is_empty(dirty)) {
        return NULL;
    }
    list_remove(first);
    return LIST_ENTRY(first, struct view, dirty);
}

enum err view_attach(struct view_set *set, const struct view_form *form, struct span id,
                     uint64_t eid, struct view_cursor *cursor)
{
    struct view *view;

    assert(id.len <= VIEW_ID_MAX && eid <= set->channel->next_eid);
    view = find_view(set, form, id);
    if (view == NULL) {
        TRY(view_new(set, form, id, &view));
    }
    *cursor = (struct view_cursor){.set = set, .view = view, .place = {.eid = eid}};
    buf_init(&cursor->own, VIEW_GATHER_BYTES + set->limits.frame_bytes);
    list_append(&view->cursors, &cursor->node);
    view->cursor_count++;
    view_ring_enter(&view->ring, eid);
    return OK;
}

void view_detach(struct view_cursor *cursor)
{
    struct view *view = cursor->view;

    if (view == NULL) {
        return;
    }
    buf_fini(&cursor->own);
    view_ring_leave(&view->ring, cursor->place.eid);
    list_remove(&cursor->node);
    cursor->view = NULL;
    view->cursor_count--;
    if (view->cursor_count == 0) {
        view_free(cursor->set, view);
    }
}

static void move(struct view_cursor *cursor, uint64_t eid)
{
    struct view_ring *ring = &cursor->view->ring;
    uint64_t from = cursor->place.eid;

    cursor->place = (struct view_ring_place){.eid = eid};
    view_ring_enter(ring, eid);
    view_ring_leave(ring, from);
}

static enum err append_own(struct view_cursor *cursor, uint64_t eid)
{
    const struct event *event = channel_find(cursor->view->channel, eid);

    if (event == NULL) {
        return ERR_LIMIT;
    }
    TRY(frame(cursor->set, cursor->view, event));
    return buf_append(&cursor->own, buf_span(&cursor->set->room->scratch));
}

/* Frame stored events for this cursor alone, as many as one peek may offer: the bytes that an
 * earlier peek offered are among them. A failure behind the first event only ends the run. */
static enum err fill_own(struct view_cursor *cursor)
{
    uint64_t eid = cursor->place.eid;
    enum err e = append_own(cursor, eid);

    while (e == OK) {
        eid++;
        if (eid == cursor->view->channel->next_eid ||
            cursor->own.len - cursor->place.sent >= VIEW_GATHER_BYTES) {
            break;
        }
        e = append_own(cursor, eid);
    }
    if (eid == cursor->place.eid) {
        return e;
    }
    cursor->own_sent = cursor->place.sent;
    move(cursor, eid);
    return OK;
}

enum err view_peek(struct view_cursor *cursor, struct span *ret_bytes)
{
    const struct view *view = cursor->view;

    if (cursor->own.len == 0 && !view_ring_has(&view->ring, cursor->place.eid)) {
        TRY(fill_own(cursor));
    }
    if (cursor->own.len > 0) {
        *ret_bytes =
            span_head(span_tail(buf_span(&cursor->own), cursor->own_sent), VIEW_GATHER_BYTES);
        return OK;
    }
    *ret_bytes = view_ring_peek(&view->ring, &cursor->place, VIEW_GATHER_BYTES);
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
    view_ring_advance(&cursor->view->ring, &cursor->place, len);
    shrink(cursor->view);
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

/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "store/store_nats_view_plan.h"

enum {
    BATCH_BYTES = 512 * 1024, /* of events */
};

static bool fill(struct store_nats_view *view, uint64_t eid)
{
    struct store_nats_writer_batch *batch = view->batch;
    uint64_t count = eid - view->next;
    uint64_t room = STORE_NATS_WRITER_GONE_MAX - view->fillers;

    count = count < room ? count : room;
    if (count > 0) {
        batch->steps[batch->step_count++] = (struct store_nats_writer_step){
            .type = STORE_NATS_WRITER_GONE, .eid = view->next, .last = view->next + count - 1};
        view->fillers += count;
        view->next += count;
    }
    return view->next == eid;
}

/* One step more may be needed for what is gone before it, and one for what is trimmed. */
static bool add_event(void *ctx, const struct event *event)
{
    struct store_nats_view *view = ctx;
    struct store_nats_writer_batch *batch = view->batch;
    struct event *copy;

    if (event->eid >= view->stream->stream.next_eid) {
        return false;
    }
    if (batch->step_count + 3 > STORE_NATS_WRITER_STEPS_MAX ||
        (view->bytes > 0 && view->bytes + event_len(event) > BATCH_BYTES) ||
        !fill(view, event->eid)) {
        view->is_full = true;
        return false;
    }
    view->e = event_copy(event, &copy);
    if (view->e != OK) {
        return false;
    }
    view->bytes += event_len(event);
    view->next = event->eid + 1;
    batch->steps[batch->step_count++] = (struct store_nats_writer_step){
        .type = STORE_NATS_WRITER_EVENT, .eid = event->eid, .event = copy};
    return true;
}

static enum err add_events(struct store_nats_view *view)
{
    struct store_stream *mirror = view->stream->mirror;
    uint64_t from = view->next;

    view->bytes = 0;
    view->fillers = 0;
    view->is_full = false;
    view->e = OK;
    while (!view->is_full && view->e == OK && from < view->stream->stream.next_eid) {
        TRY(store_read(mirror, from, add_event, view, &from));
    }
    return view->e;
}

/* Up to an event that is there, or up to the end: nats-server 2.9 counts wrongly when it is to
 * trim up to a message that has gone. */
static void add_removals(struct store_nats_view *view)
{
    struct store_nats_view_stream *kept = &view->stream->view;
    struct store_nats_writer_batch *batch = view->batch;
    uint64_t first = view->stream->mirror->first_eid;

    first = first < view->next ? first : view->next;
    if (first > kept->trimmed && first > 1) {
        batch->steps[batch->step_count++] =
            (struct store_nats_writer_step){.type = STORE_NATS_WRITER_TRIM, .eid = first};
    }
    view->trimmed = first;
    while (view->gone_count < kept->gone_count &&
           batch->step_count < STORE_NATS_WRITER_STEPS_MAX) {
        uint64_t eid = kept->gone[view->gone_count++];

        if (eid >= first) {
            batch->steps[batch->step_count++] =
                (struct store_nats_writer_step){.type = STORE_NATS_WRITER_REMOVE, .eid = eid};
        }
    }
}

enum err store_nats_view_plan(struct store_nats_view *view, bool *ret_has_work)
{
    struct store_nats_view_stream *kept = &view->stream->view;
    struct store_nats_writer_batch *batch = view->batch;

    *ret_has_work = true;
    view->gone_count = 0;
    view->trimmed = 0;
    view->next = kept->next;
    batch->type = STORE_NATS_WRITER_LOOK;
    TRY(store_nats_names_make(view->nats->conf.realm, view->stream->stream.name,
                              &batch->names));
    if (kept->step != STORE_NATS_VIEW_KNOWN) {
        return OK;
    }
    batch->type = STORE_NATS_WRITER_WRITE;
    TRY(add_events(view));
    add_removals(view);
    if (batch->step_count > 0) {
        return OK;
    }
    if (kept->compare_from > 0) {
        batch->type = STORE_NATS_WRITER_LIST;
        batch->from = kept->compare_from;
        return OK;
    }
    batch->type = STORE_NATS_WRITER_LOOK;
    *ret_has_work = kept->is_unsure;
    return OK;
}

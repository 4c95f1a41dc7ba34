/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "proxy/proxy_forward_lane.h"

enum {
    COALESCED_MAX = 4096 /* content that is worth copying to save a system call and a packet */
};

void proxy_forward_lane_init(struct proxy_forward_lane *lane, const struct relay_env *env,
                             struct stream *to, size_t head_max, size_t tail_max)
{
    *lane = (struct proxy_forward_lane){.env = env, .to = to, .moved_at = loop_now(env->loop)};
    buf_init(&lane->head, head_max + COALESCED_MAX);
    buf_init(&lane->tail, tail_max);
}

static void give_room(struct proxy_forward_lane *lane)
{
    pool_give(lane->env->pool, lane->room);
    lane->room = NULL;
    lane->sent = 0;
    lane->read = 0;
}

void proxy_forward_lane_fini(struct proxy_forward_lane *lane)
{
    give_room(lane);
    buf_fini(&lane->head);
    buf_fini(&lane->tail);
}

bool proxy_forward_lane_is_empty(const struct proxy_forward_lane *lane)
{
    return lane->head.len == 0 && lane->room == NULL && lane->tail.len == 0;
}

uint64_t proxy_forward_lane_promised(const struct proxy_forward_lane *lane)
{
    assert(lane->room == NULL && lane->tail.len == 0);
    return lane->moved + lane->head.len;
}

/* Writes until all is taken or `to` takes no more. Moves *bytes past what was taken. */
static enum err write_out(struct proxy_forward_lane *lane, struct span *bytes)
{
    while (bytes->len > 0) {
        size_t len = 0;

        TRY(stream_write(lane->to, *bytes, &len));
        *bytes = span_tail(*bytes, len);
        lane->moved += len;
        lane->moved_at = loop_now(lane->env->loop);
    }
    return OK;
}

static enum err flush_text(struct proxy_forward_lane *lane, struct buf *text)
{
    struct span waiting = buf_span(text);
    enum err e;

    if (waiting.len == 0) {
        return OK;
    }
    e = write_out(lane, &waiting);
    buf_consume(text, text->len - waiting.len);
    if (e == OK) {
        buf_fini(text);
    }
    return e;
}

static enum err flush_room(struct proxy_forward_lane *lane)
{
    struct span waiting;
    enum err e;

    if (lane->room == NULL) {
        return OK;
    }
    waiting = span_of(lane->room + lane->sent, lane->read - lane->sent);
    e = write_out(lane, &waiting);
    lane->sent = lane->read - (uint32_t)waiting.len;
    if (e == OK) {
        give_room(lane);
    }
    return e;
}

enum err proxy_forward_lane_flush(struct proxy_forward_lane *lane)
{
    TRY(flush_text(lane, &lane->head));
    TRY(flush_room(lane));
    return flush_text(lane, &lane->tail);
}

static enum err keep(struct proxy_forward_lane *lane, struct span bytes)
{
    void *room = NULL;

    if (bytes.len == 0) {
        return OK;
    }
    assert(lane->room == NULL && bytes.len <= lane->env->pool->room_bytes);
    TRY(pool_take(lane->env->pool, &room));
    memcpy(room, bytes.ptr, bytes.len);
    lane->room = room;
    lane->read = (uint32_t)bytes.len;
    return OK;
}

enum err proxy_forward_lane_put(struct proxy_forward_lane *lane, struct span bytes)
{
    enum err e;

    assert(lane->room == NULL && lane->tail.len == 0);
    if (lane->is_cut) {
        return OK;
    }
    if (lane->head.len > 0 && bytes.len <= COALESCED_MAX &&
        bytes.len <= lane->head.max - lane->head.len) {
        return buf_append(&lane->head, bytes);
    }
    e = flush_text(lane, &lane->head);
    if (e == OK) {
        e = write_out(lane, &bytes);
    }
    return e == OK || e == ERR_AGAIN ? keep(lane, bytes) : e;
}

void proxy_forward_lane_cut(struct proxy_forward_lane *lane)
{
    proxy_forward_lane_fini(lane);
    lane->is_cut = true;
}

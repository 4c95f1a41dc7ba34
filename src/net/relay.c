/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Either stream's readiness leads to relay_pump(), which tries both lanes: whatever is not
 * ready costs no system call. An end is reported from a deferred call, so that nobody frees a
 * stream or the relay while one of their functions is on the stack.
 */
#include "net/relay.h"

enum {
    SCRATCHFULS_PER_TURN = 4, /* then it is the other tunnels' turn */
};

static enum relay_side other(enum relay_side side)
{
    return side == RELAY_CLIENT ? RELAY_SERVER : RELAY_CLIENT;
}

static enum relay_side sender(const struct relay *relay, const struct relay_lane *lane)
{
    return lane == &relay->lanes[RELAY_CLIENT] ? RELAY_CLIENT : RELAY_SERVER;
}

static void note_closer(struct relay *relay, enum relay_side side)
{
    if (!relay->has_closer) {
        relay->has_closer = true;
        relay->closer = side;
    }
}

/* The only assignment to is_over. The first reason counts. */
static void end(struct relay *relay, enum relay_end why)
{
    if (relay->is_over) {
        return;
    }
    relay->is_over = true;
    relay->end = why;
    loop_defer(relay->env->loop, &relay->again);
}

static void on_side_failed(struct relay *relay, enum relay_side side)
{
    if (!relay->is_over) {
        relay->broken = side;
    }
    note_closer(relay, side);
    end(relay, RELAY_BROKEN);
}

/* Behind bytes that may leave and cannot, nothing is read; behind bytes that the judge holds,
 * what it waits for. */
static bool lane_may_read(const struct relay_lane *lane)
{
    return !lane->ended && lane->sent == lane->passed;
}

static void lane_give_room(struct relay *relay, struct relay_lane *lane)
{
    pool_give(relay->env->pool, lane->room);
    lane->room = NULL;
    lane->sent = 0;
    lane->passed = 0;
    lane->read = 0;
}

/* Appends to the lane's room, which is taken from the pool if need be. */
static enum err lane_keep(struct relay *relay, struct relay_lane *lane, struct span bytes)
{
    struct pool *pool = relay->env->pool;

    if (bytes.len == 0) {
        return OK;
    }
    if (lane->room == NULL) {
        void *room = NULL;

        if (bytes.len > pool->room_bytes) {
            return ERR_LIMIT;
        }
        TRY(pool_take(pool, &room));
        lane->room = room;
    }
    if (bytes.len > pool->room_bytes - lane->read) {
        return ERR_LIMIT;
    }
    memcpy(lane->room + lane->read, bytes.ptr, bytes.len);
    lane->read += (uint32_t)bytes.len;
    return OK;
}

/* Writes until all is taken or `to` takes no more. Moves *bytes past what was taken. */
static enum err lane_write(struct relay *relay, struct relay_lane *lane, struct span *bytes)
{
    while (bytes->len > 0) {
        size_t len = 0;
        enum err e = stream_write(lane->to, *bytes, &len);

        if (e == ERR_AGAIN) {
            return e;
        }
        if (e != OK) {
            on_side_failed(relay, other(sender(relay, lane)));
            return e;
        }
        *bytes = span_tail(*bytes, len);
        lane->moved += len;
        relay->moved_at = loop_now(relay->env->loop);
    }
    return OK;
}

/* How many of the bytes that nobody has judged may leave. Not OK: the relay is over. */
static enum err lane_judge(struct relay *relay, const struct relay_lane *lane,
                           struct span waiting, size_t *ret_pass)
{
    size_t pass = waiting.len;
    enum err e = OK;

    if (relay->judge != NULL) {
        e = relay->judge(relay->judge_ctx, sender(relay, lane), waiting, lane->ended, &pass);
    }
    if (e == ERR_AGAIN) {
        pass = 0;
    } else if (e != OK) {
        end(relay, RELAY_JUDGED);
        return e;
    }
    assert(pass == waiting.len || (pass < waiting.len && !lane->ended));
    *ret_pass = pass;
    return OK;
}

/* Not OK: the judge has seen a whole room and lets none of it leave. */
static enum err lane_check_held(struct relay *relay, const struct relay_lane *lane)
{
    if (lane->passed == 0 && lane->read == relay->env->pool->room_bytes) {
        end(relay, RELAY_NO_ROOM);
        return ERR_LIMIT;
    }
    return OK;
}

/* lane_judge() for what is held in the room. */
static enum err lane_judge_held(struct relay *relay, struct relay_lane *lane)
{
    size_t pass;

    if (lane->passed == lane->read) {
        return OK;
    }
    TRY(lane_judge(relay, lane, span_of(lane->room + lane->passed, lane->read - lane->passed),
                   &pass));
    lane->passed += (uint32_t)pass;
    return lane_check_held(relay, lane);
}

/* What may leave and waits goes first. OK: nothing of that kind is left. */
static enum err lane_drain(struct relay *relay, struct relay_lane *lane)
{
    struct span waiting;
    enum err e;

    if (lane->room == NULL) {
        return OK;
    }
    waiting = span_of(lane->room + lane->sent, lane->passed - lane->sent);
    e = lane_write(relay, lane, &waiting);
    lane->sent = lane->passed - (uint32_t)waiting.len;
    assert(lane->sent <= lane->passed && lane->passed <= lane->read &&
           lane->read <= relay->env->pool->room_bytes);
    if (e == OK && lane->passed == lane->read) {
        lane_give_room(relay, lane);
    } else if (e == OK && lane->passed > 0) { /* the judge's bytes may fill the whole room */
        memmove(lane->room, lane->room + lane->passed, lane->read - lane->passed);
        lane->read -= lane->passed;
        lane->sent = 0;
        lane->passed = 0;
    }
    return e;
}

/* Bytes that lie in the scratch room: judge, write, keep the rest. ERR_AGAIN: `to` is not
 * ready. */
static enum err lane_pass(struct relay *relay, struct relay_lane *lane, struct span bytes)
{
    struct span leaving;
    size_t pass;
    enum err e;

    TRY(lane_judge(relay, lane, bytes, &pass));
    leaving = span_head(bytes, pass);
    e = lane_write(relay, lane, &leaving);
    if (e != OK && e != ERR_AGAIN) {
        return e;
    }
    if (lane_keep(relay, lane, span_tail(bytes, pass - leaving.len)) != OK) {
        end(relay, RELAY_NO_ROOM);
        return ERR_LIMIT;
    }
    lane->passed = (uint32_t)leaving.len;
    return e == OK ? lane_check_held(relay, lane) : e;
}

/* One read and what follows from it. ERR_AGAIN: one of the two streams is not ready. */
static enum err lane_move(struct relay *relay, struct relay_lane *lane)
{
    struct mspan place = relay->env->scratch;
    size_t len = 0;
    enum err e;

    if (lane->room != NULL) { /* the judge holds what is in it, and wants to see more */
        place = mspan_of(lane->room + lane->read, relay->env->pool->room_bytes - lane->read);
    }
    e = stream_read(lane->from, place, &len);
    if (e == ERR_AGAIN) {
        return e;
    }
    if (e != OK) { /* not an end: `to` must not be told of one */
        on_side_failed(relay, sender(relay, lane));
        return e;
    }
    if (len == 0) {
        lane->ended = true;
        note_closer(relay, sender(relay, lane));
    } else if (lane->room == NULL) {
        return lane_pass(relay, lane, span_of(place.ptr, len));
    }
    lane->read += (uint32_t)len;
    TRY(lane_judge_held(relay, lane));
    return lane_drain(relay, lane);
}

/* The end is passed on when everything before it has been. */
static void lane_finish(struct relay *relay, struct relay_lane *lane)
{
    enum err e;

    if (!lane->ended || lane->finished || lane->room != NULL) {
        return;
    }
    e = stream_shutdown(lane->to);
    if (e == OK) {
        lane->finished = true;
    } else if (e != ERR_AGAIN) {
        on_side_failed(relay, other(sender(relay, lane)));
    }
}

/* True when it stopped only to be fair to others, although both streams may have been ready. */
static bool lane_pump(struct relay *relay, struct relay_lane *lane)
{
    enum err e = lane_judge_held(relay, lane);

    if (e == OK) {
        e = lane_drain(relay, lane);
    }
    for (int i = 0; e == OK && lane_may_read(lane); i++) {
        if (i == SCRATCHFULS_PER_TURN) {
            return true;
        }
        e = lane_move(relay, lane);
    }
    lane_finish(relay, lane);
    return false;
}

static void relay_pump(struct relay *relay)
{
    bool has_more;

    if (relay->is_over) { /* it waits for its report */
        return;
    }
    /* Both, even if the first one fails: a server that refuses an upload has often said why
     * before it hung up, and that is worth a try. */
    has_more = lane_pump(relay, &relay->lanes[RELAY_CLIENT]);
    if (!relay->is_over || relay->end != RELAY_JUDGED) {
        has_more = lane_pump(relay, &relay->lanes[RELAY_SERVER]) || has_more;
    }

    if (relay->lanes[RELAY_CLIENT].finished && relay->lanes[RELAY_SERVER].finished) {
        end(relay, RELAY_FINISHED);
    } else if (has_more) {
        loop_defer(relay->env->loop, &relay->again);
    }
}

static void on_ready(void *ctx)
{
    relay_pump(ctx);
}

static void on_again(void *ctx)
{
    struct relay *relay = ctx;

    if (relay->is_over) {
        relay->ended(relay->ctx, relay->end); /* the relay may be gone now */
        return;
    }
    relay_pump(relay);
}

void relay_init(struct relay *relay, const struct relay_env *env, struct stream *client,
                struct stream *server, relay_ended *ended, void *ctx)
{
    assert(env->scratch.len > 0 && env->scratch.len <= env->pool->room_bytes);
    assert(env->pool->room_bytes <= UINT32_MAX);
    *relay = (struct relay){
        .env = env,
        .lanes = {[RELAY_CLIENT] = {.from = client, .to = server},
                  [RELAY_SERVER] = {.from = server, .to = client}},
        .moved_at = loop_now(env->loop),
        .ended = ended,
        .ctx = ctx,
    };
    loop_later_init(&relay->again, on_again, relay);
}

enum err relay_preload(struct relay *relay, enum relay_side side, struct span bytes)
{
    return lane_keep(relay, &relay->lanes[side], bytes);
}

void relay_set_judge(struct relay *relay, relay_judge *judge, void *ctx)
{
    relay->judge = judge;
    relay->judge_ctx = ctx;
    relay_again(relay);
}

void relay_again(struct relay *relay)
{
    const struct relay_lane *lanes = relay->lanes;

    if (relay->has_started && (lanes[RELAY_CLIENT].passed < lanes[RELAY_CLIENT].read ||
                               lanes[RELAY_SERVER].passed < lanes[RELAY_SERVER].read)) {
        loop_defer(relay->env->loop, &relay->again);
    }
}

void relay_start(struct relay *relay)
{
    relay->has_started = true;
    stream_on_ready(relay->lanes[RELAY_CLIENT].from, on_ready, relay);
    stream_on_ready(relay->lanes[RELAY_SERVER].from, on_ready, relay);
    relay_pump(relay);
}

void relay_fini(struct relay *relay)
{
    for (enum relay_side side = RELAY_CLIENT; side <= RELAY_SERVER; side++) {
        lane_give_room(relay, &relay->lanes[side]);
    }
    loop_undefer(&relay->again);
}

uint64_t relay_moved(const struct relay *relay, enum relay_side side)
{
    return relay->lanes[side].moved;
}

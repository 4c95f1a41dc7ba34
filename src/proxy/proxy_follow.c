/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "proxy/proxy_follow.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static enum relay_side other(enum relay_side side)
{
    return side == RELAY_CLIENT ? RELAY_SERVER : RELAY_CLIENT;
}

static msec now_of(const struct proxy_follow *follow)
{
    return loop_now(follow->relay->env->loop);
}

static void forget_ws(struct proxy_follow *follow)
{
    if (follow->ws != NULL) {
        ws_follow_fini(follow->ws);
        free(follow->ws);
        follow->ws = NULL;
    }
}

static void begin_ws(struct proxy_follow *follow)
{
    follow->ws = malloc(sizeof *follow->ws);
    if (follow->ws != NULL) {
        ws_follow_init(follow->ws);
    }
}

/* Whether TunnelAllow waits for something to be told. */
static bool is_held_up(const struct proxy_follow *follow)
{
    return follow->sniff.allowed != PROXY_SNIFF_ALLOW_ANY &&
           follow->sniff.class == PROXY_SNIFF_UNKNOWN;
}

/* ---- judging ---- */

static void show_ws(struct proxy_follow *follow, enum relay_side side, struct span fresh)
{
    struct ws_follow *ws = follow->ws;

    ws_follow_bytes(ws, side == RELAY_CLIENT ? WS_CLIENT : WS_SERVER, fresh);
    switch ((enum ws_follow_state)ws->state) {
    case WS_FOLLOW_REQUEST: return;
    case WS_FOLLOW_ANSWER:
    case WS_FOLLOW_FRAMES: proxy_sniff_upgrade(&follow->sniff, true); return;
    case WS_FOLLOW_LOST:
        if (ws->loss != WS_FOLLOW_LOSS_FRAME) {
            proxy_sniff_upgrade(&follow->sniff, false);
        }
        if (ws->path == NULL) { /* not even a handshake that the log could tell of */
            forget_ws(follow);
        }
        return;
    case WS_FOLLOW_STATES: return;
    }
}

/* When the time for a handshake runs, and since when. */
static void note_opening(struct proxy_follow *follow)
{
    const bool awaits_answer = follow->ws != NULL && follow->ws->state == WS_FOLLOW_ANSWER;

    if (!awaits_answer && !is_held_up(follow)) {
        follow->opening_since = MSEC_NEVER;
    } else if (follow->opening_since == MSEC_NEVER) {
        follow->opening_since = now_of(follow);
    }
}

static void look(struct proxy_follow *follow, enum relay_side side, struct span fresh)
{
    const uint8_t class = follow->sniff.class;
    const bool may_be_new = follow->ws == NULL && class == PROXY_SNIFF_UNKNOWN;

    proxy_sniff_bytes(&follow->sniff, side, fresh);
    if (may_be_new && side == RELAY_CLIENT && proxy_sniff_may_be_http(&follow->sniff)) {
        begin_ws(follow);
        if (follow->ws == NULL) { /* then it is HTTP as far as we know */
            proxy_sniff_upgrade(&follow->sniff, false);
        }
    }
    if (follow->ws != NULL && follow->ws->state != WS_FOLLOW_LOST) {
        show_ws(follow, side, fresh);
    }
    if (follow->ws != NULL && follow->ws->state == WS_FOLLOW_REQUEST &&
        !proxy_sniff_may_be_http(&follow->sniff)) {
        forget_ws(follow);
    }
    note_opening(follow);
    if (follow->sniff.class != class) {
        relay_again(follow->relay); /* the other side's bytes may wait for just this */
    }
    if (follow->sniff.class != class && follow->changed != NULL) {
        follow->changed(follow->ctx);
    }
}

/* Nothing that may still come can change what we know or allow. */
static bool has_seen_enough(const struct proxy_follow *follow)
{
    if (follow->ws != NULL && follow->ws->state != WS_FOLLOW_LOST) {
        return false;
    }
    return proxy_sniff_is_done(&follow->sniff) &&
           proxy_sniff_verdict(&follow->sniff, RELAY_CLIENT) == OK;
}

static enum err judge(void *ctx, enum relay_side side, struct span waiting, bool is_last,
                      size_t *ret_pass)
{
    struct proxy_follow *follow = ctx;
    struct span fresh = span_tail(waiting, follow->held[side]);
    enum err e;

    if (fresh.len > 0) {
        look(follow, side, fresh);
    }
    if (is_last) {
        proxy_sniff_end(&follow->sniff, side);
    }
    e = proxy_sniff_verdict(&follow->sniff, side);
    follow->held[side] = e == OK ? 0 : (uint32_t)waiting.len;
    if (e == OK) {
        *ret_pass = waiting.len;
        if (follow->held[other(side)] == 0 && has_seen_enough(follow)) {
            relay_set_judge(follow->relay, NULL, NULL);
        }
    }
    return e;
}

/* ---- life ---- */

void proxy_follow_init(struct proxy_follow *follow, const struct proxy_follow_conf *conf,
                       msec now)
{
    *follow = (struct proxy_follow){.conf = conf, .began = now, .opening_since = MSEC_NEVER};
    proxy_sniff_init(&follow->sniff, conf->allowed);
    if (is_held_up(follow)) {
        follow->opening_since = now;
    }
}

void proxy_follow_init_websocket(struct proxy_follow *follow,
                                 const struct proxy_follow_conf *conf, msec now,
                                 struct span path, struct http1_fields answer)
{
    *follow = (struct proxy_follow){.conf = conf, .began = now, .opening_since = MSEC_NEVER};
    /* It came as a request that was judged as such: TunnelAllow is about CONNECT. */
    proxy_sniff_init_websocket(&follow->sniff);
    follow->ws = malloc(sizeof *follow->ws);
    if (follow->ws != NULL) {
        ws_follow_init_open(follow->ws, path, answer);
    }
}

void proxy_follow_attach(struct proxy_follow *follow, struct relay *relay)
{
    follow->relay = relay;
    if (!has_seen_enough(follow)) {
        relay_set_judge(relay, judge, follow);
    }
}

void proxy_follow_on_change(struct proxy_follow *follow, proxy_follow_changed *changed,
                            void *ctx)
{
    follow->changed = changed;
    follow->ctx = ctx;
}

void proxy_follow_fini(struct proxy_follow *follow)
{
    forget_ws(follow);
    follow->relay = NULL;
}

enum proxy_sniff_class proxy_follow_class(const struct proxy_follow *follow)
{
    return (enum proxy_sniff_class)follow->sniff.class;
}

/* ---- time ---- */

static msec after(msec since, msec limit)
{
    return limit == 0 || since == MSEC_NEVER ? MSEC_NEVER : since + limit;
}

static msec idle_limit(const struct proxy_follow *follow)
{
    return follow->sniff.class == PROXY_SNIFF_WEBSOCKET ? follow->conf->websocket_idle
                                                        : follow->conf->idle;
}

msec proxy_follow_deadline(const struct proxy_follow *follow)
{
    msec at = after(follow->began, follow->conf->lifetime);

    at = msec_min(at, after(follow->opening_since, follow->conf->handshake));
    return msec_min(at, after(follow->relay->moved_at, idle_limit(follow)));
}

enum err proxy_follow_expire(struct proxy_follow *follow, msec now)
{
    if (now >= after(follow->began, follow->conf->lifetime)) {
        follow->expired = PROXY_FOLLOW_EXPIRED_LIFETIME;
    } else if (now >= after(follow->opening_since, follow->conf->handshake)) {
        follow->expired = PROXY_FOLLOW_EXPIRED_HANDSHAKE;
    } else if (now >= after(follow->relay->moved_at, idle_limit(follow))) {
        follow->expired = PROXY_FOLLOW_EXPIRED_IDLE;
    }
    return follow->expired == PROXY_FOLLOW_EXPIRED_NOT ? OK : ERR_TIMEOUT;
}

/* ---- telling ---- */

const char *proxy_follow_why(const struct proxy_follow *follow, char *room)
{
    char text[PROXY_SNIFF_TEXT_BYTES];

    switch ((enum proxy_follow_expired)follow->expired) {
    case PROXY_FOLLOW_EXPIRED_NOT: return proxy_sniff_text(&follow->sniff, room);
    case PROXY_FOLLOW_EXPIRED_HANDSHAKE:
        snprintf(room, PROXY_FOLLOW_WHY_BYTES,
                 "%s within %" PRIu64 " ms, see TunnelHandshakeTimeout",
                 is_held_up(follow) ? proxy_sniff_text(&follow->sniff, text)
                                    : "no answer to the WebSocket handshake",
                 follow->conf->handshake);
        return room;
    case PROXY_FOLLOW_EXPIRED_IDLE:
        snprintf(room, PROXY_FOLLOW_WHY_BYTES, "idle, see %s",
                 follow->sniff.class == PROXY_SNIFF_WEBSOCKET ? "WebSocketIdleTimeout"
                                                              : "TunnelIdleTimeout");
        return room;
    case PROXY_FOLLOW_EXPIRED_LIFETIME:
        snprintf(room, PROXY_FOLLOW_WHY_BYTES, "at the end of its time, see TunnelLifetime");
        return room;
    }
    return room;
}

void proxy_follow_tell(const struct proxy_follow *follow, struct proxy_accesslog_entry *entry)
{
    const struct ws_follow *ws = follow->ws;

    entry->tunnel = span_str(proxy_sniff_class_name(proxy_follow_class(follow)));
    if (ws == NULL || ws->path == NULL) {
        return;
    }
    entry->ws = (struct proxy_accesslog_ws){
        .is_known = true,
        .has_deflate = ws->has_deflate,
        .has_closer = ws->close_code != 0,
        .closer = ws->closer == WS_CLIENT ? PROXY_ACCESSLOG_CLIENT : PROXY_ACCESSLOG_SERVER,
        .close_code = ws->close_code,
        .path = span_str(ws->path),
        .protocol = ws_follow_protocol(ws),
        .messages_up = ws->ways[WS_CLIENT].messages,
        .messages_down = ws->ways[WS_SERVER].messages,
        .bytes_up = ws->ways[WS_CLIENT].payload_bytes,
        .bytes_down = ws->ways[WS_SERVER].payload_bytes,
        .lost = ws_follow_why(ws),
    };
}

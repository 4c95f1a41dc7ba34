/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Realm sessions with their clients, back to back and without a network: what a client says is
 * one WebSocket message, what it hears is a text in which each message ends with a line end.
 */
#pragma once

#include "realm/realm_session.h"
#include "realm/realm_stomp_stream.h"

#include "lib/testing.h"
#include "unit/realm/anybody.h"

#include <stdio.h>
#include <stdlib.h>

/* As SPAN(), for static tables. */
#define BYTES(literal)                                     \
    {                                                      \
        (const uint8_t *)("" literal), sizeof(literal) - 1 \
    }

static const struct router_rule pair_rules[] = {
    {.pattern = BYTES("/demo/*"), .channel = {.capacity = 50, .store_bytes = 1 << 20}},
    {.pattern = BYTES("/jobs/*"),
     .kind = ROUTER_QUEUE,
     .channel = {.capacity = 50, .store_bytes = 1 << 20},
     .dead_events = BYTES("/demo/dead"),
     .redelivery_max = 2,
     .window_max = 10},
    {.pattern = BYTES("/desk"),
     .kind = ROUTER_GROUP,
     .channel = {.type = CHANNEL_TRANSIENT, .capacity = 50, .store_bytes = 1 << 20}},
    {.pattern = BYTES("/everybody"),
     .kind = ROUTER_GROUP,
     .channel = {.type = CHANNEL_TRANSIENT, .capacity = 50, .store_bytes = 1 << 20},
     .has_all_streams = true},
};

struct realm {
    struct rng rng;
    struct router router;
    struct queue_set queues;
    struct datagroup_set groups;
    struct transaction_hall hall;
    struct realm_stomp_forms forms;
    struct buf scratch;
    struct realm_session_env env;
};

struct client {
    struct ws_conn ws;
    struct realm_session session;
    struct buf heard;
    size_t step; /* bytes that one send takes */
    enum err e;  /* of the last call on the session that failed */
    uint16_t close_code;
    bool has_binary;
};

static inline void realm_begin(struct realm *realm)
{
    const struct router_conf conf = {
        .rules = pair_rules,
        .rule_count = sizeof pair_rules / sizeof pair_rules[0],
        .limits = {.channels = 4,
                   .store_bytes = 1 << 24,
                   .ring_bytes = 1 << 24,
                   .view = {.ring_bytes = 1 << 16, .frame_bytes = 1 << 16}},
    };

    const struct transaction_hall_conf transactions = {
        .remembered_max = 3, .remembered = 60000, .items_max = 3, .bytes_max = 4096};

    realm->rng = rng_seeded(5);
    router_init(&realm->router, &conf, &realm->rng);
    datagroup_set_init(&realm->groups, &realm->router, realm_stomp_stream_may);
    queue_set_init(&realm->queues,
                   &(struct queue_set_conf){.router = &realm->router, .ids_max = 3});
    transaction_hall_init(&realm->hall, &realm->router, &transactions);
    realm_stomp_forms_init(&realm->forms, 1000, NULL);
    buf_init(&realm->scratch, 1 << 16);
    realm->env = (struct realm_session_env){
        .stomp = {.router = &realm->router,
                  .queues = &realm->queues,
                  .groups = &realm->groups,
                  .hall = &realm->hall,
                  .transactions_max = 2,
                  .forms = &realm->forms,
                  .scratch = &realm->scratch,
                  .subscriptions_max = 3,
                  .event_bytes = 1000,
                  .heart_beat = 20000},
        .rng = &realm->rng,
        .outbox_bytes = 16384,
        .echo_bytes = 100000,
        .heart_beat = 20000,
    };
}

static inline void realm_end(struct realm *realm)
{
    transaction_hall_fini(&realm->hall);
    queue_set_fini(&realm->queues);
    router_fini(&realm->router);
    datagroup_set_fini(&realm->groups);
    realm_stomp_forms_fini(&realm->forms);
    buf_fini(&realm->scratch);
}

static inline void client_begin(struct client *client, struct realm *realm,
                                enum realm_session_kind kind)
{
    const struct ws_limits limits = {.max_message_bytes = 1 << 20, .max_output_bytes = 1 << 20};
    const struct realm_session_birth birth = {
        .kind = kind, .carrier = REALM_CARRIER_WS, .id = 7, .sender = client};

    *client = (struct client){.step = SIZE_MAX};
    ws_conn_init(&client->ws, WS_CLIENT, &limits, &realm->rng, 0);
    assert_ok(realm_session_init(&client->session, &realm->env, &birth, 0));
    realm_session_set_login(&client->session, anybody());
    buf_init(&client->heard, 1 << 22);
}

static inline void client_end(struct client *client)
{
    realm_session_fini(&client->session);
    realm_session_forget(&client->session);
    ws_conn_fini(&client->ws);
    buf_fini(&client->heard);
}

/* What the client has put into its output reaches the session. */
static inline void client_deliver(struct client *client, msec now)
{
    struct span output = ws_conn_output(&client->ws);
    uint8_t *copy = malloc(output.len + 1);

    assert_non_null(copy);
    if (output.len > 0) {
        memcpy(copy, output.ptr, output.len);
    }
    client->e = realm_session_take(&client->session, mspan_of(copy, output.len), now);
    ws_conn_output_consume(&client->ws, output.len);
    free(copy);
}

static inline void client_say(struct client *client, struct span message, msec now)
{
    assert_ok(ws_conn_put_message(&client->ws, WS_OPCODE_BINARY, message));
    client_deliver(client, now);
}

static inline void client_take(struct client *client, struct mspan input)
{
    struct ws_conn_piece piece;

    while (ws_conn_next(&client->ws, &input, &piece) == OK) {
        switch (piece.type) {
        case WS_CONN_BEGIN: client->has_binary |= piece.opcode == WS_OPCODE_BINARY; break;
        case WS_CONN_DATA:
            for (size_t i = 0; i < piece.data.len; i++) {
                if (piece.data.ptr[i] != '\0') {
                    assert_ok(buf_append_byte(&client->heard, piece.data.ptr[i]));
                }
            }
            break;
        case WS_CONN_END: assert_ok(buf_append(&client->heard, SPAN("\n"))); break;
        case WS_CONN_CLOSED: client->close_code = piece.close_code; break;
        }
    }
}

/* Sends up to `max` bytes of what the session has to say. */
static inline void client_listen(struct client *client, size_t max, msec now)
{
    struct span bytes;

    while (max > 0 && (client->e = realm_session_peek(&client->session, &bytes)) == OK) {
        size_t len = bytes.len < client->step ? bytes.len : client->step;
        uint8_t *copy;

        len = len < max ? len : max;
        copy = malloc(len);
        assert_non_null(copy);
        memcpy(copy, bytes.ptr, len);
        realm_session_sent(&client->session, len, now);
        client_take(client, mspan_of(copy, len));
        free(copy);
        max -= len;
    }
}

/* Views have news: as at the end of a turn. */
static inline void realm_fan_out(struct realm *realm)
{
    struct queue_reader *reader;
    struct view *view;

    queue_set_tidy(&realm->queues);
    while ((reader = queue_set_next_woken(&realm->queues)) != NULL) {
        session_wake_reader(reader);
    }
    while ((view = router_next_dirty(&realm->router)) != NULL) {
        LIST_FOREACH (node, after, &view->cursors) {
            session_wake(LIST_ENTRY(node, struct view_cursor, node));
        }
    }
}

/* All that the client hears now, without what it heard before. Lives until the next call. */
static inline const char *client_hear(struct client *client, struct realm *realm)
{
    static char text[1 << 16];

    do { /* what a plain reader has taken makes room for more */
        realm_fan_out(realm);
        client_listen(client, SIZE_MAX, 0);
    } while (queue_set_is_busy(&realm->queues));
    assert_true(client->heard.len < sizeof text);
    if (client->heard.len > 0) {
        memcpy(text, client->heard.ptr, client->heard.len);
    }
    text[client->heard.len] = '\0';
    buf_fini(&client->heard);
    return text;
}

/* `frame` without its NUL; hears the answers. */
static inline const char *client_ask(struct client *client, struct realm *realm,
                                     const char *frame)
{
    client_say(client, span_of(frame, strlen(frame) + 1), 0);
    return client_hear(client, realm);
}

static inline void client_connect(struct client *client, struct realm *realm)
{
    client_begin(client, realm, REALM_SESSION_STOMP);
    client_ask(client, realm,
               "CONNECT\naccept-version:1.2\nheart-beat:20000,20000\nerrors:receipt\n\n");
}

/* For every_oom(): frames without their NUL, one after the other while there is memory. Nothing
 * of the client's own is allocated. */
static inline void realm_without_memory(const char *const *frames, size_t count)
{
    struct realm_session session;
    struct realm realm;
    enum err e = OK;

    realm_begin(&realm);
    e = realm_session_init(&session, &realm.env, &(struct realm_session_birth){.id = 1}, 0);
    realm_session_set_login(&session, anybody());
    for (size_t i = 0; i < count && e == OK; i++) {
        struct span bytes;

        e = realm_stomp_take(&session.as.stomp, span_of(frames[i], strlen(frames[i]) + 1), 0);
        realm_fan_out(&realm);
        while (e == OK && realm_session_peek(&session, &bytes) == OK) {
            realm_session_sent(&session, bytes.len, 0);
            realm_fan_out(&realm);
        }
    }
    realm_session_fini(&session);
    realm_session_forget(&session);
    realm_end(&realm);
}

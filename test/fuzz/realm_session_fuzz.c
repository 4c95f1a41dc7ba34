/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * A client that sends anything. Byte 0: what kind of session, by what it is carried, and how
 * the bytes are dealt out; the rest is the stream itself, or STOMP that is wrapped here.
 *
 * Promises that are held against it: whatever is answered is good WebSocket, good SockJS where
 * that is spoken and, of a STOMP session, good STOMP, one frame or heart-beat a message; bounds
 * hold; nothing is left over.
 */
#include "base/utf8.h"
#include "realm/realm_session.h"
#include "realm/realm_stomp_stream.h"
#include "sockjs/sockjs_frame.h"
#include "sockjs/sockjs_messages.h"

#include <stdlib.h>

enum {
    IS_ECHO = 1,
    IS_WRAPPED = 2, /* the input is STOMP, to be put into messages */
    IS_SLOW = 4,    /* answers are read a few bytes at a time */
    IS_CUT = 8,     /* the input comes in small parts */
    HAS_BEGUN = 16, /* CONNECT and SUBSCRIBE came before */
    CARRIER = 96,   /* two bits, by `carriers` */
    IS_DEFLATED = 128,
};

struct client {
    struct ws_conn ws;
    struct stomp_decoder stomp;
    struct buf text; /* of the message in hand */
    struct realm_session session;
    bool is_stomp;
    enum realm_carrier_kind carrier;
};

struct world {
    struct router router;
    struct queue_set queues;
    struct datagroup_set groups;
    struct transaction_hall hall;
};

static void must(bool is_true)
{
    if (!is_true) {
        abort();
    }
}

/* One message holds one frame or one EOL, and nothing else. */
static void check_stomp(struct client *client, struct span input)
{
    struct stomp_piece piece;

    stomp_decoder_set_version(&client->stomp, client->session.as.stomp.version);
    must(stomp_decoder_next(&client->stomp, &input, &piece) == OK);
    must(piece.type == STOMP_PIECE_EOL ||
         stomp_command_sender(piece.frame.command) == STOMP_FROM_SERVER);
    must(input.len == 0);
}

/* o, h, a["one message"] or c[3000,"Go away!"]. */
static void check_sockjs(struct client *client, struct span frame)
{
    struct sockjs_messages messages;
    struct buf text;

    must(frame.len > 0 && utf8_is_valid(frame));
    if (frame.ptr[0] != 'a') {
        must(span_equals(frame, "o") || span_equals(frame, "h") ||
             span_equals(frame, "c[3000,\"Go away!\"]"));
        return;
    }
    buf_init(&text, 1 << 24);
    must(sockjs_messages_begin(&messages, span_tail(frame, 1)) == OK);
    must(sockjs_messages_next(&messages, &text) == OK);
    check_stomp(client, buf_span(&text));
    must(sockjs_messages_next(&messages, &text) == ERR_AGAIN);
    buf_fini(&text);
}

static void check_message(struct client *client)
{
    if (client->carrier == REALM_CARRIER_SOCKJS_WS) {
        check_sockjs(client, buf_span(&client->text));
    } else {
        check_stomp(client, buf_span(&client->text));
    }
    buf_truncate(&client->text, 0);
}

/* Whole lines, or whole events of an event stream. */
static void take_lines(struct client *client, struct span bytes)
{
    bool is_line = client->carrier == REALM_CARRIER_XHR;
    struct span before = is_line ? SPAN("") : SPAN("data: ");
    struct span behind = is_line ? SPAN("\n") : SPAN("\r\n\r\n");

    must(buf_append(&client->text, bytes) == OK);
    for (;;) {
        struct span text = buf_span(&client->text);
        size_t len = span_find(text, behind.ptr[0]); /* escaped wherever else it is */

        if (len + behind.len > text.len) {
            return;
        }
        must(span_starts(text, before) && span_starts(span_tail(text, len), behind));
        check_sockjs(client, span_tail(span_head(text, len), before.len));
        buf_consume(&client->text, len + behind.len);
    }
}

static void client_take(struct client *client, struct mspan bytes)
{
    struct ws_conn_piece piece;
    enum err e;

    if (!realm_carrier_kind_is_ws(client->carrier)) {
        take_lines(client, span_ro(bytes));
        return;
    }
    while ((e = ws_conn_next(&client->ws, &bytes, &piece)) == OK) {
        if (piece.type == WS_CONN_DATA) {
            must(buf_append(&client->text, piece.data) == OK);
        } else if (piece.type == WS_CONN_END && client->is_stomp) {
            check_message(client);
        } else if (piece.type == WS_CONN_END) {
            buf_truncate(&client->text, 0);
        }
    }
    must(e == ERR_AGAIN || e == ERR_CLOSED);
}

/* False when the stream would be closed. */
static bool listen_some(struct client *client, struct world *world, size_t max)
{
    struct queue_reader *reader;
    struct span bytes;
    struct view *view;
    enum err e = ERR_AGAIN;

    queue_set_tidy(&world->queues);
    while ((reader = queue_set_next_woken(&world->queues)) != NULL) {
        session_wake_reader(reader);
    }
    while ((view = router_next_dirty(&world->router)) != NULL) {
        LIST_FOREACH (node, after, &view->cursors) {
            session_wake(LIST_ENTRY(node, struct view_cursor, node));
        }
    }
    while (max > 0 && (e = realm_session_peek(&client->session, &bytes)) == OK) {
        size_t len = bytes.len < max ? bytes.len : max;
        uint8_t *copy = malloc(len);

        must(copy != NULL);
        memcpy(copy, bytes.ptr, len);
        realm_session_sent(&client->session, len, 1);
        client_take(client, mspan_of(copy, len));
        free(copy);
        max -= len;
    }
    return e == OK || e == ERR_AGAIN;
}

static void put_masked(struct buf *stream, uint8_t opcode, struct span text)
{
    struct ws_frame frame = {.fin = true, .opcode = opcode, .masked = true};

    frame.payload_len = text.len;
    must(ws_frame_put(&frame, text, stream) == OK);
}

static void put_message(struct buf *stream, enum realm_carrier_kind carrier, struct span text)
{
    struct buf json;

    if (!realm_carrier_kind_is_ws(carrier)) { /* the bodies of requests are read elsewhere */
        must(buf_append(stream, text) == OK);
        return;
    }
    if (carrier != REALM_CARRIER_SOCKJS_WS || !utf8_is_valid(text)) {
        put_masked(stream, WS_OPCODE_BINARY, text);
        return;
    }
    buf_init(&json, 1 << 24);
    must(sockjs_frame_put_message(SOCKJS_FRAME_WEBSOCKET, text, &json) == OK);
    put_masked(stream, WS_OPCODE_TEXT, span_tail(buf_span(&json), 1)); /* without the "a" */
    buf_fini(&json);
}

static void fill_stream(struct buf *stream, enum realm_carrier_kind carrier, uint8_t options,
                        struct span input)
{
    if ((options & HAS_BEGUN) != 0) {
        put_message(stream, carrier, SPAN("CONNECT\naccept-version:1.2\nerrors:receipt\n\n\0"));
        put_message(stream, carrier,
                    SPAN("SUBSCRIBE\nid:a\ndestination:/a\nfrom:stored\n\n\0"));
        put_message(stream, carrier, SPAN("SUBSCRIBE\nid:q\ndestination:/q\nack:client\n\n\0"));
        put_message(stream, carrier, SPAN("BEGIN\ntransaction:t\n\n\0"));
    }
    if ((options & IS_WRAPPED) != 0) {
        put_message(stream, carrier, input);
    } else {
        must(buf_append(stream, input) == OK);
    }
}

static void run(struct client *client, struct world *world, uint8_t options,
                struct mspan stream)
{
    size_t part = (options & IS_CUT) != 0 ? 7 : SIZE_MAX;
    size_t step = (options & IS_SLOW) != 0 ? 11 : SIZE_MAX;
    bool is_on = true;

    while (stream.len > 0 && is_on) {
        size_t len = stream.len < part ? stream.len : part;

        is_on = realm_session_take(&client->session, mspan_of(stream.ptr, len), 1) == OK;
        stream = mspan_tail(stream, len);
        is_on = is_on && listen_some(client, world, step);
    }
    while (is_on && realm_session_is_waiting(&client->session)) {
        is_on = realm_session_take(&client->session, mspan_of(NULL, 0), 1) == OK &&
                listen_some(client, world, SIZE_MAX);
    }
    if (is_on && realm_session_expire(&client->session, 100000000) == OK) {
        listen_some(client, world, SIZE_MAX);
    }
}

/* The echo is WebSocket's alone. */
static enum realm_carrier_kind carrier_of(uint8_t options)
{
    static const enum realm_carrier_kind carriers[] = {
        REALM_CARRIER_WS, REALM_CARRIER_SOCKJS_WS, REALM_CARRIER_XHR,
        REALM_CARRIER_EVENTSOURCE};
    unsigned which = (options & CARRIER) / 32;

    if (which == 0 || (options & IS_ECHO) != 0) {
        return (options & IS_DEFLATED) != 0 ? REALM_CARRIER_WS_DEFLATE : REALM_CARRIER_WS;
    }
    return carriers[which];
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static const uint8_t any[] = "/*";
    static const uint8_t queue[] = "/q*", dead[] = "/dead", group[] = "/g*";
    const struct router_rule rules[] = {
        {.pattern = {queue, 3},
         .kind = ROUTER_QUEUE,
         .channel = {.capacity = 5, .store_bytes = 1 << 18},
         .dead_events = {dead, 5},
         .redelivery_max = 1,
         .window_max = 3},
        {.pattern = {group, 3},
         .kind = ROUTER_GROUP,
         .channel = {.type = CHANNEL_TRANSIENT, .capacity = 5, .store_bytes = 1 << 18},
         .has_all_streams = true},
        {.pattern = {any, 2}, .channel = {.capacity = 5, .store_bytes = 1 << 18}},
    };
    const struct transaction_hall_conf transactions = {
        .remembered_max = 2, .remembered = 60000, .items_max = 2, .bytes_max = 4096};
    const struct router_conf conf = {
        .rules = rules,
        .rule_count = sizeof rules / sizeof rules[0],
        .limits = {.channels = 5,
                   .store_bytes = 1 << 24,
                   .ring_bytes = 1 << 24,
                   .view = {.ring_bytes = 3000,
                            .frame_bytes = 6 * (2000 + REALM_STOMP_OVERHEAD_BYTES)}},
    };
    const struct ws_limits ws_limits = {.max_message_bytes = 1 << 20,
                                        .max_inflated_bytes = 1 << 20,
                                        .max_output_bytes = 1 << 10};
    const struct stomp_limits stomp_limits = {1 << 17, 200, 1 << 17, 1 << 17};
    struct rng rng = rng_seeded(1);
    struct world world;
    struct realm_stomp_forms forms;
    struct buf scratch, stream;
    struct client client;
    const struct realm_conf realm_conf = {.access = {.allows_anonymous = true}};
    const struct realm_login_env login_env = {.conf = &realm_conf};
    struct realm_login login;
    struct realm_session_env env;
    uint8_t options;

    if (len < 1) {
        return 0;
    }
    options = bytes[0];
    realm_stomp_forms_init(&forms, 2000, NULL);
    buf_init(&scratch, 1 << 17);
    buf_init(&stream, 1 << 24);
    buf_init(&client.text, 1 << 24);
    router_init(&world.router, &conf, &rng);
    datagroup_set_init(&world.groups, &world.router, realm_stomp_stream_may);
    queue_set_init(&world.queues,
                   &(struct queue_set_conf){.router = &world.router, .ids_max = 2});
    transaction_hall_init(&world.hall, &world.router, &transactions);
    env = (struct realm_session_env){
        .stomp = {.router = &world.router,
                  .queues = &world.queues,
                  .groups = &world.groups,
                  .hall = &world.hall,
                  .transactions_max = 2,
                  .forms = &forms,
                  .scratch = &scratch,
                  .subscriptions_max = 3,
                  .event_bytes = 2000,
                  .heart_beat = 20000},
        .rng = &rng,
        .outbox_bytes = 128 * 1024,
        .echo_bytes = 2000,
        .heart_beat = 20000,
        .sockjs_bytes = 1 << 16,
        .sockjs_heart_beat = 20000,
    };
    ws_conn_init(&client.ws, WS_CLIENT, &ws_limits, &rng, 0);
    stomp_decoder_init(&client.stomp, &stomp_limits);
    client.is_stomp = (options & IS_ECHO) == 0;
    client.carrier = carrier_of(options);
    must(realm_session_init(&client.session, &env,
                            &(struct realm_session_birth){.kind = client.is_stomp
                                                                      ? REALM_SESSION_STOMP
                                                                      : REALM_SESSION_ECHO,
                                                          .carrier = client.carrier,
                                                          .id = 1},
                            0) == OK);
    realm_carrier_set_received(&client.session.carrier, true, 0);
    realm_login_init(&login, &login_env, &(struct addr){0}, NULL, NULL, NULL);
    realm_session_set_login(&client.session, &login);

    fill_stream(&stream, client.carrier, options, span_of(bytes + 1, len - 1));
    run(&client, &world, options, mspan_of(stream.ptr, stream.len));

    realm_session_fini(&client.session);
    realm_session_forget(&client.session);
    stomp_decoder_fini(&client.stomp);
    ws_conn_fini(&client.ws);
    transaction_hall_fini(&world.hall);
    queue_set_fini(&world.queues);
    router_fini(&world.router);
    datagroup_set_fini(&world.groups);
    buf_fini(&client.text);
    buf_fini(&stream);
    realm_stomp_forms_fini(&forms);
    buf_fini(&scratch);
    return 0;
}

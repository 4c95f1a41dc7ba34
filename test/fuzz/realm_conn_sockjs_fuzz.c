/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Clients of one realm that speak SockJS over HTTP in any order: three connections, two
 * sessions, receivers that come twice, stop to read or leave in the middle, messages whole, in
 * halves and broken, a reload and a drain between. Byte 0 is how the realm is configured; then
 * each step is one byte for what to do on which connection, and one more for how.
 *
 * Promises that are held against it: every answer is good HTTP, what receivers are told is good
 * SockJS with one frame of STOMP in each message, bounds hold, and nothing is left over.
 */
#include "base/utf8.h"
#include "http1/http1_body_reader.h"
#include "io/sock.h"
#include "net/stream_tcp.h"
#include "realm/realm_conn.h"
#include "realm/realm_worker.h"
#include "sockjs/sockjs_messages.h"

#include <stdlib.h>
#include <sys/socket.h>

enum {
    CLIENTS = 3,
    STEPS_MAX = 200,
    HEARD_MAX = 1 << 20,
    /* Of byte 0. */
    IS_SHORT = 1,     /* streams end after a few frames */
    IS_IMPATIENT = 2, /* a session without a receiver is gone at once */
    IS_CROWDED = 4,   /* few sessions may be */
    IS_TIGHT = 8,     /* little may wait */
};

struct client {
    int fd;
    struct buf heard;
    bool is_raw; /* it has sent anything: nobody knows what the answers are about */
};

struct world {
    struct realm_conf conf;
    struct loop *loop;
    struct log log;
    struct realm_worker worker;
    struct client clients[CLIENTS];
};

static void must(bool is_true)
{
    if (!is_true) {
        abort();
    }
}

/* ---- what is heard ---- */

static void check_stomp(struct span frame)
{
    const struct stomp_limits limits = {1 << 17, 200, 1 << 17, 1 << 17};
    struct stomp_decoder decoder;
    struct stomp_piece piece;

    stomp_decoder_init(&decoder, &limits);
    must(stomp_decoder_next(&decoder, &frame, &piece) == OK && frame.len == 0);
    must(piece.type == STOMP_PIECE_EOL ||
         stomp_command_sender(piece.frame.command) == STOMP_FROM_SERVER);
    stomp_decoder_fini(&decoder);
}

/* o, h, a["one message"] or c[3000,"Go away!"]; h...h is the beginning of a stream. */
static void check_frame(struct span frame)
{
    struct sockjs_messages messages;
    struct buf text;

    must(frame.len > 0 && utf8_is_valid(frame));
    if (frame.ptr[0] != 'a') {
        must(span_equals(frame, "o") || frame.ptr[0] == 'h' || frame.ptr[0] == 'c');
        return;
    }
    buf_init(&text, HEARD_MAX);
    must(sockjs_messages_begin(&messages, span_tail(frame, 1)) == OK);
    must(sockjs_messages_next(&messages, &text) == OK);
    check_stomp(buf_span(&text));
    must(sockjs_messages_next(&messages, &text) == ERR_AGAIN);
    buf_fini(&text);
}

/* Lines, or events of an event stream; the last one may be cut off. */
static void check_frames(struct span body, bool is_events)
{
    struct span before = is_events ? SPAN("data: ") : SPAN("");
    struct span behind = is_events ? SPAN("\r\n\r\n") : SPAN("\n");

    if (is_events && span_starts(body, SPAN("\r\n"))) {
        body = span_tail(body, 2);
    }
    for (;;) {
        size_t len = span_find(body, behind.ptr[0]); /* escaped wherever else it is */

        if (len + behind.len > body.len) {
            return;
        }
        must(span_starts(body, before) && span_starts(span_tail(body, len), behind));
        check_frame(span_tail(span_head(body, len), before.len));
        body = span_tail(body, len + behind.len);
    }
}

static bool has_type(const struct http1_head *head, struct span type)
{
    const struct http1_field *field = http1_fields_find(head->fields, SPAN("content-type"));

    return field != NULL && span_starts(field->value, type);
}

/* False when the rest is not there yet, or is no HTTP. */
static bool check_answer(struct span *input)
{
    const struct http1_limits limits = {1000, 4000, 50, 16000};
    struct http1_body_reader_piece piece = {.type = HTTP1_BODY_READER_DATA};
    struct http1_body_answer answer = {.method = SPAN("POST")};
    struct http1_body_reader reader;
    struct http1_head head;
    struct http1_body body;
    enum http1_fault fault;
    struct buf content;
    enum err e;

    http1_head_init(&head, HTTP1_RESPONSE, &limits);
    e = http1_head_next(&head, input);
    must(e == OK || e == ERR_AGAIN);
    if (e == ERR_AGAIN || head.status == 101) {
        http1_head_fini(&head);
        return false;
    }
    answer.status = head.status;
    answer.version_minor = head.version_minor;
    must(http1_body_of_response(head.fields, &answer, &body, &fault) == OK);
    http1_body_reader_init(&reader, &body, &limits);
    buf_init(&content, HEARD_MAX);
    while ((e = http1_body_reader_next(&reader, input, &piece)) == OK &&
           piece.type == HTTP1_BODY_READER_DATA) {
        must(buf_append(&content, piece.data) == OK);
    }
    must(e == OK || e == ERR_AGAIN);
    if (head.status == 200 && has_type(&head, SPAN("application/javascript"))) {
        check_frames(buf_span(&content), false);
    } else if (head.status == 200 && has_type(&head, SPAN("text/event-stream"))) {
        check_frames(buf_span(&content), true);
    }
    buf_fini(&content);
    http1_body_reader_fini(&reader);
    http1_head_fini(&head);
    return e == OK;
}

/* ---- the clients ---- */

static void client_begin(struct world *world, struct client *client)
{
    struct stream *stream = NULL;
    struct addr addr;
    int fds[2];

    must(addr_parse(SPAN("127.0.0.1"), 1, &addr));
    must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0);
    client->fd = fds[0];
    must(stream_tcp_new(&stream, world->loop, &fds[1]) == OK);
    if (realm_conn_new(&world->worker, &addr, REALM_HOST_OVER_NETWORK, &stream) != OK) {
        stream_free(stream);
    }
    buf_init(&client->heard, HEARD_MAX);
    client->is_raw = false;
}

/* Until `max` bytes have come, or none do. */
static void client_hear(struct client *client, size_t max)
{
    uint8_t room[4096];
    size_t len;

    while (client->fd >= 0 && max > 0 &&
           sock_recv(client->fd, mspan_of(room, max < sizeof room ? max : sizeof room), &len) ==
               OK &&
           len > 0) {
        must(buf_append(&client->heard, span_of(room, len)) == OK);
        max -= len;
    }
}

static void client_end(struct client *client)
{
    struct span heard = buf_span(&client->heard);

    sock_close(&client->fd);
    while (!client->is_raw && heard.len > 0 && check_answer(&heard)) {
    }
    buf_fini(&client->heard);
}

static void client_say(struct client *client, struct span bytes)
{
    size_t len;

    if (bytes.len > 0) {
        (void)!sock_send(client->fd, bytes, &len); /* the realm has closed, or reads no more */
    }
}

/* ---- what they say ---- */

#define FRAME(text) "\"" text "\\u0000\""

static const char *const bodies[] = {
    "[" FRAME("CONNECT\\naccept-version:1.2\\nerrors:receipt\\n\\n") "]",
    "[" FRAME("SUBSCRIBE\\nid:a\\ndestination:/a\\nfrom:stored\\nreceipt:1\\n\\n") "]",
    "[" FRAME("SUBSCRIBE\\nid:q\\ndestination:/q\\nack:client\\n\\n") "]",
    "[" FRAME("SEND\\ndestination:/a\\n\\nx") "," FRAME("SEND\\ndestination:/q\\n\\ny") "]",
    "[" FRAME("ACK\\nid:q\\nmessage-id:/q@1\\nsubscription:q\\n\\n") "]",
    "[" FRAME("UNSUBSCRIBE\\nid:a\\nreceipt:2\\n\\n") "," FRAME("UNSUBSCRIBE\\nid:q\\n\\n") "]",
    "[" FRAME("BEGIN\\ntransaction:t\\n\\n") "," FRAME("SEND\\ndestination:/a\\ntransaction:t\\n\\nz") "," FRAME(
        "COMMIT\\ntransaction:t\\ncommit-id:c\\nreceipt:3\\n\\n") "]",
    "[" FRAME("DISCONNECT\\nreceipt:bye\\n\\n") "]",
    "[\"SEND\\ndestination:/a\\n\\nhalf a frame\"]",
    "[\"\",\"\\n\"]",
    "[\"broken",
    "",
    "[]",
    "[\"HELLO\\n\\n\\u0000\"]",
};

/* `form`: what stands before and behind the session's letter, a "|" between. */
static void ask(struct client *client, struct span form, char session, struct span body)
{
    size_t bar = span_find(form, '|');
    struct buf request;

    buf_init(&request, 1 << 16);
    must(buf_printf(&request, "%.*s%c%.*s\r\nHost: a\r\nContent-Length: %zu\r\n\r\n",
                    SPAN_ARG(span_head(form, bar)), session, SPAN_ARG(span_tail(form, bar + 1)),
                    body.len) == OK);
    must(buf_append(&request, body) == OK);
    client_say(client, buf_span(&request));
    buf_fini(&request);
}

static void receive(struct client *client, uint8_t how)
{
    static const struct span forms[] = {
        SPAN_INIT("POST /sockjs/0/|/xhr HTTP/1.1"),
        SPAN_INIT("POST /sockjs/0/|/xhr_streaming HTTP/1.1"),
        SPAN_INIT("GET /sockjs/0/|/eventsource HTTP/1.1"),
        SPAN_INIT("POST /sockjs/0/|/xhr_streaming HTTP/1.0"),
        SPAN_INIT("POST /sockjs/0/|/xhr HTTP/1.0"),
    };

    ask(client, forms[how / 2 % (sizeof forms / sizeof forms[0])], how & 1 ? 'a' : 'b',
        how & 128 ? SPAN("dropped") : SPAN(""));
}

static const struct span sending = SPAN_INIT("POST /sockjs/0/|/xhr_send HTTP/1.1");

static void send_messages(struct client *client, uint8_t how)
{
    const char *body = bodies[how / 2 % (sizeof bodies / sizeof bodies[0])];

    ask(client, sending, how & 1 ? 'a' : 'b', span_str(body));
}

/* Many at once: their answers wait for who reads them. */
static void send_many(struct client *client, uint8_t how)
{
    struct buf body;

    buf_init(&body, 1 << 16);
    must(buf_append(&body, SPAN("[\"\"")) == OK);
    for (unsigned i = 0; i < 8u + how; i++) {
        must(buf_printf(&body, "," FRAME("SEND\\ndestination:/a\\nreceipt:%u\\n\\nbody"), i) ==
             OK);
    }
    must(buf_append(&body, SPAN("]")) == OK);
    ask(client, sending, how & 1 ? 'a' : 'b', buf_span(&body));
    buf_fini(&body);
}

static void turn(struct world *world, unsigned turns)
{
    for (unsigned i = 0; i < turns; i++) {
        must(loop_turn(world->loop, 0) == OK);
    }
}

static void step(struct world *world, uint8_t what, uint8_t how, struct span *input)
{
    struct client *client = &world->clients[what / 16 % CLIENTS];
    size_t len = how < input->len ? how : input->len;

    switch (what % 16) {
    case 0:
    case 1:
    case 2: receive(client, how); return;
    case 3:
    case 4:
    case 5: send_messages(client, how); return;
    case 6: send_many(client, how); return;
    case 7: /* anything */
        client->is_raw = true;
        client_say(client, span_head(*input, len));
        *input = span_tail(*input, len);
        return;
    case 8: /* the head of a body that comes later, if it does */
        client_say(client, SPAN("POST /sockjs/0/a/xhr_send HTTP/1.1\r\nHost: a\r\n"
                                "Content-Length: 10\r\n\r\n"));
        return;
    case 9:
        client_end(client);
        client_begin(world, client);
        return;
    case 10: client_hear(client, 1u + how); return;
    case 11: client_hear(client, SIZE_MAX); return;
    case 12: turn(world, 1u + how % 4); return;
    case 13: realm_conn_review_all(&world->worker, NULL); return;
    case 14:
        world->conf.access.allows_anonymous = (how & 1) != 0;
        realm_sockjs_review_all(&world->worker.sockjs, NULL);
        return;
    case 15:
        if (how == 255) {
            world->worker.is_draining = true;
            (void)realm_conn_send_away(&world->worker, 1);
        }
        return;
    }
}

static struct router_rule rules[] = {
    {.pattern = SPAN_INIT("/q"),
     .kind = ROUTER_QUEUE,
     .channel = {.capacity = 5, .store_bytes = 1 << 18},
     .window_max = 3},
    {.pattern = SPAN_INIT("/*"), .channel = {.capacity = 100, .store_bytes = 1 << 18}},
};

static void world_begin(struct world *world, uint8_t options)
{
    struct realm_worker_parts parts;

    *world = (struct world){
        .conf = {.access = {.allows_anonymous = true},
                 .rules = rules,
                 .rule_count = 2,
                 .channels_max = 10,
                 .store_bytes_total = 1 << 20,
                 .view_bytes_total = 1 << 20,
                 .sessions_max = options & IS_CROWDED ? 4 : 100,
                 .subscriptions_max = 10,
                 .transactions_max = 2,
                 .transactions = {.remembered_max = 2,
                                  .remembered = 1000,
                                  .items_max = 2,
                                  .bytes_max = 4096},
                 .publish_ids_max = 2,
                 .event_bytes = 4096,
                 .outbox_bytes = options & IS_TIGHT ? 1 << 14 : 1 << 16,
                 .view_bytes = 1 << 18,
                 .heart_beat = 20000,
                 .handshake_timeout = 100000,
                 .keep_alive_timeout = 100000,
                 .sockjs = {.is_on = true,
                            .has_websocket = true,
                            .heart_beat = 100000,
                            .disconnect_delay = options & IS_IMPATIENT ? 0 : 100000,
                            .stream_bytes = options & IS_SHORT ? 300 : 1 << 16,
                            .body_bytes = 1 << 15},
                 .line_bytes = 1000,
                 .field_count = 50,
                 .field_bytes = 1000},
        .log = {.level = LOG_ERROR},
    };
    must(loop_new(&world->loop) == OK);
    parts = (struct realm_worker_parts){.hands = 1,
                                        .descriptors = UINT64_MAX,
                                        .conf = &world->conf,
                                        .loop = world->loop,
                                        .log = &world->log,
                                        .rng = rng_seeded(1)};
    must(realm_worker_init(&world->worker, &parts) == OK);
    for (size_t i = 0; i < CLIENTS; i++) {
        client_begin(world, &world->clients[i]);
    }
}

static void world_end(struct world *world)
{
    for (size_t i = 0; i < CLIENTS; i++) {
        turn(world, 4);
        client_hear(&world->clients[i], SIZE_MAX);
        client_end(&world->clients[i]);
    }
    turn(world, 4);
    realm_conn_close_all(&world->worker);
    realm_worker_fini(&world->worker);
    loop_free(world->loop);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct span input = span_of(bytes, len);
    struct world world;

    if (len == 0) {
        return 0;
    }
    world_begin(&world, bytes[0]);
    input = span_tail(input, 1);
    for (int i = 0; i < STEPS_MAX && input.len >= 2; i++) {
        uint8_t what = input.ptr[0], how = input.ptr[1];

        input = span_tail(input, 2);
        step(&world, what, how, &input);
    }
    world_end(&world);
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Whole exchanges with everything left to chance that a network leaves to chance: when who
 * sends how much, when who reads how much, how bodies are framed. Content must arrive as it was
 * sent, both ways at once, through two rooms.
 */
#include "proxy/proxy_forward_inside.h"

#include "base/rng.h"
#include "forward_rig.h"

#include <sys/socket.h>

enum {
    SEEDS = 300,
    CONTENT_MAX = 150000,
    PART_MAX = 40000,
};

/* One end: what it writes, and a reader for what it gets. */
struct end {
    struct stream *stream;
    struct buf wire;
    size_t written;
    struct http1_head head;
    bool has_head;
    struct http1_body_reader reader;
    struct span expected;
    struct span trailer; /* the value of X-Sum; empty: none */
    bool has_ended;
};

static struct rng dice;

static size_t roll(size_t below)
{
    return rng_u32(&dice) % below;
}

/* Content in random chunks, by length, or until the end; perhaps with a trailer. */
static void put_body(struct end *from, struct end *to, struct span content,
                     enum http1_body_type type)
{
    to->expected = content;
    if (type != HTTP1_BODY_CHUNKED) {
        assert_ok(buf_append(&from->wire, content));
        return;
    }
    while (content.len > 0) {
        struct span part = span_head(content, 1 + roll(roll(2) == 0 ? 20 : 50000));
        uint8_t begin[HTTP1_CHUNK_BEGIN_BYTES];

        assert_ok(
            buf_append(&from->wire, span_of(begin, http1_chunk_put_begin(begin, part.len))));
        assert_ok(buf_append(&from->wire, part));
        assert_ok(buf_append(&from->wire, SPAN("\r\n")));
        content = span_tail(content, part.len);
    }
    to->trailer = roll(2) == 0 ? SPAN("1a2b") : SPAN("");
    assert_ok(buf_append(&from->wire, to->trailer.len > 0 ? SPAN("0\r\nX-Sum: 1a2b\r\n\r\n")
                                                          : SPAN("0\r\n\r\n")));
}

static void put_framing(struct buf *out, enum http1_body_type type, size_t len)
{
    if (type == HTTP1_BODY_CHUNKED) {
        assert_ok(buf_append(out, SPAN("Transfer-Encoding: chunked\r\n\r\n")));
    } else if (type == HTTP1_BODY_UNTIL_CLOSE) {
        assert_ok(buf_append(out, SPAN("\r\n")));
    } else {
        assert_ok(buf_printf(out, "Content-Length: %zu\r\n\r\n", len));
    }
}

static void begin_body(struct end *end)
{
    struct http1_body body;
    enum http1_fault fault;

    if (end->head.kind == HTTP1_REQUEST) {
        assert_ok(http1_body_of_request(end->head.fields, 1, &body, &fault));
    } else {
        const struct http1_body_answer answer = {SPAN_INIT("PUT"), end->head.status, 1};

        assert_ok(http1_body_of_response(end->head.fields, &answer, &body, &fault));
        assert_true(body.type != HTTP1_BODY_UNTIL_CLOSE);
    }
    http1_body_reader_init(&end->reader, &body, &rig_limits);
    end->has_head = true;
}

static void take(struct end *end, struct span input)
{
    struct http1_body_reader_piece piece;

    if (!end->has_head) {
        enum err e = http1_head_next(&end->head, &input);

        if (e == ERR_AGAIN) {
            return;
        }
        assert_ok(e);
        begin_body(end);
    }
    while (!end->has_ended && http1_body_reader_next(&end->reader, &input, &piece) == OK) {
        if (piece.type == HTTP1_BODY_READER_END) {
            end->has_ended = true;
            assert_int_equal(piece.trailers.count, end->trailer.len > 0 ? 1 : 0);
        } else {
            assert_bytes(piece.data, span_head(end->expected, piece.data.len));
            end->expected = span_tail(end->expected, piece.data.len);
        }
    }
    assert_int_equal(input.len, 0);
}

static void read_some(struct end *end)
{
    static uint8_t room[PART_MAX];
    size_t len = 0;

    if (stream_read(end->stream, mspan_of(room, 1 + roll(PART_MAX)), &len) == OK && len > 0) {
        take(end, span_of(room, len));
    }
}

/* Up to `most` bytes of the wire altogether. */
static void write_some(struct end *end, size_t most)
{
    size_t part = 1 + roll(roll(3) == 0 ? 30 : PART_MAX);
    size_t left = (most < end->wire.len ? most : end->wire.len) - end->written;
    size_t len = 0;

    part = part < left ? part : left;
    if (part > 0 &&
        stream_write(end->stream, span_of(end->wire.ptr + end->written, part), &len) == OK) {
        end->written += len;
    }
}

static void end_init(struct end *end, struct stream *stream, enum http1_head_kind kind)
{
    *end = (struct end){.stream = stream};
    buf_init(&end->wire, 4u * CONTENT_MAX);
    http1_head_init(&end->head, kind, &rig_limits);
}

static void end_fini(struct end *end)
{
    assert_true(end->has_ended);
    assert_int_equal(end->expected.len, 0);
    buf_fini(&end->wire);
    http1_head_fini(&end->head);
    http1_body_reader_fini(&end->reader);
}

/* The head is the exchange's from the start; a part of the body may be. */
static void start(struct rig *rig, struct end *client, enum http1_body_type type, size_t len)
{
    size_t early = roll(client->wire.len < 20000 ? client->wire.len + 1 : 20000);
    struct buf body = client->wire;

    buf_init(&client->wire, body.max);
    assert_ok(buf_append(&rig->early, SPAN("PUT http://h/ HTTP/1.1\r\nHost: h\r\n")));
    put_framing(&rig->early, type, len);
    assert_ok(buf_append(&rig->early, span_head(buf_span(&body), early)));
    rig_next(rig);
    assert_ok(buf_append(&client->wire, span_tail(buf_span(&body), early)));
    buf_fini(&body);
    rig_start(rig);
}

static void run(struct rig *rig, struct end *client, struct end *server, bool until_close)
{
    /* An answer may begin early, and must not end before the request has. */
    const size_t most_before = roll(server->wire.len);
    const msec began = loop_now(rig->loop);
    bool has_shut = false;

    while (rig->done_count == 0) {
        assert_true(loop_now(rig->loop) < rig->job.idle_timeout + began);
        switch (roll(5)) {
        case 0: write_some(client, SIZE_MAX); break;
        case 1: read_some(client); break;
        case 2:
            if (server->has_head) {
                write_some(server, server->has_ended ? SIZE_MAX : most_before);
            }
            break;
        case 3: read_some(server); break;
        default: assert_ok(loop_turn(rig->loop, 0)); break;
        }
        assert_true(rig->pool.out_count <= 2);
        if (until_close && !has_shut && server->written == server->wire.len) {
            loopback_shutdown(rig->loop, server->stream);
            has_shut = true;
        }
    }
    while (!client->has_ended) {
        read_some(client);
        assert_ok(loop_turn(rig->loop, 0));
    }
}

/* A kernel that takes next to nothing, so that rooms are needed all the time. */
static void squeeze(struct stream *stream)
{
    const int bytes = 2048;

    assert_return_code(
        setsockopt(stream_fd(stream), SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes), 0);
}

static void exchange(uint64_t seed)
{
    static const enum http1_body_type types[] = {HTTP1_BODY_LENGTH, HTTP1_BODY_CHUNKED,
                                                 HTTP1_BODY_UNTIL_CLOSE};
    struct mspan bytes = loopback_pattern(CONTENT_MAX);
    struct rig *rig = rig_new(seed % 2 == 0 ? loopback_local_pair : loopback_tcp_pair, 2);
    struct end client, server;

    if (seed % 2 == 0) { /* TCP would wait for late acknowledgements */
        squeeze(rig->client_end);
        squeeze(rig->server_end);
    }
    dice = rng_seeded(seed);
    const enum http1_body_type up = types[roll(2)];
    const enum http1_body_type down = types[roll(3)];
    const struct span sent = span_head(span_ro(bytes), roll(roll(2) == 0 ? 50 : CONTENT_MAX));
    const struct span answer = span_head(span_ro(bytes), roll(roll(2) == 0 ? 50 : CONTENT_MAX));

    end_init(&client, rig->client, HTTP1_RESPONSE);
    end_init(&server, rig->server, HTTP1_REQUEST);
    put_body(&client, &server, sent, up);
    assert_ok(buf_append(&server.wire, SPAN("HTTP/1.1 200 OK\r\nDate: d\r\n")));
    put_framing(&server.wire, down, answer.len);
    put_body(&server, &client, answer, down);
    start(rig, &client, up, sent.len);
    run(rig, &client, &server, down == HTTP1_BODY_UNTIL_CLOSE);
    rig_expect_done(rig, PROXY_FORWARD_DONE);
    assert_int_equal(rig->result.up_bytes, sent.len);
    assert_int_equal(rig->result.down_bytes, answer.len);
    assert_int_equal(rig->result.upstream_may_continue, down != HTTP1_BODY_UNTIL_CLOSE);
    assert_int_equal(rig->early.len, 0);
    end_fini(&client);
    end_fini(&server);
    rig_free(rig);
    free(bytes.ptr);
}

static void content_arrives_whatever_the_timing(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        exchange(seed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(content_arrives_whatever_the_timing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "proxy/proxy_forward_up.h"

#include "forward_rig.h"

static const char ok[] = "HTTP/1.1 200 OK\r\nDate: d\r\nContent-Length: 2\r\n\r\nok";
static const char ok_close[] = "HTTP/1.1 200 OK\r\nDate: d\r\nContent-Length: 2\r\n"
                               "Connection: close\r\n\r\nok";

#define CHUNKED_HEAD                         \
    "POST http://h/ HTTP/1.1\r\nHost: h\r\n" \
    "Transfer-Encoding: chunked\r\n\r\n"
#define CHUNKED_SENT "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"

static void chunks_go_on_without_extensions_and_with_trailers(void **state)
{
    struct rig *rig = rig_new(loopback_tcp_pair, 2);

    (void)state;
    rig_ask(rig, CHUNKED_HEAD "3;a=b\r\nabc\r\n002;c\r\n");
    rig_client_sends(rig, "de\r\n0;x\r\nX-Sum: 1\r\nHost: evil\r\n\r\nGET");
    rig_server_gets(rig, CHUNKED_SENT "3\r\nabc\r\n2\r\nde\r\n0\r\nX-Sum: 1\r\n\r\n");
    rig_server_sends(rig, ok);
    rig_client_gets(rig, ok);
    rig_expect_done(rig, PROXY_FORWARD_DONE);
    assert_int_equal(rig->result.up_bytes, 5);
    assert_true(rig->result.client_may_continue);
    assert_bytes(buf_span(&rig->early), SPAN("GET"));
    rig_free(rig);
}

static void a_small_body_goes_with_its_head_in_one_write(void **state)
{
    struct rig *rig = rig_new(loopback_tcp_pair, 2);
    uint8_t room[500];
    size_t len = 0;

    (void)state;
    rig_ask(rig, CHUNKED_HEAD "3\r\nabc\r\n0\r\n\r\n");
    loopback_settle(rig->loop);
    assert_ok(stream_read(rig->server, mspan_of(room, sizeof room), &len));
    assert_bytes(span_of(room, len), SPAN(CHUNKED_SENT "3\r\nabc\r\n0\r\n\r\n"));
    rig_free(rig);
}

static void a_hundred_continue_is_asked_for_and_passed(void **state)
{
    struct rig *rig = rig_new(loopback_tcp_pair, 2);

    (void)state;
    rig_ask(rig, "PUT http://h/ HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n"
                 "Content-Length: 4\r\n\r\n");
    rig_server_gets(rig, "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n"
                         "Expect: 100-continue\r\n\r\n");
    rig_server_sends(rig, "HTTP/1.1 100 Continue\r\n\r\n");
    rig_client_gets(rig, "HTTP/1.1 100 Continue\r\n\r\n");
    rig_client_sends(rig, "body");
    rig_server_gets(rig, "body");
    rig_server_sends(rig, ok);
    rig_client_gets(rig, ok);
    rig_expect_done(rig, PROXY_FORWARD_DONE);
    assert_true(rig->result.client_may_continue && rig->result.upstream_may_continue);
    rig_free(rig);
}

static void an_early_answer_ends_the_clients_connection(void **state)
{
    struct rig *rig = rig_new(loopback_tcp_pair, 2);

    (void)state;
    rig_ask(rig, "PUT http://h/ HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n"
                 "Content-Length: 4\r\n\r\n");
    rig_server_sends(rig, ok);
    rig_client_gets(rig, ok_close);
    rig_expect_done(rig, PROXY_FORWARD_DONE);
    assert_false(rig->result.client_may_continue || rig->result.upstream_may_continue);
    assert_true(rig->result.client_must_linger);
    rig_free(rig);
}

static void the_body_goes_on_while_an_early_answer_flows(void **state)
{
    struct rig *rig = rig_new(loopback_tcp_pair, 2);

    (void)state;
    rig_ask(rig, CHUNKED_HEAD);
    rig_server_gets(rig, CHUNKED_SENT);
    rig_server_sends(rig, "HTTP/1.1 200 OK\r\nDate: d\r\nTransfer-Encoding: chunked\r\n\r\n"
                          "1\r\na\r\n");
    rig_client_gets(rig, "HTTP/1.1 200 OK\r\nDate: d\r\nTransfer-Encoding: chunked\r\n"
                         "Connection: close\r\n\r\n1\r\na\r\n");
    rig_client_sends(rig, "2\r\nxy\r\n");
    rig_server_gets(rig, "2\r\nxy\r\n");
    rig_server_sends(rig, "1\r\nb\r\n");
    rig_client_gets(rig, "1\r\nb\r\n");
    rig_client_sends(rig, "0\r\n\r\n");
    rig_server_gets(rig, "0\r\n\r\n");
    rig_server_sends(rig, "0\r\nT: u\r\n\r\n");
    rig_client_gets(rig, "0\r\nT: u\r\n\r\n");
    rig_expect_done(rig, PROXY_FORWARD_DONE);
    assert_false(rig->result.client_may_continue); /* it was told so */
    assert_false(rig->result.client_must_linger);
    assert_true(rig->result.upstream_may_continue);
    rig_free(rig);
}

/* Reads and forgets at the client's end until the exchange is over. */
static void write_on_until_done(struct rig *rig, struct span bytes)
{
    while (rig->done_count == 0) {
        size_t len = 0;

        if (bytes.len > 0 && stream_write(rig->client, bytes, &len) == OK) {
            bytes = span_tail(bytes, len);
        }
        assert_ok(loop_turn(rig->loop, bytes.len > 0 ? 0 : 10));
    }
}

static void a_server_that_refuses_an_upload_and_hangs_up_is_heard(void **state)
{
    struct mspan bytes = loopback_pattern(8 << 20);
    struct rig *rig = rig_new(loopback_tcp_pair, 2);
    static const char refusal[] = "HTTP/1.1 413 No\r\nDate: d\r\nContent-Length: 4\r\n"
                                  "Connection: close\r\n\r\nno!\n";

    (void)state;
    rig_ask(rig, "PUT http://h/ HTTP/1.1\r\nHost: h\r\nContent-Length: 8388608\r\n\r\n");
    rig_server_sends(rig, refusal);
    loopback_shutdown(rig->loop, rig->server);
    write_on_until_done(rig, span_ro(bytes));
    rig_expect_done(rig, PROXY_FORWARD_DONE);
    assert_int_equal(rig->result.status, 413);
    assert_true(rig->result.client_must_linger);
    rig_client_gets(rig, refusal);
    rig_free(rig);
    free(bytes.ptr);
}

/* Whatever the client sends is decoded at the server. */
struct sink {
    struct http1_body_reader reader;
    struct span expected;
    bool has_ended;
};

static void sink_take(struct sink *sink, struct span input)
{
    struct http1_body_reader_piece piece;

    while (http1_body_reader_next(&sink->reader, &input, &piece) == OK) {
        if (piece.type == HTTP1_BODY_READER_END) {
            sink->has_ended = true;
            break;
        }
        assert_true(piece.data.len <= sink->expected.len);
        assert_memory_equal(piece.data.ptr, sink->expected.ptr, piece.data.len);
        sink->expected = span_tail(sink->expected, piece.data.len);
    }
    assert_int_equal(input.len, 0);
}

/* Chunks of all sizes, in `out`. */
static void put_chunks(struct buf *out, struct span bytes)
{
    static const size_t sizes[] = {1, 70000, 3, 16384, 10, 4096, 200000, 2};

    for (size_t i = 0; bytes.len > 0; i++) {
        struct span part = span_head(bytes, sizes[i % (sizeof sizes / sizeof sizes[0])]);
        uint8_t begin[HTTP1_CHUNK_BEGIN_BYTES];

        assert_ok(buf_append(out, span_of(begin, http1_chunk_put_begin(begin, part.len))));
        assert_ok(buf_append(out, part));
        assert_ok(buf_append(out, SPAN("\r\n")));
        bytes = span_tail(bytes, part.len);
    }
    assert_ok(buf_append(out, SPAN("0\r\n\r\n")));
}

static void ten_megabytes_in_chunks_reach_a_slow_server_through_one_room(void **state)
{
    const struct http1_body chunked = {HTTP1_BODY_CHUNKED, 0};
    struct mspan bytes = loopback_pattern(10u << 20);
    struct rig *rig = rig_new(loopback_local_pair, 2);
    struct sink sink = {.expected = span_ro(bytes)};
    uint8_t part[5000];
    struct span rest;
    struct buf text;
    size_t most_rooms = 0;

    (void)state;
    buf_init(&text, 12u << 20);
    put_chunks(&text, span_ro(bytes));
    rest = buf_span(&text);
    http1_body_reader_init(&sink.reader, &chunked, &rig_limits);
    rig_ask(rig, CHUNKED_HEAD);
    rig_server_gets(rig, CHUNKED_SENT);
    while (!sink.has_ended) {
        size_t len = 0;

        while (rest.len > 0 && stream_write(rig->client, rest, &len) == OK) {
            rest = span_tail(rest, len);
        }
        assert_ok(loop_turn(rig->loop, 0));
        most_rooms = rig->pool.out_count > most_rooms ? rig->pool.out_count : most_rooms;
        if (stream_read(rig->server, mspan_of(part, sizeof part), &len) == OK) {
            sink_take(&sink, span_of(part, len));
        }
    }
    assert_int_equal(sink.expected.len, 0);
    assert_int_equal(most_rooms, 1); /* back-pressure was met, and one way needs one room */
    loopback_settle(rig->loop);
    assert_int_equal(rig->pool.out_count, 0);
    rig_server_sends(rig, ok);
    rig_expect_done(rig, PROXY_FORWARD_DONE);
    assert_int_equal(rig->result.up_bytes, bytes.len);
    assert_true(rig->result.client_may_continue && rig->result.upstream_may_continue);
    http1_body_reader_fini(&sink.reader);
    buf_fini(&text);
    free(bytes.ptr);
    rig_free(rig);
}

static void a_malformed_body_is_a_400_and_the_next_hop_never_sees_its_end(void **state)
{
    static const char *const bodies[] = {
        "3\r\nabc\r\n0x0\r\n\r\n",
        "3\r\nabcd\r\n0\r\n\r\n",
        "3\r\nabc\r\n0\n\n",
        "3\r\nabc\r\n+0\r\n\r\n",
        "3\r\nabc\r\n0\r\nA : b\r\n\r\n",
        "3\r\nabc\r\n0 \r\n\r\n",
        "3\r\nabc\r\n-1\r\n\r\n",
        "3\r\nabc\r\n;\r\n\r\n",
        "3\r\nabc\r\n0\r\n a\r\n\r\n",
        "3\r\nabc\r\n0\r\n\rA: b\r\n\r\n",
    };

    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        struct rig *rig = rig_new(loopback_tcp_pair, 2);

        rig_ask(rig, CHUNKED_HEAD);
        rig_server_gets(rig, CHUNKED_SENT);
        rig_client_sends(rig, bodies[i]);
        rig_expect_done(rig, PROXY_FORWARD_CLIENT_FAULT);
        assert_int_equal(rig->result.refusal, 400);
        assert_int_equal(rig->result.status, 0);
        assert_false(rig->result.upstream_may_continue);
        rig_expect_silence(rig, rig->server);
        rig_free(rig);

        rig = rig_new(loopback_tcp_pair, 2); /* the same, together with the head */
        rig_request(rig, CHUNKED_HEAD);
        assert_ok(buf_append(&rig->early, span_str(bodies[i])));
        rig_start(rig);
        rig_expect_done(rig, PROXY_FORWARD_CLIENT_FAULT);
        assert_true(rig->result.upstream_may_continue); /* it has heard nothing of all this */
        rig_expect_silence(rig, rig->server);
        rig_free(rig);
    }
}

/* What request smuggling is made of: each row is refused, or has one meaning only. */
static const struct {
    const char *request;
    uint16_t status; /* 0: understood, and `sent` is what it means */
    const char *sent;
} payloads[] = {
    {"POST http://h/ HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n"
     "\r\n0\r\n\r\nGET",
     400, NULL},
    {"POST http://h/ HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n"
     "\r\n0\r\n\r\n",
     400, NULL},
    {"POST http://h/ HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcde",
     400, NULL},
    {"POST http://h/ HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nContent-Length: 4\r\n\r\nabcd",
     400, NULL},
    {"POST http://h/ HTTP/1.1\r\nHost: h\r\nContent-Length: 4, 4\r\n\r\nabcd", 400, NULL},
    {"POST http://h/ HTTP/1.1\r\nHost: h\r\nContent-Length: +4\r\n\r\nabcd", 400, NULL},
    {"POST http://h/ HTTP/1.1\r\nHost: h\r\nContent-Length: 0x4\r\n\r\nabcd", 400, NULL},
    {"POST http://h/ HTTP/1.1\r\nHost: h\r\nContent-Length: 4 \x0b\r\n\r\nabcd", 400, NULL},
    {"POST http://h/ HTTP/1.1\r\nHost: h\r\nContent-Length : 4\r\n\r\nabcd", 400, NULL},
    {"POST http://h/ HTTP/1.1\r\nHost: h\r\nTransfer-Encoding : chunked\r\n\r\n", 400, NULL},
    {"POST http://h/ HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: xchunked\r\n\r\n", 400, NULL},
    {"POST http://h/ HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked, identity\r\n\r\n", 400,
     NULL},
    {"POST http://h/ HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: \x0b"
     "chunked\r\n\r\n",
     400, NULL},
    {"POST http://h/ HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: \"chunked\"\r\n\r\n", 400, NULL},
    {"POST http://h/ HTTP/1.1\r\nHost: h\r\nTransfer-Encoding:\r\n chunked\r\n\r\n", 400, NULL},
    {"POST http://h/ HTTP/1.1\r\nHost: h\r\nX: a\r\n\tb\r\n\r\n", 400, NULL},
    {"POST http://h/ HTTP/1.1\r\nHost: h\r\nX: a\rContent-Length: 5\r\n\r\n", 400, NULL},
    {"POST http://h/ HTTP/1.1\r\nHost: h\r\nX: a\nContent-Length: 5\r\n\r\n", 400, NULL},
    {"POST http://h/ HTTP/1.1\r\n Host: h\r\n\r\n", 400, NULL},
    {"POST http://h/ HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501,
     NULL},
    {"POST http://h/ HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400,
     NULL},
    {"GET http://h/ HTTP/1.1 \r\nHost: h\r\n\r\n", 400, NULL},
    {"GET  http://h/ HTTP/1.1\r\nHost: h\r\n\r\n", 400, NULL},
    {"GET http://h/\thttp://x/ HTTP/1.1\r\nHost: h\r\n\r\n", 400, NULL},
    {"GET http://u@h/ HTTP/1.1\r\nHost: h\r\n\r\n", 400, NULL},
    {"GET http://h\\@x/ HTTP/1.1\r\nHost: h\r\n\r\n", 400, NULL},
    {"GET http://h/#x HTTP/1.1\r\nHost: h\r\n\r\n", 400, NULL},
    /* understood in one way only */
    {"GET http://h/ HTTP/1.1\r\nHost: evil\r\n\r\n", 0, "GET / HTTP/1.1\r\nHost: h\r\n\r\n"},
    {"POST http://h/ HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\nX: y\r\n\r\nGET /x", 0,
     "POST / HTTP/1.1\r\nHost: h\r\nX: y\r\nContent-Length: 0\r\n\r\n"},
    {"POST http://h/ HTTP/1.1\r\nHost: h\r\nConnection: content-length\r\nContent-Length: 3\r\n"
     "\r\nabc",
     0, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc"},
    {"GET http://h/ HTTP/1.1\r\nHost: h\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\nPRI", 0,
     "GET / HTTP/1.1\r\nHost: h\r\n\r\n"},
    {"POST http://h/ HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3;a=\"\x7f\"\r\n"
     "abc\r\n0\r\n\r\n",
     400, NULL},
    {"POST http://h/ HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
     "ffffffffffffffff1\r\nabc\r\n0\r\n\r\n",
     400, NULL},
};

/* The status of the refusal before an exchange begins; 0: it may. */
static uint16_t refused(struct rig *rig, const char *text)
{
    struct http1_head head;
    struct span input = span_str(text);
    struct http1_target target;
    struct http1_body body;
    enum http1_fault fault = HTTP1_FAULT_NONE;

    http1_head_init(&head, HTTP1_REQUEST, &rig_limits);
    if (http1_head_next(&head, &input) != OK) {
        fault = http1_head_fault(&head);
        assert_true(fault != HTTP1_FAULT_NONE);
    } else if (http1_target_read(head.method, head.target, &target, &fault) == OK) {
        (void)!http1_body_of_request(head.fields, head.version_minor, &body, &fault);
    }
    http1_head_fini(&head);
    if (fault == HTTP1_FAULT_NONE) {
        rig_ask(rig, text);
    }
    return fault == HTTP1_FAULT_NONE ? 0 : http1_fault_status(fault);
}

static void what_could_be_read_in_two_ways_is_refused_or_made_clear(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof payloads / sizeof payloads[0]; i++) {
        struct rig *rig = rig_new(loopback_tcp_pair, 2);
        uint16_t status = refused(rig, payloads[i].request);

        if (status == 0 && payloads[i].sent == NULL) { /* a fault in the body */
            rig_expect_done(rig, PROXY_FORWARD_CLIENT_FAULT);
            status = rig->result.refusal;
        }
        assert_int_equal(status, payloads[i].status);
        if (payloads[i].sent != NULL) {
            rig_server_gets(rig, payloads[i].sent);
        }
        rig_expect_silence(rig, rig->server);
        rig_free(rig);
    }
}

static void bytes_behind_a_request_are_kept_up_to_a_limit(void **state)
{
    struct mspan bytes = loopback_pattern(1 << 20);
    struct rig *rig = rig_new(loopback_tcp_pair, 2);
    struct span rest = span_ro(bytes);

    (void)state;
    rig_ask(rig, "GET http://h/ HTTP/1.1\r\nHost: h\r\n\r\n");
    for (int i = 0; i < 200; i++) {
        size_t len = 0;

        if (rest.len > 0 && stream_write(rig->client, rest, &len) == OK) {
            rest = span_tail(rest, len);
        }
        assert_ok(loop_turn(rig->loop, 0));
    }
    assert_int_equal(rig->early.len, RIG_EARLY_MAX);
    assert_bytes(buf_span(&rig->early), span_head(span_ro(bytes), RIG_EARLY_MAX));
    rig_server_sends(rig, ok);
    rig_expect_done(rig, PROXY_FORWARD_DONE);
    rig_free(rig);
    free(bytes.ptr);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chunks_go_on_without_extensions_and_with_trailers),
        cmocka_unit_test(a_small_body_goes_with_its_head_in_one_write),
        cmocka_unit_test(a_hundred_continue_is_asked_for_and_passed),
        cmocka_unit_test(an_early_answer_ends_the_clients_connection),
        cmocka_unit_test(the_body_goes_on_while_an_early_answer_flows),
        cmocka_unit_test(a_server_that_refuses_an_upload_and_hangs_up_is_heard),
        cmocka_unit_test(ten_megabytes_in_chunks_reach_a_slow_server_through_one_room),
        cmocka_unit_test(a_malformed_body_is_a_400_and_the_next_hop_never_sees_its_end),
        cmocka_unit_test(what_could_be_read_in_two_ways_is_refused_or_made_clear),
        cmocka_unit_test(bytes_behind_a_request_are_kept_up_to_a_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

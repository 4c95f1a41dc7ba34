/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "proxy/proxy_forward_down.h"

#include "forward_rig.h"

static const char get[] = "GET http://h/ HTTP/1.1\r\nHost: h\r\n\r\n";
static const char get_1_0[] = "GET http://h/ HTTP/1.0\r\n\r\n";
static const char head_request[] = "HEAD http://h/ HTTP/1.1\r\nHost: h\r\n\r\n";

static const struct {
    const char *request, *answer, *sent;
    bool server_ends; /* behind its answer */
    bool client_may_continue, upstream_may_continue;
} answers[] = {
    /* without a body, whatever the head says */
    {head_request, "HTTP/1.1 200 OK\r\nDate: d\r\nContent-Length: 99\r\n\r\n",
     "HTTP/1.1 200 OK\r\nDate: d\r\nContent-Length: 99\r\n\r\n", false, true, true},
    {head_request, "HTTP/1.1 200 OK\r\nDate: d\r\nTransfer-Encoding: chunked\r\n\r\n",
     "HTTP/1.1 200 OK\r\nDate: d\r\n\r\n", false, true, true},
    {get, "HTTP/1.1 204 No Content\r\nDate: d\r\n\r\n",
     "HTTP/1.1 204 No Content\r\nDate: d\r\n\r\n", false, true, true},
    {get, "HTTP/1.1 204 No Content\r\nDate: d\r\nContent-Length: 3\r\n\r\n",
     "HTTP/1.1 204 No Content\r\nDate: d\r\n\r\n", false, true, false},
    {get, "HTTP/1.1 304 Not Modified\r\nDate: d\r\nContent-Length: 99\r\n\r\n",
     "HTTP/1.1 304 Not Modified\r\nDate: d\r\nContent-Length: 99\r\n\r\n", false, true, true},
    /* by length */
    {get, "HTTP/1.1 200 OK\r\nDate: d\r\nContent-Length: 0\r\n\r\n",
     "HTTP/1.1 200 OK\r\nDate: d\r\nContent-Length: 0\r\n\r\n", false, true, true},
    {get, "HTTP/1.0 200 OK\r\nDate: d\r\nContent-Length: 2\r\n\r\nok",
     "HTTP/1.1 200 OK\r\nDate: d\r\nContent-Length: 2\r\n\r\nok", false, true, false},
    {get, "HTTP/1.0 200 OK\r\nDate: d\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok",
     "HTTP/1.1 200 OK\r\nDate: d\r\nContent-Length: 2\r\n\r\nok", false, true, true},
    {get, "HTTP/1.1 200 OK\r\nDate: d\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
     "HTTP/1.1 200 OK\r\nDate: d\r\nContent-Length: 2\r\n\r\nok", false, true, false},
    {get, "HTTP/1.1 200 OK\r\nDate: d\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n\r\n",
     "HTTP/1.1 200 OK\r\nDate: d\r\nContent-Length: 2\r\n\r\nok", false, true, false},
    {"GET http://h/ HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
     "HTTP/1.1 200 OK\r\nDate: d\r\nContent-Length: 2\r\n\r\nok",
     "HTTP/1.1 200 OK\r\nDate: d\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok", false,
     false, true},
    /* chunked, with and without trailers; extensions are not passed on */
    {get,
     "HTTP/1.1 200 OK\r\nDate: d\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nok\r\n0;z\r\n"
     "A: b\r\nContent-Length: 9\r\n\r\n",
     "HTTP/1.1 200 OK\r\nDate: d\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n"
     "A: b\r\n\r\n",
     false, true, true},
    {get_1_0,
     "HTTP/1.1 200 OK\r\nDate: d\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n"
     "A: b\r\n\r\n",
     "HTTP/1.1 200 OK\r\nDate: d\r\nConnection: close\r\n\r\nok", false, false, true},
    /* until the connection ends */
    {get, "HTTP/1.1 200 OK\r\nDate: d\r\n\r\nok",
     "HTTP/1.1 200 OK\r\nDate: d\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
     true, true, false},
    {get_1_0, "HTTP/1.0 200 OK\r\nDate: d\r\n\r\nok",
     "HTTP/1.1 200 OK\r\nDate: d\r\nConnection: close\r\n\r\nok", true, false, false},
    /* interim answers */
    {get,
     "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n"
     "HTTP/1.1 200 OK\r\nDate: d\r\nContent-Length: 2\r\n\r\nok",
     "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n"
     "HTTP/1.1 200 OK\r\nDate: d\r\nContent-Length: 2\r\n\r\nok",
     false, true, true},
    {get_1_0,
     "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nDate: d\r\nContent-Length: 2\r\n\r\nok",
     "HTTP/1.1 200 OK\r\nDate: d\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok", false,
     false, true},
};

static size_t row;

/* The server's answer arrives whole, then in two parts with the loop turning between them. */
static void answer_in_parts(size_t first)
{
    struct rig *rig = rig_new(loopback_tcp_pair, 2);
    struct span text = span_str(answers[row].answer);

    rig_ask(rig, answers[row].request);
    if (first > 0) {
        loopback_send(rig->loop, rig->server, span_head(text, first));
        loopback_settle(rig->loop);
    }
    loopback_send(rig->loop, rig->server, span_tail(text, first));
    if (answers[row].server_ends) {
        loopback_shutdown(rig->loop, rig->server);
    }
    rig_expect_done(rig, PROXY_FORWARD_DONE);
    if (first == 0) { /* cut content is in other chunks */
        rig_client_gets(rig, answers[row].sent);
        rig_expect_silence(rig, rig->client);
    }
    assert_int_equal(rig->result.client_may_continue, answers[row].client_may_continue);
    if (first == 0) { /* what follows the answer later is the pool's to see */
        assert_int_equal(rig->result.upstream_may_continue, answers[row].upstream_may_continue);
    }
    assert_false(rig->result.client_must_linger);
    rig_free(rig);
}

static void every_kind_of_answer_is_passed_on(void **state)
{
    (void)state;
    for (row = 0; row < sizeof answers / sizeof answers[0]; row++) {
        size_t len = strlen(answers[row].answer);

        for (size_t first = 0; first < len; first += 7) {
            answer_in_parts(first);
        }
    }
}

static const struct {
    const char *answer;
    const char *why;
} faults[] = {
    {"HTTP/2 200 OK\r\n\r\n", "version"},
    {"SSH-2.0-x\r\n", "version"},
    {"HTTP/1.1 999 No\r\n\r\n", "status"},
    {"HTTP/1.1 200 OK\r\nA : b\r\n\r\n", "colon"},
    {"HTTP/1.1 200 OK\nA: b\n\n", "LF alone"},
    {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok", "Content-Length"},
    {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\nok", "both"},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0x2\r\nok\r\n", "hexadecimal"},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", "coding"},
    {"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n", "without being asked"},
};

static void a_malformed_answer_is_a_502_while_nothing_was_sent(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        struct rig *rig = rig_new(loopback_tcp_pair, 2);

        rig_ask(rig, get);
        rig_server_sends(rig, faults[i].answer);
        rig_expect_done(rig, PROXY_FORWARD_UPSTREAM_FAULT);
        assert_int_equal(rig->result.status, 0);
        assert_int_equal(rig->result.refusal, 502);
        assert_non_null(strstr(rig->result.why, faults[i].why));
        assert_false(rig->result.may_retry || rig->result.upstream_may_continue);
        rig_expect_silence(rig, rig->client);
        rig_free(rig);
    }
}

static const struct {
    const char *answer;
    uint16_t status;
} cuts[] = {
    {"HTTP/1.1 200", 0},
    {"HTTP/1.1 100 Continue\r\n\r\n", 0},
    {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok", 200},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n", 200},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n", 200},
};

static void an_answer_that_is_cut_does_not_look_complete(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cuts / sizeof cuts[0]; i++) {
        struct rig *rig = rig_new(loopback_tcp_pair, 2);

        rig_ask(rig, get);
        rig_server_sends(rig, cuts[i].answer);
        loopback_settle(rig->loop);
        loopback_shutdown(rig->loop, rig->server);
        rig_expect_done(rig, PROXY_FORWARD_UPSTREAM_FAULT);
        assert_int_equal(rig->result.status, cuts[i].status);
        assert_false(rig->result.client_may_continue || rig->result.may_retry);
        rig_free(rig);
    }
}

static void a_reset_in_the_middle_is_no_end_even_without_a_length(void **state)
{
    struct rig *rig = rig_new(loopback_tcp_pair, 2);

    (void)state;
    rig_ask(rig, get);
    rig_server_sends(rig, "HTTP/1.1 200 OK\r\nDate: d\r\n\r\nok");
    rig_client_gets(rig, "HTTP/1.1 200 OK\r\nDate: d\r\nTransfer-Encoding: chunked\r\n\r\n"
                         "2\r\nok\r\n");
    rig_reset(&rig->server);
    rig_expect_done(rig, PROXY_FORWARD_UPSTREAM_FAULT);
    assert_int_equal(rig->result.status, 200);
    rig_expect_silence(rig, rig->client); /* no last chunk */
    rig_free(rig);
}

static void a_client_that_resets_in_the_middle_ends_it(void **state)
{
    struct rig *rig = rig_new(loopback_tcp_pair, 2);

    (void)state;
    rig_ask(rig, get);
    rig_server_sends(rig, "HTTP/1.1 200 OK\r\nDate: d\r\nContent-Length: 3\r\n\r\no");
    rig_client_gets(rig, "HTTP/1.1 200 OK\r\nDate: d\r\nContent-Length: 3\r\n\r\no");
    rig_reset(&rig->client);
    rig_expect_done(rig, PROXY_FORWARD_CLIENT_GONE);
    rig_free(rig);
}

/* What arrives at the client, read slowly. */
static void expect_ten_megabytes(struct rig *rig, struct http1_body framing, struct span wire,
                                 struct span content)
{
    struct http1_body_reader reader;
    uint8_t part[5000];
    size_t most_rooms = 0;
    bool has_ended = false;

    http1_body_reader_init(&reader, &framing, &rig_limits);
    while (!has_ended) {
        struct http1_body_reader_piece piece;
        struct span input;
        size_t len = 0;

        while (wire.len > 0 && stream_write(rig->server, wire, &len) == OK) {
            wire = span_tail(wire, len);
        }
        assert_ok(loop_turn(rig->loop, 0));
        most_rooms = rig->pool.out_count > most_rooms ? rig->pool.out_count : most_rooms;
        if (stream_read(rig->client, mspan_of(part, sizeof part), &len) != OK) {
            continue;
        }
        input = span_of(part, len);
        while (!has_ended && http1_body_reader_next(&reader, &input, &piece) == OK) {
            assert_memory_equal(piece.data.ptr, content.ptr, piece.data.len);
            content = span_tail(content, piece.data.len);
            has_ended = piece.type == HTTP1_BODY_READER_END;
        }
        assert_int_equal(input.len, 0);
    }
    assert_int_equal(content.len, 0);
    assert_int_equal(most_rooms, 1);
    http1_body_reader_fini(&reader);
}

static void ten_megabytes_in_chunks_reach_a_slow_client_through_one_room(void **state)
{
    const struct http1_body chunked = {HTTP1_BODY_CHUNKED, 0};
    struct mspan bytes = loopback_pattern(10u << 20);
    struct rig *rig = rig_new(loopback_local_pair, 1);
    struct buf wire;

    (void)state;
    buf_init(&wire, 11u << 20);
    for (size_t at = 0; at < bytes.len; at += 65536) {
        assert_ok(buf_append(&wire, SPAN("00010000;ext\r\n")));
        assert_ok(buf_append(&wire, span_of(bytes.ptr + at, 65536)));
        assert_ok(buf_append(&wire, SPAN("\r\n")));
    }
    assert_ok(buf_append(&wire, SPAN("0\r\n\r\n")));
    rig_ask(rig, get);
    rig_server_sends(rig, "HTTP/1.1 200 OK\r\nDate: d\r\nTransfer-Encoding: chunked\r\n\r\n");
    rig_client_gets(rig, "HTTP/1.1 200 OK\r\nDate: d\r\nTransfer-Encoding: chunked\r\n\r\n");
    expect_ten_megabytes(rig, chunked, buf_span(&wire), span_ro(bytes));
    rig_expect_done(rig, PROXY_FORWARD_DONE);
    assert_int_equal(rig->result.down_bytes, bytes.len);
    assert_int_equal(rig->pool.out_count, 0);
    assert_true(rig->result.client_may_continue && rig->result.upstream_may_continue);
    buf_fini(&wire);
    free(bytes.ptr);
    rig_free(rig);
}

static void ten_megabytes_by_length_too(void **state)
{
    const struct http1_body length = {HTTP1_BODY_LENGTH, 10u << 20};
    struct mspan bytes = loopback_pattern(10u << 20);
    struct rig *rig = rig_new(loopback_local_pair, 1);

    (void)state;
    rig_ask(rig, get);
    rig_server_sends(rig, "HTTP/1.1 200 OK\r\nDate: d\r\nContent-Length: 10485760\r\n\r\n");
    rig_client_gets(rig, "HTTP/1.1 200 OK\r\nDate: d\r\nContent-Length: 10485760\r\n\r\n");
    expect_ten_megabytes(rig, length, span_ro(bytes), span_ro(bytes));
    rig_expect_done(rig, PROXY_FORWARD_DONE);
    free(bytes.ptr);
    rig_free(rig);
}

static void the_parents_login_is_between_it_and_us(void **state)
{
    static const char refusal[] =
        "HTTP/1.1 407 No\r\nDate: d\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n";
    struct rig *rig = rig_new(loopback_tcp_pair, 2);

    (void)state;
    rig_request(rig, get);
    rig->job.to_parent = true;
    rig_start(rig);
    rig_server_gets(rig, "GET http://h/ HTTP/1.1\r\nHost: h\r\n\r\n");
    rig_server_sends(rig, refusal);
    rig_expect_done(rig, PROXY_FORWARD_UPSTREAM_FAULT);
    assert_int_equal(rig->result.refusal, 502);
    assert_non_null(strstr(rig->result.why, "parent"));
    rig_free(rig);

    rig = rig_new(loopback_tcp_pair, 2);
    rig_request(rig, get);
    rig->job.to_parent = true;
    rig->job.keeps_login = true;
    rig_start(rig);
    rig_server_sends(rig, refusal);
    rig_expect_done(rig, PROXY_FORWARD_DONE);
    rig_client_gets(rig, refusal);
    rig_free(rig);
}

static void an_answer_without_a_date_gets_one(void **state)
{
    struct rig *rig = rig_new(loopback_tcp_pair, 2);
    char room[200];
    size_t len = 0;

    (void)state;
    rig_request(rig, get);
    rig->job.closes = true;
    rig->job.via = (struct http1_forward_via){HTTP1_FORWARD_VIA_ADD, SPAN("p"), SPAN("")};
    rig_start(rig);
    rig_server_gets(rig, "GET / HTTP/1.1\r\nHost: h\r\nVia: 1.1 p\r\n\r\n");
    rig_server_sends(rig, "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n");
    rig_expect_done(rig, PROXY_FORWARD_DONE);
    assert_ok(stream_read(rig->client, mspan_of((uint8_t *)room, sizeof room - 1), &len));
    room[len] = '\0';
    assert_non_null(strstr(room, "\r\nDate: "));
    assert_non_null(strstr(room, " GMT\r\nContent-Length: 0\r\nConnection: close\r\n"
                                 "Via: 1.0 p\r\n\r\n"));
    assert_false(rig->result.client_may_continue);
    rig_free(rig);
}

static void interim_answers_without_end_are_not_collected(void **state)
{
    struct rig *rig = rig_new(loopback_tcp_pair, 2);
    char flood[12000];

    (void)state;
    for (size_t at = 0; at + 16 <= sizeof flood; at += 16) {
        memcpy(flood + at, "HTTP/1.1 100\r\n\r\n", 16);
    }
    rig_request(rig, get);
    rig->job.via = (struct http1_forward_via){HTTP1_FORWARD_VIA_ADD, SPAN("p"), SPAN("")};
    rig_start(rig);
    loopback_send(rig->loop, rig->server, span_of(flood, sizeof flood));
    rig_expect_done(rig, PROXY_FORWARD_UPSTREAM_FAULT);
    assert_int_equal(rig->result.refusal, 502);
    rig_free(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_answer_is_passed_on),
        cmocka_unit_test(a_malformed_answer_is_a_502_while_nothing_was_sent),
        cmocka_unit_test(an_answer_that_is_cut_does_not_look_complete),
        cmocka_unit_test(a_reset_in_the_middle_is_no_end_even_without_a_length),
        cmocka_unit_test(a_client_that_resets_in_the_middle_ends_it),
        cmocka_unit_test(ten_megabytes_in_chunks_reach_a_slow_client_through_one_room),
        cmocka_unit_test(ten_megabytes_by_length_too),
        cmocka_unit_test(the_parents_login_is_between_it_and_us),
        cmocka_unit_test(an_answer_without_a_date_gets_one),
        cmocka_unit_test(interim_answers_without_end_are_not_collected),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

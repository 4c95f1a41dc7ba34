/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "proxy/proxy_forward.h"

#include "forward_rig.h"
#include "lib/oom.h"

static const char get[] = "GET http://h/ HTTP/1.1\r\nHost: h\r\n\r\n";
static const char got[] = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
static const char ok[] = "HTTP/1.1 200 OK\r\nDate: d\r\nContent-Length: 2\r\n\r\nok";

static void pipelined_requests_are_answered_in_order_over_the_same_connections(void **state)
{
    struct rig *rig = rig_new(loopback_tcp_pair, 2);

    (void)state;
    rig_ask(rig, "GET http://h/1 HTTP/1.1\r\nHost: h\r\n\r\n"
                 "POST http://h/2 HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody"
                 "GET http://h/3 HT");
    rig_client_sends(rig, "TP/1.1\r\nHost: h\r\n\r\n"); /* while the first one is waiting */
    rig_server_gets(rig, "GET /1 HTTP/1.1\r\nHost: h\r\n\r\n");
    rig_expect_silence(rig, rig->server);
    rig_server_sends(rig, "HTTP/1.1 200 OK\r\nDate: d\r\nContent-Length: 1\r\n\r\n1");
    rig_expect_done(rig, PROXY_FORWARD_DONE);
    assert_true(rig->result.client_may_continue && rig->result.upstream_may_continue);
    assert_false(rig->result.client_must_linger || rig->result.may_retry);
    assert_int_equal(rig->result.status, 200);
    assert_int_equal(rig->result.up_bytes, 0);
    assert_int_equal(rig->result.down_bytes, 1);

    rig_next(rig);
    rig_start(rig);
    rig_server_gets(rig, "POST /2 HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody");
    rig_server_sends(rig, "HTTP/1.1 404 No\r\nDate: d\r\nContent-Length: 1\r\n\r\n2");
    rig_expect_done(rig, PROXY_FORWARD_DONE);
    assert_int_equal(rig->result.up_bytes, 4);

    rig_next(rig);
    rig_start(rig);
    rig_server_gets(rig, "GET /3 HTTP/1.1\r\nHost: h\r\n\r\n");
    rig_server_sends(rig, "HTTP/1.1 200 OK\r\nDate: d\r\nContent-Length: 1\r\n\r\n3");
    rig_expect_done(rig, PROXY_FORWARD_DONE);
    rig_client_gets(rig, "HTTP/1.1 200 OK\r\nDate: d\r\nContent-Length: 1\r\n\r\n1"
                         "HTTP/1.1 404 No\r\nDate: d\r\nContent-Length: 1\r\n\r\n2"
                         "HTTP/1.1 200 OK\r\nDate: d\r\nContent-Length: 1\r\n\r\n3");
    assert_int_equal(rig->early.len, 0);
    assert_int_equal(rig->pool.out_count, 0);
    rig_free(rig);
}

static void a_connection_that_the_server_had_closed_is_tried_again(void **state)
{
    struct rig *rig = rig_new(loopback_tcp_pair, 2);

    (void)state;
    loopback_shutdown(rig->loop, rig->server);
    rig_ask(rig, "PUT http://h/ HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbodyGET");
    rig_expect_done(rig, PROXY_FORWARD_UPSTREAM_GONE);
    assert_true(rig->result.may_retry);
    assert_false(rig->result.upstream_may_continue);
    assert_int_equal(rig->result.status, 0);
    assert_int_equal(rig->result.refusal, 502);
    assert_bytes(buf_span(&rig->early), SPAN("bodyGET")); /* all is there for another try */

    rig_connect_server(rig, loopback_tcp_pair);
    proxy_forward_free(rig->forward);
    rig->job.upstream = rig->server_end;
    rig->done_count = 0;
    rig_start(rig);
    rig_server_gets(rig, "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody");
    rig_server_sends(rig, ok);
    rig_expect_done(rig, PROXY_FORWARD_DONE);
    assert_bytes(buf_span(&rig->early), SPAN("GET"));
    rig_free(rig);
}

static void what_may_have_had_an_effect_is_not_tried_again(void **state)
{
    static const char *const requests[] = {
        "POST http://h/ HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody",
        "POST http://h/ HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n",
        "PATCH http://h/ HTTP/1.1\r\nHost: h\r\n\r\n",
    };

    (void)state;
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        struct rig *rig = rig_new(loopback_tcp_pair, 2);

        rig_ask(rig, requests[i]);
        loopback_settle(rig->loop);
        loopback_shutdown(rig->loop, rig->server);
        rig_expect_done(rig, PROXY_FORWARD_UPSTREAM_GONE);
        assert_false(rig->result.may_retry);
        assert_int_equal(rig->result.refusal, 502);
        assert_int_equal(rig->early.len, 0);
        rig_free(rig);
    }
}

static void a_body_that_has_left_the_client_is_not_tried_again(void **state)
{
    struct rig *rig = rig_new(loopback_tcp_pair, 2);

    (void)state;
    rig_ask(rig, "PUT http://h/ HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nbody");
    rig_client_sends(rig, "more");
    rig_server_gets(rig, "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nbodymore");
    loopback_shutdown(rig->loop, rig->server);
    rig_expect_done(rig, PROXY_FORWARD_UPSTREAM_GONE);
    assert_false(rig->result.may_retry);
    assert_true(rig->result.client_must_linger);
    rig_free(rig);
}

static void a_client_that_leaves_ends_the_exchange(void **state)
{
    struct rig *rig = rig_new(loopback_tcp_pair, 2);

    (void)state;
    rig_ask(rig, "PUT http://h/ HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nbody");
    loopback_shutdown(rig->loop, rig->client); /* in the middle of its request */
    rig_expect_done(rig, PROXY_FORWARD_CLIENT_GONE);
    assert_int_equal(rig->result.refusal, 0);
    assert_false(rig->result.client_must_linger);
    rig_free(rig);

    rig = rig_new(loopback_tcp_pair, 2);
    rig_ask(rig, get);
    rig_reset(&rig->client); /* while the server is thinking */
    rig_expect_done(rig, PROXY_FORWARD_CLIENT_GONE);
    assert_false(rig->result.upstream_may_continue);
    rig_free(rig);
}

static void a_client_that_has_no_more_to_say_still_gets_its_answer(void **state)
{
    struct rig *rig = rig_new(loopback_tcp_pair, 2);

    (void)state;
    rig_ask(rig, get);
    loopback_shutdown(rig->loop, rig->client);
    rig_server_gets(rig, got);
    loopback_settle(rig->loop);
    rig_server_sends(rig, ok);
    rig_client_gets(rig, ok);
    rig_expect_done(rig, PROXY_FORWARD_DONE);
    rig_free(rig);
}

static void a_server_that_does_not_answer_in_time_is_a_504(void **state)
{
    struct rig *rig = rig_new(loopback_tcp_pair, 2);

    (void)state;
    rig_request(rig, get);
    rig->job.response_timeout = 1;
    rig_start(rig);
    rig_expect_done(rig, PROXY_FORWARD_UPSTREAM_TIMEOUT);
    assert_int_equal(rig->result.refusal, 504);
    assert_int_equal(rig->result.status, 0);
    rig_free(rig);
}

static void silence_is_whose_turn_it_was(void **state)
{
    struct rig *rig = rig_new(loopback_tcp_pair, 2);

    (void)state;
    rig_request(rig, "PUT http://h/ HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nbody");
    rig->job.idle_timeout = 1;
    rig_start(rig);
    rig_expect_done(rig, PROXY_FORWARD_CLIENT_TIMEOUT);
    assert_int_equal(rig->result.refusal, 408);
    rig_free(rig);

    rig = rig_new(loopback_tcp_pair, 2);
    rig_request(rig, "PUT http://h/ HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n"
                     "Expect: 100-continue\r\n\r\n");
    rig->job.idle_timeout = 1;
    rig_start(rig);
    rig_expect_done(rig, PROXY_FORWARD_UPSTREAM_TIMEOUT);
    assert_int_equal(rig->result.refusal, 504);
    rig_free(rig);

    rig = rig_new(loopback_tcp_pair, 2);
    rig_server_sends(rig, "HTTP/1.1 200 OK\r\nDate: d\r\nContent-Length: 2\r\n\r\no");
    rig_request(rig, get);
    rig->job.idle_timeout = 1;
    rig_start(rig);
    rig_expect_done(rig, PROXY_FORWARD_UPSTREAM_TIMEOUT);
    assert_int_equal(rig->result.status, 200); /* too late for another */
    rig_free(rig);
}

/* A byte now and then keeps the idle timer quiet, but not this one. */
static void a_body_must_come_at_a_minimum_rate(void **state)
{
    struct rig *rig = rig_new(loopback_tcp_pair, 2);
    int sent = 0;

    (void)state;
    rig_request(rig, "PUT http://h/ HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n");
    rig->job.body_time =
        (struct proxy_readtime){.first = 50, .most = MSEC_NEVER, .min_rate = UINT32_MAX};
    rig_start(rig);
    while (rig->done_count == 0) {
        size_t taken = 0;

        if (stream_write(rig->client, SPAN("x"), &taken) == OK) {
            sent++;
        }
        assert_ok(loop_turn(rig->loop, 10));
        assert_true(sent < 10000000);
    }
    rig_expect_done(rig, PROXY_FORWARD_CLIENT_TIMEOUT);
    assert_int_equal(rig->result.refusal, 408);
    assert_non_null(strstr(rig->result.why, "RequestReadTimeout"));
    rig_free(rig);
}

static void a_server_that_takes_no_more_is_slow_too(void **state)
{
    struct mspan bytes = loopback_pattern(4 << 20);
    struct rig *rig = rig_new(loopback_local_pair, 2);
    size_t len = 0;

    (void)state;
    rig_request(rig, "PUT http://h/ HTTP/1.1\r\nHost: h\r\nContent-Length: 4194304\r\n\r\n");
    rig->job.idle_timeout = 100;
    rig_start(rig);
    while (rig->done_count == 0) {
        size_t taken = 0;

        if (stream_write(rig->client, span_of(bytes.ptr + len, bytes.len - len), &taken) ==
            OK) {
            len += taken;
        }
        assert_ok(loop_turn(rig->loop, 10));
    }
    rig_expect_done(rig, PROXY_FORWARD_UPSTREAM_TIMEOUT);
    assert_true(len < bytes.len); /* it was not read on and on meanwhile */
    rig_free(rig);
    free(bytes.ptr);
}

static void without_a_room_it_ends_instead_of_growing(void **state)
{
    struct mspan bytes = loopback_pattern(4 << 20);
    struct rig *rig = rig_new(loopback_local_pair, 0);
    size_t len = 0;

    (void)state;
    rig_ask(rig, "PUT http://h/ HTTP/1.1\r\nHost: h\r\nContent-Length: 4194304\r\n\r\n");
    while (rig->done_count == 0) {
        size_t taken = 0;

        if (stream_write(rig->client, span_of(bytes.ptr + len, bytes.len - len), &taken) ==
            OK) {
            len += taken;
        }
        assert_ok(loop_turn(rig->loop, 10));
    }
    rig_expect_done(rig, PROXY_FORWARD_NO_ROOM);
    assert_int_equal(rig->result.refusal, 503);
    rig_free(rig);
    free(bytes.ptr);
}

static void a_head_that_grows_too_long_is_not_sent(void **state)
{
    static const struct http1_limits tiny = {.head_bytes = 0};
    struct rig *rig = rig_new(loopback_tcp_pair, 2);
    static char login[8000];

    (void)state;
    memset(login, 'x', sizeof login);
    rig_request(rig, get);
    rig->job.limits = tiny;
    rig->job.to_parent = true;
    rig->job.login = span_of(login, sizeof login);
    assert_int_equal(proxy_forward_start(&rig->job, &rig->forward), ERR_LIMIT);
    assert_null(rig->forward);
    rig_free(rig);
}

static void an_exchange_may_be_dropped_at_any_time(void **state)
{
    struct rig *rig = rig_new(loopback_tcp_pair, 2);

    (void)state;
    rig_ask(rig, get);
    rig_server_gets(rig, got);
    rig_server_sends(rig, ok);
    stream_on_ready(rig->client_end, NULL, NULL);
    stream_on_ready(rig->server_end, NULL, NULL);
    proxy_forward_free(rig->forward);
    rig->forward = NULL;
    loopback_settle(rig->loop);
    assert_int_equal(rig->done_count, 0);
    proxy_forward_free(NULL);
    rig_free(rig);
}

/* The streams and the loop are not part of what fails. */
static struct rig *oom_rig;

static void forward_while_memory_fails(void)
{
    struct rig *rig = oom_rig;
    enum err e;

    buf_truncate(&rig->early, 0);
    assert_ok(buf_append(&rig->early, SPAN("2\r\nab\r\n0\r\nA: b\r\n\r\nGET")));
    rig->done_count = 0;
    e = proxy_forward_start(&rig->job, &rig->forward);
    if (e == OK) {
        loopback_turn_until(rig->loop, rig_is_done, rig);
        if (rig->result.outcome != PROXY_FORWARD_UPSTREAM_TIMEOUT) {
            assert_true(oom_has_struck());
            assert_int_equal(rig->result.outcome, PROXY_FORWARD_NO_ROOM);
        }
    } else {
        assert_int_equal(e, ERR_NOMEM);
    }
    proxy_forward_free(rig->forward);
    rig->forward = NULL;
}

static void running_out_of_memory_leaks_nothing(void **state)
{
    struct rig *rig = rig_new(loopback_tcp_pair, 2);

    (void)state;
    rig_request(rig, "PUT http://h/ HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
    rig->job.response_timeout = 0;
    oom_rig = rig;
    every_oom(forward_while_memory_fails);
    rig_free(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pipelined_requests_are_answered_in_order_over_the_same_connections),
        cmocka_unit_test(a_connection_that_the_server_had_closed_is_tried_again),
        cmocka_unit_test(what_may_have_had_an_effect_is_not_tried_again),
        cmocka_unit_test(a_body_that_has_left_the_client_is_not_tried_again),
        cmocka_unit_test(a_client_that_leaves_ends_the_exchange),
        cmocka_unit_test(a_client_that_has_no_more_to_say_still_gets_its_answer),
        cmocka_unit_test(a_server_that_does_not_answer_in_time_is_a_504),
        cmocka_unit_test(silence_is_whose_turn_it_was),
        cmocka_unit_test(a_body_must_come_at_a_minimum_rate),
        cmocka_unit_test(a_server_that_takes_no_more_is_slow_too),
        cmocka_unit_test(without_a_room_it_ends_instead_of_growing),
        cmocka_unit_test(a_head_that_grows_too_long_is_not_sent),
        cmocka_unit_test(an_exchange_may_be_dropped_at_any_time),
        cmocka_unit_test(running_out_of_memory_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

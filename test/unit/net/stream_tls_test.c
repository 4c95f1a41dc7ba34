/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Our client against our server over a pair of sockets, with the certificate that
 * tls_ctx_make_localhost() makes.
 */
#include "net/stream_tls.h"

#include "lib/loopback.h"
#include "lib/oom.h"
#include "net/relay.h"
#include "net/stream_connect.h"
#include "unit/net/tls_rig.h"

#include <stdlib.h>

static struct tls_rig tls;

static int make_contexts(void **state)
{
    (void)state;
    tls_rig_open(&tls);
    return 0;
}

static int free_contexts(void **state)
{
    (void)state;
    tls_rig_close(&tls);
    return 0;
}

struct rig {
    struct loop *loop;
    struct stream *client;
    struct stream *server;
};

static void set_up_plain(struct rig *rig)
{
    int fds[2];

    *rig = (struct rig){0};
    assert_ok(loop_new(&rig->loop));
    loopback_tcp_pair(fds);
    loopback_streams(rig->loop, fds, &rig->client, &rig->server);
}

/* Both ends' results of the handshake. */
static void shake_hands(struct rig *rig, enum err *ret_client, enum err *ret_server)
{
    loopback_shake_hands(rig->loop, rig->client, rig->server, ret_client, ret_server);
}

static void push_both(struct rig *rig, struct tls_ctx *ctx, const char *name)
{
    assert_ok(stream_tls_push(&rig->client, ctx, span_str(name)));
    assert_ok(stream_tls_accept(&rig->server, tls.server));
}

static void set_up_tls(struct rig *rig)
{
    enum err client;
    enum err server;

    set_up_plain(rig);
    push_both(rig, tls.client, "localhost");
    shake_hands(rig, &client, &server);
    assert_ok(client);
    assert_ok(server);
}

static void tear_down(struct rig *rig)
{
    stream_free(rig->client);
    stream_free(rig->server);
    loop_free(rig->loop);
}

static void assert_why(const struct stream *stream, const char *sentence)
{
    assert_string_equal(stream_why(stream), sentence);
}

static void bytes_pass_both_ways(void **state)
{
    struct rig rig;

    (void)state;
    set_up_tls(&rig);
    assert_ok(stream_handshake(rig.client)); /* again, as often as one likes */
    loopback_send(rig.loop, rig.client, SPAN("hello"));
    loopback_expect(rig.loop, rig.server, SPAN("hello"));
    loopback_send(rig.loop, rig.server, SPAN("and back"));
    loopback_expect(rig.loop, rig.client, SPAN("and back"));
    tear_down(&rig);
}

/* What waited moves to another place in memory between two attempts, and grows. */
static void a_write_that_must_wait_may_come_from_elsewhere(void **state)
{
    const size_t total = 8u << 20;
    struct mspan bytes = loopback_pattern(total);
    size_t sent = 0;
    size_t got = 0;
    unsigned waits = 0;
    uint8_t *room = malloc(total);
    struct rig rig;

    (void)state;
    assert_non_null(room);
    set_up_tls(&rig);
    while (got < total) {
        while (sent < total) {
            size_t len = total - sent < 50000 + waits ? total - sent : 50000 + waits;
            uint8_t *copy = malloc(len);
            size_t taken = 0;
            enum err e;

            memcpy(copy, bytes.ptr + sent, len);
            e = stream_write(rig.server, span_of(copy, len), &taken);
            free(copy);
            if (e == ERR_AGAIN) {
                waits++;
                break;
            }
            assert_ok(e);
            sent += taken;
        }
        assert_ok(loop_turn(rig.loop, 0));
        for (int i = 0; i < 4; i++) { /* a slow reader */
            size_t len = 0;
            enum err e = stream_read(rig.client, mspan_of(room + got, total - got), &len);

            if (e == ERR_AGAIN) {
                break;
            }
            assert_ok(e);
            got += len;
            if (got == total) {
                break;
            }
        }
    }
    assert_true(waits > 0);
    assert_memory_equal(room, bytes.ptr, total);
    tear_down(&rig);
    free(room);
    free(bytes.ptr);
}

static void an_end_by_close_notify_is_an_end_and_the_other_way_goes_on(void **state)
{
    struct rig rig;

    (void)state;
    set_up_tls(&rig);
    loopback_send(rig.loop, rig.client, SPAN("last words"));
    loopback_shutdown(rig.loop, rig.client);
    loopback_expect(rig.loop, rig.server, SPAN("last words"));
    assert_ok(loopback_end(rig.loop, rig.server));
    assert_ok(loopback_end(rig.loop, rig.server)); /* still */
    loopback_send(rig.loop, rig.server, SPAN("answer"));
    loopback_expect(rig.loop, rig.client, SPAN("answer"));
    loopback_shutdown(rig.loop, rig.server);
    assert_ok(loopback_end(rig.loop, rig.client));
    tear_down(&rig);
}

static void a_cut_without_close_notify_is_not_an_end(void **state)
{
    struct rig rig;

    (void)state;
    set_up_tls(&rig);
    loopback_send(rig.loop, rig.client, SPAN("half a sen"));
    assert_ok(stream_shutdown(rig.client->below)); /* FIN, and nothing said */
    loopback_expect(rig.loop, rig.server, SPAN("half a sen"));
    assert_int_equal(loopback_end(rig.loop, rig.server), ERR_CLOSED);
    assert_why(rig.server, "the peer cut the connection without ending TLS (no close_notify)");
    tear_down(&rig);
}

static void a_reset_explains_itself_from_below(void **state)
{
    struct rig rig;

    (void)state;
    set_up_tls(&rig);
    stream_abort(rig.client);
    stream_free(rig.client);
    rig.client = NULL;
    assert_int_equal(loopback_end(rig.loop, rig.server), ERR_CLOSED);
    assert_why(rig.server, "the connection was reset by the peer");
    loopback_shutdown(rig.loop, rig.server); /* nobody hears it: fine */
    tear_down(&rig);
}

/* What the client makes of our certificate under this name. */
static void expect_refusal(struct tls_ctx *ctx, const char *name, const char *client_why,
                           const char *server_why)
{
    struct rig rig;
    enum err client;
    enum err server;

    set_up_plain(&rig);
    push_both(&rig, ctx, name);
    shake_hands(&rig, &client, &server);
    assert_int_equal(client, ERR_PROTO);
    assert_why(rig.client, client_why);
    if (server == OK) { /* TLS 1.3: the server hears of it when it reads */
        server = loopback_end(rig.loop, rig.server);
    }
    assert_int_equal(server, ERR_PROTO);
    assert_why(rig.server, server_why);
    assert_int_equal(stream_handshake(rig.client), ERR_PROTO); /* final and repeatable */
    assert_why(rig.client, client_why);
    tear_down(&rig);
}

static void a_certificate_for_another_host_is_refused_with_a_sentence(void **state)
{
    (void)state;
    expect_refusal(tls.client, "example.org",
                   "the certificate of example.org is refused: hostname mismatch",
                   "the peer sent the TLS alert \"bad certificate\"");
    expect_refusal(tls.client, "127.0.0.2",
                   "the certificate of the peer is refused: IP address mismatch",
                   "the peer sent the TLS alert \"bad certificate\"");
}

static void a_certificate_that_nobody_vouches_for_is_refused(void **state)
{
    (void)state;
    expect_refusal(tls.stranger, "localhost",
                   "the certificate of localhost is refused: self-signed certificate",
                   "the peer sent the TLS alert \"unknown CA\"");
}

static void every_name_of_the_certificate_will_do(void **state)
{
    static const char *const names[] = {"localhost", "LOCALHOST", "localhost.",
                                        "127.0.0.1", "::1",       "[::1]"};

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct rig rig;
        enum err client;
        enum err server;

        set_up_plain(&rig);
        push_both(&rig, tls.client, names[i]);
        shake_hands(&rig, &client, &server);
        assert_ok(client);
        assert_ok(server);
        tear_down(&rig);
    }
}

static void who_does_not_verify_takes_any_certificate(void **state)
{
    struct rig rig;
    enum err client;
    enum err server;

    (void)state;
    set_up_plain(&rig);
    push_both(&rig, tls.lenient, "example.org");
    shake_hands(&rig, &client, &server);
    assert_ok(client);
    assert_ok(server);
    tear_down(&rig);
}

static void a_name_that_no_certificate_has_is_not_asked_for(void **state)
{
    char name[300];
    struct rig rig;
    struct stream *before;

    (void)state;
    memset(name, 'a', sizeof name);
    set_up_plain(&rig);
    before = rig.client;
    assert_int_equal(stream_tls_push(&rig.client, tls.client, SPAN("")), ERR_LIMIT);
    assert_int_equal(stream_tls_push(&rig.client, tls.client, SPAN(".")), ERR_LIMIT);
    assert_int_equal(stream_tls_push(&rig.client, tls.client, SPAN("localhost\0.evil.test")),
                     ERR_LIMIT);
    assert_int_equal(stream_tls_push(&rig.client, tls.client, span_of(name, sizeof name)),
                     ERR_LIMIT);
    assert_ptr_equal(rig.client, before);
    tear_down(&rig);
}

static void a_peer_that_does_not_speak_tls_is_named(void **state)
{
    struct rig rig;
    enum err e = ERR_AGAIN;

    (void)state;
    set_up_plain(&rig);
    assert_ok(stream_tls_push(&rig.client, tls.client, SPAN("localhost")));
    loopback_send(rig.loop, rig.server, SPAN("HTTP/1.1 400 Bad Request\r\n\r\n"));
    while (e == ERR_AGAIN) {
        assert_ok(loop_turn(rig.loop, 1000));
        e = stream_handshake(rig.client);
    }
    assert_int_equal(e, ERR_PROTO);
    assert_why(rig.client, "the peer does not speak TLS (wrong version number)");
    tear_down(&rig);
}

static void a_peer_that_hangs_up_during_the_handshake_is_named(void **state)
{
    struct rig rig;
    enum err client;
    enum err server;

    (void)state;
    set_up_plain(&rig);
    assert_ok(stream_tls_accept(&rig.server, tls.server));
    assert_ok(stream_shutdown(rig.client));
    shake_hands(&rig, &client, &server);
    assert_int_equal(server, ERR_CLOSED);
    assert_why(rig.server, "the peer cut the connection during the TLS handshake");
    tear_down(&rig);
}

/* wss through an HTTPS proxy: TLS to the origin, in CONNECT, in TLS to the proxy. The server
 * side plays proxy and origin on one connection. */
static void tls_stands_on_connect_stands_on_tls(void **state)
{
    static const char request[] = "CONNECT localhost:443 HTTP/1.1\r\n"
                                  "Host: localhost:443\r\n\r\n";
    struct mspan bytes = loopback_pattern(300000);
    struct rig rig;
    enum err client;
    enum err server;

    (void)state;
    set_up_plain(&rig);
    push_both(&rig, tls.client, "127.0.0.1");
    assert_ok(stream_connect_push(&rig.client, SPAN("localhost:443")));
    assert_ok(stream_tls_push(&rig.client, tls.client, SPAN("localhost")));

    loopback_shake_hands(rig.loop, rig.client->below->below, rig.server, &client, &server);
    assert_ok(client);
    assert_ok(server);
    assert_int_equal(stream_handshake(rig.client), ERR_AGAIN); /* sends CONNECT */
    loopback_expect(rig.loop, rig.server, span_str(request));
    loopback_send(rig.loop, rig.server, SPAN("HTTP/1.1 200 OK\r\n\r\n"));
    assert_ok(stream_tls_accept(&rig.server, tls.server));
    shake_hands(&rig, &client, &server);
    assert_ok(client);
    assert_ok(server);

    loopback_send(rig.loop, rig.client, span_ro(bytes));
    loopback_expect(rig.loop, rig.server, span_ro(bytes));
    loopback_shutdown(rig.loop, rig.server);
    assert_ok(loopback_end(rig.loop, rig.client));
    tear_down(&rig);
    free(bytes.ptr);
}

static void note_end(void *ctx, enum relay_end end)
{
    assert_int_equal(end, RELAY_FINISHED);
    *(bool *)ctx = true;
}

static bool is_set(void *ctx)
{
    return *(bool *)ctx;
}

/* Whatever OpenSSL has read ahead must not lie there until the next edge. */
static void a_relay_moves_all_that_tls_holds_and_passes_its_end_on(void **state)
{
    static uint8_t scratch[4096]; /* a record is larger */
    struct mspan bytes = loopback_pattern(200000);
    struct pool pool;
    struct relay_env env = {.pool = &pool, .scratch = {scratch, sizeof scratch}};
    struct relay relay;
    struct rig rig;
    struct stream *origin_end;
    struct stream *origin;
    bool has_ended = false;
    int fds[2];

    (void)state;
    set_up_tls(&rig);
    loopback_tcp_pair(fds);
    loopback_streams(rig.loop, fds, &origin_end, &origin);
    env.loop = rig.loop;
    pool_init(&pool, sizeof scratch, 0, 2);
    relay_init(&relay, &env, rig.server, origin_end, note_end, &has_ended);
    relay_start(&relay);

    for (int i = 0; i < 3; i++) {
        loopback_send(rig.loop, rig.client, span_ro(bytes));
        loopback_expect(rig.loop, origin, span_ro(bytes));
        loopback_send(rig.loop, origin, span_ro(bytes));
        loopback_expect(rig.loop, rig.client, span_ro(bytes));
    }
    loopback_shutdown(rig.loop, rig.client);
    assert_ok(loopback_end(rig.loop, origin));
    loopback_shutdown(rig.loop, origin);
    assert_ok(loopback_end(rig.loop, rig.client));
    loopback_turn_until(rig.loop, is_set, &has_ended);
    relay_fini(&relay);
    pool_fini(&pool);
    stream_free(origin_end);
    stream_free(origin);
    tear_down(&rig);
    free(bytes.ptr);
}

static struct rig oom_rig;

static void push_on_both_sides(void)
{
    struct stream *client = oom_rig.client;
    struct stream *server = oom_rig.server;

    if (stream_tls_push(&client, tls.client, SPAN("localhost")) == OK) {
        client->below = NULL; /* the rig keeps what is below */
        stream_free(client);
    } else {
        assert_ptr_equal(client, oom_rig.client);
    }
    if (stream_tls_accept(&server, tls.server) == OK) {
        server->below = NULL;
        stream_free(server);
    } else {
        assert_ptr_equal(server, oom_rig.server);
    }
}

static void running_out_of_memory_leaks_nothing(void **state)
{
    (void)state;
    set_up_plain(&oom_rig);
    every_oom(push_on_both_sides);
    tear_down(&oom_rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_pass_both_ways),
        cmocka_unit_test(a_write_that_must_wait_may_come_from_elsewhere),
        cmocka_unit_test(an_end_by_close_notify_is_an_end_and_the_other_way_goes_on),
        cmocka_unit_test(a_cut_without_close_notify_is_not_an_end),
        cmocka_unit_test(a_reset_explains_itself_from_below),
        cmocka_unit_test(a_certificate_for_another_host_is_refused_with_a_sentence),
        cmocka_unit_test(a_certificate_that_nobody_vouches_for_is_refused),
        cmocka_unit_test(every_name_of_the_certificate_will_do),
        cmocka_unit_test(who_does_not_verify_takes_any_certificate),
        cmocka_unit_test(a_name_that_no_certificate_has_is_not_asked_for),
        cmocka_unit_test(a_peer_that_does_not_speak_tls_is_named),
        cmocka_unit_test(a_peer_that_hangs_up_during_the_handshake_is_named),
        cmocka_unit_test(tls_stands_on_connect_stands_on_tls),
        cmocka_unit_test(a_relay_moves_all_that_tls_holds_and_passes_its_end_on),
        cmocka_unit_test(running_out_of_memory_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, make_contexts, free_contexts);
}

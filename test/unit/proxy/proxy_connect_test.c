/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "proxy/proxy_connect.h"

#include "lib/loopback.h"
#include "lib/oom.h"
#include "unit/io/fake_dns.h"
#include "unit/net/tls_rig.h"
#include "unit/proxy/fake_parent.h"

#include <unistd.h>

enum {
    PATIENCE = 20000, /* ms that nothing here needs */
    SHORT = 60,       /* ms, where the end of patience is the point */
};

static struct fake_dns_row rows[] = {
    {.name = "parent.test", .family = AF_INET, .kind = FAKE_DNS_ADDRS, .addrs = "127.0.0.1 "},
    {.name = "silent.test", .family = AF_INET, .kind = FAKE_DNS_SILENCE, .addrs = ""},
    {.name = "silent.test", .family = AF_INET6, .kind = FAKE_DNS_SILENCE, .addrs = ""},
    {.name = NULL},
};

static struct tls_rig tls;

static struct loop *loop;
static struct resolver *resolver;
static struct fake_dns dns;
static struct fake_parent parent;
static struct proxy_route_parent named; /* the same by name, as configured */
static struct proxy_connect_env env;

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

static int lowest_free_fd(void)
{
    int fd = dup(STDIN_FILENO);

    assert_true(fd >= 0);
    close(fd);
    return fd;
}

static int free_before;

static int open_all(void **state)
{
    (void)state;
    free_before = lowest_free_fd();
    fake_dns_begin(&dns, rows, &loop, &resolver);
    fake_parent_open(&parent, loop);
    named = (struct proxy_route_parent){.host = SPAN("parent.test"),
                                        .port = parent.port,
                                        .text = SPAN("http://parent.test"),
                                        .line = 3};
    env = (struct proxy_connect_env){
        .loop = loop, .resolver = resolver, .parent_tls = tls.client};
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    fake_parent_close(&parent);
    fake_dns_end(&dns, loop, resolver);
    assert_int_equal(lowest_free_fd(), free_before); /* no descriptor was left open */
    return 0;
}

/* What one attempt came to. */
struct attempt {
    struct proxy_connect *connect;
    int calls;
    struct stream *stream;
    struct addr addr;
    struct proxy_refusal refusal;
    bool is_forbidden;
    uint16_t parent_status; /* 0: it did not answer */
    char challenge[64];
    const char *refuse; /* the filter refuses this address */
    const char *refuse_parent;
    char filtered[100]; /* what the filter was asked for */
};

static bool refuses(struct attempt *attempt, const struct addr *addr, const char *what)
{
    char host[ADDR_TEXT_BYTES];
    size_t len = strlen(attempt->filtered);

    addr_host_text(addr, host);
    snprintf(attempt->filtered + len, sizeof attempt->filtered - len, "%s ", host);
    return what != NULL && strcmp(what, host) == 0;
}

static bool filter(void *ctx, const struct addr *addr)
{
    return !refuses(ctx, addr, ((struct attempt *)ctx)->refuse);
}

static bool parent_filter(void *ctx, const struct addr *addr)
{
    return !refuses(ctx, addr, ((struct attempt *)ctx)->refuse_parent);
}

static void on_done(void *ctx, const struct proxy_connect_result *result)
{
    struct attempt *attempt = ctx;

    attempt->calls++;
    attempt->connect = NULL;
    attempt->stream = result->stream;
    attempt->addr = result->addr;
    attempt->is_forbidden = result->is_forbidden;
    if (result->stream == NULL) {
        attempt->refusal = result->refusal;
    }
    if (result->parent_answer != NULL) {
        const struct http1_field *field =
            http1_fields_find(result->parent_answer->fields, SPAN("proxy-authenticate"));

        attempt->parent_status = result->parent_answer->status;
        if (field != NULL) {
            snprintf(attempt->challenge, sizeof attempt->challenge, "%.*s",
                     SPAN_ARG(field->value));
        }
    }
}

static struct proxy_connect_request tunnel_to(struct attempt *attempt, const char *host)
{
    return (struct proxy_connect_request){.host = span_str(host),
                                          .port = 9000,
                                          .parent = &named,
                                          .is_tunnel = true,
                                          .timeout = PATIENCE,
                                          .filter = filter,
                                          .parent_filter = parent_filter,
                                          .done = on_done,
                                          .ctx = attempt};
}

static bool is_done(void *ctx)
{
    return ((struct attempt *)ctx)->calls > 0;
}

static void run(struct attempt *attempt, const struct proxy_connect_request *request)
{
    assert_ok(proxy_connect_start(&env, request, &attempt->connect));
    assert_int_equal(attempt->calls, 0); /* never from inside */
    loopback_turn_until(loop, is_done, attempt);
    assert_int_equal(attempt->calls, 1);
}

/* A tunnel through the parent, which answers so. */
static struct attempt try_tunnel(const char *answer)
{
    struct attempt attempt = {0};
    const struct proxy_connect_request request = tunnel_to(&attempt, "origin.test");

    parent.answer = answer;
    run(&attempt, &request);
    return attempt;
}

static void assert_refused(const struct attempt *attempt, uint16_t status, const char *text)
{
    assert_null(attempt->stream);
    assert_string_equal(attempt->refusal.text, text);
    assert_int_equal(attempt->refusal.status, status);
}

static void a_direct_stream_is_a_socket_to_the_host(void **state)
{
    struct attempt attempt = {0};
    struct proxy_connect_request request = tunnel_to(&attempt, "parent.test");
    char text[ADDR_TEXT_BYTES];

    (void)state;
    request.parent = NULL;
    request.port = parent.port;
    parent.answer = "yes";
    run(&attempt, &request);
    assert_non_null(attempt.stream);
    assert_string_equal(attempt.stream->ops->name, "tcp");
    assert_string_equal(addr_host_text(&attempt.addr, text), "127.0.0.1");
    assert_int_equal(addr_port(&attempt.addr), parent.port);
    assert_string_equal(attempt.filtered, "127.0.0.1 "); /* the address that is dialled */
    loopback_send(loop, attempt.stream, SPAN("hello\r\n\r\n"));
    loopback_expect(loop, attempt.stream, SPAN("yes"));
    assert_string_equal(parent.request, "hello\r\n\r\n");
    stream_free(attempt.stream);
}

static void a_tunnel_goes_through_the_parent_with_its_early_bytes(void **state)
{
    struct attempt attempt = try_tunnel("HTTP/1.1 200 OK\r\n\r\nearly ");

    (void)state;
    assert_non_null(attempt.stream);
    assert_string_equal(attempt.stream->ops->name, "connect");
    assert_string_equal(parent.request,
                        "CONNECT origin.test:9000 HTTP/1.1\r\nHost: origin.test:9000\r\n\r\n");
    assert_string_equal(attempt.filtered, "127.0.0.1 "); /* the parent's, by its own filter */
    loopback_send(loop, attempt.stream, SPAN("bird"));
    loopback_expect(loop, attempt.stream, SPAN("early bird"));
    stream_free(attempt.stream);
}

static void an_ipv6_destination_gets_its_brackets(void **state)
{
    struct attempt attempt = {0};
    const struct proxy_connect_request request = tunnel_to(&attempt, "2001:db8::1");

    (void)state;
    parent.answer = "HTTP/1.1 200 OK\r\n\r\n";
    run(&attempt, &request);
    assert_true(span_starts(span_str(parent.request), SPAN("CONNECT [2001:db8::1]:9000 ")));
    assert_string_equal(attempt.filtered, "2001:db8::1 127.0.0.1 ");
    stream_free(attempt.stream);
}

static void a_request_in_absolute_form_needs_no_tunnel(void **state)
{
    struct attempt attempt = {0};
    struct proxy_connect_request request = tunnel_to(&attempt, "origin.test");

    (void)state;
    request.is_tunnel = false;
    run(&attempt, &request);
    assert_string_equal(attempt.stream->ops->name, "tcp");
    assert_int_equal(parent.request_len, 0);
    stream_free(attempt.stream);
}

static void the_configured_login_goes_to_the_parent(void **state)
{
    struct attempt attempt = {0};
    struct proxy_connect_request request = tunnel_to(&attempt, "origin.test");

    (void)state;
    named.login = SPAN("Basic bWU6eA==");
    request.keeps_login = true;
    request.client_login = SPAN("Basic somebody else's");
    parent.answer = "HTTP/1.1 200 OK\r\n\r\n";
    run(&attempt, &request);
    assert_string_equal(parent.request,
                        "CONNECT origin.test:9000 HTTP/1.1\r\nHost: origin.test:9000\r\n"
                        "Proxy-Authorization: Basic bWU6eA==\r\n\r\n");
    stream_free(attempt.stream);
}

static void the_clients_login_goes_along_only_where_it_is_its_business(void **state)
{
    (void)state;
    for (int keeps = 0; keeps < 2; keeps++) {
        struct attempt attempt = {0};
        struct proxy_connect_request request = tunnel_to(&attempt, "origin.test");

        request.keeps_login = keeps == 1;
        request.client_login = SPAN("Basic Y2xpZW50");
        parent.answer = "HTTP/1.1 407 Who\r\nProxy-Authenticate: Basic realm=\"p\"\r\n\r\n";
        run(&attempt, &request);
        assert_int_equal(strstr(parent.request, "Proxy-Authorization: Basic Y2xpZW50\r\n") !=
                             NULL,
                         keeps == 1);
        assert_int_equal(attempt.refusal.status, keeps == 1 ? 407 : 502);
        assert_int_equal(attempt.parent_status, 407);
        assert_string_equal(attempt.challenge, "Basic realm=\"p\"");
        fake_parent_close(&parent);
        fake_parent_open(&parent, loop);
        named.port = parent.port;
    }
}

static void a_parents_refusal_is_passed_on_in_its_words(void **state)
{
    struct attempt attempt = try_tunnel(
        "HTTP/1.1 403 No way\r\nProxy-Status: squid; error=http_request_denied\r\n\r\nbody");

    (void)state;
    assert_refused(&attempt, 403,
                   "the parent proxy answered 403 No way (Proxy-Status: squid; "
                   "error=http_request_denied) (it is http://parent.test, asked for "
                   "origin.test:9000)");
    assert_int_equal(attempt.parent_status, 403);
    assert_int_equal(attempt.refusal.error, HTTP1_PROXY_STATUS_REQUEST_DENIED);
    assert_int_equal(addr_port(&attempt.addr), parent.port);
}

static void garbage_and_silence_are_told_apart(void **state)
{
    struct attempt attempt = try_tunnel("SSH-2.0-OpenSSH_9.2\r\n");

    (void)state;
    assert_refused(&attempt, 502,
                   "the parent proxy http://parent.test did not do what was asked of it: proxy "
                   "sent a version that is not written HTTP/1.1 (RFC 9112 2.3)");
    assert_int_equal(attempt.parent_status, 0);
}

static void a_parent_that_hangs_up_is_named(void **state)
{
    struct attempt attempt;

    (void)state;
    parent.hangs_up = true;
    attempt = try_tunnel("");
    assert_refused(&attempt, 502,
                   "the parent proxy http://parent.test did not do what was asked of it: proxy "
                   "hung up instead of answering CONNECT");
}

static void a_slow_parent_is_waited_for(void **state)
{
    struct attempt attempt;

    (void)state;
    parent.dribbles = true;
    attempt = try_tunnel("HTTP/1.1 200 Slowly but surely\r\nA: b\r\n\r\n");
    assert_non_null(attempt.stream);
    stream_free(attempt.stream);
}

static void a_parent_that_never_answers_is_given_up_in_time(void **state)
{
    struct attempt attempt = {0};
    struct proxy_connect_request request = tunnel_to(&attempt, "origin.test");

    (void)state;
    request.timeout = SHORT;
    run(&attempt, &request);
    assert_refused(&attempt, 504,
                   "the parent proxy http://parent.test did not open a tunnel to "
                   "origin.test:9000 within 60 ms (ProxyTimeout)");
    assert_int_equal(parent.accepted, 1);
    assert_int_equal(addr_port(&attempt.addr), parent.port);
}

static void a_name_that_is_never_answered_is_given_up_in_time(void **state)
{
    struct attempt attempt = {0};
    struct proxy_connect_request request = tunnel_to(&attempt, "silent.test");

    (void)state;
    request.parent = NULL;
    request.timeout = SHORT;
    run(&attempt, &request);
    assert_refused(&attempt, 504,
                   "no connection to silent.test port 9000 within 60 ms (ProxyTimeout)");
}

static void a_parent_without_a_name_is_told_from_a_destination_without_one(void **state)
{
    struct attempt first = {0}, second = {0};
    struct proxy_connect_request request = tunnel_to(&first, "origin.test");

    (void)state;
    named.host = SPAN("nowhere.test");
    run(&first, &request);
    assert_refused(&first, 502,
                   "the name of the parent proxy http://parent.test does not exist");
    request = tunnel_to(&second, "nowhere.test");
    request.parent = NULL;
    run(&second, &request);
    assert_refused(&second, 502,
                   "the name nowhere.test does not exist, as far as this proxy can tell");
}

static void a_forbidden_address_is_not_reached_directly(void **state)
{
    struct attempt attempt = {.refuse = "127.0.0.1"};
    struct proxy_connect_request request = tunnel_to(&attempt, "parent.test");

    (void)state;
    request.parent = NULL;
    run(&attempt, &request);
    assert_refused(&attempt, 403,
                   "127.0.0.1:9000, the address of parent.test, may not be reached through "
                   "this proxy");
    assert_true(attempt.is_forbidden);
}

static void a_forbidden_address_is_not_had_from_the_parent_either(void **state)
{
    static const char *const hosts[] = {"127.0.0.1", "LocalHost", "localhost.", "a.localhost"};

    (void)state;
    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
        struct attempt attempt = {.refuse = "127.0.0.1"};
        const struct proxy_connect_request request = tunnel_to(&attempt, hosts[i]);
        struct addr addr;

        /* Who has a connection to the parent at hand already asks this first. */
        assert_true(proxy_connect_forbids(&request, &addr));
        attempt.filtered[0] = '\0';
        run(&attempt, &request);
        assert_int_equal(attempt.refusal.status, 403);
        assert_true(attempt.is_forbidden);
        assert_string_equal(attempt.filtered, "127.0.0.1 ");
    }
    assert_int_equal(parent.accepted, 0);
}

static void a_forbidden_parent_is_a_fault_of_the_configuration(void **state)
{
    struct attempt attempt = {.refuse_parent = "127.0.0.1"};
    const struct proxy_connect_request request = tunnel_to(&attempt, "origin.test");

    (void)state;
    run(&attempt, &request);
    assert_int_equal(attempt.refusal.status, 502);
    assert_int_equal(attempt.refusal.error, HTTP1_PROXY_STATUS_CONFIGURATION_ERROR);
    assert_false(attempt.is_forbidden);
}

/* localhost has ::1 as well, where nobody listens: both families are raced for parents too. */
static void a_parent_may_be_spoken_to_by_tls(void **state)
{
    struct attempt attempt = {0};
    struct proxy_connect_request request = tunnel_to(&attempt, "origin.test");

    (void)state;
    parent.server = tls.server;
    parent.answer = "HTTP/1.1 200 OK\r\n\r\nearly ";
    named.is_tls = true;
    named.host = SPAN("localhost");
    run(&attempt, &request);
    assert_non_null(attempt.stream);
    loopback_send(loop, attempt.stream, SPAN("bird"));
    loopback_expect(loop, attempt.stream, SPAN("early bird"));
    stream_free(attempt.stream);
    assert_string_equal(parent.request,
                        "CONNECT origin.test:9000 HTTP/1.1\r\nHost: origin.test:9000\r\n\r\n");
    assert_string_equal(attempt.filtered, "::1 127.0.0.1 ");
}

static void a_parent_that_cannot_prove_its_name_is_refused(void **state)
{
    struct attempt attempt = {0};
    struct proxy_connect_request request = tunnel_to(&attempt, "origin.test");

    (void)state;
    env.parent_tls = tls.stranger;
    parent.server = tls.server;
    named.is_tls = true;
    named.host = SPAN("localhost");
    run(&attempt, &request);
    assert_int_equal(attempt.refusal.status, 502);
    assert_non_null(strstr(attempt.refusal.text, "did not do what was asked of it"));
    assert_int_equal(parent.request_len, 0); /* no login was sent to a stranger */
}

static void an_attempt_may_be_cancelled_at_any_moment(void **state)
{
    (void)state;
    for (int turns = 0; turns < 30; turns++) {
        struct attempt attempt = {.refuse = turns == 0 ? "127.0.0.1" : NULL};
        const struct proxy_connect_request request =
            tunnel_to(&attempt, turns == 0 ? "127.0.0.1" : "origin.test");

        parent.answer = NULL;
        assert_ok(proxy_connect_start(&env, &request, &attempt.connect));
        for (int i = 1; i < turns; i++) {
            assert_ok(loop_turn(loop, 0));
        }
        assert_int_equal(attempt.calls, 0);
        proxy_connect_cancel(attempt.connect);
        loopback_settle(loop);
        assert_int_equal(attempt.calls, 0);
        fake_parent_hang_up(&parent);
    }
    proxy_connect_cancel(NULL);
}

static void hosts_that_would_break_the_request_are_refused(void **state)
{
    struct attempt attempt = {0};
    struct proxy_connect_request request = tunnel_to(&attempt, "a b");
    char longest[300];

    (void)state;
    assert_int_equal(proxy_connect_start(&env, &request, &attempt.connect), ERR_LIMIT);
    request.host = SPAN("");
    assert_int_equal(proxy_connect_start(&env, &request, &attempt.connect), ERR_LIMIT);
    memset(longest, 'a', sizeof longest);
    request.host = span_of(longest, 255);
    assert_int_equal(proxy_connect_start(&env, &request, &attempt.connect), ERR_LIMIT);
    assert_null(attempt.connect);
}

static void start_without_memory(void)
{
    struct attempt attempt = {0};
    struct proxy_connect_request request = tunnel_to(&attempt, "origin.test");

    named.login = SPAN("Basic bWU6eA==");
    if (proxy_connect_start(&env, &request, &attempt.connect) == OK) {
        proxy_connect_cancel(attempt.connect);
    }
}

/* Nobody accepts, so that only our own memory is asked for. */
static void connect_without_memory(void)
{
    struct attempt attempt = {0};
    struct proxy_connect_request request = tunnel_to(&attempt, "origin.test");

    named.host = SPAN("127.0.0.1");
    request.is_tunnel = false;
    if (proxy_connect_start(&env, &request, &attempt.connect) != OK) {
        return;
    }
    loopback_turn_until(loop, is_done, &attempt);
    if (attempt.stream == NULL) {
        assert_true(oom_has_struck());
        assert_int_equal(attempt.refusal.status, 503);
    }
    stream_free(attempt.stream);
}

static void running_out_of_memory_leaks_nothing(void **state)
{
    (void)state;
    every_oom(start_without_memory);
    loop_unwatch(&parent.watch);
    every_oom(connect_without_memory);
}

int main(void)
{
#define WITH_PARENT(test) cmocka_unit_test_setup_teardown(test, open_all, close_all)
    const struct CMUnitTest tests[] = {
        WITH_PARENT(a_direct_stream_is_a_socket_to_the_host),
        WITH_PARENT(a_tunnel_goes_through_the_parent_with_its_early_bytes),
        WITH_PARENT(an_ipv6_destination_gets_its_brackets),
        WITH_PARENT(a_request_in_absolute_form_needs_no_tunnel),
        WITH_PARENT(the_configured_login_goes_to_the_parent),
        WITH_PARENT(the_clients_login_goes_along_only_where_it_is_its_business),
        WITH_PARENT(a_parents_refusal_is_passed_on_in_its_words),
        WITH_PARENT(garbage_and_silence_are_told_apart),
        WITH_PARENT(a_parent_that_hangs_up_is_named),
        WITH_PARENT(a_slow_parent_is_waited_for),
        WITH_PARENT(a_parent_that_never_answers_is_given_up_in_time),
        WITH_PARENT(a_name_that_is_never_answered_is_given_up_in_time),
        WITH_PARENT(a_parent_without_a_name_is_told_from_a_destination_without_one),
        WITH_PARENT(a_forbidden_address_is_not_reached_directly),
        WITH_PARENT(a_forbidden_address_is_not_had_from_the_parent_either),
        WITH_PARENT(a_forbidden_parent_is_a_fault_of_the_configuration),
        WITH_PARENT(a_parent_may_be_spoken_to_by_tls),
        WITH_PARENT(a_parent_that_cannot_prove_its_name_is_refused),
        WITH_PARENT(an_attempt_may_be_cancelled_at_any_moment),
        WITH_PARENT(hosts_that_would_break_the_request_are_refused),
        WITH_PARENT(running_out_of_memory_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, make_contexts, free_contexts);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "proxy/proxy_sniff.h"

#include "lib/cut.h"
#include "lib/testing.h"

#define HELLO  "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"
#define SERVER "\x16\x03\x03\x00\x7a\x02"

static const char *text_of(const struct proxy_sniff *sniff)
{
    static char room[PROXY_SNIFF_TEXT_BYTES];

    return proxy_sniff_text(sniff, room);
}

static struct proxy_sniff sniffed(unsigned allowed, struct span client, struct span server)
{
    struct proxy_sniff sniff;

    proxy_sniff_init(&sniff, allowed);
    proxy_sniff_bytes(&sniff, RELAY_CLIENT, client);
    proxy_sniff_bytes(&sniff, RELAY_SERVER, server);
    return sniff;
}

static enum proxy_sniff_class class_of(struct span client, struct span server)
{
    return (enum proxy_sniff_class)sniffed(0, client, server).class;
}

static void tls_is_told_by_both_sides(void **state)
{
    struct proxy_sniff sniff = sniffed(PROXY_SNIFF_ALLOW_TLS, SPAN(HELLO), SPAN(""));

    (void)state;
    assert_int_equal(sniff.class, PROXY_SNIFF_TLS);
    assert_ok(proxy_sniff_verdict(&sniff, RELAY_CLIENT));
    assert_int_equal(proxy_sniff_verdict(&sniff, RELAY_SERVER), ERR_AGAIN);
    assert_false(proxy_sniff_is_done(&sniff));
    proxy_sniff_bytes(&sniff, RELAY_SERVER, SPAN(SERVER));
    assert_ok(proxy_sniff_verdict(&sniff, RELAY_SERVER));
    assert_true(proxy_sniff_is_done(&sniff));
    assert_int_equal(class_of(SPAN(HELLO), SPAN("\x15\x03\x03\x00\x02")), PROXY_SNIFF_TLS);
}

static void what_only_begins_like_tls_is_other(void **state)
{
    (void)state;
    assert_int_equal(class_of(SPAN("\x16\x03\x01\x00"), SPAN("")), PROXY_SNIFF_UNKNOWN);
    assert_int_equal(class_of(SPAN("\x16\x02"), SPAN("")), PROXY_SNIFF_OTHER);
    assert_int_equal(class_of(SPAN("\x16\x03\x05"), SPAN("")), PROXY_SNIFF_OTHER);
    assert_int_equal(class_of(SPAN("\x16\x03\x01\x00\x01\x02"), SPAN("")), PROXY_SNIFF_OTHER);
    assert_int_equal(class_of(SPAN(HELLO), SPAN("SSH-2.0-x\r\n")), PROXY_SNIFF_OTHER);
    assert_int_equal(class_of(SPAN(HELLO), SPAN("\x16\x02")), PROXY_SNIFF_OTHER);
}

static void a_request_line_is_http_until_it_asks_for_websocket(void **state)
{
    struct proxy_sniff sniff =
        sniffed(PROXY_SNIFF_ALLOW_WEBSOCKET, SPAN("GET /chat?x=%20 HTTP/1.1\r\n"), SPAN(""));

    (void)state;
    assert_int_equal(sniff.class, PROXY_SNIFF_UNKNOWN);
    assert_true(proxy_sniff_may_be_http(&sniff));
    assert_int_equal(proxy_sniff_verdict(&sniff, RELAY_CLIENT), ERR_AGAIN);
    proxy_sniff_upgrade(&sniff, true);
    assert_int_equal(sniff.class, PROXY_SNIFF_WEBSOCKET);
    assert_ok(proxy_sniff_verdict(&sniff, RELAY_CLIENT));
    proxy_sniff_bytes(&sniff, RELAY_SERVER, SPAN("HTT"));
    assert_int_equal(proxy_sniff_verdict(&sniff, RELAY_SERVER), ERR_AGAIN);
    proxy_sniff_bytes(&sniff, RELAY_SERVER, SPAN("P/1.1 101"));
    assert_ok(proxy_sniff_verdict(&sniff, RELAY_SERVER));
    assert_true(proxy_sniff_is_done(&sniff));
}

static void a_refused_handshake_may_be_read_but_nothing_follows(void **state)
{
    struct proxy_sniff sniff =
        sniffed(PROXY_SNIFF_ALLOW_WEBSOCKET, SPAN("GET / HTTP/1.1\r\n"), SPAN(""));

    (void)state;
    proxy_sniff_upgrade(&sniff, true);
    proxy_sniff_bytes(&sniff, RELAY_SERVER, SPAN("HTTP/1.1 401"));
    proxy_sniff_upgrade(&sniff, false);
    assert_int_equal(sniff.class, PROXY_SNIFF_HTTP);
    assert_ok(proxy_sniff_verdict(&sniff, RELAY_SERVER));
    assert_int_equal(proxy_sniff_verdict(&sniff, RELAY_CLIENT), ERR_LIMIT);
    assert_string_equal(text_of(&sniff), "carried plain HTTP, TunnelAllow has websocket");
}

static void with_http_and_websocket_a_request_need_not_be_read(void **state)
{
    struct proxy_sniff sniff = sniffed(PROXY_SNIFF_ALLOW_WEBSOCKET | PROXY_SNIFF_ALLOW_HTTP,
                                       SPAN("OPTIONS * HTTP/1.0\n"), SPAN(""));

    (void)state;
    assert_ok(proxy_sniff_verdict(&sniff, RELAY_CLIENT));
    sniff = sniffed(PROXY_SNIFF_ALLOW_TLS, SPAN("GET / HTTP/1.1\r\n"), SPAN(""));
    assert_int_equal(proxy_sniff_verdict(&sniff, RELAY_CLIENT), ERR_LIMIT);
    assert_string_equal(text_of(&sniff), "carried plain HTTP, TunnelAllow has tls");
}

static void ssh_is_called_by_its_name_whoever_speaks_first(void **state)
{
    const unsigned allowed = PROXY_SNIFF_ALLOW_WEBSOCKET | PROXY_SNIFF_ALLOW_TLS;
    struct proxy_sniff sniff = sniffed(allowed, SPAN("SSH-2.0-OpenSSH_9.2\r\n"), SPAN(""));

    (void)state;
    assert_int_equal(proxy_sniff_verdict(&sniff, RELAY_CLIENT), ERR_LIMIT);
    assert_string_equal(text_of(&sniff),
                        "carried ssh-like bytes, TunnelAllow has websocket tls");
    sniff = sniffed(allowed, SPAN(""), SPAN("SSH-2.0-OpenSSH_9.2\r\n"));
    assert_int_equal(proxy_sniff_verdict(&sniff, RELAY_SERVER), ERR_LIMIT);
    assert_int_equal(sniff.class, PROXY_SNIFF_OTHER);
}

static void a_server_that_speaks_first_is_other(void **state)
{
    struct proxy_sniff sniff = sniffed(PROXY_SNIFF_ALLOW_TLS, SPAN(""), SPAN("220 mail\r\n"));

    (void)state;
    assert_int_equal(proxy_sniff_verdict(&sniff, RELAY_SERVER), ERR_LIMIT);
    assert_string_equal(text_of(&sniff), "carried bytes of a server that speaks first, "
                                         "TunnelAllow has tls");
}

static void what_is_no_request_line_is_other(void **state)
{
    (void)state;
    assert_int_equal(class_of(SPAN("get / HTTP/1.1\r\n"), SPAN("")), PROXY_SNIFF_OTHER);
    assert_int_equal(class_of(SPAN("GET / HTTP/1.1x"), SPAN("")), PROXY_SNIFF_OTHER);
    assert_int_equal(class_of(SPAN("GET / HTTP/1.1\r\r"), SPAN("")), PROXY_SNIFF_OTHER);
    assert_int_equal(class_of(SPAN("GET / HTTP/11\r\n"), SPAN("")), PROXY_SNIFF_OTHER);
    assert_int_equal(class_of(SPAN("GET /\r\n"), SPAN("")), PROXY_SNIFF_OTHER);
    assert_int_equal(class_of(SPAN("ABCDEFGHIJKLMNOPQRSTUVWXYZ"), SPAN("")), PROXY_SNIFF_OTHER);
    assert_int_equal(class_of(SPAN("\x80"), SPAN("")), PROXY_SNIFF_OTHER);
    assert_int_equal(class_of(SPAN("GET / HTTP/1.1\r\n"), SPAN("ICY 200")), PROXY_SNIFF_OTHER);
    assert_int_equal(class_of(SPAN("GET / HTTP/1.1\r\n"), SPAN("HTTX")), PROXY_SNIFF_OTHER);
}

static void a_line_without_an_end_is_given_up(void **state)
{
    struct proxy_sniff sniff = sniffed(0, SPAN("GET /"), SPAN(""));

    (void)state;
    for (int i = 0; i < PROXY_SNIFF_LINE_MAX - 5; i++) {
        assert_int_equal(sniff.class, PROXY_SNIFF_UNKNOWN);
        proxy_sniff_bytes(&sniff, RELAY_CLIENT, SPAN("a"));
    }
    proxy_sniff_bytes(&sniff, RELAY_CLIENT, SPAN("a"));
    assert_int_equal(sniff.class, PROXY_SNIFF_OTHER);
}

static void the_end_decides_what_the_bytes_did_not(void **state)
{
    struct proxy_sniff sniff = sniffed(PROXY_SNIFF_ALLOW_TLS, SPAN("\x16\x03"), SPAN(""));

    (void)state;
    assert_int_equal(proxy_sniff_verdict(&sniff, RELAY_CLIENT), ERR_AGAIN);
    assert_string_equal(text_of(&sniff), "carried too little to be told, TunnelAllow has tls");
    proxy_sniff_end(&sniff, RELAY_CLIENT);
    assert_int_equal(proxy_sniff_verdict(&sniff, RELAY_CLIENT), ERR_LIMIT);
    assert_string_equal(text_of(&sniff),
                        "carried bytes of an unknown protocol, TunnelAllow has tls");

    sniff = sniffed(PROXY_SNIFF_ALLOW_TLS, SPAN(HELLO), SPAN("\x16"));
    proxy_sniff_end(&sniff, RELAY_CLIENT);
    assert_int_equal(sniff.class, PROXY_SNIFF_TLS);
    proxy_sniff_end(&sniff, RELAY_SERVER);
    assert_int_equal(proxy_sniff_verdict(&sniff, RELAY_SERVER), ERR_LIMIT);

    sniff = sniffed(PROXY_SNIFF_ALLOW_WEBSOCKET, SPAN("GET / HTTP/1.1\r\n"), SPAN(""));
    proxy_sniff_end(&sniff, RELAY_CLIENT);
    assert_int_equal(sniff.class, PROXY_SNIFF_HTTP);
}

static void any_lets_everything_pass_at_once(void **state)
{
    struct proxy_sniff sniff = sniffed(PROXY_SNIFF_ALLOW_ANY, SPAN("SSH-2.0"), SPAN("SSH-"));

    (void)state;
    assert_ok(proxy_sniff_verdict(&sniff, RELAY_CLIENT));
    assert_ok(proxy_sniff_verdict(&sniff, RELAY_SERVER));
    assert_string_equal(proxy_sniff_class_name((enum proxy_sniff_class)sniff.class), "other");
    proxy_sniff_init_websocket(&sniff);
    assert_string_equal(proxy_sniff_class_name((enum proxy_sniff_class)sniff.class),
                        "websocket");
    assert_true(proxy_sniff_is_done(&sniff));
}

static enum proxy_sniff_class expected_class;

static void check_class(const struct cut *cut)
{
    struct proxy_sniff sniff;
    struct mspan part;
    size_t at = 0;

    proxy_sniff_init(&sniff, 0);
    while ((part = cut_next(cut, &at)).ptr != NULL) {
        proxy_sniff_bytes(&sniff, RELAY_CLIENT, span_ro(part));
    }
    assert_int_equal(sniff.class, expected_class);
    assert_int_equal(sniff.is_request, expected_class == PROXY_SNIFF_UNKNOWN);
}

static void every(struct span bytes, enum proxy_sniff_class class)
{
    uint8_t room[64];

    assert_true(bytes.len <= sizeof room);
    memcpy(room, bytes.ptr, bytes.len);
    expected_class = class;
    every_cut(mspan_of(room, bytes.len), check_class);
}

static void the_class_is_the_same_for_any_cut(void **state)
{
    (void)state;
    every(SPAN(HELLO), PROXY_SNIFF_TLS);
    every(SPAN("GET /a HTTP/1.1\r\nHost: x\r\n"), PROXY_SNIFF_UNKNOWN);
    every(SPAN("SSH-2.0-x y\r\n"), PROXY_SNIFF_OTHER);
}

/* What TunnelAllow with these words comes to, and what was said about it. */
static unsigned read_allow(const struct span *words, size_t count, const char **ret_said)
{
    static char said[DIAG_MAX_LINE];
    struct diag diag;
    const struct conf_apply apply = {.diag = &diag};
    const struct conf_node node = {.name = SPAN("TunnelAllow"),
                                   .words = words,
                                   .word_count = count,
                                   .file = "p.conf",
                                   .line = 7};
    unsigned allowed = 0;

    diag_init(&diag);
    assert_ok(proxy_sniff_read_allow(&node, &apply, &allowed));
    *ret_said = diag_next(&diag, NULL) == NULL
                    ? ""
                    : diag_format(diag_next(&diag, NULL), said, sizeof said);
    diag_fini(&diag);
    return allowed;
}

static void tunnel_allow_names_what_may_pass(void **state)
{
    const struct span words[] = {SPAN_INIT("WebSocket"), SPAN_INIT("tls"), SPAN_INIT("http"),
                                 SPAN_INIT("any"), SPAN_INIT("ssh")};
    const char *said;

    (void)state;
    assert_int_equal(read_allow(words, 2, &said),
                     PROXY_SNIFF_ALLOW_WEBSOCKET | PROXY_SNIFF_ALLOW_TLS);
    assert_string_equal(said, "");
    assert_int_equal(read_allow(words + 2, 1, &said), PROXY_SNIFF_ALLOW_HTTP);
    assert_int_equal(read_allow(words, 4, &said), PROXY_SNIFF_ALLOW_ANY);
    assert_int_equal(read_allow(words, 5, &said), 0);
    assert_string_equal(said,
                        "p.conf:7: TunnelAllow: \"ssh\" is nothing that a tunnel is known "
                        "to carry (write websocket, tls, http, several of them, or any)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tls_is_told_by_both_sides),
        cmocka_unit_test(what_only_begins_like_tls_is_other),
        cmocka_unit_test(a_request_line_is_http_until_it_asks_for_websocket),
        cmocka_unit_test(a_refused_handshake_may_be_read_but_nothing_follows),
        cmocka_unit_test(with_http_and_websocket_a_request_need_not_be_read),
        cmocka_unit_test(ssh_is_called_by_its_name_whoever_speaks_first),
        cmocka_unit_test(a_server_that_speaks_first_is_other),
        cmocka_unit_test(what_is_no_request_line_is_other),
        cmocka_unit_test(a_line_without_an_end_is_given_up),
        cmocka_unit_test(the_end_decides_what_the_bytes_did_not),
        cmocka_unit_test(any_lets_everything_pass_at_once),
        cmocka_unit_test(the_class_is_the_same_for_any_cut),
        cmocka_unit_test(tunnel_allow_names_what_may_pass),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * The filter stands on a scripted stream instead of a socket, so that a proxy's answer can be
 * cut anywhere.
 */
#include "net/stream_connect.h"

#include "lib/cut.h"
#include "lib/oom.h"
#include "lib/testing.h"

/* A proxy whose answer is known beforehand. Between two parts it says ERR_AGAIN. */
struct script {
    struct stream base;
    struct cut answer;
    size_t at;
    struct mspan part;
    bool is_due;       /* the next read may begin a new part */
    bool hangs_up;     /* the answer is followed by an end, not by silence */
    bool takes_a_byte; /* writes move one byte at a time */
    char sent[1024];
    size_t sent_len;
    bool has_shut;
};

static struct script *script_of(struct stream *stream)
{
    return (struct script *)(void *)stream;
}

static enum err script_handshake(struct stream *stream)
{
    (void)stream;
    return OK;
}

static enum err script_read(struct stream *stream, struct mspan room, size_t *ret_len)
{
    struct script *script = script_of(stream);
    size_t len;

    if (script->part.len == 0 && script->at < script->answer.whole.len) {
        script->is_due = !script->is_due;
        if (!script->is_due) {
            return ERR_AGAIN;
        }
        script->part = cut_next(&script->answer, &script->at);
    }
    if (script->part.len == 0 && !script->hangs_up) {
        return ERR_AGAIN;
    }
    len = room.len < script->part.len ? room.len : script->part.len;
    if (len > 0) {
        memcpy(room.ptr, script->part.ptr, len);
    }
    script->part = mspan_tail(script->part, len);
    *ret_len = len;
    return OK;
}

static enum err script_write(struct stream *stream, struct span bytes, size_t *ret_len)
{
    struct script *script = script_of(stream);
    size_t len = script->takes_a_byte ? 1 : bytes.len;

    assert_true(script->sent_len + len < sizeof script->sent);
    memcpy(script->sent + script->sent_len, bytes.ptr, len);
    script->sent_len += len;
    *ret_len = len;
    return OK;
}

static enum err script_shutdown(struct stream *stream)
{
    script_of(stream)->has_shut = true;
    return OK;
}

static void script_free(struct stream *stream)
{
    (void)stream; /* on the test's stack */
}

static const char *script_why(const struct stream *stream)
{
    (void)stream;
    return "the script says no";
}

static const struct stream_ops script_ops = {
    .name = "script",
    .handshake = script_handshake,
    .read = script_read,
    .write = script_write,
    .shutdown = script_shutdown,
    .free = script_free,
    .why = script_why,
};

static struct stream *open_script(struct script *script, struct span answer, size_t first)
{
    struct stream *top = &script->base;

    *script =
        (struct script){.base.ops = &script_ops, .answer = {.whole = answer, .first = first}};
    assert_ok(stream_connect_push(&top, SPAN("origin.test:443")));
    return top;
}

static struct stream *open_whole(struct script *script, const char *answer)
{
    struct span bytes = span_str(answer);

    return open_script(script, bytes, bytes.len);
}

/* Bounded, because a script has an end. */
static enum err shake_hands(struct stream *top)
{
    enum err e = ERR_AGAIN;

    for (int i = 0; i < 100000 && e == ERR_AGAIN; i++) {
        e = stream_handshake(top);
    }
    return e;
}

static void expect_refusal(const char *answer, const char *sentence)
{
    struct script script;
    struct stream *top = open_whole(&script, answer);

    assert_int_equal(shake_hands(top), ERR_PROTO);
    assert_string_equal(stream_why(top), sentence);
    assert_int_equal(stream_handshake(top), ERR_PROTO); /* final and repeatable */
    stream_free(top);
}

static void the_request_names_the_origin_twice(void **state)
{
    struct script script;
    struct stream *top = open_whole(&script, "HTTP/1.1 200 OK\r\n\r\n");

    (void)state;
    script.takes_a_byte = true;
    assert_ok(shake_hands(top));
    assert_bytes(span_of(script.sent, script.sent_len),
                 SPAN("CONNECT origin.test:443 HTTP/1.1\r\nHost: origin.test:443\r\n\r\n"));
    stream_free(top);
}

static void a_login_goes_with_the_request(void **state)
{
    struct script script;
    struct stream *top = &script.base;
    static char answer[] = "HTTP/1.1 200 OK\r\n\r\n";
    char login[5000];

    (void)state;
    script = (struct script){.base.ops = &script_ops,
                             .part = mspan_of((uint8_t *)answer, strlen(answer))};
    memset(login, 'a', sizeof login);
    assert_int_equal(stream_connect_push_login(&top, SPAN("a:1"), SPAN("x\r\nEvil: y")),
                     ERR_LIMIT);
    assert_int_equal(stream_connect_push_login(&top, SPAN("a:1"), span_of(login, sizeof login)),
                     ERR_LIMIT);
    assert_ptr_equal(top, &script.base);
    assert_ok(stream_connect_push_login(&top, SPAN("a:1"), SPAN("Basic dTpw")));
    assert_ok(shake_hands(top));
    assert_bytes(span_of(script.sent, script.sent_len),
                 SPAN("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n"
                      "Proxy-Authorization: Basic dTpw\r\n\r\n"));
    stream_free(top);
}

static void the_proxys_refusal_can_be_taken_once(void **state)
{
    struct script script;
    struct stream *top = open_whole(
        &script, "HTTP/1.1 407 Who\r\nProxy-Authenticate: Basic realm=\"x\"\r\n\r\nbody");
    struct http1_head answer;

    (void)state;
    assert_false(stream_connect_take_refusal(top, &answer));
    assert_int_equal(shake_hands(top), ERR_PROTO);
    assert_true(stream_connect_take_refusal(top, &answer));
    assert_false(stream_connect_take_refusal(top, &answer));
    assert_string_equal(stream_why(top), "proxy answered 407 Who");
    stream_free(top);
    assert_int_equal(answer.status, 407);
    assert_bytes(http1_fields_find(answer.fields, SPAN("proxy-authenticate"))->value,
                 SPAN("Basic realm=\"x\""));
    http1_head_fini(&answer);
}

static void check_early_bytes(const struct cut *cut)
{
    struct script script;
    struct stream *top = open_script(&script, cut->whole, cut->first);
    char got[64];
    size_t got_len = 0;

    assert_ok(shake_hands(top));
    for (int i = 0; i < 100 && got_len < 11; i++) {
        size_t len = 0;
        enum err e = stream_read(top, mspan_of((uint8_t *)got + got_len, 4), &len);

        assert_true(e == OK || e == ERR_AGAIN);
        got_len += len;
    }
    assert_bytes(span_of(got, got_len), SPAN("early bytes"));
    stream_free(top);
}

static void bytes_right_behind_the_200_are_kept_at_any_cut(void **state)
{
    (void)state;
    every_cut(hex("'HTTP/1.1 200 Connection established' 0d0a 'Content-Length: 3' 0d0a 0d0a"
                  "'early bytes'"),
              check_early_bytes);
}

static void any_2xx_opens_the_tunnel_and_interim_answers_are_passed_over(void **state)
{
    struct script script;
    struct stream *top =
        open_whole(&script, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nA: b\r\n"
                            "\r\nHTTP/1.0 204 Fine\r\n\r\n");

    (void)state;
    assert_ok(shake_hands(top));
    stream_free(top);
}

static void a_refusal_is_told_in_the_proxys_words(void **state)
{
    (void)state;
    expect_refusal(
        "HTTP/1.1 403 Forbidden\r\nProxy-Status: squid; error=http_request_denied\r\n"
        "Content-Length: 4\r\n\r\nno!\n",
        "proxy answered 403 Forbidden (Proxy-Status: squid; "
        "error=http_request_denied)");
    expect_refusal("HTTP/1.1 403 No\r\nProxy-Status: p; details=\"not \\ here\"\r\n\r\n",
                   "proxy answered 403 No (Proxy-Status: p; details='not \\x5c here')");
    expect_refusal("HTTP/1.1 502\r\n\r\n", "proxy answered 502");
    expect_refusal("HTTP/1.1 101 Switching\r\n\r\n", "proxy answered 101 Switching");
    expect_refusal("HTTP/1.1 407 R\xc3\xa9\r\n\r\n", "proxy answered 407 R\\xc3\\xa9");
}

static void an_answer_that_is_not_http_is_refused(void **state)
{
    (void)state;
    expect_refusal("SSH-2.0-OpenSSH_9.2\r\n",
                   "proxy sent a version that is not written HTTP/1.1 (RFC 9112 2.3)");
}

static void an_answer_without_end_is_refused(void **state)
{
    static char answer[20000] = "HTTP/1.1 200 OK\r\n";
    static char interim[20 * 30];
    char field[202];

    (void)state;
    memset(field, 'x', sizeof field);
    memcpy(field, "Name: ", 6);
    memcpy(field + sizeof field - 3, "\r\n", 3);
    for (int i = 0; i < 90; i++) {
        strcat(answer, field);
    }
    expect_refusal(answer, "proxy sent a head over the configured maximum (RFC 6585 5)");

    for (int i = 0; i < 20; i++) {
        strcat(interim, "HTTP/1.1 100 Again\r\n\r\n");
    }
    expect_refusal(interim, "proxy sends interim answers without end");
}

static void a_proxy_that_hangs_up_is_named(void **state)
{
    struct script script;
    struct stream *top = open_whole(&script, "HTTP/1.1 200");

    (void)state;
    script.hangs_up = true;
    assert_int_equal(shake_hands(top), ERR_CLOSED);
    assert_string_equal(stream_why(top), "proxy hung up instead of answering CONNECT");
    stream_free(top);
}

static void an_authority_that_could_make_another_request_is_refused(void **state)
{
    struct script script = {.base.ops = &script_ops};
    struct stream *top = &script.base;
    char name[400];

    (void)state;
    memset(name, 'a', sizeof name);
    assert_int_equal(stream_connect_push(&top, SPAN("a:1 HTTP/1.1\r\nX: y")), ERR_LIMIT);
    assert_int_equal(stream_connect_push(&top, SPAN("")), ERR_LIMIT);
    assert_int_equal(stream_connect_push(&top, span_of(name, sizeof name)), ERR_LIMIT);
    assert_ptr_equal(top, &script.base);
}

static void an_open_tunnel_writes_and_ends_through(void **state)
{
    struct script script;
    struct stream *top = open_whole(&script, "HTTP/1.1 200 OK\r\n\r\n");
    size_t len;

    (void)state;
    assert_ok(shake_hands(top));
    script.sent_len = 0;
    assert_ok(stream_write(top, SPAN("hello"), &len));
    assert_bytes(span_of(script.sent, script.sent_len), SPAN("hello"));
    assert_ok(stream_shutdown(top));
    assert_true(script.has_shut);
    stream_free(top);
}

/* The answer in one part that takes no memory: only the filter's own is to fail. */
static struct stream *open_without_memory(struct script *script, char *answer)
{
    struct stream *top = &script->base;

    *script = (struct script){.base.ops = &script_ops,
                              .part = mspan_of((uint8_t *)answer, strlen(answer))};
    if (stream_connect_push(&top, SPAN("origin.test:443")) != OK) {
        assert_ptr_equal(top, &script->base);
        return NULL;
    }
    return top;
}

static void connect_and_be_refused(void)
{
    static char answer[] = "HTTP/1.1 403 No\r\nA: b\r\n\r\n";
    struct script script;
    struct stream *top = open_without_memory(&script, answer);

    if (top != NULL) {
        enum err e = shake_hands(top);

        assert_true(e == ERR_PROTO || e == ERR_NOMEM);
        assert_non_null(stream_why(top));
    }
    stream_free(top);
}

static void connect_and_read_early_bytes(void)
{
    static char answer[] = "HTTP/1.1 200 Yes\r\nA: b\r\n\r\nearly";
    struct script script;
    struct stream *top = open_without_memory(&script, answer);

    if (top != NULL) {
        enum err e = shake_hands(top);

        assert_int_equal(e, oom_has_struck() ? ERR_NOMEM : OK);
    }
    stream_free(top);
}

static void running_out_of_memory_leaks_nothing(void **state)
{
    (void)state;
    every_oom(connect_and_be_refused);
    every_oom(connect_and_read_early_bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_request_names_the_origin_twice),
        cmocka_unit_test(a_login_goes_with_the_request),
        cmocka_unit_test(the_proxys_refusal_can_be_taken_once),
        cmocka_unit_test(bytes_right_behind_the_200_are_kept_at_any_cut),
        cmocka_unit_test(any_2xx_opens_the_tunnel_and_interim_answers_are_passed_over),
        cmocka_unit_test(a_refusal_is_told_in_the_proxys_words),
        cmocka_unit_test(an_answer_that_is_not_http_is_refused),
        cmocka_unit_test(an_answer_without_end_is_refused),
        cmocka_unit_test(a_proxy_that_hangs_up_is_named),
        cmocka_unit_test(an_authority_that_could_make_another_request_is_refused),
        cmocka_unit_test(an_open_tunnel_writes_and_ends_through),
        cmocka_unit_test(running_out_of_memory_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "realm/realm_session.h"

#include "lib/cut.h"
#include "unit/realm/pair.h"

#include <stdlib.h>

/* What a client of one session sends, as it travels: CONNECT, SUBSCRIBE, SEND, DISCONNECT, in
 * frames with a key of zeros. */
static struct span whole_conversation(void)
{
    static const char *const frames[] = {
        "CONNECT\naccept-version:1.2\n\n",
        "SUBSCRIBE\nid:1\ndestination:/demo/x\nreceipt:s\n\n",
        "SEND\ndestination:/demo/x\nreceipt:p\n\nhello",
        "DISCONNECT\nreceipt:d\n\n",
    };
    static uint8_t bytes[1000];
    size_t len = 0;

    for (size_t i = 0; i < sizeof frames / sizeof frames[0]; i++) {
        size_t frame_len = strlen(frames[i]) + 1;
        const uint8_t head[6] = {0x82, (uint8_t)(0x80 | frame_len)};

        assert_true(frame_len <= 125);
        memcpy(bytes + len, head, sizeof head);
        memcpy(bytes + len + sizeof head, frames[i], frame_len);
        len += sizeof head + frame_len;
    }
    return span_of(bytes, len);
}

static void check_conversation(const struct cut *cut)
{
    struct realm realm;
    struct client client;
    struct mspan part;
    const char *heard;
    size_t at = 0;

    realm_begin(&realm);
    client_begin(&client, &realm, REALM_SESSION_STOMP);
    while ((part = cut_next(cut, &at)).ptr != NULL) {
        assert_ok(realm_session_take(&client.session, part, 0));
        realm_fan_out(&realm);
        client_listen(&client, SIZE_MAX, 0);
    }
    heard = client_hear(&client, &realm);
    assert_non_null(strstr(heard, "RECEIPT\nreceipt-id:s"));
    assert_non_null(strstr(heard, "RECEIPT\nreceipt-id:p\neid:1"));
    assert_non_null(strstr(heard, "RECEIPT\nreceipt-id:d"));
    assert_int_equal(client.close_code, WS_CLOSE_NORMAL);
    client_end(&client);
    assert_int_equal(realm_session_count_in(&client.session), 1);
    realm_end(&realm);
}

static void a_conversation_survives_any_cut(void **state)
{
    struct span input = whole_conversation();

    (void)state;
    cut_every(input, check_conversation);
}

static void who_does_not_read_is_not_read_from(void **state)
{
    struct realm realm;
    struct client client;
    unsigned said = 0;

    (void)state;
    realm_begin(&realm);
    client_connect(&client, &realm);
    while (!realm_session_is_held(&client.session)) {
        client_say(&client, SPAN("SEND\ndestination:/demo/x\nreceipt:r\n\nx\0"), 0);
        assert_ok(client.e);
        said++;
    }
    assert_true(ws_conn_output(&client.session.carrier.ws).len <= 16384 / 2 + 100);
    client_say(&client, SPAN("SEND\ndestination:/demo/x\nreceipt:last\n\nx\0"), 0);
    assert_true(realm_session_is_waiting(&client.session));
    assert_int_equal(client.session.as.stomp.published, said);
    client_hear(&client, &realm);
    assert_false(realm_session_is_held(&client.session));
    assert_ok(realm_session_take(&client.session, mspan_of(NULL, 0), 0));
    assert_false(realm_session_is_waiting(&client.session));
    assert_non_null(strstr(client_hear(&client, &realm), "receipt-id:last"));
    client_end(&client);
    realm_end(&realm);
}

static const char *why_it_ends_by_itself(struct client *client)
{
    msec now = 0;

    while (realm_session_expire(&client->session, now) == OK) {
        now = realm_session_deadline(&client->session);
        assert_true(now != MSEC_NEVER);
    }
    return client->session.why;
}

static void who_does_not_read_is_not_called_silent(void **state)
{
    struct realm realm;
    struct client client;

    (void)state;
    realm_begin(&realm);
    client_connect(&client, &realm);
    while (!realm_session_is_held(&client.session)) {
        client_say(&client, SPAN("SEND\ndestination:/demo/x\nreceipt:r\n\nx\0"), 0);
        assert_ok(client.e);
    }
    assert_string_equal(why_it_ends_by_itself(&client),
                        "the client does not read what it is answered (OutboxBytesMax)");
    client_end(&client);
    client_connect(&client, &realm);
    assert_string_equal(why_it_ends_by_itself(&client), "the client was silent for too long");
    client_end(&client);
    realm_end(&realm);
}

static void one_big_read_stops_at_the_mark_and_goes_on_later(void **state)
{
    enum {
        COUNT = 2000
    };
    struct realm realm;
    struct client client;
    size_t receipts = 0;

    (void)state;
    realm_begin(&realm);
    client_connect(&client, &realm);
    for (int i = 0; i < COUNT; i++) {
        assert_ok(ws_conn_put_message(&client.ws, WS_OPCODE_TEXT,
                                      SPAN("SEND\ndestination:/demo/x\nreceipt:r\n\nx\0")));
    }
    client_deliver(&client, 0);
    assert_ok(client.e);
    assert_true(realm_session_is_waiting(&client.session));
    while (true) {
        const char *heard = client_hear(&client, &realm);

        for (; (heard = strstr(heard, "receipt-id:r")) != NULL; heard++) {
            receipts++;
        }
        if (!realm_session_is_waiting(&client.session)) {
            break;
        }
        assert_ok(realm_session_take(&client.session, mspan_of(NULL, 0), 0));
    }
    assert_int_equal(receipts, COUNT);
    client_end(&client);
    realm_end(&realm);
}

static void answers_and_events_never_cut_into_each_other(void **state)
{
    struct realm realm;
    struct client client;
    size_t messages = 0, receipts = 0;

    (void)state;
    realm_begin(&realm);
    client_connect(&client, &realm);
    client_ask(&client, &realm, "SUBSCRIBE\nid:1\ndestination:/demo/x\n\n");
    for (int i = 0; i < 45; i++) {
        client_say(&client, SPAN("SEND\ndestination:/demo/x\nreceipt:r\n\nx\0"), 0);
        realm_fan_out(&realm);
        client_listen(&client, 23, 0); /* never a whole frame at once */
    }
    for (const char *at = client_hear(&client, &realm); *at != '\0'; at++) {
        messages += strncmp(at, "MESSAGE\nsubscription:1\n", 23) == 0;
        receipts += strncmp(at, "RECEIPT\nreceipt-id:r\n", 21) == 0;
    }
    assert_int_equal(ws_conn_fault(&client.ws), WS_FAULT_NONE);
    assert_int_equal(messages, 45);
    assert_int_equal(receipts, 45);
    client_end(&client);
    assert_int_equal(realm_session_count_out(&client.session), 45);
    realm_end(&realm);
}

static void a_reader_who_is_too_slow_is_given_up(void **state)
{
    struct realm realm;
    struct client slow, quick;
    struct span bytes;

    (void)state;
    realm_begin(&realm);
    client_connect(&slow, &realm);
    client_connect(&quick, &realm);
    client_ask(&slow, &realm, "SUBSCRIBE\nid:1\ndestination:/demo/x\n\n");
    client_ask(&quick, &realm, "SUBSCRIBE\nid:1\ndestination:/demo/x\n\n");
    for (int i = 0; i < 2000; i++) {
        assert_non_null(
            strstr(client_ask(&quick, &realm, "SEND\ndestination:/demo/x\n\nx"), "MESSAGE"));
    }
    assert_int_equal(realm_session_peek(&slow.session, &bytes), ERR_LIMIT);
    assert_non_null(strstr(slow.session.why, "so slow"));
    client_end(&slow);
    client_end(&quick);
    realm_end(&realm);
}

static void an_echo_comes_back_as_it_was(void **state)
{
    struct realm realm;
    struct client client;

    (void)state;
    realm_begin(&realm);
    client_begin(&client, &realm, REALM_SESSION_ECHO);
    assert_ok(ws_conn_put_message(&client.ws, WS_OPCODE_TEXT, SPAN("hello")));
    assert_ok(ws_conn_put_message(&client.ws, WS_OPCODE_TEXT, SPAN("")));
    client_deliver(&client, 0);
    assert_string_equal(client_hear(&client, &realm), "hello\n\n");
    assert_false(client.has_binary);
    client_say(&client, SPAN("\x01\x02"), 0);
    assert_string_equal(client_hear(&client, &realm), "\x01\x02\n");
    assert_true(client.has_binary);
    assert_null(client.session.as.echo.message.ptr);
    assert_ok(ws_conn_close(&client.ws, 3001, SPAN("done"), 0));
    client_deliver(&client, 0);
    client_hear(&client, &realm);
    assert_int_equal(client.close_code, 3001);
    assert_int_equal(client.session.closer, REALM_SESSION_CLIENT);
    assert_int_equal(client.session.close_code, 3001);
    assert_string_equal(client.session.why, "done");
    assert_true(realm_session_is_finished(&client.session));
    client_end(&client);
    realm_end(&realm);
}

static void an_echo_of_the_longest_message_fits_behind_others(void **state)
{
    uint8_t *big = calloc(1, 100000);
    struct realm realm;
    struct client client;

    (void)state;
    assert_non_null(big);
    realm_begin(&realm);
    client_begin(&client, &realm, REALM_SESSION_ECHO);
    for (int i = 0; i < 5; i++) {
        client_say(&client, span_of(big, 40000), 0);
        assert_ok(client.e);
        client_say(&client, span_of(big, 100000), 0);
        assert_ok(client.e);
        while (realm_session_is_waiting(&client.session)) {
            client_listen(&client, SIZE_MAX, 0);
            assert_ok(realm_session_take(&client.session, mspan_of(NULL, 0), 0));
        }
    }
    client_listen(&client, SIZE_MAX, 0);
    assert_int_equal(client.heard.len, 10); /* ten line ends: zeros are not noted */
    client_end(&client);
    assert_int_equal(realm_session_count_out(&client.session), 10);
    realm_end(&realm);
    free(big);
}

static void a_broken_protocol_is_answered_with_its_close_code(void **state)
{
    struct realm realm;
    struct client client;
    struct mspan unmasked = hex("81 05 48 65 6c 6c 6f");

    (void)state;
    realm_begin(&realm);
    client_begin(&client, &realm, REALM_SESSION_STOMP);
    assert_ok(realm_session_take(&client.session, unmasked, 0));
    assert_true(realm_session_is_deaf(&client.session));
    client_hear(&client, &realm);
    assert_int_equal(client.close_code, WS_CLOSE_PROTOCOL);
    assert_true(realm_session_is_finished(&client.session));
    assert_int_equal(client.session.closer, REALM_SESSION_REALM);
    assert_memory_equal(client.session.why, "the client sent a frame without a mask", 38);
    client_end(&client);
    realm_end(&realm);
}

/* A disk may stand still for longer than a heart-beat: nobody is read from meanwhile. */
static void who_waits_for_the_store_is_not_silent(void **state)
{
    struct store stuck = {.pending_bytes = 2, .pending_bytes_max = 2};
    struct realm realm;
    struct client client;
    enum err e = OK;

    (void)state;
    realm_begin(&realm);
    client_connect(&client, &realm);
    realm.router.conf.store = &stuck;
    for (msec now = 10000; now <= 200000; now += 10000) {
        assert_ok(realm_session_expire(&client.session, now));
        client_hear(&client, &realm);
    }
    stuck.pending_bytes = 0;
    for (msec now = 210000; now <= 300000 && e == OK; now += 10000) {
        e = realm_session_expire(&client.session, now);
        client_hear(&client, &realm);
    }
    assert_int_equal(e, ERR_TIMEOUT);
    realm.router.conf.store = NULL;
    client_end(&client);
    realm_end(&realm);
}

static void a_realm_that_stops_says_so(void **state)
{
    struct realm realm;
    struct client client;

    (void)state;
    realm_begin(&realm);
    client_connect(&client, &realm);
    realm_session_go_away(&client.session, WS_CLOSE_GOING_AWAY, 0);
    client_hear(&client, &realm);
    assert_int_equal(client.close_code, WS_CLOSE_GOING_AWAY);
    assert_int_equal(client.session.closer, REALM_SESSION_REALM);
    client_end(&client);
    realm_end(&realm);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_conversation_survives_any_cut),
        cmocka_unit_test(who_does_not_read_is_not_read_from),
        cmocka_unit_test(who_does_not_read_is_not_called_silent),
        cmocka_unit_test(one_big_read_stops_at_the_mark_and_goes_on_later),
        cmocka_unit_test(answers_and_events_never_cut_into_each_other),
        cmocka_unit_test(a_reader_who_is_too_slow_is_given_up),
        cmocka_unit_test(an_echo_comes_back_as_it_was),
        cmocka_unit_test(an_echo_of_the_longest_message_fits_behind_others),
        cmocka_unit_test(a_broken_protocol_is_answered_with_its_close_code),
        cmocka_unit_test(who_waits_for_the_store_is_not_silent),
        cmocka_unit_test(a_realm_that_stops_says_so),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "realm/realm_stomp.h"

#include "lib/oom.h"
#include "unit/realm/pair.h"

#include <stdlib.h>

static void connect_is_answered_with_version_session_and_heart_beat(void **state)
{
    struct realm realm;
    struct client client;

    (void)state;
    realm_begin(&realm);
    client_begin(&client, &realm, REALM_SESSION_STOMP);
    assert_true(realm_session_is_opening(&client.session));
    assert_string_equal(client_ask(&client, &realm, "STOMP\naccept-version:1.1, 1.2\n\n"),
                        "CONNECTED\nversion:1.2\nsession:7\nserver:wayleave/" WAYLEAVE_VERSION
                        "\nheart-beat:20000,20000\n\n\n");
    assert_false(realm_session_is_opening(&client.session));
    client_end(&client);
    realm_end(&realm);
}

static const struct {
    const char *frame;
    const char *error;
} fatal_first[] = {
    {"CONNECT\naccept-version:1.3\n\n",
     "UnsupportedOperationException\\c this realm speaks STOMP 1.2, 1.1 and 1.0"},
    {"CONNECT\naccept-version:\n\n", "UnsupportedOperationException\\c"},
    {"CONNECT\naccept-version:1.2\nheart-beat:x\n\n", "IllegalArgumentException\\c heart-beat"},
    {"SEND\ndestination:/demo/a\n\nx", "IllegalArgumentException\\c the first frame"},
    {"MESSAGE\n\n", "IllegalArgumentException\\c the first frame"},
    {"HELLO\n\n", "IllegalArgumentException\\c the client sent a command"},
    {"CONNECT\nno colon\n\n", "IllegalArgumentException\\c the client sent a header"},
};

static void what_does_not_begin_a_session_ends_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof fatal_first / sizeof fatal_first[0]; i++) {
        struct realm realm;
        struct client client;
        const char *heard;

        realm_begin(&realm);
        client_begin(&client, &realm, REALM_SESSION_STOMP);
        heard = client_ask(&client, &realm, fatal_first[i].frame);
        assert_memory_equal(heard, "ERROR\nversion:1.0,1.1,1.2\nmessage:", 34);
        assert_non_null(strstr(heard, fatal_first[i].error));
        assert_int_equal(client.close_code, WS_CLOSE_POLICY);
        assert_non_null(client.session.why);
        assert_int_equal(client.session.closer, REALM_SESSION_REALM);
        client_end(&client);
        realm_end(&realm);
    }
}

static void an_event_reaches_its_subscribers_with_its_headers(void **state)
{
    struct realm realm;
    struct client a, b;

    (void)state;
    realm_begin(&realm);
    client_connect(&a, &realm);
    client_connect(&b, &realm);
    assert_non_null(
        strstr(client_ask(&a, &realm, "SUBSCRIBE\nid:s\ndestination:demo/x\nreceipt:r\n\n"),
               "\nnext:1\n"));
    assert_string_equal(client_ask(&b, &realm,
                                   "SEND\ndestination:/demo/x\nreceipt:r2\npublish-id:p\n"
                                   "content-type:text/plain\nk:a\\cb\neid:66\n\nhello"),
                        "RECEIPT\nreceipt-id:r2\neid:1\n\n\n");
    assert_string_equal(client_hear(&a, &realm),
                        "MESSAGE\nsubscription:s\ndestination:/demo/x\nmessage-id:/demo/x@1\n"
                        "eid:1\ncontent-type:text/plain\nk:a\\cb\ncontent-length:5\n\nhello\n");
    assert_false(a.has_binary);
    assert_string_equal(
        client_ask(&b, &realm, "SEND\ndestination:/demo/x\nreceipt:r3\npublish-id:p\n\nagain"),
        "RECEIPT\nreceipt-id:r3\neid:1\n\n\n");
    assert_string_equal(client_hear(&a, &realm), "");
    client_end(&a);
    client_end(&b);
    realm_end(&realm);
}

static void a_body_that_is_not_utf8_travels_in_a_binary_message(void **state)
{
    struct realm realm;
    struct client client;

    (void)state;
    realm_begin(&realm);
    client_connect(&client, &realm);
    client_ask(&client, &realm, "SUBSCRIBE\nid:s\ndestination:/demo/x\n\n");
    client_ask(&client, &realm, "SEND\ndestination:/demo/x\n\n\xff\xfe");
    assert_true(client.has_binary);
    client_end(&client);
    realm_end(&realm);
}

static void publish(struct client *client, struct realm *realm, int count)
{
    for (int i = 0; i < count; i++) {
        client_ask(client, realm, "SEND\ndestination:/demo/x\n\nx");
    }
}

/* The eids of the MESSAGEs in a text, like "3 4 5 ". */
static const char *eids_in(const char *text)
{
    static char eids[4096];
    size_t len = 0;

    eids[0] = '\0';
    for (const char *at = strstr(text, "\neid:"); at != NULL; at = strstr(at, "\neid:")) {
        at += 5;
        len += (size_t)snprintf(eids + len, sizeof eids - len, "%d ", atoi(at));
    }
    return eids;
}

static void a_subscription_begins_where_it_asks_to(void **state)
{
    char epoch[17], frame[200];
    struct realm realm;
    struct client client;
    const char *heard;

    (void)state;
    realm_begin(&realm);
    client_connect(&client, &realm);
    publish(&client, &realm, 5);
    heard = client_ask(&client, &realm,
                       "SUBSCRIBE\nid:1\ndestination:/demo/x\nfrom:now\nreceipt:r\n\n");
    memcpy(epoch, strstr(heard, "epoch:") + 6, 16);
    epoch[16] = '\0';
    assert_non_null(strstr(heard, "next:6"));
    assert_string_equal(eids_in(client_ask(&client, &realm,
                                           "SUBSCRIBE\nid:2\ndestination:/demo/x\nfrom:4\n\n")),
                        "4 5 ");
    client_ask(&client, &realm, "UNSUBSCRIBE\nid:1\n\n");
    client_ask(&client, &realm, "UNSUBSCRIBE\nid:2\n\n");
    heard = client_ask(&client, &realm,
                       "SUBSCRIBE\nid:1\ndestination:/demo/x\nfrom:stored\nreceipt:r\n\n");
    assert_non_null(strstr(heard, "next:1"));
    assert_string_equal(eids_in(heard), "1 2 3 4 5 ");
    snprintf(frame, sizeof frame, "SUBSCRIBE\nid:2\ndestination:/demo/x\nfrom:5\nepoch:%s\n\n",
             epoch);
    assert_string_equal(eids_in(client_ask(&client, &realm, frame)), "5 ");
    assert_string_equal(
        eids_in(client_ask(&client, &realm,
                           "SUBSCRIBE\nid:3\ndestination:/demo/x\nfrom:5\nepoch:other\n\n")),
        "1 2 3 4 5 ");
    client_end(&client);
    realm_end(&realm);
}

static void events_that_fell_out_are_told_by_next(void **state)
{
    struct realm realm;
    struct client client;
    const char *heard;

    (void)state;
    realm_begin(&realm);
    client_connect(&client, &realm);
    publish(&client, &realm, 60); /* 50 are stored */
    heard = client_ask(&client, &realm,
                       "SUBSCRIBE\nid:1\ndestination:/demo/x\nfrom:3\nreceipt:r\n\n");
    assert_non_null(strstr(heard, "next:11\n"));
    client_end(&client);
    realm_end(&realm);
}

static void replay_and_live_events_meet_without_loss_or_doubling(void **state)
{
    char expected[512] = "";
    struct realm realm;
    struct client slow, quick;

    (void)state;
    realm_begin(&realm);
    client_connect(&slow, &realm);
    client_connect(&quick, &realm);
    client_ask(&quick, &realm, "SUBSCRIBE\nid:s\ndestination:/demo/x\n\n");
    publish(&quick, &realm, 20);
    slow.step = 7;
    client_say(&slow, SPAN("SUBSCRIBE\nid:s\ndestination:/demo/x\nfrom:stored\n\n\0"), 0);
    client_listen(&slow, 500, 0);
    publish(&quick, &realm, 20);
    for (int i = 1; i <= 40; i++) {
        snprintf(expected + strlen(expected), sizeof expected - strlen(expected), "%d ", i);
    }
    assert_string_equal(eids_in(client_hear(&slow, &realm)), expected);
    client_end(&slow);
    client_end(&quick);
    realm_end(&realm);
}

static void after_unsubscribe_nothing_more_comes(void **state)
{
    struct realm realm;
    struct client client;

    (void)state;
    realm_begin(&realm);
    client_connect(&client, &realm);
    client_ask(&client, &realm, "SUBSCRIBE\nid:1\ndestination:/demo/x\n\n");
    assert_string_equal(client_ask(&client, &realm, "UNSUBSCRIBE\nid:1\nreceipt:r\n\n"),
                        "RECEIPT\nreceipt-id:r\n\n\n");
    assert_string_equal(client_ask(&client, &realm, "SEND\ndestination:/demo/x\n\nx"), "");
    /* An id that is not in use is no fault. */
    assert_string_equal(client_ask(&client, &realm, "UNSUBSCRIBE\nid:1\nreceipt:again\n\n"),
                        "RECEIPT\nreceipt-id:again\n\n\n");
    client_end(&client);
    realm_end(&realm);
}

static void a_frame_in_the_middle_is_finished_before_the_receipt(void **state)
{
    struct realm realm;
    struct client client;

    (void)state;
    realm_begin(&realm);
    client_connect(&client, &realm);
    client_ask(&client, &realm, "SUBSCRIBE\nid:1\ndestination:/demo/x\n\n");
    client_say(&client, SPAN("SEND\ndestination:/demo/x\n\nx\0"), 0);
    realm_fan_out(&realm);
    client_listen(&client, 10, 0);
    client_say(&client, SPAN("UNSUBSCRIBE\nid:1\nreceipt:r\n\n\0"), 0);
    assert_string_equal(client_hear(&client, &realm),
                        "MESSAGE\nsubscription:1\ndestination:/demo/x\nmessage-id:/demo/x@1\n"
                        "eid:1\ncontent-length:1\n\nx\nRECEIPT\nreceipt-id:r\n\n\n");
    client_end(&client);
    realm_end(&realm);
}

static const struct {
    const char *frame;
    const char *word;
} refusals[] = {
    {"SEND\ndestination:/other\nreceipt:r\n\nx", "MissingResourceException"},
    {"SEND\nreceipt:r\n\nx", "IllegalArgumentException"},
    {"SEND\ndestination:/demo/\\n\nreceipt:r\n\nx", "IllegalArgumentException"},
    {"SEND\ndestination:/demo/x\ntransaction:t\nreceipt:r\n\nx", "IllegalArgumentException"},
    {"SEND\ndestination:/demo/x\nttl:1s\nreceipt:r\n\nx", "IllegalArgumentException"},
    {"SUBSCRIBE\ndestination:/demo/x\nreceipt:r\n\n", "IllegalArgumentException"},
    {"SUBSCRIBE\nid:1\nreceipt:r\n\n", "IllegalArgumentException"},
    {"SUBSCRIBE\nid:1\ndestination:/no\nreceipt:r\n\n", "MissingResourceException"},
    {"SUBSCRIBE\nid:1\ndestination:/demo/x\nack:client\nreceipt:r\n\n",
     "UnsupportedOperationException"},
    {"SUBSCRIBE\nid:1\ndestination:/demo/x\nfrom:-1\nreceipt:r\n\n",
     "IllegalArgumentException"},
    {"UNSUBSCRIBE\nreceipt:r\n\n", "IllegalArgumentException"},
    {"SUBSCRIBE\nid:1\ndestination:/jobs/x\nack:sometimes\nreceipt:r\n\n",
     "IllegalArgumentException"},
    {"SUBSCRIBE\nid:1\ndestination:/jobs/x\nwindow:0\nreceipt:r\n\n",
     "IllegalArgumentException"},
    {"SUBSCRIBE\nid:1\ndestination:/jobs/x\nprefetch-count:many\nreceipt:r\n\n",
     "IllegalArgumentException"},
    {"BEGIN\nreceipt:r\n\n", "IllegalArgumentException"},
    {"COMMIT\ntransaction:t\nreceipt:r\n\n", "IllegalArgumentException"},
    {"COMMIT\nreceipt:r\n\n", "IllegalArgumentException"},
    {"COMMIT\nquery:true\nreceipt:r\n\n", "IllegalArgumentException"},
    {"ABORT\ntransaction:t\nreceipt:r\n\n", "IllegalArgumentException"},
    {"ACK\nid:1@s\nreceipt:r\n\n", "IllegalArgumentException"},
    {"ACK\nid:s\nreceipt:r\n\n", "IllegalArgumentException"},
    {"ACK\nmessage-id:/jobs/x@1\nsubscription:s\nreceipt:r\n\n", "IllegalArgumentException"},
    {"ACK\nid:1@s\ntransaction:t\nreceipt:r\n\n", "IllegalArgumentException"},
    {"NACK\nid:1@s\nreceipt:r\n\n", "IllegalArgumentException"},
    {"CONNECT\naccept-version:1.2\nreceipt:r\n\n", "IllegalArgumentException"},
    {"RECEIPT\nreceipt-id:r\nreceipt:r\n\n", "IllegalArgumentException"},
};

static void a_refusal_is_a_receipt_for_those_who_asked_for_it(void **state)
{
    struct realm realm;
    struct client client;

    (void)state;
    realm_begin(&realm);
    client_connect(&client, &realm);
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        char expected[100];

        snprintf(expected, sizeof expected,
                 "RECEIPT\nreceipt-id:r\nrefused:%s\nmessage:", refusals[i].word);
        assert_memory_equal(client_ask(&client, &realm, refusals[i].frame), expected,
                            strlen(expected));
        assert_true(ws_conn_is_open(&client.session.carrier.ws));
    }
    client_end(&client);
    realm_end(&realm);
}

static void without_receipt_errors_a_refusal_is_an_error_and_the_end(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        struct realm realm;
        struct client client;
        char expected[100];

        realm_begin(&realm);
        client_begin(&client, &realm, REALM_SESSION_STOMP);
        client_ask(&client, &realm, "CONNECT\naccept-version:1.2\n\n");
        snprintf(expected, sizeof expected, "ERROR\nversion:1.2\nreceipt-id:r\nmessage:%s\\c ",
                 refusals[i].word);
        assert_memory_equal(client_ask(&client, &realm, refusals[i].frame), expected,
                            strlen(expected));
        assert_int_equal(client.close_code, WS_CLOSE_POLICY);
        assert_string_equal(client_hear(&client, &realm), "");
        client_end(&client);
        realm_end(&realm);
    }
}

static void limits_are_refusals_too(void **state)
{
    char long_id[800];
    struct realm realm;
    struct client client;

    (void)state;
    realm_begin(&realm);
    client_connect(&client, &realm);
    for (int i = 0; i < 5; i++) {
        char frame[100];
        const char *heard;

        snprintf(frame, sizeof frame, "SUBSCRIBE\nid:%d\ndestination:/demo/x\nreceipt:r\n\n",
                 i);
        heard = client_ask(&client, &realm, frame);
        assert_int_equal(strstr(heard, "refused:LimitException") != NULL, i >= 3);
        assert_int_equal(strstr(heard, "(SubscriptionsMax)") != NULL, i >= 3);
    }
    for (int i = 0; i < 6; i++) {
        char frame[100];
        const char *heard;

        snprintf(frame, sizeof frame, "SEND\ndestination:/demo/c%d\nreceipt:r\n\nx", i);
        heard = client_ask(&client, &realm, frame);
        assert_int_equal(strstr(heard, "refused:LimitException") != NULL, i >= 3);
    }
    snprintf(long_id, sizeof long_id,
             "SUBSCRIBE\nid:%0600d\ndestination:/demo/x\nreceipt:r\n\n", 1);
    assert_non_null(strstr(client_ask(&client, &realm, long_id), "refused:LimitException"));
    client_end(&client);
    realm_end(&realm);
}

static void a_durable_name_is_not_taken_by_a_subscribe_that_fails(void **state)
{
    static const struct span channel = SPAN_INIT("/demo/x");
    struct realm realm;
    struct client client;

    (void)state;
    realm_begin(&realm);
    client_connect(&client, &realm);
    for (int i = 0; i < 5; i++) { /* more than a session, and than a realm may have names */
        char frame[100];

        snprintf(frame, sizeof frame,
                 "SUBSCRIBE\nid:%d\ndestination:/demo/x\n%s%d\nreceipt:r\n\n", i,
                 i < 3 ? "k:" : "durable:", i);
        client_ask(&client, &realm, frame);
    }
    assert_int_equal(map_count(&realm.router.durables.map), 0);
    client_ask(&client, &realm, "UNSUBSCRIBE\nid:0\n\n");
    assert_non_null(strstr(client_ask(&client, &realm,
                                      "SUBSCRIBE\nid:0\ndestination:/demo/x\n"
                                      "durable:mine\nreceipt:r\n\n"),
                           "\nnext:1\n"));
    client_ask(&client, &realm, "UNSUBSCRIBE\nid:0\n\n");
    assert_true(durable_is_known(&realm.router.durables, channel, SPAN("mine")));
    client_end(&client);
    realm_end(&realm);
}

static void a_body_over_the_limit_ends_the_session_with_a_sentence(void **state)
{
    char frame[1200] = "SEND\ndestination:/demo/x\nreceipt:big\n\n";
    const char *heard;
    struct realm realm;
    struct client client;

    (void)state;
    realm_begin(&realm);
    client_connect(&client, &realm);
    memset(frame + strlen(frame), 'x', 1001);
    heard = client_ask(&client, &realm, frame);
    assert_non_null(
        strstr(heard, "message:LimitException\\c an event's body has at most 1000"));
    assert_non_null(strstr(heard, "receipt-id:big\n")); /* the client knows which one it was */
    assert_int_equal(client.close_code, WS_CLOSE_POLICY);
    client_end(&client);
    realm_end(&realm);
}

static void disconnect_is_receipt_and_normal_close(void **state)
{
    struct realm realm;
    struct client client;

    (void)state;
    realm_begin(&realm);
    client_connect(&client, &realm);
    assert_string_equal(client_ask(&client, &realm, "DISCONNECT\nreceipt:r\n\n"),
                        "RECEIPT\nreceipt-id:r\n\n\n");
    assert_int_equal(client.close_code, WS_CLOSE_NORMAL);
    assert_int_equal(client.session.closer, REALM_SESSION_CLIENT);
    client_deliver(&client, 0); /* the client's Close */
    client_hear(&client, &realm);
    assert_true(realm_session_is_finished(&client.session));
    client_end(&client);
    realm_end(&realm);
}

static void heart_beats_go_both_ways(void **state)
{
    struct realm realm;
    struct client client;

    (void)state;
    realm_begin(&realm);
    client_connect(&client, &realm);
    assert_true(realm_session_deadline(&client.session) <= 20000);
    assert_ok(realm_session_expire(&client.session, 19999));
    assert_string_equal(client_hear(&client, &realm), "\n\n"); /* one EOL, in one message */
    client_say(&client, SPAN("\n"), 20000);
    assert_ok(client.e);
    assert_ok(realm_session_expire(&client.session, 41000));
    assert_int_equal(realm_session_expire(&client.session, 60001), ERR_TIMEOUT);
    assert_string_equal(client.session.why, "the client was silent for too long");
    client_end(&client);
    realm_end(&realm);
}

static void a_session_between_frames_holds_no_memory_for_them(void **state)
{
    struct realm realm;
    struct client client;

    (void)state;
    realm_begin(&realm);
    client_connect(&client, &realm);
    client_ask(&client, &realm, "SEND\ndestination:/demo/x\nreceipt:r\n\nhello");
    assert_null(client.session.as.stomp.decoder);
    assert_null(client.session.carrier.ws.output.ptr);
    assert_null(client.session.waiting.ptr);
    client_say(&client, SPAN("SEND\ndestination:/demo/x\nrec"), 0); /* in two messages */
    client_say(&client, SPAN("eipt:r\n\nhello\0\n"), 0);
    assert_string_equal(client_hear(&client, &realm), "RECEIPT\nreceipt-id:r\neid:2\n\n\n");
    assert_null(client.session.as.stomp.decoder);
    client_end(&client);
    realm_end(&realm);
}

static void one_short_life(void)
{
    static const char *const frames[] = {
        "CONNECT\naccept-version:1.2\n\n",
        "SUBSCRIBE\nid:1\ndestination:/demo/x\nfrom:stored\nreceipt:r\n\n",
        "SEND\ndestination:/demo/x\nreceipt:r\npublish-id:p\n\nx",
        "UNSUBSCRIBE\nid:1\n\n",
        "ACK\n\n",
    };
    struct realm realm;
    struct realm_session session;
    struct span bytes;
    enum err e = OK;

    realm_begin(&realm);
    e = realm_session_init(&session, &realm.env, &(struct realm_session_birth){.id = 1}, 0);
    realm_session_set_login(&session, anybody());
    for (size_t i = 0; i < sizeof frames / sizeof frames[0] && e == OK; i++) {
        uint8_t masked[200] = {0x81};
        size_t len = strlen(frames[i]) + 1;

        masked[1] = (uint8_t)(0x80 | len); /* a key of zeros changes nothing */
        assert_true(len <= 125);
        memcpy(masked + 6, frames[i], len);
        e = realm_session_take(&session, mspan_of(masked, 6 + len), 0);
        realm_fan_out(&realm);
        while (e == OK && realm_session_peek(&session, &bytes) == OK) {
            realm_session_sent(&session, bytes.len > 30 ? 30 : bytes.len, 0);
        }
    }
    realm_session_fini(&session);
    realm_session_forget(&session);
    realm_end(&realm);
}

static void running_out_of_memory_leaks_nothing(void **state)
{
    (void)state;
    every_oom(one_short_life);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(connect_is_answered_with_version_session_and_heart_beat),
        cmocka_unit_test(what_does_not_begin_a_session_ends_it),
        cmocka_unit_test(an_event_reaches_its_subscribers_with_its_headers),
        cmocka_unit_test(a_body_that_is_not_utf8_travels_in_a_binary_message),
        cmocka_unit_test(a_subscription_begins_where_it_asks_to),
        cmocka_unit_test(events_that_fell_out_are_told_by_next),
        cmocka_unit_test(replay_and_live_events_meet_without_loss_or_doubling),
        cmocka_unit_test(after_unsubscribe_nothing_more_comes),
        cmocka_unit_test(a_frame_in_the_middle_is_finished_before_the_receipt),
        cmocka_unit_test(a_refusal_is_a_receipt_for_those_who_asked_for_it),
        cmocka_unit_test(without_receipt_errors_a_refusal_is_an_error_and_the_end),
        cmocka_unit_test(limits_are_refusals_too),
        cmocka_unit_test(a_durable_name_is_not_taken_by_a_subscribe_that_fails),
        cmocka_unit_test(a_body_over_the_limit_ends_the_session_with_a_sentence),
        cmocka_unit_test(disconnect_is_receipt_and_normal_close),
        cmocka_unit_test(heart_beats_go_both_ways),
        cmocka_unit_test(a_session_between_frames_holds_no_memory_for_them),
        cmocka_unit_test(running_out_of_memory_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/* Names of durable subscriptions, and bounds of frames, as a session meets them. */
#include "realm/realm_stomp_sub.h"

#include "unit/realm/pair.h"

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

static void a_durable_place_is_given_up_by_its_own_name_alone(void **state)
{
    static const struct span channel = SPAN_INIT("/demo/x");
    struct realm realm;
    struct client client;

    (void)state;
    realm_begin(&realm);
    client_connect(&client, &realm);
    client_ask(&client, &realm, "SUBSCRIBE\nid:0\ndestination:/demo/x\ndurable:mine\n\n");
    client_ask(&client, &realm, "SUBSCRIBE\nid:1\ndestination:/demo/x\ndurable:other\n\n");
    client_ask(&client, &realm, "UNSUBSCRIBE\nid:1\n\n");
    assert_non_null(strstr(
        client_ask(&client, &realm, "UNSUBSCRIBE\nid:0\ndurable:other\nreceipt:r\n\n"),
        "refused:IllegalArgumentException\nmessage:this subscription is not the durable one"));
    assert_true(durable_is_known(&realm.router.durables, channel, SPAN("other")));
    assert_non_null(strstr(client_ask(&client, &realm, "SEND\ndestination:/demo/x\n\nx"),
                           "MESSAGE\nsubscription:0\n")); /* nor has it ended */
    assert_non_null(
        strstr(client_ask(&client, &realm,
                          "UNSUBSCRIBE\ndestination:/demo/x\ndurable:mine\nreceipt:r\n\n"),
               "the durable subscription has a reader"));
    /* Whose reader is away goes by its channel. */
    assert_string_equal(
        client_ask(&client, &realm,
                   "UNSUBSCRIBE\ndestination:/demo/x\ndurable:other\nreceipt:r\n\n"),
        "RECEIPT\nreceipt-id:r\n\n\n");
    assert_false(durable_is_known(&realm.router.durables, channel, SPAN("other")));
    client_ask(&client, &realm, "UNSUBSCRIBE\nid:0\ndurable:mine\n\n");
    assert_false(durable_is_known(&realm.router.durables, channel, SPAN("mine")));
    client_end(&client);
    realm_end(&realm);
}

static void a_durable_place_does_not_move_over_what_was_not_sent(void **state)
{
    struct realm realm;
    struct client client;

    (void)state;
    realm_begin(&realm);
    client_connect(&client, &realm);
    for (int i = 0; i < 3; i++) {
        client_ask(&client, &realm, "SEND\ndestination:/demo/x\n\nx");
    }
    client_say(&client,
               SPAN("SUBSCRIBE\nid:d\ndestination:/demo/x\ndurable:mine\nack:client\n"
                    "from:stored\n\n\0ACK\nid:3@d\nreceipt:early\n\n\0"),
               0);
    assert_non_null(
        strstr(client_hear(&client, &realm),
               "receipt-id:early\nrefused:IllegalArgumentException\nmessage:ACK is for "
               "an event that this session does not hold"));
    assert_string_equal(client_ask(&client, &realm, "ACK\nid:3@d\nreceipt:late\n\n"),
                        "RECEIPT\nreceipt-id:late\n\n\n");
    assert_non_null(strstr(client_ask(&client, &realm, "ACK\nid:4@d\nreceipt:r\n\n"),
                           "refused:IllegalArgumentException"));
    client_end(&client);
    realm_end(&realm);
}

static void what_is_too_long_is_said_with_its_bound(void **state)
{
    static const char *const sentences[] = {
        "LimitException\\c a header has at most 8192 bytes here\n",
        "LimitException\\c a frame has at most 64 headers here\n",
        "LimitException\\c the headers of a frame have at most 16384 bytes here, all together\n",
    };

    (void)state;
    for (int i = 0; i < 3; i++) {
        char frame[20000] = "SEND\n";
        struct realm realm;
        struct client client;
        size_t len = strlen(frame);

        for (int n = 0; n < (i == 0 ? 1 : i == 1 ? 65 : 3); n++) {
            len += (size_t)snprintf(frame + len, sizeof frame - len, "h%d:%0*d\n", n,
                                    i == 0   ? 9000
                                    : i == 1 ? 1
                                             : 6000,
                                    n);
        }
        realm_begin(&realm);
        client_connect(&client, &realm);
        assert_non_null(strstr(client_ask(&client, &realm, frame), sentences[i]));
        client_end(&client);
        realm_end(&realm);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_durable_name_is_not_taken_by_a_subscribe_that_fails),
        cmocka_unit_test(a_durable_place_is_given_up_by_its_own_name_alone),
        cmocka_unit_test(a_durable_place_does_not_move_over_what_was_not_sent),
        cmocka_unit_test(what_is_too_long_is_said_with_its_bound),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

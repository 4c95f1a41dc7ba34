/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "realm/realm_stomp_ack.h"

#include "lib/oom.h"
#include "unit/realm/pair.h"

struct world {
    struct realm realm;
    struct client writer, a, b;
};

static void begin(struct world *world)
{
    realm_begin(&world->realm);
    client_connect(&world->writer, &world->realm);
    client_connect(&world->a, &world->realm);
    client_connect(&world->b, &world->realm);
}

static void end(struct world *world)
{
    client_end(&world->writer);
    client_end(&world->a);
    client_end(&world->b);
    realm_end(&world->realm);
}

static const char *ask(struct world *world, struct client *client, const char *frame)
{
    return client_ask(client, &world->realm, frame);
}

static void publish(struct world *world, int count)
{
    for (int i = 0; i < count; i++) {
        ask(world, &world->writer, "SEND\ndestination:/jobs/x\n\nx");
    }
}

/* The eids of the MESSAGEs in a text, each with "*" when it is redelivered: "3 4* ". */
static const char *eids_in(const char *text)
{
    static char eids[1000];
    size_t len = 0;

    eids[0] = '\0';
    for (const char *at = strstr(text, "\neid:"); at != NULL; at = strstr(at, "\neid:")) {
        const char *end = strstr(at, "\n\n");
        const char *again = strstr(at, "\nredelivered:true\n");

        at += 5;
        len += (size_t)snprintf(eids + len, sizeof eids - len, "%d%s ", atoi(at),
                                again != NULL && again < end ? "*" : "");
    }
    return eids;
}

static const char *hear(struct world *world, struct client *client)
{
    return eids_in(client_hear(client, &world->realm));
}

static void assert_done(const char *heard)
{
    assert_non_null(strstr(heard, "RECEIPT\nreceipt-id:r\n"));
    assert_null(strstr(heard, "refused:"));
}

static void assert_refused(const char *heard)
{
    assert_non_null(strstr(heard, "refused:IllegalArgumentException"));
}

#define READ(ack) "SUBSCRIBE\nid:s\ndestination:/jobs/x\nreceipt:r\nack:" ack "\n"

static void each_event_goes_to_one_reader_in_turn(void **state)
{
    struct world world;

    (void)state;
    begin(&world);
    assert_string_equal(ask(&world, &world.a, READ("client") "\n"),
                        "RECEIPT\nreceipt-id:r\nwindow:5\n\n\n");
    ask(&world, &world.b, READ("client") "\n");
    publish(&world, 4);
    assert_string_equal(hear(&world, &world.a), "1 3 ");
    assert_string_equal(hear(&world, &world.b), "2 4 ");
    end(&world);
}

static void a_message_says_how_to_acknowledge_it(void **state)
{
    struct world world;

    (void)state;
    begin(&world);
    ask(&world, &world.a, READ("client-individual") "\n");
    publish(&world, 1);
    assert_string_equal(client_hear(&world.a, &world.realm),
                        "MESSAGE\nsubscription:s\ndestination:/jobs/x\nmessage-id:/jobs/x@1\n"
                        "eid:1\nack:1@s\ncontent-length:1\n\nx\n");
    ask(&world, &world.a, "NACK\nid:1@s\n\n");
    end(&world);
}

static void the_window_is_kept_and_an_acknowledgement_makes_room(void **state)
{
    struct world world;

    (void)state;
    begin(&world);
    ask(&world, &world.a, READ("client") "window:3\n\n");
    publish(&world, 7);
    assert_string_equal(hear(&world, &world.a), "1 2 3 ");
    /* client: what was sent before is acknowledged, too. */
    assert_string_equal(eids_in(ask(&world, &world.a, "ACK\nid:2@s\n\n")), "4 5 ");
    assert_refused(ask(&world, &world.a, "ACK\nid:1@s\nreceipt:r\n\n"));
    assert_string_equal(eids_in(ask(&world, &world.a, "ACK\nid:5@s\n\n")), "6 7 ");
    assert_done(ask(&world, &world.a, "ACK\nid:7@s\nreceipt:r\n\n"));
    assert_refused(ask(&world, &world.a, "ACK\nid:7@s\nreceipt:r\n\n"));
    end(&world);
}

static void a_window_is_as_large_as_the_queue_allows(void **state)
{
    struct world world;

    (void)state;
    begin(&world);
    assert_non_null(strstr(ask(&world, &world.a, READ("client") "prefetch-count:5000\n\n"),
                           "\nwindow:10\n"));
    end(&world);
}

static void client_individual_acknowledges_one(void **state)
{
    struct world world;

    (void)state;
    begin(&world);
    ask(&world, &world.a, READ("client-individual") "activemq.prefetchSize:3\n\n");
    publish(&world, 4);
    hear(&world, &world.a);
    assert_string_equal(eids_in(ask(&world, &world.a, "ACK\nid:2@s\n\n")), "4 ");
    assert_done(ask(&world, &world.a, "ACK\nid:1@s\nreceipt:r\n\n"));
    end(&world);
}

static void roll_back_brings_events_again_in_order_and_says_so(void **state)
{
    struct world world;

    (void)state;
    begin(&world);
    ask(&world, &world.a, READ("client") "window:3\n\n");
    publish(&world, 4);
    assert_string_equal(hear(&world, &world.a), "1 2 3 ");
    assert_string_equal(eids_in(ask(&world, &world.a, "NACK\nid:2@s\n\n")), "1* 2* ");
    assert_non_null(strstr(ask(&world, &world.a, "NACK\nid:1@s\n\n"), "redelivery-count:2\n"));
    end(&world);
}

static void past_redelivery_max_an_event_is_dead(void **state)
{
    struct world world;
    const char *heard;

    (void)state;
    begin(&world);
    ask(&world, &world.b, "SUBSCRIBE\nid:d\ndestination:/demo/dead\n\n");
    ask(&world, &world.a, READ("client-individual") "\n");
    ask(&world, &world.writer, "SEND\ndestination:/jobs/x\nkey:v\ndead-event-eid:7\n\nbad");
    for (int i = 0; i < 3; i++) {
        assert_string_equal(hear(&world, &world.a), i == 0 ? "1 " : "1* ");
        client_say(&world.a, SPAN("NACK\nid:1@s\n\n\0"), 0);
    }
    heard = client_hear(&world.b, &world.realm);
    assert_non_null(
        strstr(heard, "\ndead-event-channel:/jobs/x\ndead-event-eid:1\n"
                      "dead-event-reason:redelivered\ndead-event-redelivery-count:3\nkey:v\n"));
    assert_non_null(strstr(heard, "\n\nbad"));
    assert_string_equal(hear(&world, &world.a), "");
    end(&world);
}

static void who_leaves_gives_back(void **state)
{
    struct world world;

    (void)state;
    begin(&world);
    ask(&world, &world.a, READ("client") "\n");
    publish(&world, 3);
    hear(&world, &world.a);
    ask(&world, &world.b, READ("client") "\n");
    assert_done(ask(&world, &world.a, "UNSUBSCRIBE\nid:s\nreceipt:r\n\n"));
    assert_string_equal(hear(&world, &world.b), "1* 2* 3* ");
    ask(&world, &world.a, READ("client") "\n");
    realm_session_fini(&world.b.session); /* the connection is lost */
    assert_string_equal(hear(&world, &world.a), "1* 2* 3* ");
    realm_session_forget(&world.b.session);
    client_begin(&world.b, &world.realm, REALM_SESSION_STOMP);
    end(&world);
}

static void a_plain_reader_has_consumed_what_it_was_sent(void **state)
{
    struct world world;

    (void)state;
    begin(&world);
    ask(&world, &world.a, READ("auto") "window:1\n\n");
    publish(&world, 7);
    assert_string_equal(hear(&world, &world.a), "1 2 3 4 5 6 7 ");
    assert_refused(ask(&world, &world.a, "ACK\nid:7@s\nreceipt:r\n\n"));
    ask(&world, &world.a, "UNSUBSCRIBE\nid:s\n\n");
    ask(&world, &world.b, READ("client") "\n");
    assert_string_equal(hear(&world, &world.b), "");
    end(&world);
}

static void a_slow_plain_reader_does_not_empty_the_queue(void **state)
{
    struct world world;

    (void)state;
    begin(&world);
    client_say(&world.a, SPAN(READ("auto") "window:2\n\n\0"), 0);
    publish(&world, 7); /* it reads nothing yet */
    assert_string_equal(eids_in(ask(&world, &world.b, READ("client") "window:10\n\n")),
                        "3 4 5 6 7 ");
    assert_string_equal(hear(&world, &world.a), "1 2 ");
    end(&world);
}

static void looking_takes_nothing_and_has_an_end(void **state)
{
    struct world world;
    const char *heard;

    (void)state;
    begin(&world);
    publish(&world, 3);
    heard = ask(&world, &world.a, READ("auto") "browse:true\n\n");
    assert_non_null(strstr(heard, "message-id:/jobs/x@end\nbrowser:end\n"));
    assert_string_equal(eids_in(heard), "1 2 3 ");
    ask(&world, &world.a, "UNSUBSCRIBE\nid:s\n\n");
    heard = ask(&world, &world.a, READ("auto") "browser:true\n\n"); /* as ActiveMQ has it */
    assert_string_equal(eids_in(heard), "1 2 3 ");
    assert_string_equal(eids_in(ask(&world, &world.b, READ("client") "\n")), "1 2 3 ");
    assert_string_equal(eids_in(ask(&world, &world.writer, READ("auto") "browse:true\n\n")),
                        "");
    publish(&world, 1);
    assert_string_equal(hear(&world, &world.a), ""); /* its look was over */
    end(&world);
}

static void a_selector_chooses_for_a_reader_and_for_a_look(void **state)
{
    struct world world;

    (void)state;
    begin(&world);
    ask(&world, &world.a, READ("client") "selector:k = 'a'\n\n");
    ask(&world, &world.b, READ("client") "selector:k = 'b'\n\n");
    ask(&world, &world.writer, "SEND\ndestination:/jobs/x\nk:b\n\nx");
    ask(&world, &world.writer, "SEND\ndestination:/jobs/x\nk:a\n\nx");
    ask(&world, &world.writer, "SEND\ndestination:/jobs/x\nk:c\n\nx");
    assert_string_equal(hear(&world, &world.a), "2 ");
    assert_string_equal(hear(&world, &world.b), "1 ");
    publish(&world, 1);
    assert_string_equal(
        eids_in(ask(&world, &world.writer, READ("auto") "browse:true\nselector:k = 'c'\n\n")),
        "3 ");
    end(&world);
}

static void a_selector_chooses_on_a_channel_too(void **state)
{
    struct world world;

    (void)state;
    begin(&world);
    ask(&world, &world.a, "SUBSCRIBE\nid:s\ndestination:/demo/x\nselector:k = 'a'\n\n");
    ask(&world, &world.writer, "SEND\ndestination:/demo/x\nk:b\n\nx");
    ask(&world, &world.writer, "SEND\ndestination:/demo/x\nk:a\n\nx");
    assert_string_equal(hear(&world, &world.a), "2 ");
    end(&world);
}

static void a_bad_selector_is_refused_with_its_place(void **state)
{
    static const char *const frames[] = {
        "SUBSCRIBE\nid:s\ndestination:/jobs/x\nselector:a = \nreceipt:r\n\n",
        "SUBSCRIBE\nid:s\ndestination:/demo/x\nselector:a = \nreceipt:r\n\n"};
    struct world world;

    (void)state;
    begin(&world);
    for (size_t i = 0; i < 2; i++) {
        const char *heard = ask(&world, &world.a, frames[i]);

        assert_refused(heard);
        assert_non_null(strstr(heard, "message:selector, at byte 4\\c "));
    }
    end(&world);
}

static void a_queue_knows_what_was_published_although_it_is_consumed(void **state)
{
    struct world world;

    (void)state;
    begin(&world);
    ask(&world, &world.a, READ("auto") "\n");
    assert_string_equal(
        ask(&world, &world.writer, "SEND\ndestination:/jobs/x\npublish-id:p\nreceipt:r\n\nx"),
        "RECEIPT\nreceipt-id:r\neid:1\n\n\n");
    assert_string_equal(hear(&world, &world.a), "1 ");
    assert_string_equal(
        ask(&world, &world.writer, "SEND\ndestination:/jobs/x\npublish-id:p\nreceipt:r\n\nx"),
        "RECEIPT\nreceipt-id:r\neid:1\n\n\n");
    assert_string_equal(hear(&world, &world.a), "");
    end(&world);
}

static void a_foreign_event_cannot_be_acknowledged(void **state)
{
    struct world world;

    (void)state;
    begin(&world);
    ask(&world, &world.a, READ("client") "\n");
    ask(&world, &world.b, READ("client") "\n");
    publish(&world, 2);
    hear(&world, &world.a);
    hear(&world, &world.b);
    assert_refused(ask(&world, &world.a, "ACK\nid:2@s\nreceipt:r\n\n"));
    assert_refused(ask(&world, &world.a, "NACK\nid:2@s\nreceipt:r\n\n"));
    assert_refused(ask(&world, &world.a, "ACK\nid:1@other\nreceipt:r\n\n"));
    assert_refused(ask(&world, &world.a, "ACK\nid:18446744073709551616@s\nreceipt:r\n\n"));
    assert_done(ask(&world, &world.a, "ACK\nid:1@s\nreceipt:r\n\n"));
    end(&world);
}

/* ---- other versions ---- */

static void reconnect(struct world *world, struct client *client, const char *connect)
{
    client_end(client);
    client_begin(client, &world->realm, REALM_SESSION_STOMP);
    assert_non_null(strstr(ask(world, client, connect), "CONNECTED\nversion:1."));
}

static void stomp_1_1_acknowledges_by_message_id_and_subscription(void **state)
{
    struct world world;
    const char *heard;

    (void)state;
    begin(&world);
    reconnect(&world, &world.a, "CONNECT\naccept-version:1.1\nerrors:receipt\n\n");
    ask(&world, &world.a, READ("client") "window:2\n\n");
    publish(&world, 4);
    heard = client_hear(&world.a, &world.realm);
    assert_null(strstr(heard, "\nack:"));
    assert_string_equal(eids_in(heard), "1 2 ");
    assert_refused(ask(&world, &world.a, "ACK\nmessage-id:/jobs/x@1\nreceipt:r\n\n"));
    assert_refused(ask(&world, &world.a, "ACK\nid:1@s\nreceipt:r\n\n"));
    assert_refused(
        ask(&world, &world.a, "ACK\nmessage-id:/jobs/y@1\nsubscription:s\nreceipt:r\n\n"));
    heard = ask(&world, &world.a, "ACK\nmessage-id:/jobs/x@2\nsubscription:s\nreceipt:r\n\n");
    assert_done(heard);
    assert_string_equal(hear(&world, &world.a), "");
    assert_string_equal(
        eids_in(ask(&world, &world.a, "NACK\nmessage-id:/jobs/x@4\nsubscription:s\n\n")),
        "3* 4* ");
    end(&world);
}

static void stomp_1_0_needs_no_id_and_no_accept_version(void **state)
{
    struct world world;

    (void)state;
    begin(&world);
    reconnect(&world, &world.a, "CONNECT\nlogin: a\nerrors: receipt\n\n");
    assert_done(
        ask(&world, &world.a, "SUBSCRIBE\ndestination: jobs/x\nack: client\nreceipt: r\n\n"));
    publish(&world, 2);
    assert_string_equal(client_hear(&world.a, &world.realm),
                        "MESSAGE\nsubscription:/jobs/x\ndestination:/jobs/x\n"
                        "message-id:/jobs/x@1\neid:1\ncontent-length:1\n\nx\n"
                        "MESSAGE\nsubscription:/jobs/x\ndestination:/jobs/x\n"
                        "message-id:/jobs/x@2\neid:2\ncontent-length:1\n\nx\n");
    assert_done(ask(&world, &world.a, "ACK\nmessage-id: /jobs/x@1\nreceipt: r\n\n"));
    assert_refused(ask(&world, &world.a, "ACK\nmessage-id: /jobs/x@1\nreceipt: r\n\n"));
    assert_non_null(strstr(ask(&world, &world.a, "NACK\nmessage-id: /jobs/x@2\nreceipt: r\n\n"),
                           "Unsupported"));
    assert_done(ask(&world, &world.a, "UNSUBSCRIBE\ndestination: jobs/x\nreceipt: r\n\n"));
    assert_string_equal(eids_in(ask(&world, &world.b, READ("client") "\n")), "2* ");
    end(&world);
}

static void each_version_is_told_what_it_can_read(void **state)
{
    struct world world;

    (void)state;
    begin(&world);
    reconnect(&world, &world.a, "CONNECT\n\n");
    reconnect(&world, &world.b, "CONNECT\naccept-version:1.0,1.1\n\n");
    ask(&world, &world.a, "SUBSCRIBE\nid:s\ndestination:/demo/x\n\n");
    ask(&world, &world.b, "SUBSCRIBE\nid:s\ndestination:/demo/x\n\n");
    ask(&world, &world.writer, "SEND\ndestination:/demo/x\na:x\\ny\nb:\\c\\\\\nc:\\r.\n\nx");
    assert_string_equal(client_hear(&world.a, &world.realm),
                        "MESSAGE\nsubscription:s\ndestination:/demo/x\nmessage-id:/demo/x@1\n"
                        "eid:1\nb::\\\ncontent-length:1\n\nx\n");
    assert_string_equal(client_hear(&world.b, &world.realm),
                        "MESSAGE\nsubscription:s\ndestination:/demo/x\nmessage-id:/demo/x@1\n"
                        "eid:1\na:x\\ny\nb:\\c\\\\\nc:\r.\ncontent-length:1\n\nx\n");
    end(&world);
}

/* ---- no memory ---- */

static void read_and_acknowledge(void)
{
    static const char *const frames[] = {
        "CONNECT\naccept-version:1.2\nerrors:receipt\n\n",
        READ("client") "\n",
        "SEND\ndestination:/jobs/x\npublish-id:p\nreceipt:r\n\nx",
        "SEND\ndestination:/jobs/x\n\nx",
        "ACK\nid:1@s\nreceipt:r\n\n",
        "NACK\nid:2@s\nreceipt:r\n\n",
        "SUBSCRIBE\nid:b\nbrowse:true\ndestination:/jobs/x\n\n",
        "UNSUBSCRIBE\nid:s\n\n",
    };
    realm_without_memory(frames, sizeof frames / sizeof frames[0]);
}

static void running_out_of_memory_leaks_nothing(void **state)
{
    (void)state;
    every_oom(read_and_acknowledge);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_event_goes_to_one_reader_in_turn),
        cmocka_unit_test(a_message_says_how_to_acknowledge_it),
        cmocka_unit_test(the_window_is_kept_and_an_acknowledgement_makes_room),
        cmocka_unit_test(a_window_is_as_large_as_the_queue_allows),
        cmocka_unit_test(client_individual_acknowledges_one),
        cmocka_unit_test(roll_back_brings_events_again_in_order_and_says_so),
        cmocka_unit_test(past_redelivery_max_an_event_is_dead),
        cmocka_unit_test(who_leaves_gives_back),
        cmocka_unit_test(a_plain_reader_has_consumed_what_it_was_sent),
        cmocka_unit_test(a_slow_plain_reader_does_not_empty_the_queue),
        cmocka_unit_test(looking_takes_nothing_and_has_an_end),
        cmocka_unit_test(a_selector_chooses_for_a_reader_and_for_a_look),
        cmocka_unit_test(a_selector_chooses_on_a_channel_too),
        cmocka_unit_test(a_bad_selector_is_refused_with_its_place),
        cmocka_unit_test(a_queue_knows_what_was_published_although_it_is_consumed),
        cmocka_unit_test(a_foreign_event_cannot_be_acknowledged),
        cmocka_unit_test(stomp_1_1_acknowledges_by_message_id_and_subscription),
        cmocka_unit_test(stomp_1_0_needs_no_id_and_no_accept_version),
        cmocka_unit_test(each_version_is_told_what_it_can_read),
        cmocka_unit_test(running_out_of_memory_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

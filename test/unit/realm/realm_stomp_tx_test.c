/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "realm/realm_stomp_tx.h"

#include "lib/oom.h"
#include "unit/realm/pair.h"

struct world {
    struct realm realm;
    struct client a, b;
};

static void begin(struct world *world)
{
    realm_begin(&world->realm);
    client_connect(&world->a, &world->realm);
    client_connect(&world->b, &world->realm);
    client_ask(&world->b, &world->realm, "SUBSCRIBE\nid:s\ndestination:/demo/x\n\n");
}

static void end(struct world *world)
{
    client_end(&world->a);
    client_end(&world->b);
    realm_end(&world->realm);
}

static const char *ask(struct world *world, const char *frame)
{
    return client_ask(&world->a, &world->realm, frame);
}

static void assert_asked(struct world *world, const char *frame, const char *answer)
{
    assert_string_equal(ask(world, frame), answer);
}

static void assert_refused(struct world *world, const char *frame, const char *word)
{
    char expected[100];

    snprintf(expected, sizeof expected, "RECEIPT\nreceipt-id:r\nrefused:%s\n", word);
    assert_memory_equal(ask(world, frame), expected, strlen(expected));
}

/* Too much of something, and the sentence names the directives. */
static void assert_full(struct world *world, const char *frame, const char *directives)
{
    assert_refused(world, frame, "LimitException");
    assert_non_null(strstr(ask(world, frame), directives));
}

/* The bodies that b has got, each one byte. */
static const char *heard_by_b(struct world *world)
{
    static char bodies[100];
    const char *heard = client_hear(&world->b, &world->realm);
    size_t len = 0;

    for (const char *at = strstr(heard, "\n\n"); at != NULL; at = strstr(at + 2, "\n\n")) {
        bodies[len++] = at[2];
    }
    bodies[len] = '\0';
    return bodies;
}

#define RECEIPT       "RECEIPT\nreceipt-id:r\n\n\n"
#define COMMITTED     "RECEIPT\nreceipt-id:r\noutcome:committed\n\n\n"
#define ABORTED       "RECEIPT\nreceipt-id:r\noutcome:aborted\n\n\n"
#define UNKNOWN       "RECEIPT\nreceipt-id:r\noutcome:unknown\n\n\n"
#define BEGIN         "BEGIN\ntransaction:t\nreceipt:r\n\n"
#define SEND(body)    "SEND\ndestination:/demo/x\ntransaction:t\nreceipt:r\n\n" body
#define COMMIT        "COMMIT\ntransaction:t\nreceipt:r\n\n"
#define COMMIT_AS(id) "COMMIT\ntransaction:t\ncommit-id:" id "\nreceipt:r\n\n"
#define QUERY(id)     "COMMIT\nquery:true\ncommit-id:" id "\nreceipt:r\n\n"

static void events_appear_together_when_it_is_committed(void **state)
{
    struct world world;

    (void)state;
    begin(&world);
    assert_asked(&world, BEGIN, RECEIPT);
    assert_asked(&world, SEND("1"), RECEIPT);
    assert_asked(&world, SEND("2"), RECEIPT);
    assert_string_equal(heard_by_b(&world), "");
    assert_asked(&world, COMMIT, COMMITTED);
    assert_string_equal(heard_by_b(&world), "12");
    assert_refused(&world, COMMIT, "IllegalArgumentException");
    end(&world);
}

static void an_aborted_one_leaves_nothing(void **state)
{
    struct world world;

    (void)state;
    begin(&world);
    ask(&world, BEGIN);
    ask(&world, SEND("1"));
    assert_asked(&world, "ABORT\ntransaction:t\nreceipt:r\n\n", RECEIPT);
    assert_string_equal(heard_by_b(&world), "");
    assert_refused(&world, SEND("2"), "IllegalArgumentException");
    assert_asked(&world, BEGIN, RECEIPT); /* the name is free again */
    assert_asked(&world, COMMIT, COMMITTED);
    assert_string_equal(heard_by_b(&world), "");
    end(&world);
}

static void a_lost_session_aborts(void **state)
{
    struct world world;

    (void)state;
    begin(&world);
    ask(&world, BEGIN);
    ask(&world, SEND("1"));
    client_end(&world.a);
    assert_string_equal(heard_by_b(&world), "");
    client_connect(&world.a, &world.realm);
    assert_refused(&world, COMMIT, "IllegalArgumentException");
    end(&world);
}

static void names_are_of_one_session_alone(void **state)
{
    struct world world;

    (void)state;
    begin(&world);
    ask(&world, BEGIN);
    ask(&world, SEND("1"));
    client_ask(&world.b, &world.realm, BEGIN);
    client_ask(&world.b, &world.realm, SEND("2"));
    client_ask(&world.b, &world.realm, COMMIT);
    ask(&world, COMMIT);
    client_ask(&world.b, &world.realm, "UNSUBSCRIBE\nid:s\n\n");
    client_say(&world.b, SPAN("SUBSCRIBE\nid:s\ndestination:/demo/x\nfrom:stored\n\n\0"), 0);
    assert_string_equal(heard_by_b(&world), "21");
    end(&world);
}

static void a_commit_id_commits_once_whoever_asks(void **state)
{
    struct world world;

    (void)state;
    begin(&world);
    assert_asked(&world, QUERY("u"), UNKNOWN);
    for (int i = 0; i < 2; i++) {
        ask(&world, BEGIN);
        ask(&world, SEND("1"));
        assert_asked(&world, COMMIT_AS("u"), COMMITTED);
        assert_asked(&world, COMMIT_AS("u"), COMMITTED);
        client_end(&world.a); /* and after a reconnect */
        client_connect(&world.a, &world.realm);
        assert_asked(&world, QUERY("u"), COMMITTED);
    }
    assert_string_equal(heard_by_b(&world), "1");
    end(&world);
}

static void an_aborted_commit_id_stays_aborted(void **state)
{
    struct world world;

    (void)state;
    begin(&world);
    ask(&world, BEGIN);
    assert_asked(&world, "ABORT\ntransaction:t\ncommit-id:u\nreceipt:r\n\n", RECEIPT);
    assert_asked(&world, QUERY("u"), ABORTED);
    ask(&world, BEGIN);
    ask(&world, SEND("1"));
    assert_asked(&world, COMMIT_AS("u"), ABORTED);
    assert_string_equal(heard_by_b(&world), "");
    end(&world);
}

static void outcomes_are_forgotten_in_time_and_by_number(void **state)
{
    static const char *const commits[] = {COMMIT_AS("a"), COMMIT_AS("b"), COMMIT_AS("c"),
                                          COMMIT_AS("d")};
    struct world world;

    (void)state;
    begin(&world);
    for (size_t i = 0; i < 4; i++) { /* 3 are remembered */
        ask(&world, BEGIN);
        assert_asked(&world, commits[i], COMMITTED);
    }
    assert_asked(&world, QUERY("a"), UNKNOWN);
    assert_asked(&world, QUERY("b"), COMMITTED);
    router_set_now(&world.realm.router, 59999);
    client_say(&world.a, SPAN(QUERY("b") "\0"), 0);
    assert_string_equal(client_hear(&world.a, &world.realm), COMMITTED);
    router_set_now(&world.realm.router, 60000);
    client_say(&world.a, SPAN(QUERY("b") "\0"), 0);
    assert_string_equal(client_hear(&world.a, &world.realm), UNKNOWN);
    end(&world);
}

#define READ "SUBSCRIBE\nid:q\ndestination:/jobs/x\nack:client\nreceipt:r\n\n"

static void publish_jobs(struct world *world, int count)
{
    for (int i = 0; i < count; i++) {
        client_ask(&world->b, &world->realm, "SEND\ndestination:/jobs/x\n\nj");
    }
}

static void acknowledgements_count_when_it_is_committed(void **state)
{
    struct world world;

    (void)state;
    begin(&world);
    publish_jobs(&world, 7);
    ask(&world, READ); /* 1 to 5 */
    ask(&world, BEGIN);
    assert_asked(&world, "ACK\nid:2@q\ntransaction:t\nreceipt:r\n\n", RECEIPT);
    assert_asked(&world, SEND("1"), RECEIPT);
    assert_refused(&world, "ACK\nid:1@q\nreceipt:r\n\n", "IllegalArgumentException");
    assert_non_null(strstr(ask(&world, COMMIT), "eid:6\n")); /* room for two more */
    assert_string_equal(heard_by_b(&world), "1");
    assert_refused(&world, "ACK\nid:2@q\nreceipt:r\n\n", "IllegalArgumentException");
    end(&world);
}

static void what_was_to_be_acknowledged_is_held_again_after_an_abort(void **state)
{
    struct world world;

    (void)state;
    begin(&world);
    publish_jobs(&world, 2);
    ask(&world, READ);
    ask(&world, BEGIN);
    ask(&world, "ACK\nid:2@q\ntransaction:t\n\n");
    assert_asked(&world, "ABORT\ntransaction:t\nreceipt:r\n\n", RECEIPT);
    assert_asked(&world, "ACK\nid:1@q\nreceipt:r\n\n", RECEIPT);
    assert_asked(&world, "ACK\nid:2@q\nreceipt:r\n\n", RECEIPT);
    end(&world);
}

static void a_roll_back_waits_for_the_commit_too(void **state)
{
    struct world world;

    (void)state;
    begin(&world);
    publish_jobs(&world, 1);
    ask(&world, READ);
    ask(&world, BEGIN);
    assert_asked(&world, "NACK\nid:1@q\ntransaction:t\nreceipt:r\n\n", RECEIPT);
    assert_non_null(strstr(ask(&world, COMMIT), "redelivery-count:1\n"));
    end(&world);
}

static void acknowledgements_that_were_lost_fail_the_commit(void **state)
{
    struct world world;

    (void)state;
    begin(&world);
    publish_jobs(&world, 1);
    ask(&world, READ);
    ask(&world, BEGIN);
    ask(&world, "ACK\nid:1@q\ntransaction:t\n\n");
    ask(&world, SEND("1"));
    ask(&world, "UNSUBSCRIBE\nid:q\n\n");
    assert_refused(&world, COMMIT_AS("u"), "IllegalArgumentException");
    assert_string_equal(heard_by_b(&world), "");
    assert_asked(&world, QUERY("u"), UNKNOWN);
    assert_non_null(strstr(ask(&world, READ), "redelivered:true\n")); /* it is in the queue */
    end(&world);
}

static void bounds_are_refusals_and_the_rest_stays(void **state)
{
    struct world world;
    char frame[700];

    (void)state;
    begin(&world);
    ask(&world, BEGIN);
    assert_refused(&world, BEGIN, "IllegalArgumentException");
    assert_asked(&world, "BEGIN\ntransaction:2\nreceipt:r\n\n", RECEIPT);
    assert_full(&world, "BEGIN\ntransaction:3\nreceipt:r\n\n", "(TransactionsMax)");
    for (int i = 0; i < 3; i++) {
        assert_asked(&world, SEND("x"), RECEIPT);
    }
    assert_full(&world, SEND("x"), "(TransactionEventsMax, TransactionBytesMax)");
    snprintf(frame, sizeof frame, "BEGIN\ntransaction:%0600d\nreceipt:r\n\n", 1);
    assert_refused(&world, frame, "LimitException");
    snprintf(frame, sizeof frame, "COMMIT\ntransaction:t\ncommit-id:%0600d\nreceipt:r\n\n", 1);
    assert_refused(&world, frame, "LimitException");
    assert_asked(&world, COMMIT, COMMITTED);
    assert_string_equal(heard_by_b(&world), "xxx");
    end(&world);
}

static void the_bytes_of_a_transaction_are_bounded(void **state)
{
    char frame[1000] = SEND("");
    struct world world;

    (void)state;
    begin(&world);
    memset(frame + strlen(frame), 'y', 900);
    ask(&world, BEGIN);
    assert_asked(&world, frame, RECEIPT);
    assert_asked(&world, frame, RECEIPT);
    world.realm.hall.bytes_max = 2200;
    assert_refused(&world, frame, "LimitException");
    end(&world);
}

static void commit_and_abort(void)
{
    static const char *const frames[] = {
        "CONNECT\naccept-version:1.2\nerrors:receipt\n\n",
        READ,
        "SEND\ndestination:/jobs/x\n\nj",
        BEGIN,
        SEND("1"),
        "SEND\ndestination:/jobs/x\ntransaction:t\nk:v\npublish-id:p\n\nj",
        "ACK\nid:1@q\ntransaction:t\n\n",
        COMMIT_AS("u"),
        BEGIN,
        "NACK\nid:2@q\ntransaction:t\n\n",
        SEND("1"),
        "ABORT\ntransaction:t\ncommit-id:v\n\n",
        BEGIN,
        SEND("2"),
    };

    realm_without_memory(frames, sizeof frames / sizeof frames[0]);
}

static void running_out_of_memory_leaks_nothing(void **state)
{
    (void)state;
    every_oom(commit_and_abort);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_appear_together_when_it_is_committed),
        cmocka_unit_test(an_aborted_one_leaves_nothing),
        cmocka_unit_test(a_lost_session_aborts),
        cmocka_unit_test(names_are_of_one_session_alone),
        cmocka_unit_test(a_commit_id_commits_once_whoever_asks),
        cmocka_unit_test(an_aborted_commit_id_stays_aborted),
        cmocka_unit_test(outcomes_are_forgotten_in_time_and_by_number),
        cmocka_unit_test(acknowledgements_count_when_it_is_committed),
        cmocka_unit_test(what_was_to_be_acknowledged_is_held_again_after_an_abort),
        cmocka_unit_test(a_roll_back_waits_for_the_commit_too),
        cmocka_unit_test(acknowledgements_that_were_lost_fail_the_commit),
        cmocka_unit_test(bounds_are_refusals_and_the_rest_stays),
        cmocka_unit_test(the_bytes_of_a_transaction_are_bounded),
        cmocka_unit_test(running_out_of_memory_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

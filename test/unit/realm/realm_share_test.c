/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * What one client can take of what lasts, as sessions of two addresses meet it. The realm of
 * pair.h has room for four channels, two durable subscriptions and three outcomes.
 */
#include "realm/realm_share.h"

#include "pubsub/router_admin.h"
#include "unit/realm/pair.h"

struct world {
    struct realm_conf conf;
    struct log log;
    struct realm_login_env env;
    struct addr hosts[2];
    struct realm_login logins[2];
    struct realm realm;
    struct client clients[2];
};

static void world_begin(struct world *world)
{
    static const char *const hosts[] = {"192.0.2.7", "192.0.2.8"};

    *world = (struct world){.conf = {.access = {.allows_anonymous = true}},
                            .log = {.level = LOG_ERROR}};
    world->env = (struct realm_login_env){.conf = &world->conf, .log = &world->log};
    realm_begin(&world->realm);
    for (size_t i = 0; i < 2; i++) {
        struct client *client = &world->clients[i];

        assert_true(addr_parse(span_str(hosts[i]), 1, &world->hosts[i]));
        realm_login_init(&world->logins[i], &world->env, &world->hosts[i], NULL, NULL, NULL);
        client_begin(client, &world->realm, REALM_SESSION_STOMP);
        realm_session_set_login(&client->session, &world->logins[i]);
        client_ask(client, &world->realm, "CONNECT\naccept-version:1.2\nerrors:receipt\n\n");
    }
}

static void world_end(struct world *world)
{
    for (size_t i = 0; i < 2; i++) {
        client_end(&world->clients[i]);
        realm_login_fini(&world->logins[i]);
    }
    realm_end(&world->realm);
}

/* The refusal's sentence, or ""; "*" stands for the name. */
static const char *ask(struct world *world, size_t who, const char *form, const char *name)
{
    static char sentence[300];
    char frame[200];
    const char *text, *at;
    size_t len = 0;

    for (; *form != '\0'; form++) {
        len += (size_t)snprintf(frame + len, sizeof frame - len, "%.*s", *form == '*' ? 9 : 1,
                                *form == '*' ? name : form);
    }
    text = client_ask(&world->clients[who], &world->realm, frame);
    at = strstr(text, "refused:LimitException\nmessage:");
    sentence[0] = '\0';
    if (at != NULL) {
        sscanf(at, "refused:LimitException\nmessage:%299[^\n]", sentence);
    } else {
        assert_non_null(strstr(text, "RECEIPT\n"));
    }
    return sentence;
}

#define SEND    "SEND\ndestination:/demo/*\nreceipt:r\n\nx"
#define DURABLE "SUBSCRIBE\nid:*\ndestination:/demo/a\ndurable:*\nreceipt:r\n\n"

static void one_address_leaves_as_many_channels_to_others_as_it_takes(void **state)
{
    struct world world;

    (void)state;
    world_begin(&world);
    assert_string_equal(ask(&world, 0, SEND, "a"), "");
    assert_string_equal(ask(&world, 0, SEND, "b"), "");
    assert_string_equal(
        ask(&world, 0, SEND, "c"),
        "anonymous@192.0.2.7 has 2 of the channels that were made by their first use, and no more "
        "than that are free (ChannelsPerUser)");
    assert_string_equal(
        ask(&world, 0, "SUBSCRIBE\nid:1\ndestination:/jobs/*\nreceipt:r\n\n", "c"),
        "anonymous@192.0.2.7 has 2 of the channels that were made by their first use, and no more "
        "than that are free (ChannelsPerUser)");
    assert_string_equal(ask(&world, 0, SEND, "a"), ""); /* what is there is for everybody */
    assert_string_equal(ask(&world, 1, SEND, "b"), "");
    assert_string_equal(ask(&world, 1, SEND, "c"), "");
    assert_int_equal(map_count(&world.realm.router.routes), 3);
    world_end(&world);
}

static void on_removed(struct router_admin_ticket *ticket, enum err e, size_t count)
{
    (void)ticket;
    (void)count;
    assert_ok(e);
}

static void a_channel_that_is_removed_counts_no_more(void **state)
{
    struct router_admin_ticket ticket = {.done = on_removed};
    struct world world;

    (void)state;
    world_begin(&world);
    world.conf.access.channels_per_user = 1;
    assert_string_equal(ask(&world, 0, SEND, "a"), "");
    assert_string_equal(
        ask(&world, 0, SEND, "b"),
        "anonymous@192.0.2.7 has 1 of the channels that were made by their first use, as many as one "
        "may (ChannelsPerUser)");
    assert_ok(
        router_admin_remove(router_find(&world.realm.router, SPAN("/demo/a")), NULL, &ticket));
    assert_string_equal(ask(&world, 0, SEND, "b"), "");
    world_end(&world);
}

static void with_a_maximum_one_may_have_that_many_and_all_there_are(void **state)
{
    struct world world;

    (void)state;
    world_begin(&world);
    world.conf.access.channels_per_user = 10;
    for (size_t i = 0; i < 4; i++) {
        const char name[] = {(char)('a' + i), '\0'};

        assert_string_equal(ask(&world, 0, SEND, name), "");
    }
    assert_string_equal(ask(&world, 0, SEND, "e"),
                        "/demo/e would be one channel more than the realm may have");
    world_end(&world);
}

static void durable_names_are_shared_in_the_same_way(void **state)
{
    struct world world;

    (void)state;
    world_begin(&world);
    assert_string_equal(ask(&world, 0, DURABLE, "1"), "");
    assert_string_equal(
        ask(&world, 0, DURABLE, "2"),
        "anonymous@192.0.2.7 has 1 of the durable subscriptions, and no more than that "
        "are free (DurablesPerUser)");
    assert_string_equal(ask(&world, 1, DURABLE, "3"), "");
    ask(&world, 0, "UNSUBSCRIBE\nid:*\nreceipt:r\n\n", "1");
    assert_string_equal(ask(&world, 0, DURABLE, "1"), ""); /* one's own is no new one */
    ask(&world, 0, "UNSUBSCRIBE\nid:*\ndurable:*\nreceipt:r\n\n", "1");
    assert_string_equal(ask(&world, 0, DURABLE, "4"), ""); /* given up: another one */
    world_end(&world);
}

static void commit(struct world *world, size_t who, const char *id)
{
    char frame[100];

    client_ask(&world->clients[who], &world->realm, "BEGIN\ntransaction:t\n\n");
    client_ask(&world->clients[who], &world->realm,
               "SEND\ndestination:/demo/a\ntransaction:t\n\nx");
    snprintf(frame, sizeof frame, "COMMIT\ntransaction:t\ncommit-id:%s\nreceipt:r\n\n", id);
    assert_non_null(
        strstr(client_ask(&world->clients[who], &world->realm, frame), "outcome:committed\n"));
}

static void whoever_commits_without_end_pushes_out_no_other_outcome(void **state)
{
    struct world world;

    (void)state;
    world_begin(&world);
    commit(&world, 0, "mine");
    for (size_t i = 0; i < 9; i++) {
        const char id[] = {(char)('a' + i), '\0'};

        commit(&world, 1, id);
    }
    assert_non_null(strstr(client_ask(&world.clients[0], &world.realm,
                                      "COMMIT\ncommit-id:mine\nquery:true\nreceipt:r\n\n"),
                           "outcome:committed\n"));
    world_end(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_address_leaves_as_many_channels_to_others_as_it_takes),
        cmocka_unit_test(a_channel_that_is_removed_counts_no_more),
        cmocka_unit_test(with_a_maximum_one_may_have_that_many_and_all_there_are),
        cmocka_unit_test(durable_names_are_shared_in_the_same_way),
        cmocka_unit_test(whoever_commits_without_end_pushes_out_no_other_outcome),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Rights as sessions meet them: every frame that does something to a channel or a queue is
 * asked for its right, before anything is made or done. And PublishRate, which refuses nothing.
 */
#include "realm/realm_access.h"

#include "conf/conf_load.h"
#include "lib/testing.h"
#include "unit/realm/pair.h"

struct world {
    struct realm_conf conf;
    struct arena arena;
    struct diag diag;
    struct realm_login_env env;
    struct addr host;
    struct realm_login login;
    struct log log;
    struct realm realm;
    struct client client;
};

static void world_configure(struct world *world, const char *lines, struct realm_conf *conf)
{
    const struct conf_table table = {realm_conf_rows, conf};
    const struct conf_apply apply = {
        .tables = &table,
        .table_count = 1,
        .place = SERVICE_IN_SERVER,
        .arena = &world->arena,
        .diag = &world->diag,
    };
    char text[1024];

    snprintf(text, sizeof text,
             "Anonymous On\n<Channel \"/demo/*\">\n%s\n</Channel>\n<Queue \"/jobs/*\">\n%s\n"
             "</Queue>\n<DataGroup \"/everybody\">\nMembers all\n%s\n</DataGroup>\n",
             lines, lines, lines);
    assert_ok(conf_load(&apply, span_str(text), "r.conf"));
    assert_int_equal(diag_count(&world->diag, DIAG_ERROR), 0);
}

static void world_begin(struct world *world, const char *lines)
{
    *world = (struct world){.log = {.level = LOG_ERROR}};
    arena_init(&world->arena, 4 * 1024 * 1024);
    diag_init(&world->diag);
    world_configure(world, lines, &world->conf);
    assert_true(addr_parse(SPAN("::1"), 1, &world->host));
    world->env = (struct realm_login_env){.conf = &world->conf, .log = &world->log};
    realm_login_init(&world->login, &world->env, &world->host, NULL, NULL, NULL);
    realm_begin(&world->realm);
    client_begin(&world->client, &world->realm, REALM_SESSION_STOMP);
    realm_session_set_login(&world->client.session, &world->login);
    assert_non_null(strstr(client_ask(&world->client, &world->realm,
                                      "CONNECT\naccept-version:1.2\nheart-beat:0,0\n"
                                      "errors:receipt\n\n"),
                           "CONNECTED\n"));
}

static void world_end(struct world *world)
{
    client_end(&world->client);
    realm_end(&world->realm);
    diag_fini(&world->diag);
    arena_fini(&world->arena);
}

/* The sentence of the refusal, or "" when it was not refused. */
static const char *refusal(struct world *world, const char *frame)
{
    static char sentence[200];
    const char *text = client_ask(&world->client, &world->realm, frame);
    const char *at = strstr(text, "refused:SecurityException\nmessage:");

    sentence[0] = '\0';
    if (at == NULL) {
        assert_non_null(strstr(text, "RECEIPT\n"));
        return "";
    }
    sscanf(at, "refused:SecurityException\nmessage:%199[^\n]", sentence);
    return sentence;
}

static void each_frame_is_asked_for_its_right(void **state)
{
    static const struct {
        const char *denied;
        const char *frame;
        const char *refusal;
    } frames[] = {
        {"publish", "SEND\ndestination:/demo/a\nreceipt:1\n\nx",
         "anonymous@\\c\\c1 may not publish to /demo/a"},
        {"publish", "SEND\ndestination:demo/a\nreceipt:1\n\nx",
         "anonymous@\\c\\c1 may not publish to /demo/a"},
        {"publish", "SEND\ndestination:/jobs/a\nreceipt:1\n\nx",
         "anonymous@\\c\\c1 may not publish to /jobs/a"},
        {"subscribe", "SUBSCRIBE\nid:1\ndestination:/demo/a\nreceipt:1\n\n",
         "anonymous@\\c\\c1 may not subscribe to /demo/a"},
        {"subscribe", "SUBSCRIBE\nid:1\ndestination:/jobs/a\nreceipt:1\n\n",
         "anonymous@\\c\\c1 may not subscribe to /jobs/a"},
        {"peek", "SUBSCRIBE\nid:1\ndestination:/jobs/a\nbrowse:true\nreceipt:1\n\n",
         "anonymous@\\c\\c1 may not look into /jobs/a"},
        {"subscribe", "SUBSCRIBE\nid:1\ndestination:/demo/a\nbrowse:true\nreceipt:1\n\n",
         "anonymous@\\c\\c1 may not subscribe to /demo/a"},
        {"durable", "SUBSCRIBE\nid:1\ndestination:/demo/a\ndurable:d\nreceipt:1\n\n",
         "anonymous@\\c\\c1 may not have a durable subscription to /demo/a"},
        {"durable", "UNSUBSCRIBE\nid:1\ndestination:/demo/a\ndurable:d\nreceipt:1\n\n",
         "anonymous@\\c\\c1 may not have a durable subscription to /demo/a"},
        {"publish,peek,eid", "SUBSCRIBE\nid:1\ndestination:/demo/a\nreceipt:1\n\n", ""},
        {"subscribe,peek,eid,durable", "SEND\ndestination:/demo/a\nreceipt:1\n\nx", ""},
        {"publish,subscribe",
         "SUBSCRIBE\nid:1\ndestination:/jobs/a\nbrowse:true\nreceipt:1\n\n", ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof frames / sizeof frames[0]; i++) {
        struct world world;
        char line[80];

        snprintf(line, sizeof line, "Deny %s *", frames[i].denied);
        world_begin(&world, line);
        assert_string_equal(refusal(&world, frames[i].frame), frames[i].refusal);
        world_end(&world);
    }
}

static void who_may_not_use_a_name_does_not_make_it(void **state)
{
    struct world world;

    (void)state;
    world_begin(&world, "Deny all *");
    assert_string_not_equal(refusal(&world, "SEND\ndestination:/demo/a\nreceipt:1\n\nx"), "");
    assert_string_not_equal(
        refusal(&world, "SUBSCRIBE\nid:1\ndestination:/jobs/a\nreceipt:1\n\n"), "");
    assert_int_equal(map_count(&world.realm.router.routes), 0);
    world_end(&world);
}

static void without_errors_receipt_a_refusal_is_the_end(void **state)
{
    struct world world;
    const char *text;

    (void)state;
    world_begin(&world, "Deny all *");
    text = client_ask(&world.client, &world.realm, "SEND\ndestination:/demo/a\n\nx");
    assert_non_null(strstr(text, "ERROR\n"));
    assert_non_null(strstr(text, "message:SecurityException\\c anonymous@"));
    assert_int_equal(world.client.close_code, WS_CLOSE_POLICY);
    world_end(&world);
}

/* ---- after a reload ---- */

/* What a session that had subscribed hears when the rules have become these. */
static const char *reviewed(struct world *world, const char *subscribe, const char *lines)
{
    static struct realm_conf next;
    struct router_route *group;
    const char *answer;

    world_begin(world, "");
    assert_int_equal(router_open(&world->realm.router, SPAN("/everybody"), &group),
                     ROUTER_FOUND);
    answer = client_ask(&world->client, &world->realm, subscribe);
    assert_null(strstr(answer, "refused:"));
    next = (struct realm_conf){0};
    world_configure(world, lines, &next);
    world->env.conf = &next;
    realm_login_review(&world->login, NULL);
    realm_session_review(&world->client.session);
    assert_ok(realm_session_part(&world->client.session, 0));
    return client_hear(&world->client, &world->realm);
}

static void a_subscription_that_is_not_allowed_any_more_ends_the_session(void **state)
{
    static const struct {
        const char *subscribe;
        const char *denied;
        const char *says;
    } rows[] = {
        {"SUBSCRIBE\nid:1\ndestination:/demo/a\nreceipt:1\n\n", "subscribe",
         "may not subscribe to /demo/a"},
        {"SUBSCRIBE\nid:1\ndestination:/jobs/a\nreceipt:1\n\n", "subscribe",
         "may not subscribe to /jobs/a"},
        {"SUBSCRIBE\nid:1\ndestination:/jobs/a\nbrowse:true\nreceipt:1\n\n", "peek",
         "may not look into /jobs/a"},
        {"SUBSCRIBE\nid:1\ndestination:/demo/a\ndurable:d\nreceipt:1\n\n", "durable",
         "may not have a durable subscription to /demo/a"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char line[80], expected[200];
        struct world world;
        const char *heard;

        snprintf(line, sizeof line, "Deny %s *", rows[i].denied);
        heard = reviewed(&world, rows[i].subscribe, line);
        snprintf(expected, sizeof expected,
                 "message:SecurityException\\c anonymous@\\c\\c1 %s any more\\c the "
                 "configuration has changed\n",
                 rows[i].says);
        if (strstr(heard, "ERROR\n") == NULL || strstr(heard, expected) == NULL) {
            fail_msg("%s -> %s", rows[i].denied, heard);
        }
        assert_int_equal(world.client.close_code, WS_CLOSE_POLICY);
        assert_int_equal(world.client.session.closer, REALM_SESSION_REALM);
        world_end(&world);
    }
}

static void what_is_still_allowed_goes_on_and_the_rest_is_judged_by_the_new_rules(void **state)
{
    static const char subscribe[] = "SUBSCRIBE\nid:1\ndestination:/demo/a\nreceipt:1\n\n";
    struct world world;

    (void)state;
    assert_string_equal(reviewed(&world, subscribe, "Deny publish *\nDeny peek *"), "");
    assert_string_equal(refusal(&world, "SEND\ndestination:/demo/a\nreceipt:1\n\nx"),
                        "anonymous@\\c\\c1 may not publish to /demo/a");
    assert_string_equal(refusal(&world, "SUBSCRIBE\nid:2\ndestination:/demo/b\nreceipt:1\n\n"),
                        "");
    world_end(&world);
}

static void a_data_stream_leaves_the_groups_that_are_not_allowed_any_more(void **state)
{
    static const char subscribe[] = "SUBSCRIBE\nid:1\ndestination:/$data\nreceipt:1\n\n";
    static const struct {
        const char *lines;
        size_t groups;
    } rows[] = {{"Deny publish *", 1}, {"Deny subscribe *", 0}};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct world world;

        assert_string_equal(reviewed(&world, subscribe, rows[i].lines), "");
        assert_int_equal(world.client.session.as.stomp.stream->member_count, rows[i].groups);
        world_end(&world);
    }
}

/* ---- PublishRate ---- */

static void say_sends(struct world *world, int count, msec now)
{
    for (int i = 0; i < count; i++) {
        static const char frame[] = "SEND\ndestination:/demo/a\n\nx";

        client_say(&world->client, span_of(frame, sizeof frame), now);
    }
}

static void publish_at_most(struct realm_session *session, uint64_t rate, msec period,
                            uint64_t burst, msec now)
{
    session->publishing = malloc(sizeof *session->publishing); /* the session's own now */
    assert_non_null(session->publishing);
    realm_rate_init(session->publishing, rate, period, burst, now);
}

static void who_publishes_too_fast_is_read_later_and_nothing_is_lost(void **state)
{
    struct realm_session *session;
    struct world world;

    (void)state;
    world_begin(&world, "");
    session = &world.client.session;
    publish_at_most(session, 2, 1000, 3, 1000);
    say_sends(&world, 3, 1000);
    assert_false(realm_session_is_paused(session));
    assert_int_equal(realm_session_count_in(session), 3);
    say_sends(&world, 3, 1000); /* one passes the mark, the others wait */
    assert_true(realm_session_is_paused(session));
    assert_true(realm_session_is_held(session));
    assert_int_equal(realm_session_count_in(session), 4);
    assert_true(realm_session_is_waiting(session));
    assert_int_equal(realm_session_deadline(session), 1500);
    assert_ok(realm_session_expire(session, 1499));
    assert_true(realm_session_is_paused(session));
    assert_ok(realm_session_expire(session, 1500));
    assert_false(realm_session_is_paused(session));
    assert_ok(realm_session_take(session, mspan_of(NULL, 0), 1500));
    /* What waits is taken a slice at a time: both fit in one. */
    assert_int_equal(realm_session_count_in(session), 6);
    assert_int_equal(realm_session_deadline(session), 2500);
    world_end(&world);
}

static void who_is_not_read_is_not_called_silent(void **state)
{
    struct realm_session *session;
    struct world world;

    (void)state;
    world_begin(&world, "");
    session = &world.client.session;
    publish_at_most(session, 1, 1000000, 1, 1000);
    say_sends(&world, 2, 1000);
    assert_true(realm_session_is_paused(session));
    for (msec now = 2000; now < 900000; now += 10000) {
        assert_ok(realm_session_expire(session, now));
    }
    assert_true(realm_session_is_paused(session));
    world_end(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_frame_is_asked_for_its_right),
        cmocka_unit_test(who_may_not_use_a_name_does_not_make_it),
        cmocka_unit_test(without_errors_receipt_a_refusal_is_the_end),
        cmocka_unit_test(a_subscription_that_is_not_allowed_any_more_ends_the_session),
        cmocka_unit_test(what_is_still_allowed_goes_on_and_the_rest_is_judged_by_the_new_rules),
        cmocka_unit_test(a_data_stream_leaves_the_groups_that_are_not_allowed_any_more),
        cmocka_unit_test(who_publishes_too_fast_is_read_later_and_nothing_is_lost),
        cmocka_unit_test(who_is_not_read_is_not_called_silent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Who a client is, and what it may, with threads that verify and a loop that waits for them.
 * Then the same through CONNECT, where a session waits and others do not.
 */
#include "realm/realm_login.h"

#include "lib/oom.h"
#include "lib/testing.h"
#include "realm/realm_access.h"
#include "realm/realm_metrics.h"
#include "unit/realm/pair.h"

#include "io/loop.h"

/* "open sesame", by bcrypt at cost 4: some milliseconds. */
#define HASH "$2y$04$5FZE/xkLsRx.pCtujNZmS.rL39i9r/PwHZqtvvMGm9wVkZPcOEDp6"

static char logged[1 << 14];

static void on_log(void *ctx, enum log_level level, const char *line)
{
    size_t len = strlen(logged);

    (void)ctx;
    (void)level;
    snprintf(logged + len, sizeof logged - len, "%s\n", line);
}

struct world {
    struct arena arena;
    struct diag diag;
    struct log log;
    struct realm_conf conf;
    struct loop *loop;
    struct mailbox *mailbox;
    struct auth *auth;
    struct auth_desk *desk;
    struct realm_clients clients;
    struct realm_clients_client *client;
    struct metric_sheet *metrics;
    struct realm_login_env env;
    struct addr host;
};

/* One login, and what came of it. */
struct visitor {
    struct realm_login login;
    unsigned count;
    enum realm_login_verdict verdict;
};

static enum err world_begin(struct world *world, size_t queue_max)
{
    struct rng rng = rng_seeded(1);

    logged[0] = '\0';
    *world = (struct world){.log = {.sink = on_log, .level = LOG_DEBUG}};
    arena_init(&world->arena, 1024 * 1024);
    diag_init(&world->diag);
    realm_clients_init(&world->clients);
    assert_true(addr_parse(SPAN("192.0.2.7"), 4711, &world->host));
    TRY(htpasswd_parse(SPAN("alice:" HASH "\n"), "users", &world->arena, &world->diag,
                       &world->conf.access.users));
    world->conf.access.login_failures_max = 2;
    TRY(loop_new(&world->loop));
    TRY(mailbox_new(&world->mailbox, world->loop));
    TRY(auth_new(&world->auth, 1, queue_max));
    TRY(auth_desk_new(&world->desk, world->auth, world->mailbox, 60000, &rng));
    TRY(metric_sheet_new(&world->metrics, realm_metrics_rows));
    world->env =
        (struct realm_login_env){&world->conf, world->desk, &world->log, world->metrics};
    return realm_clients_enter(&world->clients, &world->host, 0, &world->client);
}

static void world_end(struct world *world)
{
    if (world->client != NULL) {
        realm_clients_leave(&world->clients, world->client);
    }
    realm_clients_fini(&world->clients);
    metric_sheet_free(world->metrics);
    auth_desk_free(world->desk);
    auth_free(world->auth);
    mailbox_free(world->mailbox);
    loop_free(world->loop);
    diag_fini(&world->diag);
    arena_fini(&world->arena);
}

static void on_login(void *ctx, enum realm_login_verdict verdict)
{
    struct visitor *visitor = ctx;

    visitor->count++;
    visitor->verdict = verdict;
}

static void visitor_begin(struct visitor *visitor, struct world *world)
{
    *visitor = (struct visitor){0};
    realm_login_init(&visitor->login, &world->env, &world->host, world->client, on_login,
                     visitor);
}

static void await(struct world *world, const struct visitor *visitor)
{
    while (visitor->count == 0) {
        assert_ok(loop_turn(world->loop, 10000));
    }
    assert_int_equal(visitor->count, 1);
}

/* The verdict, awaited where it has to be. */
static enum realm_login_verdict log_in(struct world *world, const char *user,
                                       const char *password, msec now)
{
    enum realm_login_verdict verdict;
    struct visitor visitor;

    visitor_begin(&visitor, world);
    verdict = realm_login_with(&visitor.login, span_str(user), span_str(password), now);
    if (verdict == REALM_LOGIN_WAIT) {
        assert_int_equal(visitor.count, 0);
        assert_true(realm_login_is_waiting(&visitor.login));
        await(world, &visitor);
        verdict = visitor.verdict;
    }
    assert_int_equal(realm_login_is_in(&visitor.login), verdict == REALM_LOGIN_RIGHT);
    assert_string_equal(verdict == REALM_LOGIN_RIGHT ? "" : realm_login_sentence(verdict),
                        realm_login_sentence(verdict));
    realm_login_fini(&visitor.login);
    return verdict;
}

/* ---- who ---- */

static void who_knows_the_password_is_in_and_others_are_told_and_logged(void **state)
{
    struct world world;

    (void)state;
    assert_ok(world_begin(&world, 10));
    assert_int_equal(log_in(&world, "alice", "open sesame", 0), REALM_LOGIN_RIGHT);
    assert_string_equal(logged, "");
    assert_int_equal(log_in(&world, "alice", "Open Sesame", 0), REALM_LOGIN_WRONG);
    assert_string_equal(logged, "client 192.0.2.7: user \"alice\": wrong password or no such "
                                "user\n");
    assert_int_equal(log_in(&world, "bob\n", "", 0), REALM_LOGIN_WRONG);
    assert_non_null(strstr(logged, "user \"bob\\x0a\": wrong password"));
    assert_int_equal(log_in(&world, "alice", "open sesame", 120000), REALM_LOGIN_RIGHT);
    world_end(&world);
}

static void anonymous_is_who_says_nothing_where_that_is_allowed(void **state)
{
    struct visitor visitor;
    struct world world;

    (void)state;
    assert_ok(world_begin(&world, 10));
    visitor_begin(&visitor, &world);
    assert_int_equal(realm_login_without(&visitor.login), REALM_LOGIN_NEEDED);
    assert_false(realm_login_is_in(&visitor.login));
    world.conf.access.allows_anonymous = true;
    assert_int_equal(realm_login_without(&visitor.login), REALM_LOGIN_RIGHT);
    assert_int_equal(realm_login_subject(&visitor.login).user.len, 0);
    realm_login_forget(&visitor.login);
    assert_false(realm_login_is_in(&visitor.login));
    realm_login_fini(&visitor.login);

    /* A wrong password does not make anybody anonymous. */
    assert_int_equal(log_in(&world, "alice", "wrong", 0), REALM_LOGIN_WRONG);
    world_end(&world);
}

static void without_users_credentials_are_not_looked_at(void **state)
{
    struct world world;

    (void)state;
    assert_ok(world_begin(&world, 10));
    world.conf.access.users = NULL;
    assert_int_equal(log_in(&world, "guest", "guest", 0), REALM_LOGIN_NEEDED);
    world.conf.access.allows_anonymous = true;
    assert_int_equal(log_in(&world, "guest", "guest", 0), REALM_LOGIN_RIGHT);
    world_end(&world);
}

static void longer_names_and_passwords_than_there_are_are_wrong(void **state)
{
    char name[AUTH_BASIC_USER_MAX + 2], password[AUTH_BASIC_PASSWORD_MAX + 2];
    struct world world;

    (void)state;
    memset(name, 'n', sizeof name);
    memset(password, 'p', sizeof password);
    name[sizeof name - 1] = '\0';
    password[sizeof password - 1] = '\0';
    assert_ok(world_begin(&world, 10));
    assert_int_equal(log_in(&world, name, "x", 0), REALM_LOGIN_WRONG);
    assert_int_equal(log_in(&world, "alice", password, 0), REALM_LOGIN_WRONG);
    world_end(&world);
}

static void too_many_failures_of_an_address_are_refused_unseen_and_said_once(void **state)
{
    struct world world;

    (void)state;
    assert_ok(world_begin(&world, 10));
    assert_int_equal(log_in(&world, "alice", "a", 1000), REALM_LOGIN_WRONG);
    assert_null(strstr(logged, "LoginFailuresPerClient"));
    assert_int_equal(log_in(&world, "alice", "b", 1000), REALM_LOGIN_WRONG);
    assert_non_null(strstr(logged, "client 192.0.2.7: 2 logins have failed within a minute; "
                                   "more of them are refused without a look "
                                   "(LoginFailuresPerClient)"));
    logged[0] = '\0';
    assert_int_equal(log_in(&world, "alice", "open sesame", 1000), REALM_LOGIN_TOO_OFTEN);
    assert_string_equal(logged, "");
    assert_int_equal(log_in(&world, "alice", "open sesame", 61000), REALM_LOGIN_RIGHT);
    world_end(&world);
}

static void what_failed_and_what_was_refused_unseen_is_counted(void **state)
{
    struct world world;

    (void)state;
    assert_ok(world_begin(&world, 10));
    assert_int_equal(log_in(&world, "alice", "open sesame", 1000), REALM_LOGIN_RIGHT);
    assert_int_equal(metric_read(world.metrics, REALM_METRICS_LOGINS_FAILED), 0);
    assert_int_equal(log_in(&world, "alice", "a", 1000), REALM_LOGIN_WRONG);
    assert_int_equal(log_in(&world, "alice", "b", 1000), REALM_LOGIN_WRONG);
    assert_int_equal(metric_read(world.metrics, REALM_METRICS_LOGINS_FAILED), 2);
    assert_int_equal(log_in(&world, "alice", "open sesame", 1000), REALM_LOGIN_TOO_OFTEN);
    assert_int_equal(metric_read(world.metrics, REALM_METRICS_LOGINS_FAILED), 3);
    world_end(&world);
}

static void more_logins_than_may_wait_are_told_so(void **state)
{
    struct visitor visitors[8];
    struct world world;
    size_t full = 0, waiting = 0;

    (void)state;
    assert_ok(world_begin(&world, 1));
    for (size_t i = 0; i < 8; i++) { /* one may run, one may wait */
        enum realm_login_verdict verdict;

        visitor_begin(&visitors[i], &world);
        verdict = realm_login_with(&visitors[i].login, SPAN("alice"), SPAN("x"), 0);
        full += verdict == REALM_LOGIN_FULL;
        waiting += verdict == REALM_LOGIN_WAIT;
    }
    assert_int_equal(full + waiting, 8);
    assert_true(waiting >= 1 && full >= 1);
    for (size_t i = 0; i < 8; i++) {
        realm_login_fini(&visitors[i].login); /* nothing is called any more */
        assert_int_equal(visitors[i].count, 0);
    }
    world_end(&world);
}

static void give_up_half_way(void)
{
    struct visitor visitor;
    struct world world;
    enum err e = world_begin(&world, 2);

    assert_true(e == OK || oom_has_struck());
    if (e == OK) {
        visitor_begin(&visitor, &world);
        (void)!realm_login_with(&visitor.login, SPAN("alice"), SPAN("x"), 0);
        realm_login_fini(&visitor.login);
    }
    world_end(&world);
}

static void a_client_that_leaves_is_not_waited_for(void **state)
{
    (void)state;
    every_oom(give_up_half_way);
}

/* ---- after a reload ---- */

#define OTHER_HASH "$2y$04$5FZE/xkLsRx.pCtujNZmS.rL39i9r/PwHZqtvvMGm9wVkZPcOEDp7"

static void become(struct world *world, const char *users, bool allows_anonymous)
{
    world->conf.access.users = NULL;
    world->conf.access.allows_anonymous = allows_anonymous;
    if (users != NULL) {
        assert_ok(htpasswd_parse(span_str(users), "users", &world->arena, &world->diag,
                                 &world->conf.access.users));
    }
}

static void a_user_who_is_gone_or_has_another_password_is_in_no_more(void **state)
{
    static const struct {
        const char *users;
        bool is_in;
    } rows[] = {
        {"bob:" HASH "\nalice:" HASH "\n", true},
        {"bob:" HASH "\n", false},
        {"alice:" OTHER_HASH "\n", false},
        {NULL, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct htpasswd *before;
        struct visitor visitor;
        struct world world;

        assert_ok(world_begin(&world, 10));
        visitor_begin(&visitor, &world);
        assert_int_equal(
            realm_login_with(&visitor.login, SPAN("alice"), SPAN("open sesame"), 0),
            REALM_LOGIN_WAIT);
        await(&world, &visitor);
        before = world.conf.access.users;
        become(&world, rows[i].users, true);
        realm_login_review(&visitor.login, before);
        assert_int_equal(realm_login_is_in(&visitor.login), rows[i].is_in);
        assert_bytes(realm_login_subject(&visitor.login).user, SPAN("alice")); /* for the log */
        if (!rows[i].is_in) { /* and who comes in afterwards is anonymous, not alice */
            assert_int_equal(realm_login_without(&visitor.login), REALM_LOGIN_RIGHT);
            assert_int_equal(realm_login_subject(&visitor.login).user.len, 0);
        }
        realm_login_fini(&visitor.login);
        world_end(&world);
    }
}

static void what_was_being_verified_for_a_user_who_is_gone_is_wrong(void **state)
{
    const struct htpasswd *before;
    struct visitor visitor;
    struct world world;

    (void)state;
    assert_ok(world_begin(&world, 10));
    visitor_begin(&visitor, &world);
    assert_int_equal(realm_login_with(&visitor.login, SPAN("alice"), SPAN("open sesame"), 0),
                     REALM_LOGIN_WAIT);
    before = world.conf.access.users;
    become(&world, "bob:" HASH "\n", false);
    realm_login_review(&visitor.login, before);
    await(&world, &visitor);
    assert_int_equal(visitor.verdict, REALM_LOGIN_WRONG);
    assert_false(realm_login_is_in(&visitor.login));
    realm_login_fini(&visitor.login);
    world_end(&world);
}

static void anonymous_clients_are_in_as_long_as_they_are_let_in(void **state)
{
    struct visitor visitor;
    struct world world;

    (void)state;
    assert_ok(world_begin(&world, 10));
    become(&world, NULL, true);
    visitor_begin(&visitor, &world);
    assert_int_equal(realm_login_without(&visitor.login), REALM_LOGIN_RIGHT);
    become(&world, "alice:" HASH "\n", true);
    realm_login_review(&visitor.login, NULL);
    assert_true(realm_login_is_in(&visitor.login));
    become(&world, "alice:" HASH "\n", false);
    realm_login_review(&visitor.login, NULL);
    assert_false(realm_login_is_in(&visitor.login));
    realm_login_fini(&visitor.login);
    world_end(&world);
}

/* ---- what it may ---- */

static void a_refusal_is_a_sentence_and_the_log_hears_ten_of_them(void **state)
{
    char sentence[REALM_ACCESS_SENTENCE_BYTES];
    struct visitor visitor;
    struct world world;
    size_t lines = 0;

    (void)state;
    assert_ok(world_begin(&world, 1));
    visitor_begin(&visitor, &world);
    assert_false(realm_access_may(&visitor.login, REALM_ACL_PUBLISH, SPAN("/a"), sentence));
    assert_string_equal(sentence, "this realm asks for a login (login and passcode in CONNECT, "
                                  "or HTTP Basic)");
    assert_false(realm_access_has(&visitor.login, REALM_ACL_PUBLISH, SPAN("/a")));
    world.conf.access.allows_anonymous = true;
    assert_int_equal(realm_login_without(&visitor.login), REALM_LOGIN_RIGHT);
    assert_true(realm_access_may(&visitor.login, REALM_ACL_PUBLISH, SPAN("/a"), sentence));
    assert_true(realm_access_has(&visitor.login, REALM_ACL_PUBLISH, SPAN("/a")));
    assert_false(realm_access_has(&visitor.login, REALM_ACL_PURGE, SPAN("/a")));
    assert_string_equal(logged, "");
    for (int i = 0; i < 30; i++) {
        assert_false(realm_access_may(&visitor.login, REALM_ACL_PURGE, SPAN("/a"), sentence));
    }
    assert_string_equal(sentence, "anonymous@192.0.2.7 may not purge /a");
    for (const char *at = logged; (at = strstr(at, "may not purge /a")) != NULL; at++) {
        lines++;
    }
    assert_int_equal(lines, REALM_ACCESS_LOGGED_MAX);
    assert_non_null(strstr(logged, "what else is refused on this connection is not logged"));
    realm_login_fini(&visitor.login);
    world_end(&world);
}

/* ---- through CONNECT ---- */

/* A session whose login is a visitor's. */
struct guest {
    struct visitor visitor;
    struct client client;
};

static void guest_begin(struct guest *guest, struct world *world, struct realm *realm)
{
    visitor_begin(&guest->visitor, world);
    client_begin(&guest->client, realm, REALM_SESSION_STOMP);
    realm_session_set_login(&guest->client.session, &guest->visitor.login);
}

static void guest_end(struct guest *guest)
{
    client_end(&guest->client);
    realm_login_fini(&guest->visitor.login);
}

static const char *guest_told(struct guest *guest, struct world *world, struct realm *realm)
{
    await(world, &guest->visitor);
    guest->visitor.count = 0;
    assert_ok(realm_session_logged_in(&guest->client.session, guest->visitor.verdict, 0));
    return client_hear(&guest->client, realm);
}

#define CONNECT "CONNECT\naccept-version:1.2\nheart-beat:0,0\n"

static void connect_waits_for_its_verdict_and_what_is_behind_it_waits_too(void **state)
{
    static const char behind[] = CONNECT "login:alice\npasscode:open sesame\n\n\0"
                                         "SEND\ndestination:/demo/x\nreceipt:1\n\nhello";
    struct guest alice, other;
    struct realm realm;
    struct world world;
    const char *text;

    (void)state;
    assert_ok(world_begin(&world, 10));
    realm_begin(&realm);
    guest_begin(&alice, &world, &realm);
    client_say(&alice.client, span_of(behind, sizeof behind), 0);
    assert_string_equal(client_hear(&alice.client, &realm), "");
    assert_true(realm_session_is_paused(&alice.client.session));
    assert_true(realm_session_is_held(&alice.client.session));
    assert_true(realm_session_is_opening(&alice.client.session));
    client_ask(&alice.client, &realm, "SUBSCRIBE\nid:a\ndestination:/demo/x\nreceipt:2\n\n");
    assert_true(realm_session_is_waiting(&alice.client.session)); /* not even unmasked */

    /* Another session goes on meanwhile. */
    world.conf.access.allows_anonymous = true;
    guest_begin(&other, &world, &realm);
    text = client_ask(&other.client, &realm, CONNECT "\n");
    assert_non_null(strstr(text, "CONNECTED\n"));
    world.conf.access.allows_anonymous = false;

    text = guest_told(&alice, &world, &realm);
    assert_non_null(strstr(text, "CONNECTED\n"));
    assert_non_null(strstr(text, "receipt-id:1\neid:1\n"));
    assert_ok(realm_session_take(&alice.client.session, mspan_of(NULL, 0), 0));
    assert_non_null(strstr(client_hear(&alice.client, &realm), "receipt-id:2\n"));
    guest_end(&alice);
    guest_end(&other);
    realm_end(&realm);
    world_end(&world);
}

static void a_wrong_password_is_the_end_of_the_session(void **state)
{
    static const char *const words[] = {
        CONNECT "login:alice\npasscode:x\n\n",
        CONNECT "login:alice\n\n",
        CONNECT "login:nobody\npasscode:open sesame\n\n",
    };
    struct realm realm;
    struct world world;

    (void)state;
    assert_ok(world_begin(&world, 10));
    world.conf.access.login_failures_max = 0;
    realm_begin(&realm);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        struct guest guest;
        const char *text;

        guest_begin(&guest, &world, &realm);
        assert_string_equal(client_ask(&guest.client, &realm, words[i]), "");
        assert_null(guest.client.session.as.stomp.decoder); /* who waits holds no frame */
        text = guest_told(&guest, &world, &realm);
        assert_non_null(strstr(text, "ERROR\n"));
        assert_non_null(
            strstr(text, "message:SecurityException\\c the user or the password is wrong\n"));
        assert_int_equal(guest.client.close_code, WS_CLOSE_POLICY);
        guest_end(&guest);
    }
    realm_end(&realm);
    world_end(&world);
}

static void without_a_login_connect_says_what_to_send(void **state)
{
    struct realm realm;
    struct world world;
    struct guest guest;
    const char *text;

    (void)state;
    assert_ok(world_begin(&world, 10));
    realm_begin(&realm);
    guest_begin(&guest, &world, &realm);
    text = client_ask(&guest.client, &realm, CONNECT "login:\npasscode:\n\n");
    assert_non_null(strstr(text, "message:SecurityException\\c this realm asks for a login"));
    assert_int_equal(guest.client.close_code, WS_CLOSE_POLICY);
    guest_end(&guest);

    /* A session that nobody has given a login lets nobody in. */
    guest_begin(&guest, &world, &realm);
    realm_session_set_login(&guest.client.session, NULL);
    text = client_ask(&guest.client, &realm, CONNECT "\n");
    assert_non_null(strstr(text, "message:SecurityException\\c"));
    guest_end(&guest);
    realm_end(&realm);
    world_end(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_knows_the_password_is_in_and_others_are_told_and_logged),
        cmocka_unit_test(anonymous_is_who_says_nothing_where_that_is_allowed),
        cmocka_unit_test(without_users_credentials_are_not_looked_at),
        cmocka_unit_test(longer_names_and_passwords_than_there_are_are_wrong),
        cmocka_unit_test(too_many_failures_of_an_address_are_refused_unseen_and_said_once),
        cmocka_unit_test(what_failed_and_what_was_refused_unseen_is_counted),
        cmocka_unit_test(more_logins_than_may_wait_are_told_so),
        cmocka_unit_test(a_client_that_leaves_is_not_waited_for),
        cmocka_unit_test(a_user_who_is_gone_or_has_another_password_is_in_no_more),
        cmocka_unit_test(what_was_being_verified_for_a_user_who_is_gone_is_wrong),
        cmocka_unit_test(anonymous_clients_are_in_as_long_as_they_are_let_in),
        cmocka_unit_test(a_refusal_is_a_sentence_and_the_log_hears_ten_of_them),
        cmocka_unit_test(connect_waits_for_its_verdict_and_what_is_behind_it_waits_too),
        cmocka_unit_test(a_wrong_password_is_the_end_of_the_session),
        cmocka_unit_test(without_a_login_connect_says_what_to_send),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

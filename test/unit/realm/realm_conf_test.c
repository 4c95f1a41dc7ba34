/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "realm/realm_conf.h"

#include "conf/conf_load.h"
#include "lib/oom.h"
#include "lib/testing.h"

#include <stdio.h>

struct loaded {
    struct realm_conf conf;
    struct arena arena;
    struct diag diag;
    enum err e;
};

static void load_exactly(struct loaded *loaded, const char *text)
{
    const struct conf_table table = {realm_conf_rows, &loaded->conf};
    const struct conf_apply apply = {
        .tables = &table,
        .table_count = 1,
        .place = SERVICE_IN_SERVER,
        .arena = &loaded->arena,
        .diag = &loaded->diag,
    };

    *loaded = (struct loaded){0};
    arena_init(&loaded->arena, 4 * 1024 * 1024);
    diag_init(&loaded->diag);
    loaded->e = conf_load(&apply, span_str(text), "r.conf");
    if (loaded->e == OK) {
        realm_conf_check(&loaded->conf, "r.conf", &loaded->diag);
    }
}

/* For tests that are not about who comes in. */
static void load(struct loaded *loaded, const char *text)
{
    char whole[4096];

    assert_true(snprintf(whole, sizeof whole, "%s\nAnonymous On\n", text) < (int)sizeof whole);
    load_exactly(loaded, whole);
}

static void unload(struct loaded *loaded)
{
    arena_fini(&loaded->arena);
    diag_fini(&loaded->diag);
}

/* All messages, a line each. */
static const char *said(const struct loaded *loaded)
{
    static char text[4096];
    size_t len = 0;

    text[0] = '\0';
    for (const struct diag_message *message = diag_next(&loaded->diag, NULL); message != NULL;
         message = diag_next(&loaded->diag, message)) {
        char line[DIAG_MAX_LINE];

        len += (size_t)snprintf(text + len, sizeof text - len, "%s\n",
                                diag_format(message, line, sizeof line));
    }
    return text;
}

static void the_builtin_configuration_is_loopback_and_plain(void **state)
{
    struct loaded loaded;

    (void)state;
    load_exactly(&loaded, realm_conf_builtin);
    assert_string_equal(said(&loaded), "");
    assert_int_equal(loaded.conf.interface_count, 1);
    assert_true(addr_is_loopback(&loaded.conf.interfaces[0].addr));
    assert_int_equal(addr_port(&loaded.conf.interfaces[0].addr), 9000);
    assert_false(loaded.conf.interfaces[0].is_tls);
    assert_int_equal(loaded.conf.rule_count, 1);
    assert_int_equal(loaded.conf.rules[0].channel.capacity, 1000);
    assert_int_equal(loaded.conf.heart_beat, 20000);
    assert_int_equal(loaded.conf.outbox_bytes, 256 * 1024);
    assert_int_equal(loaded.conf.echo_bytes, 16 * 1024 * 1024);
    assert_false(loaded.conf.has_diagnostics);
    unload(&loaded);
}

static void a_whole_configuration_is_understood(void **state)
{
    struct loaded loaded;

    (void)state;
    load(&loaded, "Interface http://0.0.0.0:9000\n"
                  "Interface https://[::1]:9443 # secure\n"
                  "SSLCertificateFile cert.pem\n"
                  "SSLCertificateKeyFile key.pem\n"
                  "ServerName Realm.Example\n"
                  "ServerAlias realm *.realms.example\n"
                  "AllowOrigin https://app.example http://localhost:8080\n"
                  "AllowOrigin https://other.example\n"
                  "<Channel \"/fx/*\">\n Capacity 1\n StoreBytes 4m\n</Channel>\n"
                  "<Channel /demo/*>\n</Channel>\n"
                  "DiagnosticEndpoints On\n"
                  "HeartBeat 10s\n");
    assert_string_equal(said(&loaded), "");
    assert_true(loaded.conf.interfaces[1].is_tls);
    assert_int_equal(loaded.conf.host_count, 3);
    assert_bytes(loaded.conf.hosts[0], SPAN("realm.example"));
    assert_bytes(loaded.conf.hosts[2], SPAN("*.realms.example"));
    assert_int_equal(loaded.conf.origin_count, 3);
    assert_bytes(loaded.conf.origins[2].authority.host, SPAN("other.example"));
    assert_int_equal(loaded.conf.rule_count, 2);
    assert_int_equal(loaded.conf.rules[0].channel.capacity, 1);
    assert_int_equal(loaded.conf.rules[0].channel.store_bytes, 4 * 1024 * 1024);
    assert_bytes(loaded.conf.rules[1].pattern, SPAN("/demo/*"));
    assert_int_equal(loaded.conf.heart_beat, 10000);
    unload(&loaded);
}

#define GOOD "Interface http://127.0.0.1:9000\n<Channel \"/*\">\n</Channel>\n"

static const struct {
    const char *text;
    const char *says;
} faults[] = {
    {"<Channel \"/*\">\n</Channel>\n",
     "r.conf: there is no Interface (add Interface http://127.0.0.1:9000)"},
    {"Interface http://127.0.0.1:9000\n",
     "r.conf: warning: there is no <Channel>: nobody can publish or subscribe (add <Channel "
     "\"/demo/*\"> and </Channel>)"},
    {GOOD "ServerName http://realm.example\n",
     "r.conf:4: ServerName: \"http://realm.example\" is not a host's name (write realm.example, "
     "without scheme and port)"},
    {GOOD "ServerName *.example\n",
     "r.conf:4: ServerName: \"*.example\" is not a host's name (write realm.example, without "
     "scheme and port)"},
    {GOOD "ServerAlias realm.example:9000\n",
     "r.conf:4: ServerAlias: \"realm.example:9000\" is not a host's name (write realm.example, "
     "without scheme and port)"},
    {GOOD "TransactionEventsMax 60001\n",
     "r.conf:4: TransactionEventsMax: 60001 is too large (write 1 to 60000 events)"},
    {GOOD "Interface 9001\n",
     "r.conf:4: Interface: \"9001\" is not scheme://address:port (write http://127.0.0.1:9000 "
     "or https://[::1]:9443)"},
    {GOOD "Interface ws://127.0.0.1:9001\n",
     "r.conf:4: Interface: \"ws\" is not a scheme that the realm speaks (write http or https; "
     "WebSocket is spoken on both)"},
    {GOOD "Interface http://127.0.0.1\n",
     "r.conf:4: Interface: \"http://127.0.0.1\" has no port (write http://127.0.0.1:9000)"},
    {GOOD "Interface http://realm.example:9001\n",
     "r.conf:4: Interface: \"realm.example\" is not an address (write 127.0.0.1 for this "
     "machine alone, 0.0.0.0 for every network it is on)"},
    {GOOD "Interface http://127.0.0.1:9000\n",
     "r.conf:4: Interface: 127.0.0.1:9000 is in use already, by line 1 (remove one of them, or "
     "take another port)"},
    {GOOD "Interface https://127.0.0.1:9443\n",
     "r.conf:4: Interface: https needs a certificate (add SSLCertificateFile and "
     "SSLCertificateKeyFile; with SSLCertificateMake On they are made for localhost)"},
    {GOOD "SSLCertificateFile c.pem\n",
     "r.conf: SSLCertificateKeyFile is missing: a certificate and its key go together (add "
     "it)"},
    {GOOD "SSLCertificateKeyFile c.pem\n",
     "r.conf: SSLCertificateFile is missing: a certificate and its key go together (add it)"},
    {GOOD "SSLCertificateMake On\n",
     "r.conf: SSLCertificateMake does not know where to (add SSLCertificateFile and "
     "SSLCertificateKeyFile)"},
    {GOOD "SSLCertificateFile c.pem\nSSLCertificateKeyFile k.pem\n",
     "r.conf: warning: SSLCertificateFile is not used (add Interface https://127.0.0.1:9443)"},
    {GOOD "AllowOrigin app.example\n",
     "r.conf:4: AllowOrigin: \"app.example\" is not an origin (write https://app.example or "
     "http://localhost:8080, without a path)"},
    {GOOD "AllowOrigin *\n",
     "r.conf:4: warning: AllowOrigin *: any page that a user opens, wherever it comes from, can "
     "use this realm as that user (name the sites: AllowOrigin https://app.example)"},
    {GOOD "<Channel demo>\n</Channel>\n",
     "r.conf:4: <Channel \"demo\">: a channel's name begins with / but not with /$, and has at most 255 bytes "
     "(write <Channel \"/demo/*\">)"},
    {GOOD "<Channel \"/a\">\nStoreBytes 64k\n</Channel>\n",
     "r.conf:4: <Channel \"/a\">: StoreBytes 65536 is less than twice EventBytesMax 1048576: an "
     "event with its headers might not fit (raise the one or lower the other)\n"
     "r.conf:4: warning: <Channel \"/a\"> counts for nothing: <Channel \"/*\"> in line 2 covers "
     "every such name, and the first section that fits counts (put this one above it)"},
    {GOOD "HeartBeat 40s\n",
     "r.conf: warning: HeartBeat is over 25s: common proxies cut a connection that is silent "
     "for 30 s (write HeartBeat 20s)"},
    {GOOD "SockJSHeartBeat 40s\n",
     "r.conf: warning: SockJSHeartBeat is over 25s: common proxies cut a connection that is "
     "silent for 30 s (write SockJSHeartBeat 20s)"},
    {GOOD "SockJSScript \"/x.js?a='\"\n",
     "r.conf: SockJSScript: \"/x.js?a='\" is not the address of a script (write /path or "
     "https://site/path, without quotes, & and spaces)"},
    {GOOD "SockJSScript sockjs.js\n",
     "r.conf: SockJSScript: \"sockjs.js\" is not the address of a script (write /path or "
     "https://site/path, without quotes, & and spaces)"},
};

static void every_fault_has_its_sentence(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        struct loaded loaded;
        char expected[DIAG_MAX_LINE];

        load(&loaded, faults[i].text);
        snprintf(expected, sizeof expected, "%s\n", faults[i].says);
        assert_string_equal(said(&loaded), expected);
        unload(&loaded);
    }
}

static void bounds_and_places_are_checked_by_the_rows(void **state)
{
    static const char *const wrong[] = {
        GOOD "Capacity 10\n",     GOOD "OutboxBytesMax 1k\n",
        GOOD "EventBytesMax 0\n", GOOD "DiagnosticEndpoints Yes\n",
        GOOD "HeartBeat 0\n",     GOOD "SessionsMax 0\n",
        GOOD "Listen 80\n",       GOOD "<Channel \"/a\">\nStoreBytes 1\n</Channel>\n",
    };

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct loaded loaded;

        load(&loaded, wrong[i]);
        if (diag_count(&loaded.diag, DIAG_ERROR) != 1) {
            fail_msg("%s -> %s", wrong[i], said(&loaded));
        }
        unload(&loaded);
    }
}

static void load_all(void)
{
    struct loaded loaded;

    load(&loaded, GOOD "AllowOrigin https://app.example\nAllowOrigin *\nInterface x\n");
    unload(&loaded);
}

static void running_out_of_memory_leaks_nothing(void **state)
{
    (void)state;
    every_oom(load_all);
}

static unsigned line_at(const struct realm_conf *conf, const char *host, uint16_t port)
{
    const struct realm_conf_interface *interface;
    struct addr local;

    assert_true(addr_parse(span_str(host), port, &local));
    interface = realm_conf_interface_at(conf, &local);
    return interface == NULL ? 0 : interface->line;
}

static void a_connection_belongs_to_the_interface_that_it_came_in_by(void **state)
{
    struct loaded loaded;

    (void)state;
    load(&loaded, "Interface http://0.0.0.0:9000\n"
                  "Interface http://127.0.0.1:9000\n"
                  "Interface http://[::]:9001\n"
                  "Interface http://127.0.0.2:9002\n");
    assert_int_equal(line_at(&loaded.conf, "127.0.0.1", 9000), 2); /* the narrow one */
    assert_int_equal(line_at(&loaded.conf, "10.0.0.1", 9000), 1);
    assert_int_equal(line_at(&loaded.conf, "::ffff:127.0.0.1", 9000), 2); /* a dual socket */
    assert_int_equal(line_at(&loaded.conf, "2001:db8::1", 9001), 3);
    assert_int_equal(line_at(&loaded.conf, "127.0.0.2", 9002), 4);
    assert_int_equal(line_at(&loaded.conf, "127.0.0.3", 9002), 0);
    assert_int_equal(line_at(&loaded.conf, "127.0.0.1", 9003), 0);
    unload(&loaded);
}

static void somebody_must_be_able_to_come_in(void **state)
{
    struct loaded loaded;

    (void)state;
    load_exactly(&loaded, "Interface http://127.0.0.1:1\n<Channel \"/x\">\n</Channel>\n");
    assert_string_equal(
        said(&loaded),
        "r.conf: nobody could come in: there are no users, and anonymous clients are not let "
        "in (add AuthUserFile users.htpasswd; or Anonymous On, if everybody who can connect "
        "may use this realm)\n");
    unload(&loaded);
    load_exactly(&loaded, "Interface http://127.0.0.1:1\n<Channel \"/x\">\n</Channel>\n"
                          "AuthUserFile /no/such\n");
    assert_string_equal(said(&loaded),
                        "r.conf:4: AuthUserFile: /no/such cannot be opened: No such file or "
                        "directory (make it, or correct the name)\n");
    unload(&loaded);
}

static void files_that_are_no_use_are_said(void **state)
{
    const struct htpasswd nobody = {.file = "users"};
    struct loaded loaded = {.e = OK};

    (void)state;
    diag_init(&loaded.diag);
    realm_conf_access_check(
        &(struct realm_conf_access){.has_group_file = true, .allows_anonymous = true}, "r.conf",
        &loaded.diag);
    assert_string_equal(said(&loaded), "r.conf: AuthGroupFile has no users to be about (add "
                                       "AuthUserFile)\n");
    diag_fini(&loaded.diag);
    diag_init(&loaded.diag);
    realm_conf_access_check(
        &(struct realm_conf_access){.has_user_file = true, .users = &nobody}, "r.conf",
        &loaded.diag);
    assert_string_equal(said(&loaded), "r.conf: warning: users has no users: nobody can log in "
                                       "(htpasswd -B users NAME adds one)\n");
    diag_fini(&loaded.diag);
}

static void publish_rate_is_so_many_a_second_and_perhaps_at_once(void **state)
{
    static const char *const wrong[] = {"1000", "0/s",   "/s",    "1/m",         "10000001/s",
                                        "-1/s", "5/s 0", "5/s x", "5/s 10000001"};
    struct loaded loaded;

    (void)state;
    load(&loaded, "PublishRate 1000/s");
    assert_int_equal(loaded.conf.access.publish_rate, 1000);
    assert_int_equal(loaded.conf.access.publish_burst, 1000);
    unload(&loaded);
    load(&loaded, "PublishRate 5/s 20");
    assert_int_equal(loaded.conf.access.publish_rate, 5);
    assert_int_equal(loaded.conf.access.publish_burst, 20);
    unload(&loaded);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char line[64];

        snprintf(line, sizeof line, "PublishRate %s", wrong[i]);
        load(&loaded, line);
        assert_non_null(strstr(said(&loaded), "r.conf:1: PublishRate: \""));
        assert_int_equal(loaded.conf.access.publish_rate, 0);
        unload(&loaded);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_builtin_configuration_is_loopback_and_plain),
        cmocka_unit_test(a_whole_configuration_is_understood),
        cmocka_unit_test(every_fault_has_its_sentence),
        cmocka_unit_test(bounds_and_places_are_checked_by_the_rows),
        cmocka_unit_test(running_out_of_memory_leaks_nothing),
        cmocka_unit_test(a_connection_belongs_to_the_interface_that_it_came_in_by),
        cmocka_unit_test(somebody_must_be_able_to_come_in),
        cmocka_unit_test(files_that_are_no_use_are_said),
        cmocka_unit_test(publish_rate_is_so_many_a_second_and_perhaps_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

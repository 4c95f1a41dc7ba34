/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Allow and Deny from their text to the verdict. The parts between are the configuration's own.
 */
#include "realm/realm_acl.h"

#include "conf/conf_load.h"
#include "lib/oom.h"
#include "lib/testing.h"
#include "realm/realm_conf_route.h"

#include <stdio.h>

struct loaded {
    struct realm_conf conf;
    struct arena arena;
    struct diag diag;
    enum err e;
};

static void load(struct loaded *loaded, const char *lines)
{
    const struct conf_table table = {realm_conf_rows, &loaded->conf};
    const struct conf_apply apply = {
        .tables = &table,
        .table_count = 1,
        .place = SERVICE_IN_SERVER,
        .arena = &loaded->arena,
        .diag = &loaded->diag,
    };
    char text[2048];

    assert_true(snprintf(text, sizeof text, "<Channel \"/fx/*\">\n%s\n</Channel>\n", lines) <
                (int)sizeof text);
    *loaded = (struct loaded){0};
    arena_init(&loaded->arena, 4 * 1024 * 1024);
    diag_init(&loaded->diag);
    loaded->e = conf_load(&apply, span_str(text), "dir/r.conf");
}

static void unload(struct loaded *loaded)
{
    arena_fini(&loaded->arena);
    diag_fini(&loaded->diag);
}

static const char *said(const struct loaded *loaded)
{
    const struct diag_message *message = diag_next(&loaded->diag, NULL);
    static char line[DIAG_MAX_LINE];

    return message == NULL ? "" : diag_format(message, line, sizeof line);
}

static struct realm_acl_subject somebody(const struct loaded *loaded, const char *user,
                                         const char *host)
{
    struct realm_acl_subject subject = {.user = span_str(user),
                                        .groups = loaded->conf.access.groups};

    assert_true(addr_parse(span_str(host), 4711, &subject.host));
    return subject;
}

static bool may(const struct loaded *loaded, enum realm_acl_right right, const char *user,
                const char *host)
{
    const struct realm_acl_subject subject = somebody(loaded, user, host);

    return realm_acl_judge(realm_conf_route_acl(&loaded->conf, SPAN("/fx/eur")), right,
                           &subject)
        .may;
}

/* ---- who ---- */

static const struct who {
    const char *pattern;
    const char *user; /* "": anonymous */
    const char *host;
    bool fits;
} whos[] = {
    {"alice", "alice", "192.0.2.7", true},
    {"alice", "Alice", "192.0.2.7", false},
    {"alice", "alic", "192.0.2.7", false},
    {"alice", "", "192.0.2.7", false},
    {"alice@*", "alice", "2001:db8::1", true},
    {"alice@192.0.2.7", "alice", "192.0.2.7", true},
    {"alice@192.0.2.7", "alice", "192.0.2.8", false},
    {"alice@192.0.2.7", "alice", "::ffff:192.0.2.7", true},
    {"alice@192.0.2.0/24", "alice", "192.0.2.255", true},
    {"alice@192.0.2.0/24", "alice", "192.0.3.1", false},
    {"alice@2001:db8::/32", "alice", "2001:db8:ffff::1", true},
    {"alice@2001:db8::/32", "alice", "2001:db9::1", false},
    {"alice@example.com@192.0.2.7", "alice@example.com", "192.0.2.7", true},
    {"alice@example.com@192.0.2.7", "alice", "192.0.2.7", false},
    {"al*@*", "alice", "::1", true},
    {"*ice", "alice", "::1", true},
    {"a*", "", "::1", false},
    {"*", "alice", "::1", true},
    {"*", "", "::1", true},
    {"*@::1", "", "::1", true},
    {"*@::1", "", "::2", false},
    {"**", "", "::1", false},
    {"anonymous", "", "::1", true},
    {"anonymous", "anonymous", "::1", false},
    {"anonymous@::2", "", "::1", false},
    {"valid-user", "alice", "::1", true},
    {"valid-user", "", "::1", false},
    {"valid-user", "valid-user", "::1", true},
    {"valid-user@10.0.0.0/8", "alice", "10.1.2.3", true},
    {"valid-user@10.0.0.0/8", "alice", "11.1.2.3", false},
    {"group:desk", "alice", "::1", false}, /* there are no groups */
};

static void patterns_fit_whom_they_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof whos / sizeof whos[0]; i++) {
        const struct who *who = &whos[i];
        struct loaded loaded;
        char line[100];

        snprintf(line, sizeof line, "Allow publish %s", who->pattern);
        load(&loaded, line);
        assert_string_equal(said(&loaded), "");
        if (may(&loaded, REALM_ACL_PUBLISH, who->user, who->host) != who->fits) {
            fail_msg("\"%s\" and %s@%s", who->pattern, who->user, who->host);
        }
        unload(&loaded);
    }
}

static void a_group_is_who_stands_in_the_file(void **state)
{
    const char *const text = "desk: alice bob\nother: carol\n";
    struct loaded loaded;

    (void)state;
    load(&loaded, "Allow publish group:desk@192.0.2.0/24");
    assert_ok(htpasswd_groups_parse(span_str(text), "groups", &loaded.arena, &loaded.diag,
                                    &loaded.conf.access.groups));
    assert_true(may(&loaded, REALM_ACL_PUBLISH, "alice", "192.0.2.1"));
    assert_true(may(&loaded, REALM_ACL_PUBLISH, "bob", "192.0.2.1"));
    assert_false(may(&loaded, REALM_ACL_PUBLISH, "bob", "198.51.100.1"));
    assert_false(may(&loaded, REALM_ACL_PUBLISH, "carol", "192.0.2.1"));
    assert_false(may(&loaded, REALM_ACL_PUBLISH, "", "192.0.2.1"));
    unload(&loaded);
}

/* ---- which line ---- */

static void where_nothing_is_written_all_may_but_purge_and_manage(void **state)
{
    struct loaded loaded;

    (void)state;
    load(&loaded, "");
    assert_true(may(&loaded, REALM_ACL_SUBSCRIBE, "", "::1"));
    assert_true(may(&loaded, REALM_ACL_PUBLISH, "", "::1"));
    assert_true(may(&loaded, REALM_ACL_PEEK, "", "::1"));
    assert_true(may(&loaded, REALM_ACL_EID, "", "::1"));
    assert_true(may(&loaded, REALM_ACL_DURABLE, "", "::1"));
    assert_false(may(&loaded, REALM_ACL_PURGE, "alice", "::1"));
    assert_false(may(&loaded, REALM_ACL_MANAGE, "alice", "::1"));
    unload(&loaded);
}

static void allowing_some_refuses_the_others_and_says_nothing_of_other_rights(void **state)
{
    struct loaded loaded;

    (void)state;
    load(&loaded, "Allow publish,purge alice");
    assert_true(may(&loaded, REALM_ACL_PUBLISH, "alice", "::1"));
    assert_true(may(&loaded, REALM_ACL_PURGE, "alice", "::1"));
    assert_false(may(&loaded, REALM_ACL_PUBLISH, "bob", "::1"));
    assert_false(may(&loaded, REALM_ACL_PUBLISH, "", "::1"));
    assert_true(may(&loaded, REALM_ACL_SUBSCRIBE, "bob", "::1"));
    assert_false(may(&loaded, REALM_ACL_MANAGE, "alice", "::1"));
    unload(&loaded);
}

static void denying_some_leaves_the_others_what_they_had(void **state)
{
    struct loaded loaded;

    (void)state;
    load(&loaded, "Deny all anonymous");
    assert_false(may(&loaded, REALM_ACL_SUBSCRIBE, "", "::1"));
    assert_false(may(&loaded, REALM_ACL_PUBLISH, "", "::1"));
    assert_true(may(&loaded, REALM_ACL_PUBLISH, "bob", "::1"));
    assert_false(may(&loaded, REALM_ACL_PURGE, "bob", "::1"));
    unload(&loaded);
}

static void of_lines_that_fit_the_first_counts(void **state)
{
    struct loaded loaded;

    (void)state;
    load(&loaded, "Deny publish mallory\nAllow publish *\n");
    assert_false(may(&loaded, REALM_ACL_PUBLISH, "mallory", "::1"));
    assert_true(may(&loaded, REALM_ACL_PUBLISH, "bob", "::1"));
    unload(&loaded);

    load(&loaded, "Allow publish *\nDeny publish mallory\n");
    assert_true(may(&loaded, REALM_ACL_PUBLISH, "mallory", "::1"));
    unload(&loaded);

    /* Of one line's patterns, too; and a Deny in front does not make an Allow last. */
    load(&loaded, "Deny publish bob carol@::1\nAllow publish carol\n");
    assert_false(may(&loaded, REALM_ACL_PUBLISH, "carol", "::1"));
    assert_true(may(&loaded, REALM_ACL_PUBLISH, "carol", "::2"));
    assert_false(may(&loaded, REALM_ACL_PUBLISH, "dave", "::2"));
    unload(&loaded);
}

static void names_that_no_section_covers_have_no_lines(void **state)
{
    struct loaded loaded;

    (void)state;
    load(&loaded, "Deny all *");
    assert_null(realm_conf_route_acl(&loaded.conf, SPAN("/other")));
    assert_non_null(realm_conf_route_acl(&loaded.conf, SPAN("/fx/")));
    unload(&loaded);
}

static void a_verdict_names_the_line(void **state)
{
    char room[REALM_ACL_TEXT_BYTES];
    struct realm_acl_verdict verdict;
    struct realm_acl_subject bob;
    struct loaded loaded;

    (void)state;
    load(&loaded, "Allow publish alice\nDeny publish,eid b*@::/0");
    bob = somebody(&loaded, "bob", "2001:db8::1");
    verdict = realm_acl_judge(realm_conf_route_acl(&loaded.conf, SPAN("/fx/eur")),
                              REALM_ACL_PUBLISH, &bob);
    assert_string_equal(realm_acl_verdict_text(&verdict, room), "r.conf:3, Deny b*@::/0");
    assert_string_equal(realm_acl_subject_text(&bob, room), "bob@2001:db8::1");
    bob.user = SPAN("");
    verdict.rule = NULL;
    assert_string_equal(realm_acl_verdict_text(&verdict, room),
                        "no Allow in the section at r.conf:1 is for it");
    assert_string_equal(realm_acl_subject_text(&bob, room), "anonymous@2001:db8::1");
    verdict.acl = NULL;
    assert_string_equal(realm_acl_verdict_text(&verdict, room), "no section is for it");
    unload(&loaded);
}

/* ---- what is wrong ---- */

static void wrong_lines_are_refused_with_a_remedy(void **state)
{
    static const struct {
        const char *line;
        const char *said;
    } wrong[] = {
        {"Allow write alice",
         "dir/r.conf:2: Allow: \"write\" is not a right (write subscribe, publish, peek, eid, "
         "durable, purge, manage or all, several with commas and no spaces)"},
        {"Deny publish,,eid alice",
         "dir/r.conf:2: Deny: \"\" is not a right (write subscribe, publish, peek, eid, "
         "durable, purge, manage or all, several with commas and no spaces)"},
        {"Allow publish alice@host.example",
         "dir/r.conf:2: Allow: \"alice@host.example\": what is behind the @ is neither *, an "
         "address nor a network; names of hosts are not looked up (write alice@*, "
         "group:desk@10.0.0.0/8, valid-user, anonymous or *)"},
        {"Allow publish @::1", "dir/r.conf:2: Allow: \"@::1\": it names nobody (write alice@*, "
                               "group:desk@10.0.0.0/8, valid-user, anonymous or *)"},
        {"Allow publish group:",
         "dir/r.conf:2: Allow: \"group:\": it names nobody (write alice@*, "
         "group:desk@10.0.0.0/8, valid-user, anonymous or *)"},
        {"Allow publish desk:alice",
         "dir/r.conf:2: Allow: \"desk:alice\": a user's name has no colon, and a group is "
         "written group:NAME (write alice@*, group:desk@10.0.0.0/8, valid-user, anonymous or "
         "*)"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct loaded loaded;

        load(&loaded, wrong[i].line);
        assert_string_equal(said(&loaded), wrong[i].said);
        assert_int_equal(diag_count(&loaded.diag, DIAG_ERROR), 1);
        unload(&loaded);
    }
}

static void a_section_has_a_most_of_patterns(void **state)
{
    char lines[1800] = "";
    struct loaded loaded;
    size_t len = 0;

    (void)state;
    for (int line = 0; line < 5; line++) { /* 5 times 52 */
        len += (size_t)snprintf(lines + len, sizeof lines - len, "\nAllow all");
        for (int i = 0; i < 52; i++) {
            len += (size_t)snprintf(lines + len, sizeof lines - len, " u%d", line);
        }
    }
    load(&loaded, lines);
    assert_string_equal(said(&loaded),
                        "dir/r.conf:7: a section may have 256 patterns in Allow and Deny (use "
                        "groups, or *)");
    assert_true(may(&loaded, REALM_ACL_PURGE, "u4", "::1"));
    unload(&loaded);
}

static void patterns_that_can_fit_nobody_are_said(void **state)
{
    struct loaded loaded;

    (void)state;
    load(&loaded, "Allow publish alice valid-user anonymous *@10.0.0.0/8\nDeny eid group:x");
    realm_conf_route_check(&loaded.conf, "r.conf", &loaded.diag);
    assert_string_equal(said(&loaded), "dir/r.conf:2: warning: \"alice\": nobody can log in, "
                                       "so it fits nobody (add AuthUserFile)");
    assert_int_equal(diag_count(&loaded.diag, DIAG_WARNING), 2);
    assert_int_equal(diag_count(&loaded.diag, DIAG_ERROR), 1);
    unload(&loaded);
}

static void load_and_unload(void)
{
    struct loaded loaded;

    load(&loaded, "Allow publish a b c d e f g h i j k\nDeny all *");
    assert_true(loaded.e == OK || loaded.e == ERR_NOMEM);
    unload(&loaded);
}

static void running_out_of_memory_leaks_nothing(void **state)
{
    (void)state;
    every_oom(load_and_unload);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patterns_fit_whom_they_name),
        cmocka_unit_test(a_group_is_who_stands_in_the_file),
        cmocka_unit_test(where_nothing_is_written_all_may_but_purge_and_manage),
        cmocka_unit_test(allowing_some_refuses_the_others_and_says_nothing_of_other_rights),
        cmocka_unit_test(denying_some_leaves_the_others_what_they_had),
        cmocka_unit_test(of_lines_that_fit_the_first_counts),
        cmocka_unit_test(names_that_no_section_covers_have_no_lines),
        cmocka_unit_test(a_verdict_names_the_line),
        cmocka_unit_test(wrong_lines_are_refused_with_a_remedy),
        cmocka_unit_test(a_section_has_a_most_of_patterns),
        cmocka_unit_test(patterns_that_can_fit_nobody_are_said),
        cmocka_unit_test(running_out_of_memory_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

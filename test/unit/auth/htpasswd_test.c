/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "auth/htpasswd.h"

#include "lib/oom.h"
#include "lib/testing.h"

#include <stdio.h>

#define SHA "{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g="

static struct arena arena;
static struct diag diag;

static const struct htpasswd *parse(const char *text)
{
    const struct htpasswd *users;

    arena_init(&arena, 1024 * 1024);
    diag_init(&diag);
    assert_ok(htpasswd_parse(span_str(text), "users", &arena, &diag, &users));
    return users;
}

static void done(void)
{
    diag_fini(&diag);
    arena_fini(&arena);
}

static const char *hash_of(const struct htpasswd *users, const char *name)
{
    const struct htpasswd_user *user = htpasswd_find(users, span_str(name));

    return user == NULL ? NULL : (const char *)user->hash.ptr;
}

static void users_are_found_by_their_whole_name(void **state)
{
    const struct htpasswd *users = parse("# users\n"
                                         "\n"
                                         "bob:" SHA "\r\n"
                                         "  alice:" SHA ":more: of it\n"
                                         "zo\xc3\xab with blanks:" SHA "  \n"
                                         "last:" SHA);

    (void)state;
    assert_int_equal(diag_count(&diag, DIAG_ERROR), 0);
    assert_int_equal(users->count, 4);
    assert_string_equal(hash_of(users, "alice"), SHA);
    assert_string_equal(hash_of(users, "bob"), SHA);
    assert_string_equal(hash_of(users, "zo\xc3\xab with blanks"), SHA);
    assert_string_equal(hash_of(users, "last"), SHA);
    assert_null(hash_of(users, "ali"));
    assert_null(hash_of(users, "alicea"));
    assert_null(hash_of(users, "Bob"));
    assert_null(hash_of(users, ""));
    done();
}

static void of_two_lines_for_one_name_the_first_counts(void **state)
{
    const struct htpasswd *users =
        parse("a:" SHA "\na:$apr1$salt$0123456789012345678901\nb:" SHA "\n");

    (void)state;
    assert_int_equal(users->count, 2);
    assert_string_equal(hash_of(users, "a"), SHA);
    assert_int_equal(diag_count(&diag, DIAG_WARNING), 1);
    assert_int_equal(diag_next(&diag, NULL)->line, 2);
    done();
}

static void a_malformed_line_is_named(void **state)
{
    static const struct {
        const char *line, *says;
    } rows[] = {
        {"alice", "there is no colon"},
        {":" SHA, "there is no name"},
        {"a\x01:" SHA, "control byte"},
        {"alice:", "there is nothing behind the colon"},
        {"alice:password", "is not a password hash that is known here"},
        {"alice:rqXexS6ZhobKA", "old crypt"},
        {"alice:{SHA}abc", "{SHA} hash that is not whole"},
        {"alice:{SSHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", "is not a password hash"},
        {"alice:$2y$05$short", "bcrypt hash that is not whole"},
        {"alice:$2y$31$C6UzMDM.H6dfI/f/IKxGhuVWTTpYP6b0VwIPMXOfGjM6yZZg6hh9i", "cost"},
        {"alice:$5$rounds=999999999$salt$", "rounds"},
        {"alice:$6$salt$short", "SHA-crypt hash that is not whole"},
        {"alice:$1$salt$0123456789012345678901", "is not a password hash"},
        {"alice:$apr1$saltsaltsalt$0123456789012345678901", "$apr1$ hash that is not whole"},
        {"alice:$y$", "yescrypt hash that is not whole"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[512];
        const struct diag_message *message;

        snprintf(text, sizeof text, "good:" SHA "\n%s\n", rows[i].line);
        assert_int_equal(parse(text)->count, 1);
        message = diag_next(&diag, NULL);
        if (message == NULL || strstr(message->text, rows[i].says) == NULL) {
            fail_msg("row %zu: %s", i, message == NULL ? "silence" : message->text);
        }
        assert_int_equal(message->severity, DIAG_ERROR);
        assert_int_equal(message->line, 2);
        assert_string_equal(message->file, "users");
        done();
    }
}

static void a_file_that_cannot_be_read_says_why(void **state)
{
    const struct htpasswd *users = NULL;
    char fault[DIAG_MAX_TEXT];

    (void)state;
    arena_init(&arena, 1024 * 1024);
    diag_init(&diag);
    assert_int_equal(htpasswd_read("/nonexistent", &arena, &diag, fault, &users), ERR_CONF);
    assert_non_null(strstr(fault, "No such file"));
    assert_int_equal(htpasswd_read("/dev/zero", &arena, &diag, fault, &users), ERR_CONF);
    assert_non_null(strstr(fault, "is no file"));
    assert_null(users);
    done();
}

static void parse_some(void)
{
    const struct htpasswd *users;

    arena_init(&arena, 1024 * 1024);
    diag_init(&diag);
    (void)!htpasswd_parse(SPAN("a:" SHA "\nb\na:" SHA), "users", &arena, &diag, &users);
    done();
}

static void running_out_of_memory_leaks_nothing(void **state)
{
    (void)state;
    every_oom(parse_some);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(users_are_found_by_their_whole_name),
        cmocka_unit_test(of_two_lines_for_one_name_the_first_counts),
        cmocka_unit_test(a_malformed_line_is_named),
        cmocka_unit_test(a_file_that_cannot_be_read_says_why),
        cmocka_unit_test(running_out_of_memory_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

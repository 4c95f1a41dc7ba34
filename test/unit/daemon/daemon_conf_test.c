/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "daemon/daemon_conf.h"

#include "conf/conf_load.h"
#include "daemon/privileges.h"
#include "daemon/service.h"
#include "lib/testing.h"

#include <unistd.h>

struct loaded {
    struct daemon_conf conf;
    struct arena arena;
    struct diag diag;
};

static struct loaded loaded;

static enum err load(const char *text)
{
    const struct conf_table table = {daemon_conf_rows, &loaded.conf};
    const struct conf_apply apply = {
        .tables = &table,
        .table_count = 1,
        .place = SERVICE_IN_SERVER,
        .arena = &loaded.arena,
        .diag = &loaded.diag,
    };

    loaded = (struct loaded){0};
    arena_init(&loaded.arena, 1024 * 1024);
    diag_init(&loaded.diag);
    TRY(conf_load(&apply, span_str(text), "test.conf"));
    daemon_conf_check(&loaded.conf, "test.conf", &loaded.diag);
    return diag_count(&loaded.diag, DIAG_ERROR) > 0 ? ERR_CONF : OK;
}

static void unload(void)
{
    arena_fini(&loaded.arena);
    diag_fini(&loaded.diag);
}

static void nothing_is_a_complete_configuration(void **state)
{
    (void)state;
    assert_ok(load(""));
    assert_int_equal(loaded.conf.graceful_timeout, 30000);
    assert_int_equal(loaded.conf.memory_max, 0);
    assert_int_equal(loaded.conf.admin.listen_count, 0);
    assert_int_equal(loaded.conf.error_log.len, 0);
    assert_int_equal(loaded.conf.log_level, LOG_INFO);
    unload();
}

static void everything_can_be_said(void **state)
{
    (void)state;
    assert_ok(load("ErrorLog /var/log/wayleave/error.log\n"
                   "LogLevel crit\n"
                   "PidFile /run/wayleave.pid\n"
                   "User www-data\n"
                   "Group 33\n"
                   "GracefulShutdownTimeout 0\n"
                   "MemoryMax 512m\n"
                   "AdminListen 9180\n"
                   "AdminListen [::1]:9180\n"
                   "AdminListen 10.0.0.1:9180\n"
                   "AdminAllow 10.0.0.0/8 192.168.1.\n"
                   "AdminName proxy.example proxy\n"));
    assert_bytes(loaded.conf.error_log, SPAN("/var/log/wayleave/error.log"));
    assert_int_equal(loaded.conf.log_level, LOG_ERROR);
    assert_bytes(loaded.conf.user.name, SPAN("www-data"));
    assert_bytes(loaded.conf.group.name, SPAN("33"));
    assert_int_equal(loaded.conf.graceful_timeout, 0);
    assert_int_equal(loaded.conf.memory_max, 512u * 1024 * 1024);
    assert_int_equal(loaded.conf.admin.listen_count, 3);
    assert_true(addr_is_loopback(&loaded.conf.admin.listens[0].addr));
    assert_int_equal(loaded.conf.admin.allow_count, 2);
    assert_int_equal(loaded.conf.admin.name_count, 2);
    unload();
}

static void what_cannot_be_is_refused_with_the_way_out(void **state)
{
    static const struct {
        const char *text;
        const char *way_out;
    } lines[] = {
        {"ErrorLog syslog\n", "write stderr"},
        {"ErrorLog syslog:local7\n", "write stderr"},
        {"ErrorLog \"|/usr/bin/rotatelogs x\"\n", "SIGUSR1"},
        {"User \"\"\n", "no name"},
        {"AdminListen localhost:9180\n", "write 127.0.0.1:9180"},
        {"AdminListen 127.0.0.1\n", "write 127.0.0.1:9180"},
        {"AdminListen ::1:9180\n", "[::1]:9180"},
        {"AdminListen 0.0.0.0:9180\n", "add AdminAllow"},
        {"AdminAllow example.net\n", "write 10.0.0.7"},
        {"GracefulShutdownTimeout soon\n", "30"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        assert_int_equal(load(lines[i].text), ERR_CONF);
        if (i + 1 < sizeof lines / sizeof lines[0]) {
            assert_non_null(strstr(diag_next(&loaded.diag, NULL)->text, lines[i].way_out));
        }
        unload();
    }
}

static void stderr_may_be_written(void **state)
{
    (void)state;
    assert_ok(load("ErrorLog /tmp/x\nErrorLog stderr\n"));
    assert_int_equal(loaded.conf.error_log.len, 0);
    unload();
}

/* ---- privileges_plan() ---- */

static void an_account_is_looked_up(void **state)
{
    struct privileges plan;

    (void)state;
    assert_ok(load("User no-such-user-here\n"));
    assert_int_equal(privileges_plan(&loaded.conf.user, &loaded.conf.group, true, "test.conf",
                                     &loaded.diag, &plan),
                     ERR_CONF);
    assert_non_null(strstr(diag_next(&loaded.diag, NULL)->text, "useradd"));
    unload();
    assert_ok(load("User root\nGroup no-such-group-here\n"));
    assert_int_equal(privileges_plan(&loaded.conf.user, &loaded.conf.group, true, "test.conf",
                                     &loaded.diag, &plan),
                     ERR_CONF);
    unload();
}

static void who_we_are_is_no_change(void **state)
{
    struct privileges plan;

    (void)state;
    assert_ok(load(geteuid() == 0 ? "User root\n" : ""));
    assert_ok(privileges_plan(&loaded.conf.user, &loaded.conf.group, true, "test.conf",
                              &loaded.diag, &plan));
    assert_int_equal(plan.uid, geteuid());
    assert_int_equal(diag_count(&loaded.diag, DIAG_WARNING), 0);
    unload();
}

static void a_number_needs_no_account(void **state)
{
    struct privileges plan;

    (void)state;
    assert_ok(load("User \"#54321\"\nGroup 54322\n"));
    assert_ok(privileges_plan(&loaded.conf.user, &loaded.conf.group, true, "test.conf",
                              &loaded.diag, &plan));
    if (geteuid() == 0) {
        assert_true(plan.is_change);
        assert_int_equal(plan.uid, 54321);
        assert_int_equal(plan.gid, 54322);
    } else {
        assert_false(plan.is_change);
        assert_int_equal(diag_count(&loaded.diag, DIAG_WARNING), 1);
    }
    unload();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_a_complete_configuration),
        cmocka_unit_test(everything_can_be_said),
        cmocka_unit_test(what_cannot_be_is_refused_with_the_way_out),
        cmocka_unit_test(stderr_may_be_written),
        cmocka_unit_test(an_account_is_looked_up),
        cmocka_unit_test(who_we_are_is_no_change),
        cmocka_unit_test(a_number_needs_no_account),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

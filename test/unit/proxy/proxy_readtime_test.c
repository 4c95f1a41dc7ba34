/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "proxy/proxy_readtime.h"

#include "conf/conf_load.h"
#include "lib/oom.h"
#include "lib/testing.h"

enum {
    IN_SERVER = 1
};

static enum err set(void *conf, const struct conf_node *node, const struct conf_apply *apply)
{
    return proxy_readtime_read(conf, node, apply);
}

static const struct directive rows[] = {
    {.name = "RequestReadTimeout",
     .type = CONF_CUSTOM,
     .min = 1,
     .max = 2,
     .set = set,
     .where = IN_SERVER},
    {.name = NULL},
};

/* How many errors; *ret_conf is what came of it. */
static size_t load(const char *line, struct proxy_readtime_conf *ret_conf)
{
    const struct conf_table table = {rows, ret_conf};
    struct arena arena;
    struct diag diag;
    const struct conf_apply apply = {
        .tables = &table, .table_count = 1, .place = IN_SERVER, .arena = &arena, .diag = &diag};
    size_t errors;

    *ret_conf = (struct proxy_readtime_conf){0};
    arena_init(&arena, 1000000);
    diag_init(&diag);
    if (conf_load(&apply, span_str(line), "p.conf") == ERR_NOMEM) {
        assert_true(oom_has_struck());
    }
    errors = diag_count(&diag, DIAG_ERROR);
    arena_fini(&arena);
    diag_fini(&diag);
    return errors;
}

static void what_httpd_takes_is_taken(void **state)
{
    struct proxy_readtime_conf conf;

    (void)state;
    assert_int_equal(
        load("RequestReadTimeout header=20-40,MinRate=500 body=10,minrate=100", &conf), 0);
    assert_true(conf.has_header);
    assert_int_equal(conf.header.first, 20000);
    assert_int_equal(conf.header.most, 40000);
    assert_int_equal(conf.header.min_rate, 500);
    assert_int_equal(conf.body.first, 10000);
    assert_true(conf.body.most == MSEC_NEVER);
    assert_int_equal(conf.body.min_rate, 100);
    assert_int_equal(load("RequestReadTimeout body=5", &conf), 0);
    assert_false(conf.has_header);
    assert_int_equal(conf.body.min_rate, 0);
    assert_int_equal(load("RequestReadTimeout header=10-30", &conf), 0);
    assert_int_equal(conf.header.min_rate, 1);
}

static void anything_else_is_an_error(void **state)
{
    static const char *const wrong[] = {
        "RequestReadTimeout 20",
        "RequestReadTimeout header",
        "RequestReadTimeout header=",
        "RequestReadTimeout header=x",
        "RequestReadTimeout header=-20",
        "RequestReadTimeout header=40-20",
        "RequestReadTimeout tail=20",
        "RequestReadTimeout body=20,Rate=5",
        "RequestReadTimeout body=20,MinRate=0",
        "RequestReadTimeout body=20,MinRate=-1",
        "RequestReadTimeout body=999999999",
    };

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct proxy_readtime_conf conf;

        if (load(wrong[i], &conf) != 1) {
            fail_msg("%s", wrong[i]);
        }
    }
}

static void bytes_at_a_fair_rate_earn_time_up_to_the_maximum(void **state)
{
    const struct proxy_readtime limit = {.first = 20000, .most = 40000, .min_rate = 500};
    const struct proxy_readtime open_end = {
        .first = 20000, .most = MSEC_NEVER, .min_rate = 500};
    const struct proxy_readtime fixed = {.first = 20000, .most = MSEC_NEVER};
    const struct proxy_readtime none = {0};

    (void)state;
    assert_int_equal(proxy_readtime_allowed(&limit, 0), 20000);
    assert_int_equal(proxy_readtime_allowed(&limit, 500), 21000);
    assert_int_equal(proxy_readtime_allowed(&limit, 1000000), 40000);
    assert_int_equal(proxy_readtime_allowed(&open_end, 1000000), 2020000);
    assert_int_equal(proxy_readtime_allowed(&fixed, 1000000), 20000);
    assert_true(proxy_readtime_allowed(&none, 0) == MSEC_NEVER);
    assert_true(proxy_readtime_allowed(&open_end, UINT64_MAX) >= 20000);
}

static void load_one(void)
{
    struct proxy_readtime_conf conf;

    load("RequestReadTimeout header=20-40,MinRate=500", &conf);
}

static void running_out_of_memory_leaks_nothing(void **state)
{
    (void)state;
    every_oom(load_one);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_httpd_takes_is_taken),
        cmocka_unit_test(anything_else_is_an_error),
        cmocka_unit_test(bytes_at_a_fair_rate_earn_time_up_to_the_maximum),
        cmocka_unit_test(running_out_of_memory_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

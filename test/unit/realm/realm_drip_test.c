/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "realm/realm_drip.h"

#include "lib/testing.h"

#include <stdlib.h>

static void assert_out(struct buf *out, const char *text)
{
    assert_int_equal(out->len, strlen(text));
    assert_memory_equal(out->ptr, text, out->len);
    buf_truncate(out, 0);
}

static void a_piece_comes_at_its_time_and_the_end_at_once(void **state)
{
    const struct realm_http_drip plan = {REALM_HTTP_DRIP_CHUNKED, 2, 100};
    struct realm_drip drip;
    struct buf out;

    (void)state;
    buf_init(&out, 100);
    realm_drip_init(&drip, &plan, 1000);
    assert_ok(realm_drip_next(&drip, 1000, &out));
    assert_out(&out, "1\r\na\r\n");
    assert_int_equal(realm_drip_next(&drip, 1099, &out), ERR_AGAIN);
    assert_int_equal(realm_drip_deadline(&drip), 1100);
    assert_ok(realm_drip_next(&drip, 1100, &out));
    assert_out(&out, "1\r\nb\r\n");
    assert_false(realm_drip_has_ended(&drip));
    assert_ok(realm_drip_next(&drip, 1100, &out));
    assert_out(&out, "0\r\n\r\n");
    assert_true(realm_drip_has_ended(&drip));
    assert_int_equal(realm_drip_next(&drip, 9999, &out), ERR_AGAIN);
    buf_fini(&out);
}

static void events_are_whole_chunks(void **state)
{
    const struct realm_http_drip plan = {REALM_HTTP_DRIP_EVENTS, 1, 0};
    struct realm_drip drip;
    struct buf out;

    (void)state;
    buf_init(&out, 100);
    realm_drip_init(&drip, &plan, 0);
    assert_ok(realm_drip_next(&drip, 0, &out));
    assert_out(&out, "9\r\ndata: 1\n\n\r\n");
    buf_fini(&out);
}

static void plain_bytes_are_as_many_as_asked_for(void **state)
{
    static const uint64_t sizes[] = {0, 1, 16384, 16385, 100000};

    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        const struct realm_http_drip plan = {REALM_HTTP_DRIP_PLAIN, sizes[i], 0};
        struct realm_drip drip;
        struct buf out;

        buf_init(&out, 200000);
        realm_drip_init(&drip, &plan, 0);
        while (!realm_drip_has_ended(&drip)) {
            assert_ok(realm_drip_next(&drip, 0, &out));
        }
        assert_int_equal(out.len, sizes[i]);
        buf_fini(&out);
    }
}

static void no_room_is_said_and_nothing_is_lost(void **state)
{
    const struct realm_http_drip plan = {REALM_HTTP_DRIP_CHUNKED, 1, 0};
    struct realm_drip drip;
    struct buf out;

    (void)state;
    buf_init(&out, 5);
    realm_drip_init(&drip, &plan, 0);
    assert_int_equal(realm_drip_next(&drip, 0, &out), ERR_LIMIT);
    assert_int_equal(out.len, 0);
    out.max = 100;
    assert_ok(realm_drip_next(&drip, 0, &out));
    assert_out(&out, "1\r\na\r\n");
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_piece_comes_at_its_time_and_the_end_at_once),
        cmocka_unit_test(events_are_whole_chunks),
        cmocka_unit_test(plain_bytes_are_as_many_as_asked_for),
        cmocka_unit_test(no_room_is_said_and_nothing_is_lost),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

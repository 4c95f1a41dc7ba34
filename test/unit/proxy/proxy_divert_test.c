/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * What proxy_divert says without a network; the rest is tested end to end.
 */
#include "proxy/proxy_divert.h"

#include "lib/testing.h"

static struct span refusal_for(struct proxy_divert *divert, uint16_t status, struct buf *out)
{
    const struct proxy_refusal refusal = {.status = status};

    buf_truncate(out, 0);
    assert_ok(proxy_divert_put_refusal(divert, &refusal, out));
    return buf_span(out);
}

static void a_tls_client_is_refused_with_an_alert(void **state)
{
    struct proxy_divert divert = {.kind = PROXY_DETECT_TLS};
    struct buf out;

    (void)state;
    buf_init(&out, 100);
    assert_bytes(refusal_for(&divert, 403, &out), span_ro(hex("15 03 03 00 02 02 31")));
    assert_bytes(refusal_for(&divert, 421, &out), span_ro(hex("15 03 03 00 02 02 70")));
    assert_bytes(refusal_for(&divert, 502, &out), span_ro(hex("15 03 03 00 02 02 50")));
    assert_bytes(refusal_for(&divert, 504, &out), span_ro(hex("15 03 03 00 02 02 50")));
    assert_bytes(refusal_for(&divert, 408, &out), span_ro(hex("15 03 03 00 02 02 32")));
    divert.alert = 47; /* what tls_hello said */
    assert_bytes(refusal_for(&divert, 400, &out), span_ro(hex("15 03 03 00 02 02 2f")));
    buf_fini(&out);
}

static void nobody_knows_how_to_tell_others(void **state)
{
    struct proxy_divert divert = {.kind = PROXY_DETECT_OTHER};
    struct buf out;

    (void)state;
    buf_init(&out, 100);
    assert_int_equal(refusal_for(&divert, 403, &out).len, 0);
    buf_fini(&out);
}

static void requests_are_for_where_the_client_was_going(void **state)
{
    struct proxy_divert divert = {.host = "2001:db8::7", .kind = PROXY_DETECT_HTTP};
    struct proxy_request_origin origin;

    (void)state;
    assert_true(addr_parse(SPAN("2001:db8::7"), 8080, &divert.origin));
    origin = proxy_divert_origin(&divert);
    assert_bytes(origin.host, SPAN("2001:db8::7"));
    assert_int_equal(origin.port, 8080);
    assert_false(origin.is_tunnel);
    divert.kind = PROXY_DETECT_TLS;
    assert_true(proxy_divert_origin(&divert).is_tunnel);
    proxy_divert_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tls_client_is_refused_with_an_alert),
        cmocka_unit_test(nobody_knows_how_to_tell_others),
        cmocka_unit_test(requests_are_for_where_the_client_was_going),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "sockjs/sockjs_path.h"

#include "lib/testing.h"

static void is(const char *path, enum sockjs_path_kind kind, const char *session)
{
    struct sockjs_path read = sockjs_path_read(span_str(path));

    assert_int_equal(read.kind, kind);
    assert_bytes(read.session, span_str(session));
}

static void each_resource_has_its_path(void **state)
{
    (void)state;
    is("", SOCKJS_PATH_GREETING, "");
    is("/", SOCKJS_PATH_GREETING, "");
    is("/info", SOCKJS_PATH_INFO, "");
    is("/websocket", SOCKJS_PATH_RAW_WEBSOCKET, "");
    is("/iframe.html", SOCKJS_PATH_IFRAME, "");
    is("/iframe-.html", SOCKJS_PATH_IFRAME, "");
    is("/iframe-0.1.2abc-dirty.2144.html", SOCKJS_PATH_IFRAME, "");
    is("/000/abc/websocket", SOCKJS_PATH_WEBSOCKET, "abc");
    is("/000/abc/xhr", SOCKJS_PATH_XHR, "abc");
    is("/_/_/xhr_streaming", SOCKJS_PATH_XHR_STREAMING, "_");
    is("/abcdefgh_i-j%20/abcdefg_i-j%20/eventsource", SOCKJS_PATH_EVENTSOURCE,
       "abcdefg_i-j%20");
    is("/1/1/xhr_send", SOCKJS_PATH_XHR_SEND, "1");
}

static void everything_else_is_not_found(void **state)
{
    static const char *const paths[] = {
        "x",
        "//",
        "///",
        "/a",
        "/a.html",
        "/a/a",
        "/a/a/",
        "/a/",
        "/iframe.htm",
        "/iframe",
        "/IFRAME.HTML",
        "/iframe.HTML",
        "/iframe.xml",
        "/iframe-/.html",
        "/info/",
        "/a./a/xhr",
        "/a/a./xhr",
        "/./././xhr",
        "//a/xhr",
        "/a//xhr",
        "/a/a/xhr/",
        "/a/a/none",
        "/a/a/greeting",
        "/a/a/jsonp",
        "/a/a/htmlfile",
        "/a/a/xhr/x",
        "/a/a/XHR",
    };
    char long_session[SOCKJS_PATH_SESSION_MAX + 20] = "/a/";

    (void)state;
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        is(paths[i], SOCKJS_PATH_NONE, "");
    }
    memset(long_session + 3, 'x', SOCKJS_PATH_SESSION_MAX + 1);
    memcpy(long_session + 3 + SOCKJS_PATH_SESSION_MAX, "/xhr", 5);
    assert_int_equal(sockjs_path_read(span_str(long_session)).kind, SOCKJS_PATH_XHR);
    memcpy(long_session + 3 + SOCKJS_PATH_SESSION_MAX, "x/xhr", 6);
    is(long_session, SOCKJS_PATH_NONE, "");
}

static void each_resource_has_a_method_and_a_name(void **state)
{
    (void)state;
    assert_string_equal(sockjs_path_method(SOCKJS_PATH_XHR), "POST");
    assert_string_equal(sockjs_path_method(SOCKJS_PATH_XHR_SEND), "POST");
    assert_string_equal(sockjs_path_method(SOCKJS_PATH_XHR_STREAMING), "POST");
    assert_string_equal(sockjs_path_method(SOCKJS_PATH_EVENTSOURCE), "GET");
    assert_string_equal(sockjs_path_method(SOCKJS_PATH_INFO), "GET");
    assert_string_equal(sockjs_path_name(SOCKJS_PATH_XHR_STREAMING), "xhr_streaming");
    assert_string_equal(sockjs_path_name(SOCKJS_PATH_NONE), "none");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_resource_has_its_path),
        cmocka_unit_test(everything_else_is_not_found),
        cmocka_unit_test(each_resource_has_a_method_and_a_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

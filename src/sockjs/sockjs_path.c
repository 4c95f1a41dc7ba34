/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "sockjs/sockjs_path.h"

static const struct {
    const char *name;
    const char *method;
} kinds[] = {
    [SOCKJS_PATH_NONE] = {"none", NULL},
    [SOCKJS_PATH_GREETING] = {"greeting", "GET"},
    [SOCKJS_PATH_INFO] = {"info", "GET"},
    [SOCKJS_PATH_IFRAME] = {"iframe", "GET"},
    [SOCKJS_PATH_RAW_WEBSOCKET] = {"raw websocket", "GET"},
    [SOCKJS_PATH_WEBSOCKET] = {"websocket", "GET"},
    [SOCKJS_PATH_XHR] = {"xhr", "POST"},
    [SOCKJS_PATH_XHR_STREAMING] = {"xhr_streaming", "POST"},
    [SOCKJS_PATH_EVENTSOURCE] = {"eventsource", "GET"},
    [SOCKJS_PATH_XHR_SEND] = {"xhr_send", "POST"},
};

static bool ends_with(struct span text, const char *end)
{
    size_t len = strlen(end);

    return text.len >= len && span_equals(span_tail(text, text.len - len), end);
}

/* "Any value in server and session fields", "but not an empty string, anything containing
 * dots".
 */
static bool is_part(struct span part)
{
    return part.len > 0 && span_find(part, '.') == part.len;
}

static struct span take_part(struct span *rest)
{
    size_t slash = span_find(*rest, '/');
    struct span part = span_head(*rest, slash);

    *rest = span_tail(*rest, slash < rest->len ? slash + 1 : slash);
    return part;
}

static struct sockjs_path read_session(struct span rest)
{
    struct sockjs_path path = {.kind = SOCKJS_PATH_NONE};
    struct span server = take_part(&rest);
    struct span session = take_part(&rest);

    if (!is_part(server) || !is_part(session) || session.len > SOCKJS_PATH_SESSION_MAX) {
        return path;
    }
    for (int kind = SOCKJS_PATH_WEBSOCKET; kind <= SOCKJS_PATH_XHR_SEND; kind++) {
        if (span_equals(rest, kinds[kind].name)) {
            path.kind = (enum sockjs_path_kind)kind;
            path.session = session;
        }
    }
    return path;
}

struct sockjs_path sockjs_path_read(struct span path)
{
    struct sockjs_path none = {.kind = SOCKJS_PATH_NONE};

    if (path.len <= 1) {
        none.kind = path.len == 0 || path.ptr[0] == '/' ? SOCKJS_PATH_GREETING : none.kind;
        return none;
    }
    if (path.ptr[0] != '/') {
        return none;
    }
    path = span_tail(path, 1);
    if (span_find(path, '/') < path.len) {
        return read_session(path);
    }
    if (span_equals(path, "info")) {
        none.kind = SOCKJS_PATH_INFO;
    } else if (span_equals(path, "websocket")) {
        none.kind = SOCKJS_PATH_RAW_WEBSOCKET;
    } else if (span_starts(path, SPAN("iframe")) && ends_with(path, ".html")) {
        none.kind = SOCKJS_PATH_IFRAME;
    }
    return none;
}

const char *sockjs_path_method(enum sockjs_path_kind kind)
{
    assert(kind != SOCKJS_PATH_NONE);
    return kinds[kind].method;
}

const char *sockjs_path_name(enum sockjs_path_kind kind)
{
    return kinds[kind].name;
}

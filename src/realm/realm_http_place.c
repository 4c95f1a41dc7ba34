/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "realm/realm_http_place.h"

#include "realm/realm_conf_route.h"

/* ---- names ---- */

static int digit_of(uint8_t c)
{
    c = span_lower(c);
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One character; what is left of the text stays in it. -1: it is none. */
static int take(struct span *text)
{
    int c = text->ptr[0];
    int high, low;

    if (c != '%') {
        *text = span_tail(*text, 1);
        return c;
    }
    high = text->len > 2 ? digit_of(text->ptr[1]) : -1;
    low = text->len > 2 ? digit_of(text->ptr[2]) : -1;
    if (high < 0 || low < 0) {
        return -1;
    }
    *text = span_tail(*text, 3);
    return high * 16 + low;
}

static bool decode(struct span text, bool has_slash, uint8_t room[ROUTER_NAME_MAX],
                   struct span *ret_text)
{
    size_t len = 0;

    while (text.len > 0) {
        int c = take(&text);

        if (c < 0) {
            return false;
        }
        if (len == 0 && has_slash && c != '/') {
            room[len++] = '/';
        }
        if (len == ROUTER_NAME_MAX) {
            return false;
        }
        room[len++] = (uint8_t)c;
    }
    *ret_text = span_of(room, len);
    return len > (has_slash ? 1 : 0);
}

bool realm_http_place_name(struct span text, uint8_t room[ROUTER_NAME_MAX],
                           struct span *ret_name)
{
    return decode(text, true, room, ret_name);
}

bool realm_http_place_text(struct span text, uint8_t room[ROUTER_NAME_MAX],
                           struct span *ret_text)
{
    return decode(text, false, room, ret_text);
}

/* ---- places ---- */

/* Takes the end off the name. False: it has no such end, or nothing before it. */
static bool cut(struct span *name, struct span suffix)
{
    if (name->len <= suffix.len ||
        !span_equal(span_tail(*name, name->len - suffix.len), suffix)) {
        return false;
    }
    *name = span_head(*name, name->len - suffix.len);
    return true;
}

/* "NAME/durables/ID", with that suffix in the middle. */
static bool cut_inner(struct span *name, struct span suffix, struct span *ret_id)
{
    struct span rest = *name;
    size_t at = name->len;

    while (at > 0 && name->ptr[at - 1] != '/') {
        at--;
    }
    if (at == 0 || at == name->len) {
        return false;
    }
    rest = span_head(*name, at - 1);
    if (!cut(&rest, suffix)) {
        return false;
    }
    *ret_id = span_tail(*name, at);
    *name = rest;
    return true;
}

static enum realm_http_place_what what_of(struct realm_http_place *place)
{
    bool is_channel = place->kind == ROUTER_CHANNEL;
    bool is_group = place->kind == ROUTER_GROUP;

    if (cut(&place->name, SPAN("/events"))) {
        return REALM_HTTP_PLACE_EVENTS;
    }
    if (!is_group && cut(&place->name, SPAN("/purge"))) {
        return REALM_HTTP_PLACE_PURGE;
    }
    if (is_channel && cut(&place->name, SPAN("/durables"))) {
        return REALM_HTTP_PLACE_DURABLES;
    }
    if (is_channel && cut_inner(&place->name, SPAN("/durables"), &place->durable)) {
        return REALM_HTTP_PLACE_DURABLE;
    }
    if (is_group && cut(&place->name, SPAN("/streams"))) {
        return REALM_HTTP_PLACE_MEMBERS;
    }
    if (is_group && cut_inner(&place->name, SPAN("/streams"), &place->stream)) {
        return REALM_HTTP_PLACE_MEMBER;
    }
    return REALM_HTTP_PLACE_ONE;
}

struct realm_http_place realm_http_place_of(struct span path)
{
    static const struct span prefixes[] = {[ROUTER_CHANNEL] = SPAN_INIT("/api/channels"),
                                           [ROUTER_QUEUE] = SPAN_INIT("/api/queues"),
                                           [ROUTER_GROUP] = SPAN_INIT("/api/groups")};
    struct realm_http_place place = {.what = REALM_HTTP_PLACE_NOWHERE};
    struct span rest;

    if (span_equals(path, "/api/health")) {
        place.what = REALM_HTTP_PLACE_HEALTH;
        return place;
    }
    if (span_equals(path, "/api/streams")) {
        place.what = REALM_HTTP_PLACE_STREAMS;
        return place;
    }
    place.kind = span_starts(path, prefixes[ROUTER_QUEUE])   ? ROUTER_QUEUE
                 : span_starts(path, prefixes[ROUTER_GROUP]) ? ROUTER_GROUP
                                                             : ROUTER_CHANNEL;
    if (!span_starts(path, prefixes[place.kind])) {
        return place;
    }
    rest = span_tail(path, prefixes[place.kind].len);
    if (rest.len > 0 && rest.ptr[0] != '/') {
        return place;
    }
    if (rest.len <= 1) {
        place.what = REALM_HTTP_PLACE_LIST;
        return place;
    }
    place.name = span_tail(rest, 1);
    place.what = what_of(&place);
    return place;
}

const char *realm_http_place_methods(const struct realm_http_place *place)
{
    switch (place->what) {
    case REALM_HTTP_PLACE_ONE: return "GET, HEAD, PUT, DELETE, OPTIONS";
    case REALM_HTTP_PLACE_EVENTS:
        return place->kind == ROUTER_GROUP ? "POST, OPTIONS" : "GET, HEAD, POST, OPTIONS";
    case REALM_HTTP_PLACE_PURGE: return "POST, OPTIONS";
    case REALM_HTTP_PLACE_DURABLE: return "DELETE, OPTIONS";
    case REALM_HTTP_PLACE_MEMBER: return "PUT, DELETE, OPTIONS";
    case REALM_HTTP_PLACE_NOWHERE:
    case REALM_HTTP_PLACE_HEALTH:
    case REALM_HTTP_PLACE_LIST:
    case REALM_HTTP_PLACE_DURABLES:
    case REALM_HTTP_PLACE_MEMBERS:
    case REALM_HTTP_PLACE_STREAMS: break;
    }
    return "GET, HEAD, OPTIONS";
}

const char *realm_http_place_query(const struct realm_http_place *place, struct span method)
{
    const bool is_reading = span_equals(method, "GET") || span_equals(method, "HEAD");

    switch (place->what) {
    case REALM_HTTP_PLACE_LIST:
    case REALM_HTTP_PLACE_MEMBERS:
    case REALM_HTTP_PLACE_STREAMS: return "after, max";
    case REALM_HTTP_PLACE_EVENTS:
        return !is_reading ? "" : place->kind == ROUTER_CHANNEL ? "from, max" : "max";
    case REALM_HTTP_PLACE_PURGE: return "to";
    case REALM_HTTP_PLACE_ONE: return span_equals(method, "DELETE") ? "force" : "";
    case REALM_HTTP_PLACE_NOWHERE:
    case REALM_HTTP_PLACE_HEALTH:
    case REALM_HTTP_PLACE_DURABLES:
    case REALM_HTTP_PLACE_DURABLE:
    case REALM_HTTP_PLACE_MEMBER: break;
    }
    return "";
}

const char *realm_http_place_kind(const struct realm_http_place *place)
{
    return realm_conf_route_kind(place->kind)->word;
}

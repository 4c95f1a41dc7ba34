/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "bin/shell_event.h"

#include "base/digest.h"
#include "base/json.h"
#include "base/text.h"
#include "base/utf8.h"
#include "pubsub/dict_json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    EVENT_BYTES_MAX = 64 * 1024 * 1024, /* memory of one line that is read */
    VALUES_MAX = 10000,
    HEADERS_MAX = 64,
    NAME_TEXT_BYTES = 48,
};

/* ---- out ---- */

/* What stands outside of "headers", or says nothing outside of its frame. */
static bool is_of_the_frame(struct span name)
{
    static const char *const names[] = {
        "destination", "subscription", "message-id",       "eid", "content-length", "ack",
        "timestamp",   "redelivered",  "redelivery-count",
    };

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (span_equals(name, names[i])) {
            return true;
        }
    }
    return false;
}

/* Of a header that comes twice, the first counts: STOMP 1.2, "Repeated Header Entries". */
static bool is_repeated(const struct stomp_frame *frame, size_t at)
{
    return stomp_frame_find(frame, frame->headers[at].name) != &frame->headers[at];
}

static enum err write_headers(const struct stomp_frame *frame, struct buf *out)
{
    const char *comma = "";

    TRY(buf_append_byte(out, '{'));
    for (size_t i = 0; i < frame->header_count; i++) {
        const struct stomp_header *header = &frame->headers[i];

        if (!is_of_the_frame(header->name) && !is_repeated(frame, i)) {
            TRY(buf_printf(out, "%s", comma));
            TRY(json_put_string(out, header->name));
            TRY(buf_append(out, SPAN(": ")));
            TRY(json_put_string(out, header->value));
            comma = ", ";
        }
    }
    return buf_append_byte(out, '}');
}

enum err shell_event_write(const struct stomp_frame *frame, struct buf *out)
{
    const struct stomp_header *channel = stomp_frame_find(frame, SPAN("destination"));
    const struct stomp_header *eid = stomp_frame_find(frame, SPAN("eid"));
    bool is_text = utf8_is_valid(frame->body);
    uint64_t number;

    TRY(buf_append(out, SPAN("{\"channel\": ")));
    TRY(json_put_string(out, channel == NULL ? SPAN("") : channel->value));
    if (eid != NULL && text_u64(eid->value, UINT64_MAX, &number)) {
        TRY(buf_printf(out, ", \"eid\": %" PRIu64, number));
    }
    TRY(buf_append(out, SPAN(", \"headers\": ")));
    TRY(write_headers(frame, out));
    TRY(buf_printf(out, ", \"%s\": ", is_text ? "data" : "base64"));
    TRY(is_text ? json_put_string(out, frame->body) : json_put_base64(out, frame->body));
    return buf_append(out, SPAN("}\n"));
}

/* ---- in ---- */

static enum err fail(struct mspan why, const char *sentence)
{
    snprintf((char *)why.ptr, why.len, "%s", sentence);
    return ERR_PROTO;
}

/* *ret_text stays as it is when there is no such member. */
static bool read_text(const struct dict *root, const char *name, struct span *ret_text)
{
    const struct dict_value *value = dict_find(root, span_str(name));

    if (value != NULL && value->type == DICT_STRING) {
        *ret_text = value->text;
    }
    return value == NULL || value->type == DICT_STRING;
}

static enum err read_headers(const struct dict *root, struct mspan why,
                             struct shell_event *event)
{
    const struct dict_value *headers = dict_find(root, SPAN("headers"));

    if (headers == NULL) {
        return OK;
    }
    if (headers->type != DICT_DICT || headers->dict->count > HEADERS_MAX) {
        return fail(why, "headers must be an object of at most 64 texts");
    }
    for (size_t i = 0; i < headers->dict->count; i++) {
        if (headers->dict->members[i].value.type != DICT_STRING) {
            return fail(why, "each of headers must be a text");
        }
    }
    event->headers = headers->dict;
    return OK;
}

static enum err read_body(const struct dict *root, struct mspan why, struct shell_event *event)
{
    struct span base64 = SPAN("");
    size_t len;

    if (!read_text(root, "data", &event->body) || !read_text(root, "base64", &base64)) {
        return fail(why, "data and base64 must be texts");
    }
    if (dict_find(root, SPAN("base64")) == NULL) {
        return OK;
    }
    len = digest_base64_bytes(base64);
    if (dict_find(root, SPAN("data")) != NULL || len == SIZE_MAX) {
        return fail(why, "base64 must be base64, and there is no data besides it");
    }
    event->decoded = malloc(len + 3); /* two more than it stands for, and never none */
    if (event->decoded == NULL) {
        return ERR_NOMEM;
    }
    if (!digest_base64_decode(base64, event->decoded, &len)) {
        return fail(why, "base64 must be base64, and there is no data besides it");
    }
    event->body = span_of(event->decoded, len);
    return OK;
}

/* What is misspelt must not be published as nothing. What `sub --json` and the HTTP API say of
 * an event besides is passed over. */
static enum err check_names(const struct dict *root, struct mspan why)
{
    static const char *const known[] = {"data",    "base64", "headers",   "publishId",
                                        "channel", "eid",    "timestamp", "expires"};

    char shown[NAME_TEXT_BYTES];

    for (size_t i = 0; i < root->count; i++) {
        struct span name = root->members[i].name;
        bool is_known = false;

        for (size_t j = 0; j < sizeof known / sizeof known[0]; j++) {
            is_known = is_known || span_equals(name, known[j]);
        }
        if (!is_known) {
            snprintf((char *)why.ptr, why.len,
                     "\"%s\" is no part of an event (write data or base64, headers, publishId)",
                     text_printable(name, shown, sizeof shown));
            return ERR_PROTO;
        }
    }
    return OK;
}

static enum err read_root(struct mspan why, struct shell_event *event)
{
    TRY(check_names(event->root, why));
    if (!read_text(event->root, "publishId", &event->publish_id)) {
        return fail(why, "publishId must be a text");
    }
    TRY(read_headers(event->root, why, event));
    return read_body(event->root, why, event);
}

enum err shell_event_read(struct span line, struct mspan why, struct shell_event *ret_event)
{
    const struct dict_limits limits = {.bytes = EVENT_BYTES_MAX, .values = VALUES_MAX};
    struct shell_event event = {.headers = NULL};
    struct dict_fault fault;
    enum err e = dict_json_read(line, &limits, &fault, &event.root);

    if (e == ERR_PROTO || e == ERR_LIMIT) {
        snprintf((char *)why.ptr, why.len, "%s (at byte %zu)", dict_fault_text(fault.reason),
                 fault.at);
    }
    if (e != OK) {
        return e;
    }
    e = read_root(why, &event);
    if (e != OK) {
        shell_event_fini(&event);
        return e;
    }
    *ret_event = event;
    return OK;
}

void shell_event_fini(struct shell_event *event)
{
    dict_free(event->root);
    free(event->decoded);
}

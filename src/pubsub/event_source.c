/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "pubsub/event_source.h"

#include "pubsub/dict_number.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

static const struct dict_limits limits = {.bytes = EVENT_SOURCE_DICT_BYTES,
                                          .values = EVENT_SOURCE_DICT_VALUES,
                                          .around = 1};

static bool find_event_header(const struct event *event, struct span name,
                              struct span *ret_value)
{
    struct event_header header;
    size_t at = 0;

    while (event_next_header(event, &at, &header)) {
        if (span_equal(header.name, name)) { /* STOMP 1.2, "Repeated Header Entries" */
            *ret_value = header.value;
            return true;
        }
    }
    return false;
}

static bool find_header(void *ctx, struct span name, struct span *ret_value)
{
    struct event_source *source = ctx;

    if (!span_equals(name, "message-id")) {
        return find_event_header(source->event, name, ret_value);
    }
    snprintf(source->message_id, sizeof source->message_id, "%.*s@%" PRIu64,
             SPAN_ARG(source->channel), source->event->eid);
    *ret_value = span_str(source->message_id);
    return true;
}

void event_source_init(struct event_source *source, const struct event *event,
                       struct span channel)
{
    source->event = event;
    source->channel = channel;
    source->change = NULL;
    source->root = NULL;
    source->attributes = NULL;
    source->is_read = false;
    source->source =
        (struct selector_source){.find_header = find_header, .ctx = source, .eid = event->eid};
}

void event_source_fini(struct event_source *source)
{
    dict_free(source->root);
    dict_free(source->attributes);
}

static bool means_dict(struct span content_type)
{
    return span_equals(content_type, "application/vnd.wayleave.event+json");
}

bool event_source_is_dict(const struct event *event)
{
    struct span type;

    return find_event_header(event, SPAN("content-type"), &type) && means_dict(type);
}

enum err event_source_check(struct span content_type, struct span body,
                            struct dict_fault *ret_fault)
{
    struct dict_json_event parts;
    struct dict *root;
    enum err e;

    if (!means_dict(content_type)) {
        return OK;
    }
    e = dict_json_read(body, &limits, ret_fault, &root);
    if (e == ERR_LIMIT && ret_fault->reason != DICT_FAULT_DEPTH) {
        return OK; /* too much for us, and perhaps not for its readers */
    }
    TRY(e);
    e = dict_json_event(root, ret_fault, &parts);
    dict_free(root);
    return e;
}

static void read_body(struct event_source *source)
{
    struct dict_json_event parts;
    struct dict_fault fault;

    if (!event_source_is_dict(source->event) ||
        dict_json_read(event_body(source->event), &limits, &fault, &source->root) != OK ||
        dict_json_event(source->root, &fault, &parts) != OK) {
        return;
    }
    source->source.dict = parts.dict;
    source->source.tag = parts.tag;
}

static void read_attributes(struct event_source *source)
{
    const struct dict_value *publisher;
    struct dict_fault fault;
    struct span text;

    if (!find_event_header(source->event, SPAN("attributes"), &text) ||
        dict_json_read(text, &limits, &fault, &source->attributes) != OK) {
        return;
    }
    source->source.attributes = source->attributes;
    publisher = dict_find(source->attributes, SPAN("publisherName"));
    if (publisher != NULL && publisher->type == DICT_STRING) {
        source->source.publisher = publisher->text;
    }
}

static const struct selector_source *read(struct event_source *source)
{
    if (!source->is_read) {
        source->is_read = true;
        source->source.time = (int64_t)source->event->time;
        read_body(source);
        read_attributes(source);
    }
    return &source->source;
}

bool event_source_matches(struct event_source *source, const struct selector *selector)
{
    return selector_matches(selector, read(source));
}

/* As the publisher wrote it, so that 1.1 is one value in a dictionary and in a header. */
static int print_real(const struct dict_value *value, char *room, size_t room_bytes)
{
    assert(room_bytes >= DICT_NUMBER_CHARS);
    if (!isfinite(value->real)) {
        return snprintf(room, room_bytes, "%f", value->real);
    }
    dict_number_print(value->real, value->type == DICT_FLOAT, room);
    return (int)strlen(room);
}

static bool value_text(const struct dict_value *value, char *room, size_t room_bytes,
                       struct span *ret_value)
{
    int len = 0;

    switch (value->type) {
    case DICT_CHAR:
    case DICT_STRING:
    case DICT_BYTES: *ret_value = value->text; return true;
    case DICT_BOOLEAN:
        len = snprintf(room, room_bytes, "%s", value->boolean ? "true" : "false");
        break;
    case DICT_BYTE:
    case DICT_SHORT:
    case DICT_INT:
    case DICT_LONG: len = snprintf(room, room_bytes, "%" PRId64, value->integer); break;
    case DICT_FLOAT:
    case DICT_DOUBLE: len = print_real(value, room, room_bytes); break;
    case DICT_NULL:
    case DICT_DICT:
    case DICT_ARRAY:
    case DICT_MIXED: return false;
    }
    assert(len > 0 && (size_t)len < room_bytes);
    *ret_value = span_str(room);
    return true;
}

bool event_source_key(struct event_source *source, struct span name, char *room,
                      size_t room_bytes, struct span *ret_value)
{
    const struct dict *dict = read(source)->dict;
    const struct dict_value *value = dict == NULL ? NULL : dict_find(dict, name);

    if (value != NULL) {
        return value_text(value, room, room_bytes, ret_value);
    }
    return find_header(source, name, ret_value);
}

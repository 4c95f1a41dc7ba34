/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "realm/realm_made_record.h"

#include "base/json.h"
#include "base/text.h"
#include "pubsub/dict_json.h"
#include "pubsub/dict_json_write.h"
#include "realm/realm_conf_route.h"

#include <inttypes.h>

const struct span realm_made_record_prefix = SPAN_INIT("made\0");

struct span realm_made_record_key(struct span name, uint8_t room[STORE_KEY_MAX])
{
    const struct span prefix = realm_made_record_prefix;

    memcpy(room, prefix.ptr, prefix.len);
    memcpy(room + prefix.len, name.ptr, name.len);
    return span_of(room, prefix.len + name.len);
}

struct span realm_made_record_name(struct span key)
{
    return span_tail(key, realm_made_record_prefix.len);
}

enum err realm_made_record_write(const struct realm_made_record *record, struct buf *out)
{
    TRY(buf_printf(out, "{\"kind\":\"%s\",\"by\":", realm_conf_route_kind(record->kind)->word));
    TRY(json_put_string(out, span_str(record->by)));
    TRY(buf_printf(out, ",\"at\":%" PRIu64 ",\"attributes\":", record->at));
    TRY(buf_append(out, buf_span(&record->attributes)));
    return buf_append_byte(out, '}');
}

static enum err read_members(const struct dict *value, struct realm_made_record *record)
{
    const struct dict_value *kind = dict_find(value, SPAN("kind"));
    const struct dict_value *by = dict_find(value, SPAN("by"));
    const struct dict_value *at = dict_find(value, SPAN("at"));
    const struct dict_value *attributes = dict_find(value, SPAN("attributes"));

    if (kind == NULL || kind->type != DICT_STRING || by == NULL || by->type != DICT_STRING ||
        at == NULL || at->type < DICT_INT || at->type > DICT_LONG || attributes == NULL ||
        attributes->type != DICT_DICT) {
        return ERR_PROTO;
    }
    record->kind = span_equals(kind->text, "queue")   ? ROUTER_QUEUE
                   : span_equals(kind->text, "group") ? ROUTER_GROUP
                                                      : ROUTER_CHANNEL;
    record->at = (uint64_t)at->integer;
    text_printable(by->text, record->by, sizeof record->by);
    return dict_json_write(attributes->dict, &record->attributes);
}

enum err realm_made_record_read(struct span value, struct realm_made_record *ret_record)
{
    const struct dict_limits limits = {.bytes = 8 * STORE_VALUE_MAX, .values = 2000};
    struct realm_made_record record = {.kind = ROUTER_CHANNEL};
    struct dict_fault fault;
    struct dict *root;
    enum err e = dict_json_read(value, &limits, &fault, &root);

    if (e != OK) {
        return e == ERR_NOMEM ? e : ERR_PROTO;
    }
    buf_init(&record.attributes, STORE_VALUE_MAX);
    e = read_members(root, &record);
    dict_free(root);
    if (e != OK) {
        buf_fini(&record.attributes);
        return e;
    }
    *ret_record = record;
    return OK;
}

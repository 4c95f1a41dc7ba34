/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "pubsub/selector_path.h"

enum {
    HEADER_STEPS = 32,        /* a search through all headers, in steps of an evaluation */
    JMS_PRIORITY_DEFAULT = 4, /* JMS 1.1 section 3.4.10 */
};

static void take_steps(size_t *steps, size_t count)
{
    *steps -= count < *steps ? count : *steps;
}

/* ---- the dictionary ---- */

static const struct dict_value *member_of(const struct dict_value *value, struct span name)
{
    return value->type == DICT_DICT ? dict_find(value->dict, name) : NULL;
}

static const struct dict_value *element_of(const struct dict_value *value,
                                           const struct selector_path_step *step,
                                           struct selector_path_choice *choice)
{
    uint64_t nth = step->nth;

    if (value->type != DICT_ARRAY) {
        return NULL;
    }
    if (step->type == SELECTOR_PATH_ANY) {
        nth = choice->index[step->any];
        choice->count[step->any] = value->array->count;
        choice->is_empty = choice->is_empty || value->array->count == 0;
    }
    return nth < value->array->count ? &value->array->values[nth] : NULL;
}

static const struct dict_value *walk(const struct selector_path *path, const struct dict *dict,
                                     struct selector_path_choice *choice, size_t *steps)
{
    const struct dict_value *value = dict_find(dict, path->first->name);

    for (const struct selector_path_step *step = path->first->next;
         step != NULL && value != NULL; step = step->next) {
        take_steps(steps, 1);
        value = step->type == SELECTOR_PATH_MEMBER ? member_of(value, step->name)
                                                   : element_of(value, step, choice);
    }
    return value;
}

/* ---- headers ---- */

static struct selector_value header(const struct selector_source *source, struct span name)
{
    struct selector_value value = {.type = SELECTOR_VALUE_HEADER};

    if (source->find_header == NULL || !source->find_header(source->ctx, name, &value.text)) {
        value.type = SELECTOR_VALUE_NULL;
    }
    return value;
}

/* ---- what the realm knows ---- */

static struct selector_value text_or_null(struct span text)
{
    return (struct selector_value){
        .type = text.len > 0 ? SELECTOR_VALUE_STRING : SELECTOR_VALUE_NULL, .text = text};
}

static struct selector_value integer_or_null(int64_t integer)
{
    return (struct selector_value){.type = integer != 0 ? SELECTOR_VALUE_INTEGER
                                                        : SELECTOR_VALUE_NULL,
                                   .integer = integer};
}

/* What STOMP clients say in a header, or ours among the attributes. */
static struct selector_value header_or_attribute(const struct selector_source *source,
                                                 struct span name, const char *attribute)
{
    struct selector_value value = header(source, name);
    const struct dict_value *found = NULL;

    if (value.type == SELECTOR_VALUE_NULL && source->attributes != NULL) {
        found = dict_find(source->attributes, span_str(attribute));
    }
    return found == NULL ? value : selector_value_of(found);
}

/* The names of JMS 1.1 section 3.8.1.1, with the headers that STOMP brokers keep them in. */
static struct selector_value jms_value(const struct selector_source *source, struct span name)
{
    static const struct {
        const char *name;
        struct span header;
        const char *attribute;
    } headers[] = {
        {"JMSCorrelationID", SPAN_INIT("correlation-id"), "correlationId"},
        {"JMSMessageID", SPAN_INIT("message-id"), ""},
        {"JMSReplyTo", SPAN_INIT("reply-to"), "replyToName"},
        {"JMSType", SPAN_INIT("type"), "messageType"},
    };
    struct selector_value value;

    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
        if (span_equals(name, headers[i].name)) {
            return header_or_attribute(source, headers[i].header, headers[i].attribute);
        }
    }
    if (span_equals(name, "JMSTimestamp")) {
        return integer_or_null(source->time);
    }
    if (span_equals(name, "JMSPriority")) {
        value = header_or_attribute(source, SPAN("priority"), "priority");
        return value.type == SELECTOR_VALUE_NULL ? integer_or_null(JMS_PRIORITY_DEFAULT)
                                                 : value;
    }
    if (span_equals(name, "JMSDeliveryMode")) {
        value = header(source, SPAN("persistent"));
        return value.type != SELECTOR_VALUE_NULL && span_equals(value.text, "true")
                   ? text_or_null(SPAN("PERSISTENT"))
                   : text_or_null(SPAN("NON_PERSISTENT"));
    }
    return (struct selector_value){.type = SELECTOR_VALUE_NULL};
}

static struct selector_value known_value(const struct selector_source *source, struct span name)
{
    if (span_starts(name, SPAN("JMS"))) {
        return jms_value(source, name);
    }
    if (span_equals(name, "$eid")) {
        return integer_or_null((int64_t)source->eid);
    }
    if (span_equals(name, "$time")) {
        return integer_or_null(source->time);
    }
    if (span_equals(name, "$tag")) {
        return text_or_null(source->tag);
    }
    if (span_equals(name, "$publisher")) {
        return text_or_null(source->publisher);
    }
    return (struct selector_value){.type = SELECTOR_VALUE_NULL};
}

struct selector_value selector_path_value(const struct selector_path *path,
                                          const struct selector_source *source,
                                          struct selector_path_choice *choice, size_t *steps)
{
    const struct dict_value *found = NULL;
    struct selector_value value;

    if (source->dict != NULL) {
        found = path->name.len > 0 ? dict_find(source->dict, path->name) : NULL;
        found = found != NULL ? found : walk(path, source->dict, choice, steps);
    }
    take_steps(steps, 1);
    if (found != NULL) {
        return selector_value_of(found);
    }
    if (path->name.len == 0) {
        return (struct selector_value){.type = SELECTOR_VALUE_NULL};
    }
    take_steps(steps, HEADER_STEPS);
    value = header(source, path->name);
    return value.type == SELECTOR_VALUE_NULL ? known_value(source, path->name) : value;
}

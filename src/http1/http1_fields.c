/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "http1/http1_fields.h"

/* RFC 9110 5.1: field names are case-insensitive */
static const struct http1_field *find_from(struct http1_fields fields, struct span name,
                                           size_t *at)
{
    while (*at < fields.count) {
        const struct http1_field *field = &fields.ptr[(*at)++];

        if (span_equal_nocase(field->name, name)) {
            return field;
        }
    }
    return NULL;
}

const struct http1_field *http1_fields_find(struct http1_fields fields, struct span name)
{
    size_t at = 0;

    return find_from(fields, name, &at);
}

size_t http1_fields_count(struct http1_fields fields, struct span name)
{
    size_t count = 0;
    size_t at = 0;

    while (find_from(fields, name, &at) != NULL) {
        count++;
    }
    return count;
}

struct http1_fields_list http1_fields_list(struct http1_fields fields, struct span name)
{
    return (struct http1_fields_list){.fields = fields, .name = name};
}

/* Where the item ends: at a comma outside quotes. RFC 9110 5.6.4: in a quoted string a
 * backslash hides the byte behind it. */
static size_t item_len(struct span text)
{
    bool quoted = false;
    size_t i;

    for (i = 0; i < text.len; i++) {
        if (text.ptr[i] == '"') {
            quoted = !quoted;
        } else if (quoted && text.ptr[i] == '\\' && i + 1 < text.len) {
            i++;
        } else if (!quoted && text.ptr[i] == ',') {
            break;
        }
    }
    return i;
}

bool http1_fields_list_next(struct http1_fields_list *list, struct span *ret_item)
{
    for (;;) {
        struct span item;
        size_t len;

        if (list->rest.len == 0) {
            const struct http1_field *field = find_from(list->fields, list->name, &list->at);

            if (field == NULL) {
                return false;
            }
            list->rest = field->value;
            continue;
        }
        len = item_len(list->rest);
        item = span_trim(span_head(list->rest, len));
        list->rest = span_tail(list->rest, len < list->rest.len ? len + 1 : len);
        /* RFC 9110 5.6.1.2: a recipient MUST parse and ignore empty list elements */
        if (item.len > 0) {
            *ret_item = item;
            return true;
        }
    }
}

bool http1_fields_has_token(struct http1_fields fields, struct span name, struct span token)
{
    struct http1_fields_list list = http1_fields_list(fields, name);
    struct span item;

    while (http1_fields_list_next(&list, &item)) {
        if (span_equal_nocase(item, token)) {
            return true;
        }
    }
    return false;
}

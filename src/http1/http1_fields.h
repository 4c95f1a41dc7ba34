/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * The fields of a head: looked up by name, and cut into the items of a comma-separated list
 * (RFC 9110 sections 5.1 to 5.6). Nothing here owns or fails.
 */
#pragma once

#include "base/span.h"

struct http1_field {
    struct span name;  /* as it was sent; compare without case */
    struct span value; /* without white space at both ends */
};

struct http1_fields {
    const struct http1_field *ptr; /* borrowed from the head, in the order of arrival */
    size_t count;
};

/** A walk over the items of all fields of one name. */
struct http1_fields_list {
    struct http1_fields fields;
    struct span name;
    size_t at;        /* the field to look at next */
    struct span rest; /* of the field in hand */
};

/** The first field of that name, or NULL. */
const struct http1_field *http1_fields_find(struct http1_fields fields, struct span name);

/** How many fields have that name. */
size_t http1_fields_count(struct http1_fields fields, struct span name);

/** Begins a walk. The name is borrowed until its end. */
struct http1_fields_list http1_fields_list(struct http1_fields fields, struct span name);

/**
 * The next item, never empty, without white space at both ends; a comma inside a quoted string
 * belongs to the item. False at the end. RFC 9110 section 5.6.1.2.
 */
bool http1_fields_list_next(struct http1_fields_list *list, struct span *ret_item);

/** Whether an item of the list is that token, without case: ("connection", "upgrade"). */
bool http1_fields_has_token(struct http1_fields fields, struct span name, struct span token);

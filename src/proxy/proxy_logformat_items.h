/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * What the letters of a LogFormat stand for. Part of proxy_logformat.
 */
#pragma once

#include "proxy/proxy_logformat.h"

/**
 * Sets item->put for a letter; item->arg is what stood in braces, has_arg whether there were
 * any. ERR_CONF: `fault` says why not.
 */
must_check enum err proxy_logformat_items_find(uint8_t letter, bool has_arg,
                                               struct proxy_logformat_item *item,
                                               char fault[PROXY_LOGFORMAT_FAULT_BYTES]);

/** Writes the text itself: a literal. */
void proxy_logformat_items_literal(const struct proxy_logformat_line *line,
                                   const struct proxy_logformat_item *item,
                                   struct proxy_logformat_out *out);

/** Whether the item is %{Name}i. */
bool proxy_logformat_items_is_request_field(const struct proxy_logformat_item *item);

/** The words of a request line; what is missing is empty. */
struct proxy_logformat_items_words {
    struct span method, target, version;
};

struct proxy_logformat_items_words proxy_logformat_items_words(struct span request);

/** "client", "server", "proxy". */
const char *proxy_logformat_items_closer(unsigned closer);

/* %I, %O and %b: what they are made of. */
uint64_t proxy_logformat_items_in_bytes(const struct proxy_accesslog_entry *entry);
uint64_t proxy_logformat_items_out_bytes(const struct proxy_accesslog_entry *entry);
uint64_t proxy_logformat_items_body_bytes(const struct proxy_accesslog_entry *entry);

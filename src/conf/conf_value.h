/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * One word of a directive, by its row: checked and written to the member. Knows neither tree
 * nor diag. CUSTOM, SECTION, IGNORED and REFUSED have no value.
 */
#pragma once

#include "base/buf.h"
#include "conf/conf_schema.h"

enum {
    CONF_VALUE_MAX_FORM = 256, /* bytes of room for conf_value_form() */
};

/**
 * Stores `word`; PORTS adds it to what is there. TEXT is stored as it is: the caller has copied
 * it to where it may stay. False when it will not do: then `fault` holds the sentence, without
 * the directive's name: `"10q" is not a duration (write 500ms, 10s or 2m)`.
 */
bool conf_value_store(const struct directive *row, struct span word, void *conf,
                      char fault[DIAG_MAX_TEXT]);

/** What may be written there: "On or Off", "1s to 1h". Returns `room`. */
const char *conf_value_form(const struct directive *row, char room[CONF_VALUE_MAX_FORM]);

/** "1s to 1h", "64 or more bytes"; "" when there are no bounds, or none worth saying. */
const char *conf_value_bounds(const struct directive *row, char room[CONF_VALUE_MAX_FORM]);

/** The member's value as a directive would say it: "60s", "443 563". Errors as buf_append(). */
must_check enum err conf_value_print(const struct directive *row, const void *conf,
                                     struct buf *out);

/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * The manual of the directives, printed from their rows: a chapter in Markdown or a man page.
 */
#pragma once

#include "base/buf.h"
#include "conf/conf_schema.h"

enum {
    CONF_MANUAL_MAX_ROWS = 1024, /* of all chapters; more are an error */
};

enum conf_manual_format {
    CONF_MANUAL_MARKDOWN,
    CONF_MANUAL_MAN,
};

struct conf_manual_chapter {
    const char *title;            /* "The proxy" */
    const char *intro;            /* a few sentences, plain text; or NULL */
    const struct directive *rows; /* those of its sections' content follow by themselves */
};

struct conf_manual {
    const struct conf_manual_chapter *chapters;
    size_t chapter_count;
    uint32_t server; /* the place that is no section */
};

/** IGNORED and REFUSED rows whose name an earlier row has are left out. Errors as
 *  buf_append(). */
must_check enum err conf_manual_print(const struct conf_manual *manual,
                                      enum conf_manual_format format, struct buf *out);

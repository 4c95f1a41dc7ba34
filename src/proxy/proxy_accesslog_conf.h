/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * LogFormat and CustomLog, with httpd's meaning:
 *
 *   LogFormat "%h %t \"%r\" %>s" short       a nickname
 *   CustomLog /var/log/wayleave/access.log short
 *   CustomLog /dev/stdout "%h %>s"
 *   LogFormat json                           for a CustomLog that names no format
 *
 * Nicknames may be defined behind the CustomLog that uses them. Without any CustomLog there is
 * one, /dev/stdout.
 */
#pragma once

#include "conf/conf_schema.h"

enum {
    PROXY_ACCESSLOG_CONF_LOGS_MAX = 8,
    PROXY_ACCESSLOG_CONF_FORMATS_MAX = 32,
};

struct proxy_accesslog_conf_format {
    struct span nickname; /* in the arena, as the others */
    struct span text;
};

struct proxy_accesslog_conf_log {
    struct span file;    /* a final zero follows */
    struct span format;  /* a nickname, until proxy_accesslog_conf_check(); then the text */
    const char *said_in; /* the configuration file, and the line in it */
    unsigned line;
};

/** A member of struct proxy_conf. */
struct proxy_accesslog_conf {
    struct proxy_accesslog_conf_log logs[PROXY_ACCESSLOG_CONF_LOGS_MAX];
    size_t count;
    struct proxy_accesslog_conf_format formats[PROXY_ACCESSLOG_CONF_FORMATS_MAX];
    size_t format_count;
    struct span usual; /* the format of a LogFormat without a nickname; empty: our own */
};

/** For the `set` of LogFormat (one or two words). Faults go to apply->diag. */
must_check enum err proxy_accesslog_conf_read_format(struct proxy_accesslog_conf *conf,
                                                     const struct conf_node *node,
                                                     const struct conf_apply *apply);

/** For the `set` of CustomLog (one to three words). */
must_check enum err proxy_accesslog_conf_read_log(struct proxy_accesslog_conf *conf,
                                                  const struct conf_node *node,
                                                  const struct conf_apply *apply);

/** After the whole file was read: finds the formats behind the nicknames, and adds the log that
 *  there is when none was named. */
void proxy_accesslog_conf_check(struct proxy_accesslog_conf *conf, const char *file,
                                struct diag *diag);

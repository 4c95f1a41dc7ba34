/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * httpd's LogFormat language: a text such as "%h %l %u %t \"%r\" %>s %b" is compiled once into
 * items, which then write lines. No allocation, no clock, no file.
 *
 *   %%  %a %{c}a  %A  %b %B  %D  %h  %H  %I %O %S  %k  %l  %m  %p %{local,remote,canonical}p
 *   %P  %q  %r  %s %>s  %t %{strftime}t  %T %{s,ms,us}T  %u  %U  %v %V  %X
 *   %{Field}i %{Field}o  %{name}n (always "-": there are no notes here)
 *   %{name}x, ours: see proxy_logformat_tunnel.c for the names
 *
 * "<" and ">" are read and mean nothing; "%400,501{...}i" and "%!200{...}i" write "-" for other
 * answers. What comes from a peer is escaped as httpd does: \" \\ \n \r \t \v \b, else \xhh.
 * `json` is a format of its own: one object a line with everything.
 */
#pragma once

#include "base/err.h"
#include "base/span.h"
#include "http1/http1_fields.h"

struct proxy_accesslog_entry;
struct proxy_logformat_out;
struct proxy_logformat_item;

enum {
    PROXY_LOGFORMAT_ITEMS_MAX = 96,
    PROXY_LOGFORMAT_STATUSES_MAX = 8,
    PROXY_LOGFORMAT_LINE_BYTES = 4096, /* with its LF: what a pipe takes whole (PIPE_BUF) */
    PROXY_LOGFORMAT_FAULT_BYTES = 200,
    PROXY_LOGFORMAT_NAMES_MAX = 32,
    PROXY_LOGFORMAT_VALUE_MAX = 512, /* bytes that are kept of one field */
};

/** What one line is made of. */
struct proxy_logformat_line {
    const struct proxy_accesslog_entry *entry;
    uint64_t ended_ms; /* when it was over: milliseconds of wall time since 1970 */
};

typedef void proxy_logformat_put(const struct proxy_logformat_line *line,
                                 const struct proxy_logformat_item *item,
                                 struct proxy_logformat_out *out);

struct proxy_logformat_item {
    proxy_logformat_put *put;
    struct span arg; /* a literal; or what stands in braces. Borrowed from the format's text */
    uint16_t statuses[PROXY_LOGFORMAT_STATUSES_MAX];
    uint8_t status_count; /* 0: whatever the status is */
    bool excludes;        /* the statuses are those without it */
};

struct proxy_logformat {
    struct proxy_logformat_item items[PROXY_LOGFORMAT_ITEMS_MAX];
    size_t count;
};

/** The names of fields that formats ask for. */
struct proxy_logformat_names {
    struct span names[PROXY_LOGFORMAT_NAMES_MAX]; /* borrowed from the formats' texts */
    size_t count;
};

/** Our own default: combined, and what a tunnel is asked about most. */
extern const char proxy_logformat_default[];

/** The text behind a nickname that needs no LogFormat: common, combined, wayleave, json; NULL
 *  for another. */
const char *proxy_logformat_builtin(struct span nickname);

/**
 * `text` is borrowed for the format's life; "json" stands for itself.
 *
 * Returns OK, or ERR_CONF: `fault` is a sentence, with the remedy in parentheses.
 */
must_check enum err proxy_logformat_compile(struct span text,
                                            struct proxy_logformat *ret_format,
                                            char fault[PROXY_LOGFORMAT_FAULT_BYTES]);

/** Writes one line with its LF into `room`, which has at least 2 bytes, and returns how many
 *  bytes it has. What does not fit is left out. */
size_t proxy_logformat_write(const struct proxy_logformat *format,
                             const struct proxy_logformat_line *line, struct mspan room);

/** Adds the fields of requests (%{Name}i) that the format asks for; too many are not added. */
void proxy_logformat_add_names(const struct proxy_logformat *format,
                               struct proxy_logformat_names *names);

/** Fields that outlive their head. */
struct proxy_logformat_kept {
    struct http1_fields fields; /* borrowed from here */
};

/** Those of `fields` that are among `names`, in one piece of memory that goes with free().
 * NULL: there is none, or no memory. */
struct proxy_logformat_kept *proxy_logformat_keep(const struct proxy_logformat_names *names,
                                                  struct http1_fields fields);

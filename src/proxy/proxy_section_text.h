/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * The spellings of a request that a <Proxy> section is compared with, and of the section's own
 * pattern. RFC 3986 section 6.2.2: scheme and host in lower case, no percent-encoding of
 * unreserved bytes, dot segments resolved; also what servers in the field take for a slash.
 */
#pragma once

#include "base/err.h"
#include "base/span.h"

/** One spelling: "host:port", or "http://host[:port]/path?query". */
struct proxy_section_text {
    struct span text;
    size_t host_at;       /* where the host begins, */
    size_t host_end;      /* where it ends, */
    size_t authority_end; /* and where its port ends */
    unsigned path_number; /* texts of one number differ in scheme and port alone */
};

/** A pattern of <Proxy>, its parts found. */
struct proxy_section_text_pattern {
    struct span text;
    size_t path_at;  /* the slash behind the authority; the length when there is none */
    bool is_glob;    /* it holds *, ? or [...] */
    bool has_scheme; /* "://" stands in it */
    bool names_host; /* its host holds no wildcard and has an end */
};

/** The room that a pattern needs: an IPv6 address may grow by its shortest form, and by two
 *  backslashes. */
#define PROXY_SECTION_TEXT_PATTERN_BYTES(len) ((len) + 64)

/** Cannot fail; `room` holds PROXY_SECTION_TEXT_PATTERN_BYTES(pattern.len). */
void proxy_section_text_pattern(struct span pattern, uint8_t *room,
                                struct proxy_section_text_pattern *ret_parts);

/** Host in lower case without a final dot, an address in its one form, IPv6 in brackets.
 * Returns its length; `room` holds host.len + 64. */
size_t proxy_section_text_host(struct span host, uint8_t *room);

/** The path and query as they were sent, but for needless percent-encoding. Writes at most
 *  path.len + query.len + 2 bytes. */
size_t proxy_section_text_sent(struct span path, struct span query, uint8_t *room);

/** Of what proxy_section_text_sent() wrote: empty and dot segments resolved. Not longer; in
 *  `room`, which is another place. */
size_t proxy_section_text_resolved(struct span sent, uint8_t *room);

/** The same with every byte that some server takes for a slash: an encoded slash, a backslash;
 *  and without path parameters. */
size_t proxy_section_text_bare(struct span sent, uint8_t *room);

/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * What <Proxy pattern> and <ProxyMatch regex> stand for, and whether a request falls under it.
 *
 * Apache httpd compares the bytes of the request as they were sent, so that LOCALHOST, :80
 * written out, /a/../b, //b and %62 walk round a section. Here a request has several spellings
 * that mean the same, and a section has two answers:
 *
 *   generous  it is true of any spelling; a plain pattern is a prefix, as in httpd
 *   narrow    it is true of every spelling; a plain pattern does not end in the middle of a
 * host or a port
 *
 * Who decides, decides by both and takes the stricter verdict: a section that refuses cannot be
 * walked round, and one that admits cannot be stretched. Usually the two are the same.
 *
 * No I/O. Compiled expressions live in the configuration's arena.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/span.h"
#include "proxy/proxy_section_text.h"

enum {
    PROXY_SECTION_TEXTS_MAX = 12, /* 3 spellings of the path, 2 of the port, 2 of the scheme */
    PROXY_SECTION_FAULT_BYTES = 200,
};

enum proxy_section_kind {
    PROXY_SECTION_ALL,    /* * */
    PROXY_SECTION_PREFIX, /* http://example.test/a */
    PROXY_SECTION_GLOB,   /* *.example.test:*, with ?, [a-z] and \ as well */
    PROXY_SECTION_REGEX,  /* <ProxyMatch> */
};

struct proxy_section {
    enum proxy_section_kind kind;
    struct span written; /* as the file has it, for messages. In the arena, as the rest is */
    struct span text;    /* host in lower case, no needless percent-encoding */
    size_t path_at;      /* in `text`: the slash behind the authority; its length without one */
    bool has_scheme;     /* "://" stands in it */
    bool names_host;     /* its host is spelled out */
    const struct proxy_regex *regex; /* REGEX */
};

struct proxy_regex;

/** What is asked for. CONNECT has an empty scheme and path. All spans are borrowed. */
struct proxy_section_url {
    struct span scheme; /* "ws" and "wss" fall under sections for http and https as well */
    struct span host;   /* without brackets */
    uint16_t port;      /* never 0 */
    struct span path;   /* as it was sent, without the query */
    struct span query;  /* behind the question mark; ptr is NULL when there is none */
};

/** The spellings of one request. */
struct proxy_section_target {
    struct proxy_section_text texts[PROXY_SECTION_TEXTS_MAX]; /* in `room` */
    size_t text_count;
    unsigned path_count;
    uint8_t *room; /* owned */
};

struct proxy_section_match {
    bool generous;
    bool narrow;     /* never without generous */
    bool names_host; /* narrow, and the section is for this very host */
    bool is_unknown; /* an expression cost too much to tell */
};

/**
 * Reads a section's name. `fault` (PROXY_SECTION_FAULT_BYTES) says what is wrong with it and,
 * in parentheses, what would be right, on ERR_CONF. ERR_NOMEM, ERR_LIMIT: the arena's.
 */
must_check enum err proxy_section_read(struct span pattern, bool is_regex, struct arena *arena,
                                       struct proxy_section *ret_section, char *fault);

/** Puts the spellings together. ERR_NOMEM. On OK proxy_section_target_fini() is due. */
must_check enum err proxy_section_target_init(struct proxy_section_target *target,
                                              const struct proxy_section_url *url);
void proxy_section_target_fini(struct proxy_section_target *target);

struct proxy_section_match proxy_section_matches(const struct proxy_section *section,
                                                 const struct proxy_section_target *target);

/** httpd's apr_fnmatch without flags: "*" also crosses slashes. The first `fold` bytes of text
 *  are compared without case. Takes time in proportion to both lengths, at worst. */
bool proxy_section_glob(struct span pattern, struct span text, size_t fold);

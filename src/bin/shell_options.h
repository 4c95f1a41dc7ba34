/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * What `wayleave pub` and `wayleave sub` are told on the command line and by the environment.
 *
 * Which proxy: --proxy, else http_proxy for ws:// and https_proxy for wss:// (lower case first,
 * then upper case), unless no_proxy names the host: a list of host names and domain suffixes,
 * or *. Either may have a login in front of the host: http://user:password@host:port.
 *
 * Who asks the realm: ws://user:password@host:port, else WAYLEAVE_LOGIN, "user:password" as it
 * is; nobody by default.
 */
#pragma once

#include "base/clock.h"
#include "base/span.h"

enum {
    SHELL_OPTIONS_LOGIN_BYTES = 512,
    SHELL_OPTIONS_HEADERS_MAX = 32,
};

struct shell_options {
    const char *verb; /* "pub" */
    struct span url;  /* as given: for messages */
    bool is_secure;
    struct span host; /* of the realm; brackets removed */
    uint16_t port;
    struct span authority;                 /* host[:port] as in the URL */
    char login[SHELL_OPTIONS_LOGIN_BYTES]; /* what the next two point to */
    struct span user;                      /* empty: none */
    struct span password;
    struct span path; /* "/stomp" when the URL has none */

    bool has_proxy;
    struct span proxy_host;
    uint16_t proxy_port;
    char proxy_login[SHELL_OPTIONS_LOGIN_BYTES]; /* for Proxy-Authorization; empty: none */

    const char *ca_file;
    bool insecure;
    bool is_json;         /* lines in and out are JSON: bin/shell_event.h */
    msec timeout;         /* for all of it; 0 = none */
    const char *from;     /* sub: now, stored or an EID */
    const char *selector; /* sub: NULL = every event */
    uint64_t count;       /* sub: leave after so many events; 0 = never */
    const char *headers[SHELL_OPTIONS_HEADERS_MAX]; /* pub: "name:value" */
    size_t header_count;
    const char *channel;
    const char *text; /* pub: NULL = every line of standard input is an event */
};

/**
 * Reads argv. Everything points into argv or the environment. False: a sentence was printed and
 * *ret_status is the exit status.
 */
bool shell_options_read(struct shell_options *options, const char *verb, int argc, char **argv,
                        int *ret_status);

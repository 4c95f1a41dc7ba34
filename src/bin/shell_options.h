/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * What `wayleave pub` and `wayleave sub` are told on the command line and by the environment.
 *
 * Which proxy: --proxy, else http_proxy for ws:// and https_proxy for wss:// (lower case first,
 * then upper case), unless no_proxy names the host: a list of host names and domain suffixes,
 * or *.
 */
#pragma once

#include "base/span.h"

struct shell_options {
    const char *verb; /* "pub" */
    struct span url;  /* as given: for messages */
    bool is_secure;
    struct span host; /* of the realm; brackets removed */
    uint16_t port;
    struct span authority; /* host[:port] as in the URL */
    struct span path;      /* "/stomp" when the URL has none */

    bool has_proxy;
    struct span proxy_host;
    uint16_t proxy_port;

    const char *ca_file;
    bool insecure;
    const char *from; /* sub: now, stored or an EID */
    uint64_t count;   /* sub: leave after so many events; 0 = never */
    const char *channel;
    const char *text; /* pub: NULL = every line of standard input is an event */
};

/**
 * Reads argv. Everything points into argv or the environment. False: a sentence was printed and
 * *ret_status is the exit status.
 */
bool shell_options_read(struct shell_options *options, const char *verb, int argc, char **argv,
                        int *ret_status);

/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * What realm_load is told on its command line, as NAME=VALUE; its head explains each.
 */
#pragma once

#include <stddef.h>

struct load_options {
    size_t port, sessions, events, expect, bytes, inflight, rate, opening, addresses, tls, hold,
        pid;
    const char *channel, *from; /* borrowed from the words; NULL: not said */
};

/** What was not said has its default. The first word that is no option, or NULL. */
const char *load_options_read(struct load_options *options, int count, char **words);

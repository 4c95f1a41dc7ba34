/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Regular expressions of the configuration (ProxyRemoteMatch, <ProxyMatch>): a thin face over
 * PCRE2. An expression lives in the configuration's arena and is shared by all workers; what
 * one match may cost is bounded, because the text comes from a client.
 */
#pragma once

#include "base/arena.h"

struct proxy_regex;

/** Compiles. ERR_CONF: *why has a sentence without final point, with a final zero ("unmatched
 * closing parenthesis at 4"). ERR_NOMEM, ERR_LIMIT: the arena. */
must_check enum err proxy_regex_compile(struct arena *arena, struct span pattern,
                                        bool ignore_case, struct mspan why,
                                        const struct proxy_regex **ret_regex);

/** Looks for it anywhere in the text. ERR_NOMEM; ERR_LIMIT: it costs too much to tell. */
must_check enum err proxy_regex_find(const struct proxy_regex *regex, struct span text,
                                     bool *ret_found);

/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * What an administrator asks of a channel or queue, as a JSON object: {"capacity": 500,
 * "ttl": "10m", "publishKey": [["symbol", 2], "region"]}. The members are the directives of
 * <Channel> and <Queue>, in any case of letters; they are read by the same rows, so what is
 * wrong with one is said in the same sentence. What is not said is as the section says that
 * covers the name. Rights and joins are for the configuration alone.
 */
#pragma once

#include "pubsub/dict.h"
#include "realm/realm_conf_route.h"

enum {
    REALM_MADE_RULE_TEXT_MAX = 8 * 1024, /* bytes of the object */
    REALM_MADE_RULE_SENTENCE_BYTES = 300,
};

/** What is asked. Borrowed for the call. */
struct realm_made_rule_wish {
    struct span name; /* begins with "/" */
    enum router_kind kind;
    const struct dict *attributes;
};

/** ERR_CONF: the sentence says what is wrong. ERR_NOMEM. Takes what the rule points to out of
 * the arena and of `conf`, and looks for the section in `conf` alone. Nothing is said about
 * other rules: realm_conf_route_check_one(). */
must_check enum err realm_made_rule_read(const struct realm_conf *conf,
                                         const struct realm_made_rule_wish *wish,
                                         struct arena *arena,
                                         char sentence[REALM_MADE_RULE_SENTENCE_BYTES],
                                         struct router_rule *ret_rule);

/** The object's text to the dictionary; an empty text is an empty one. ERR_CONF with a
 * sentence, ERR_NOMEM. For dict_free(). */
must_check enum err realm_made_rule_parse(struct span text,
                                          char sentence[REALM_MADE_RULE_SENTENCE_BYTES],
                                          struct dict **ret_attributes);

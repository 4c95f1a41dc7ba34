/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "realm/realm_conf_group.h"

#include "realm/realm_acl_conf.h"
#include "realm/realm_conf_route.h"

static enum err set_members(void *opaque, const struct conf_node *node,
                            const struct conf_apply *apply)
{
    struct router_rule *rule = opaque;

    if (span_equals_nocase(node->words[0], "all")) {
        rule->has_all_streams = true;
    } else if (span_equals_nocase(node->words[0], "added")) {
        rule->has_all_streams = false;
    } else {
        diag_error(apply->diag, node->file, node->line,
                   "Members: \"%.*s\" is neither all nor added",
                   SPAN_ARG(diag_word(node->words[0])));
    }
    return OK;
}

static const struct conf_choice slow_choices[] = {{"drop", CHANNEL_SLOW_DROP},
                                                  {"skip", CHANNEL_SLOW_SKIP},
                                                  {NULL, 0}};

#define ROW(directive, kind, member)                                                    \
    .name = (directive), .type = (kind), CONF_SCHEMA_FIELD(struct router_rule, member), \
    .where = REALM_CONF_IN_GROUP, .ours = true
#define CUSTOM(directive, setter)                                                            \
    .name = (directive), .type = CONF_CUSTOM, .set = (setter), .where = REALM_CONF_IN_GROUP, \
    .ours = true

/* clang-format off */
const struct directive realm_conf_group_rows[] = {
    {CUSTOM("Members", set_members), .min = 1, .max = 1, .once = true, .form = "added|all",
     .help = "Which data streams are in the group: those that somebody who may manage it has added "
             "(added, the default); or every one whose client may subscribe to it, from its "
             "beginning on (all)."},
    {CUSTOM("Allow", realm_acl_conf_set_allow), .min = 2, .max = 65,
     .form = "RIGHT[,RIGHT...]|all NAME[@HOST] ...",
     .help = "Who may: publish to the group; manage it, which is to add and remove data streams, "
             "and to make and remove groups of such names; eid, ask about it; subscribe, have a "
             "data stream in it. Written and judged as in <Channel>."},
    {CUSTOM("Deny", realm_acl_conf_set_deny), .min = 2, .max = 65,
     .form = "RIGHT[,RIGHT...]|all NAME[@HOST] ...",
     .help = "Who may not: written as Allow is, and judged with it, line by line."},
    {ROW("SlowReader", CONF_CHOICE, channel.slow), .initial = "drop", .choices = slow_choices,
     .help = "What becomes of a member so slow that the next event it needs had to make room: "
             "drop ends its session; skip lets it go on with the newest event."},
    {ROW("Capacity", CONF_NUMBER, channel.capacity), .min = 1, .max = 1000000000,
     .initial = "1000", .unit = "events",
     .help = "The most events that are held for members who are behind."},
    {ROW("StoreBytes", CONF_SIZE, channel.store_bytes), .min = 4096,
     .max = 1024ull * 1024 * 1024 * 1024, .initial = "16m",
     .help = "The most bytes of them, in memory."},
    {ROW("TTL", CONF_DURATION, channel.ttl), .min = 0, .max = 1000ull * 3600 * 24 * 36500,
     .initial = "0",
     .help = "How long an event is worth delivering to a member who is behind, 0 for ever; a "
             "publisher may say less."},
    {CUSTOM("CreateOnUse", realm_conf_route_set_create_on_use), .min = 1, .max = 1, .once = true,
     .form = "On|Off",
     .help = "With * in the name: whether publishing to a name that fits makes it (On, the "
             "default); Off leaves that to administrators."},
    {CUSTOM("Join", realm_conf_route_set_join), .min = 1, .max = 2,
     .form = "/name [\"selector\"]",
     .help = "Each event, or each that the selector is true of, goes to that group, channel or "
             "queue, too: so a group holds other groups. May be repeated."},
    {.name = NULL},
};
/* clang-format on */

void realm_conf_group_begin(struct router_rule *rule)
{
    rule->channel.type = CHANNEL_TRANSIENT;
}

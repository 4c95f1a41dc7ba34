/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * The sections <Channel> and <Queue> of the realm's configuration: what a route is like whose
 * name they cover.
 */
#pragma once

#include "realm/realm_acl.h"
#include "realm/realm_conf.h"

extern const struct directive realm_conf_route_channel_rows[];
extern const struct directive realm_conf_route_queue_rows[];

enum err realm_conf_route_channel(void *conf, const struct conf_node *node,
                                  const struct conf_apply *apply);
enum err realm_conf_route_queue(void *conf, const struct conf_node *node,
                                const struct conf_apply *apply);
enum err realm_conf_route_group(void *conf, const struct conf_node *node,
                                const struct conf_apply *apply);

/** Readers for rows whose struct is a struct router_rule. */
must_check enum err realm_conf_route_set_create_on_use(void *rule, const struct conf_node *node,
                                                       const struct conf_apply *apply);
must_check enum err realm_conf_route_set_join(void *rule, const struct conf_node *node,
                                              const struct conf_apply *apply);

/** What a kind of route is called, and how its sections are written and found. */
struct realm_conf_route_kind {
    const char *word;    /* "channel" */
    const char *section; /* "Channel" */
    const struct directive *rows;
    enum realm_conf_place place;
};

const struct realm_conf_route_kind *realm_conf_route_kind(enum router_kind kind);

/** Who may do what with the route of that name, which begins with "/": what the first section
 *  says that covers it, as the router finds it. NULL: none does. */
const struct realm_acl *realm_conf_route_acl(const struct realm_conf *conf, struct span name);

/** The rule of a name; NULL: there is none. */
typedef const struct router_rule *realm_conf_route_find(const void *ctx, struct span name);

/** The first section that covers it; `conf` is a struct realm_conf. */
const struct router_rule *realm_conf_route_section(const void *conf, struct span name);

/** One rule for one name, which is its pattern, against the rest of the configuration; `find`
 *  knows it already. */
void realm_conf_route_check_one(const struct realm_conf *conf, const struct router_rule *rule,
                                realm_conf_route_find *find, const void *ctx,
                                struct diag *diag);

/** Checks across sections and the rest of the configuration. */
void realm_conf_route_check(const struct realm_conf *conf, const char *file, struct diag *diag);

/** Room for one more in an array of at most `max`, made with the first one. *ret_room is NULL
 *  when it is full. ERR_NOMEM, ERR_LIMIT. */
must_check enum err realm_conf_route_one_more(const struct conf_apply *apply, void **array,
                                              size_t count, size_t max, size_t bytes,
                                              void **ret_room);

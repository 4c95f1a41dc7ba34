/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "realm/realm_conf_ways.h"

#include "realm/realm_acl.h"
#include "realm/realm_conf.h"
#include "realm/realm_conf_route.h"

#include <stdio.h>

enum {
    WAY_STEPS_MAX = 16, /* joins behind each other */
    RING_BYTES = 200,
};

static const char *section_of(const struct router_rule *rule)
{
    return realm_conf_route_kind(rule->kind)->section;
}

struct map_of_ways {
    realm_conf_route_find *find;
    const void *ctx;
    const char *file;
    struct diag *diag;
};

/* Names on the way from one to the next, the latest first. */
struct way {
    const struct way *before; /* NULL: the beginning */
    struct span name;
    const struct router_rule *from; /* the section that sends there */
};

static size_t target_count(const struct router_rule *rule)
{
    return rule->join_count + (rule->dead_events.len > 0);
}

static struct span target_of(const struct router_rule *rule, size_t i)
{
    return i < rule->join_count ? rule->joins[i].to : rule->dead_events;
}

/* Where the section begins that sends there; what an administrator makes stands in no file. */
static const char *file_of(const struct map_of_ways *map, const struct way *way)
{
    return map->file == NULL ? NULL : ((const struct realm_acl *)way->from->access)->file;
}

static unsigned line_of(const struct map_of_ways *map, const struct way *way)
{
    return map->file == NULL ? 0 : ((const struct realm_acl *)way->from->access)->line;
}

/* "/a, /b, /a", from the place where the way was first at that name. */
static const char *write_ring(const struct way *way, const struct way *first,
                              char room[RING_BYTES])
{
    size_t len = 0;

    if (way != first) {
        (void)write_ring(way->before, first, room);
        len = strlen(room);
    }
    snprintf(room + len, RING_BYTES - len, "%s%.*s", len == 0 ? "" : ", ",
             SPAN_ARG(diag_word(way->name)));
    return room;
}

static void refuse_ring(const struct map_of_ways *map, const struct way *way,
                        const struct way *first)
{
    char room[RING_BYTES];

    diag_error(
        map->diag, file_of(map, way), line_of(map, way),
        "<%s \"%.*s\">: Join, DeadEvents: events of %.*s would come back to it: %s (remove "
        "one of the lines that lead from one to the next)",
        section_of(way->from), SPAN_ARG(diag_word(way->from->pattern)),
        SPAN_ARG(diag_word(way->name)), write_ring(way, first, room));
}

static void refuse_length(const struct map_of_ways *map, const struct way *way)
{
    diag_error(map->diag, file_of(map, way), line_of(map, way),
               "<%s \"%.*s\">: Join, DeadEvents: on their way to %.*s events would go through "
               "more than %d channels (remove one of the joins between)",
               section_of(way->from), SPAN_ARG(diag_word(way->from->pattern)),
               SPAN_ARG(diag_word(way->name)), WAY_STEPS_MAX);
}

static void refuse_name(const struct map_of_ways *map, const struct way *way)
{
    diag_error(
        map->diag, file_of(map, way), line_of(map, way),
        "<%s \"%.*s\">: Join, DeadEvents: no section covers %.*s (add <Channel \"%.*s\"> or "
        "<Queue \"%.*s\">)",
        section_of(way->from), SPAN_ARG(diag_word(way->from->pattern)),
        SPAN_ARG(diag_word(way->name)), SPAN_ARG(diag_word(way->name)),
        SPAN_ARG(diag_word(way->name)));
}

/* It loads: an administrator may make it, and then it takes what comes. */
static void warn_of_absence(const struct map_of_ways *map, const struct way *way,
                            const struct router_rule *rule)
{
    if (rule->is_closed && !span_equal(rule->pattern, way->name)) {
        diag_warn(
            map->diag, file_of(map, way), line_of(map, way),
            "<%s \"%.*s\">: Join, DeadEvents: <%s \"%.*s\"> has CreateOnUse Off, so what "
            "goes to %.*s is lost until an administrator has made it (write a section for "
            "that name)",
            section_of(way->from), SPAN_ARG(diag_word(way->from->pattern)), section_of(rule),
            SPAN_ARG(diag_word(rule->pattern)), SPAN_ARG(diag_word(way->name)));
    }
}

/* False: that was said. */
static bool check_way(const struct map_of_ways *map, const struct way *way)
{
    const struct router_rule *rule = map->find(map->ctx, way->name);
    unsigned steps = 0;

    for (const struct way *before = way->before; before != NULL; before = before->before) {
        steps++;
        if (span_equal(before->name, way->name)) {
            refuse_ring(map, way, before);
            return false;
        }
        if (steps > WAY_STEPS_MAX) {
            refuse_length(map, way);
            return false;
        }
    }
    if (rule == NULL) {
        refuse_name(map, way);
        return false;
    }
    for (size_t i = 0; i < target_count(rule); i++) {
        const struct way next = {way, target_of(rule, i), rule};

        if (!check_way(map, &next)) {
            return false;
        }
    }
    return true;
}

/* From every name that something is sent to: a ring has at least one of them. */
void realm_conf_ways_check(const struct realm_conf *conf, const char *file, struct diag *diag)
{
    const struct map_of_ways map = {realm_conf_route_section, conf, file, diag};

    for (size_t i = 0; i < conf->rule_count; i++) {
        for (size_t j = 0; j < target_count(&conf->rules[i]); j++) {
            const struct way begin = {NULL, target_of(&conf->rules[i], j), &conf->rules[i]};

            if (!check_way(&map, &begin)) {
                return; /* one ring is seen from each of its names */
            }
            warn_of_absence(&map, &begin, map.find(map.ctx, begin.name));
        }
    }
}

void realm_conf_ways_check_one(const struct router_rule *rule, realm_conf_route_find *find,
                               const void *ctx, struct diag *diag)
{
    const struct map_of_ways map = {find, ctx, NULL, diag};
    const struct way begin = {NULL, rule->pattern, rule};

    (void)check_way(&map, &begin); /* it is said, too */
}

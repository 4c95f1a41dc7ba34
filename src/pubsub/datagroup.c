/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "pubsub/datagroup.h"

#include "base/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    SALT_CHARS = 8
};

static struct span key_of(const uint64_t *number)
{
    return span_of((const uint8_t *)number, sizeof *number);
}

/* ---- members ---- */

static struct span pair_of(const struct datagroup_pair *pair)
{
    return span_of((const uint8_t *)pair, sizeof *pair);
}

static struct datagroup_member *find_member(const struct datagroup *group,
                                            const struct datagroup_stream *stream)
{
    const struct datagroup_pair pair = {(struct datagroup *)(uintptr_t)group,
                                        (struct datagroup_stream *)(uintptr_t)stream};

    return map_find(&group->set->members, pair_of(&pair));
}

bool datagroup_has(const struct datagroup *group, const struct datagroup_stream *stream)
{
    return find_member(group, stream) != NULL;
}

static void member_end(struct datagroup_member *member)
{
    map_remove(&member->of.group->set->members, pair_of(&member->of));
    list_remove(&member->in_group);
    list_remove(&member->in_stream);
    member->of.group->member_count--;
    member->of.stream->member_count--;
    session_part(member->sub);
    free(member);
}

static enum err member_begin(struct datagroup_member *member)
{
    const struct datagroup_stream *stream = member->of.stream;
    const struct session_request request = {.id = datagroup_stream_sub_id(stream),
                                            .form = stream->form,
                                            .route = member->of.group->route};
    struct map *members = &member->of.group->set->members;
    enum err e;

    TRY(map_insert(members, pair_of(&member->of), member));
    e = session_join(stream->session, &request, &member->sub);
    if (e != OK) {
        map_remove(members, pair_of(&member->of));
    }
    return e;
}

enum err datagroup_add(struct datagroup *group, struct datagroup_stream *stream)
{
    struct datagroup_member *member;
    enum err e;

    if (find_member(group, stream) != NULL) {
        return OK;
    }
    member = malloc(sizeof *member);
    if (member == NULL) {
        return ERR_NOMEM;
    }
    *member = (struct datagroup_member){.of = {group, stream}};
    e = member_begin(member);
    if (e != OK) {
        free(member);
        return e;
    }
    list_append(&group->members, &member->in_group);
    list_append(&stream->members, &member->in_stream);
    group->member_count++;
    stream->member_count++;
    return OK;
}

bool datagroup_remove(struct datagroup *group, struct datagroup_stream *stream)
{
    struct datagroup_member *member = find_member(group, stream);

    if (member != NULL) {
        member_end(member);
    }
    return member != NULL;
}

/* ---- groups ---- */

/* Of a group that every stream is in. */
static enum err admit(struct datagroup *group, struct datagroup_stream *stream)
{
    return group->set->may(stream->owner, group->route->channel.name)
               ? datagroup_add(group, stream)
               : OK;
}

static void on_event(void *ctx, const struct event *event)
{
    (void)ctx;
    (void)event;
}

static void on_drop(void *ctx, uint64_t eid, enum channel_drop why)
{
    (void)ctx;
    (void)eid;
    (void)why;
}

static void on_end(void *ctx)
{
    struct datagroup *group = ctx;

    LIST_FOREACH (node, after, &group->members) {
        member_end(LIST_ENTRY(node, struct datagroup_member, in_group));
    }
    list_remove(&group->node);
    free(group);
}

static const struct router_hooks hooks = {on_event, on_drop, on_end};

/* A route of this kind is being made. When that fails its end is told, too. */
static enum err on_group(void *ctx, struct router_route *route)
{
    struct datagroup_set *set = ctx;
    struct datagroup *group = malloc(sizeof *group);

    if (group == NULL) {
        return ERR_NOMEM;
    }
    *group =
        (struct datagroup){.set = set, .route = route, .has_all = route->rule->has_all_streams};
    list_init(&group->members);
    list_append(&set->groups, &group->node);
    route->hooks = &hooks;
    route->hooks_ctx = group;
    if (group->has_all) {
        LIST_FOREACH (node, after, &set->streams) {
            TRY(admit(group, LIST_ENTRY(node, struct datagroup_stream, node)));
        }
    }
    return OK;
}

struct datagroup *datagroup_find(const struct router_route *route)
{
    return route->kind == ROUTER_GROUP ? route->hooks_ctx : NULL;
}

void datagroup_set_init(struct datagroup_set *set, struct router *router,
                        bool (*may)(void *owner, struct span group))
{
    *set = (struct datagroup_set){.router = router, .may = may};
    map_init(&set->map, SIZE_MAX);     /* never more than sessions */
    map_init(&set->members, SIZE_MAX); /* nor than those times the router's routes */
    list_init(&set->streams);
    list_init(&set->groups);
    router->on_group = on_group;
    router->on_group_ctx = set;
}

void datagroup_set_fini(struct datagroup_set *set)
{
    assert(list_is_empty(&set->streams) && list_is_empty(&set->groups));
    map_fini(&set->map);
    map_fini(&set->members);
}

/* ---- streams ---- */

static struct datagroup_stream *stream_new(const struct datagroup_stream_parts *parts)
{
    struct datagroup_stream *stream = malloc(sizeof *stream + parts->id.len + parts->name.len);

    if (stream == NULL) {
        return NULL;
    }
    *stream = (struct datagroup_stream){.session = parts->session,
                                        .form = parts->form,
                                        .owner = parts->owner,
                                        .id_len = parts->id.len,
                                        .name_len = parts->name.len};
    list_init(&stream->node);
    list_init(&stream->members);
    if (parts->id.len > 0) {
        memcpy(stream->text, parts->id.ptr, parts->id.len);
    }
    if (parts->name.len > 0) {
        memcpy(stream->text + parts->id.len, parts->name.ptr, parts->name.len);
    }
    return stream;
}

static enum err enter(struct datagroup_set *set, struct datagroup_stream *stream)
{
    stream->set = set;
    stream->number = set->last + 1;
    rng_fill(set->router->rng, mspan_of((uint8_t *)&stream->salt, sizeof stream->salt));
    TRY(map_insert(&set->map, key_of(&stream->number), stream));
    set->last++;
    list_append(&set->streams, &stream->node);
    LIST_FOREACH (node, after, &set->groups) {
        struct datagroup *group = LIST_ENTRY(node, struct datagroup, node);

        if (group->has_all && !group->route->is_gone) {
            TRY(admit(group, stream));
        }
    }
    return OK;
}

enum err datagroup_stream_begin(struct datagroup_set *set,
                                const struct datagroup_stream_parts *parts,
                                struct datagroup_stream **ret_stream)
{
    struct datagroup_stream *stream = stream_new(parts);
    enum err e;

    assert(parts->id.len <= VIEW_ID_MAX && parts->name.len <= DATAGROUP_NAME_MAX);
    if (stream == NULL) {
        return ERR_NOMEM;
    }
    e = enter(set, stream);
    if (e != OK) {
        datagroup_stream_end(stream);
        return e;
    }
    *ret_stream = stream;
    return OK;
}

void datagroup_stream_end(struct datagroup_stream *stream)
{
    if (stream == NULL) {
        return;
    }
    LIST_FOREACH (node, after, &stream->members) {
        member_end(LIST_ENTRY(node, struct datagroup_member, in_stream));
    }
    map_remove(&stream->set->map, key_of(&stream->number));
    list_remove(&stream->node);
    free(stream);
}

const char *datagroup_stream_id(const struct datagroup_stream *stream,
                                char room[DATAGROUP_ID_BYTES])
{
    snprintf(room, DATAGROUP_ID_BYTES, "%" PRIu64 "-%08" PRIx32, stream->number, stream->salt);
    return room;
}

bool datagroup_stream_number(struct span id, uint64_t *ret_number)
{
    size_t dash = span_find(id, '-');

    return id.len == dash + 1 + SALT_CHARS &&
           text_u64(span_head(id, dash), UINT64_MAX, ret_number);
}

struct datagroup_stream *datagroup_stream_find(const struct datagroup_set *set, struct span id)
{
    char room[DATAGROUP_ID_BYTES];
    struct datagroup_stream *stream;
    uint64_t number;

    if (!datagroup_stream_number(id, &number)) {
        return NULL;
    }
    stream = map_find(&set->map, key_of(&number));
    return stream != NULL && span_equals(id, datagroup_stream_id(stream, room)) ? stream : NULL;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "pubsub/channel_keys.h"

#include "base/digest.h"

#include <stdlib.h>

enum {
    NUMBER_BYTES = 64,
    VALUE_MAX = 256, /* of a value that is kept as it is */
    SHORT_BYTES = 1 + DIGEST_SHA256_BYTES,
};

void channel_keys_init(struct channel_keys *keys, const struct channel_keys_conf *conf,
                       size_t count)
{
    assert(count <= CHANNEL_KEYS_MAX);
    *keys = (struct channel_keys){.conf = conf, .count = count};
    for (size_t i = 0; i < count; i++) {
        map_init(&keys->groups[i], SIZE_MAX); /* never more than the channel has events */
    }
}

void channel_keys_fini(struct channel_keys *keys)
{
    for (size_t i = 0; i < keys->count; i++) {
        assert(map_count(&keys->groups[i]) == 0);
        map_fini(&keys->groups[i]);
    }
}

static struct span value_of(const struct channel_keys_group *group)
{
    return span_of(group->value, group->value_len);
}

static enum err group_new(struct map *map, struct span value,
                          struct channel_keys_group **ret_group)
{
    struct channel_keys_group *group = calloc(1, sizeof *group + value.len);
    enum err e;

    if (group == NULL) {
        return ERR_NOMEM;
    }
    group->map = map;
    list_init(&group->members);
    list_init(&group->waiting);
    group->value_len = value.len;
    if (value.len > 0) {
        memcpy(group->value, value.ptr, value.len);
    }
    e = map_insert(map, value_of(group), group);
    if (e != OK) {
        free(group);
        return e;
    }
    *ret_group = group;
    return OK;
}

/* A value stays in memory for as long as it has an event, which may be on the disk: of one that
 * could fill an event only a digest is kept. */
static enum err shorten(struct span value, uint8_t room[SHORT_BYTES], struct span *ret_value)
{
    *ret_value = value;
    if (value.len <= VALUE_MAX) {
        return OK;
    }
    room[0] = 0;
    TRY(digest_hmac_sha256(SPAN("publish key"), value, room + 1));
    *ret_value = span_of(room, SHORT_BYTES);
    return OK;
}

enum err channel_keys_enter(struct channel_keys *keys, struct event_source *source,
                            struct channel_keys_link *links)
{
    for (size_t i = 0; i < keys->count; i++) {
        list_init(&links[i].node);
    }
    for (size_t i = 0; i < keys->count; i++) {
        struct channel_keys_group *group;
        uint8_t shorter[SHORT_BYTES];
        char number[NUMBER_BYTES];
        struct span value;

        if (!event_source_key(source, span_str(keys->conf[i].name), number, sizeof number,
                              &value)) {
            continue;
        }
        TRY(shorten(value, shorter, &value));
        group = map_find(&keys->groups[i], value);
        if (group == NULL) {
            TRY(group_new(&keys->groups[i], value, &group));
        }
        links[i].group = group;
        group->holders++;
        list_append(&group->waiting, &links[i].node);
    }
    return OK;
}

/* Who waits at `node` is not behind the same one as before. */
static void shift(struct channel_keys_group *group, struct list *node)
{
    if (node == &group->members) { /* behind the newest member comes who waits */
        node = group->waiting.next;
    }
    if (node != &group->waiting) {
        LIST_ENTRY(node, struct channel_keys_link, node)->has_base = false;
    }
}

void channel_keys_count(const struct channel_keys *keys, struct channel_keys_link *links)
{
    for (size_t i = 0; i < keys->count; i++) {
        struct channel_keys_group *group = links[i].group;
        struct list *node = &links[i].node;

        if (group == NULL) {
            continue;
        }
        if (node->prev != &group->waiting) { /* it passes those that wait before it */
            shift(group, node->next);
            shift(group, group->waiting.next);
        }
        list_remove(node);
        list_append(&group->members, node);
        group->count++;
    }
}

struct channel_keys_link *channel_keys_over(const struct channel_keys *keys,
                                            const struct channel_keys_link *links,
                                            size_t *ret_key)
{
    for (size_t i = 0; i < keys->count; i++) {
        const struct channel_keys_group *group = links[i].group;

        if (group != NULL && group->count > keys->conf[i].depth) {
            *ret_key = i;
            return LIST_ENTRY(group->members.next, struct channel_keys_link, node);
        }
    }
    return NULL;
}

struct channel_keys_link *channel_keys_before(const struct channel_keys *keys,
                                              const struct channel_keys_link *links)
{
    const struct channel_keys_group *group = keys->count == 0 ? NULL : links[0].group;
    struct list *before;

    if (group == NULL) {
        return NULL;
    }
    before = links[0].node.prev;
    if (before == &group->waiting) {
        before = group->members.prev;
    }
    return before == &group->members ? NULL
                                     : LIST_ENTRY(before, struct channel_keys_link, node);
}

void channel_keys_leave(const struct channel_keys *keys, struct channel_keys_link *links,
                        bool is_counted)
{
    for (size_t i = 0; i < keys->count; i++) {
        struct channel_keys_group *group = links[i].group;

        if (group == NULL) {
            continue;
        }
        shift(group, links[i].node.next);
        list_remove(&links[i].node);
        group->count -= is_counted;
        links[i].group = NULL;
        group->holders--;
        if (group->holders == 0) {
            map_remove(group->map, value_of(group));
            free(group);
        }
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Data groups and data streams. A data stream is what a session has that asked for one: it
 * subscribes to nothing, and gets the events of the groups that others put it into. A data
 * group is a route of kind ROUTER_GROUP: what is published to it goes to the streams that are
 * its members just then, and to nobody later.
 *
 *     route ── datagroup ──< member >── stream ── session
 *
 * A member is one subscription of the stream's session to the group's route, under the stream's
 * id: so members share the encoded events of a group as all subscribers do, and one who is too
 * slow fares as its channel says.
 *
 * All of this belongs to one thread.
 */
#pragma once

#include "pubsub/session.h"

enum {
    DATAGROUP_ID_BYTES = 32,  /* of datagroup_stream_id(), with a zero */
    DATAGROUP_NAME_MAX = 255, /* bytes of what a stream calls itself */
};

/** All of a router. */
struct datagroup_set {
    struct router *router; /* borrowed for the set's life */
    struct map map;        /* struct datagroup_stream by number */
    struct map members;    /* struct datagroup_member by group and stream */
    struct list streams;   /* the same in the order of their birth */
    struct list groups;    /* struct datagroup, each its route's */
    uint64_t last;         /* number that was given */
    /** Whether the owner of a stream may get the events of a group that every stream is in. */
    bool (*may)(void *owner, struct span group);
};

struct datagroup {
    struct list node; /* in set->groups */
    struct datagroup_set *set;
    struct router_route *route; /* whose it is */
    struct list members;        /* struct datagroup_member */
    size_t member_count;
    bool has_all; /* every stream is in it, unless somebody takes it out */
};

struct datagroup_stream {
    struct list node; /* in set->streams */
    struct datagroup_set *set;
    struct session *session;      /* borrowed */
    const struct view_form *form; /* the same */
    void *owner;                  /* the same; for who finds a stream here */
    uint64_t number;              /* in this life of the realm; never used again */
    uint32_t salt;                /* so that a number of an earlier life is nobody's */
    struct list members;          /* struct datagroup_member */
    size_t member_count;
    size_t id_len, name_len;
    uint8_t text[]; /* the subscription's id, and the name */
};

struct datagroup_member {
    struct list in_group;
    struct list in_stream;
    struct datagroup_pair {
        struct datagroup *group;
        struct datagroup_stream *stream;
    } of;                    /* in set->members it is found by this */
    struct session_sub *sub; /* owned */
};

/** The router tells the set of its groups from now on. Takes no memory. */
void datagroup_set_init(struct datagroup_set *set, struct router *router,
                        bool (*may)(void *owner, struct span group));

/** Behind router_fini(); every stream must have ended. */
void datagroup_set_fini(struct datagroup_set *set);

/** What a stream is made of; borrowed as its struct says, the spans for the call. */
struct datagroup_stream_parts {
    struct session *session;
    const struct view_form *form;
    void *owner;
    struct span id;   /* of the subscription; at most VIEW_ID_MAX */
    struct span name; /* what it calls itself; at most DATAGROUP_NAME_MAX. May be empty */
};

/** It is in the groups that have every stream. ERR_NOMEM. */
must_check enum err datagroup_stream_begin(struct datagroup_set *set,
                                           const struct datagroup_stream_parts *parts,
                                           struct datagroup_stream **ret_stream);

/** It leaves its groups; a frame that has left in part will still be finished, or the session
 *  is broken. Takes NULL. */
void datagroup_stream_end(struct datagroup_stream *stream);

/** "7-0c5d31f2": how others call it. Returns `room`. */
const char *datagroup_stream_id(const struct datagroup_stream *stream,
                                char room[DATAGROUP_ID_BYTES]);

/** NULL: there is none of that id. */
struct datagroup_stream *datagroup_stream_find(const struct datagroup_set *set, struct span id);

/** Reads the number of an id, also of a stream that has ended. False: it is no id. */
bool datagroup_stream_number(struct span id, uint64_t *ret_number);

static inline struct span datagroup_stream_sub_id(const struct datagroup_stream *stream)
{
    return span_of(stream->text, stream->id_len);
}

static inline struct span datagroup_stream_name(const struct datagroup_stream *stream)
{
    return span_of(stream->text + stream->id_len, stream->name_len);
}

/** The group of a route; NULL: it is none. */
struct datagroup *datagroup_find(const struct router_route *route);

/** From the next event on the stream is a member. Nothing happens when it is. ERR_NOMEM. */
must_check enum err datagroup_add(struct datagroup *group, struct datagroup_stream *stream);

bool datagroup_has(const struct datagroup *group, const struct datagroup_stream *stream);

/** False: it is no member. */
bool datagroup_remove(struct datagroup *group, struct datagroup_stream *stream);

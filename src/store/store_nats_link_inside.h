/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * What the threads of a link share: for store_nats_link, its parts and store_nats_follower
 * alone.
 */
#pragma once

#include "store/store_nats_link.h"

#include <pthread.h>
#include <time.h>

/* It may still be in the mailbox when the link has gone. */
struct news_letter {
    struct mailbox_letter letter;
    struct store_nats_link *link; /* borrowed; NULL: it was closed, and the letter is its own */
};

struct store_nats_link {
    struct store_nats_link_conf conf;
    struct store_nats_server server;

    pthread_mutex_t lock;   /* guards the following */
    pthread_cond_t changed; /* any of it: few wait, and seldom */
    struct list news;       /* struct store_nats_link_news */
    size_t news_bytes;
    struct list tasks; /* struct task */
    bool is_sending;   /* the sender has one in hand */
    bool is_posted;    /* the mailbox has the letter */
    bool is_ending;
    bool is_connected;
    bool is_closed;   /* libnats has called back for the last time, of the connection */
    bool is_answered; /* and of the answers */
    bool is_new;      /* the connection is another one: the log is to be followed anew */
    unsigned number;  /* of the connection */
    struct store_nats_link_state state;
    unsigned missing; /* the follower's: how often in a row the log was not there */
    uint64_t next;    /* the follower's: the next message of the log */

    pthread_mutex_t writing;   /* guards the following; before `lock` */
    unsigned writing_number;   /* of the connection that something is sent on */
    msec cut_short_until;      /* nothing follows what was cut short */
    unsigned cut_short_number; /* on this one */

    struct news_letter *letter; /* owned, unless it is posted when the link is closed */
    pthread_t follower;
    pthread_t sender;
    bool has_follower;
    bool has_sender;
};

/** The monotonic time so many ms from now, for a wait. */
struct timespec store_nats_link_inside_later(unsigned ms);

/* ---- with the lock ---- */

/** Something has changed: for whoever waits, and for the loop. */
void store_nats_link_inside_ring(struct store_nats_link *link);

/** For the loop. The news are the link's. */
void store_nats_link_inside_add(struct store_nats_link *link,
                                struct store_nats_link_news *take_news);

void store_nats_link_inside_set_up(struct store_nats_link *link, bool is_up);

/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * What the parts of store_nats_writer share. Its thread does a batch in store_nats_writer_work,
 * which asks many questions at once by store_nats_writer_ask.
 */
#pragma once

#include "store/store_nats_writer.h"

#include <pthread.h>

enum {
    STORE_NATS_WRITER_WAIT = 100,         /* ms: how long our end may be overlooked */
    STORE_NATS_WRITER_ANSWER_WAIT = 5000, /* ms, for all answers to what was asked together */
    STORE_NATS_WRITER_REPLY_BYTES = 128,  /* of a subject of ours */
};

struct store_nats_writer {
    struct store_nats_link *link; /* borrowed */
    unsigned replicas;
    char description[64];

    pthread_mutex_t lock; /* guards the following */
    pthread_cond_t changed;
    bool is_begun; /* the batch is the thread's */
    bool is_ending;
    bool has_answer;                       /* the loop's, as is the batch otherwise */
    struct store_nats_writer_batch *batch; /* owned */

    /* The thread's own. */
    natsSubscription *answers; /* the server's; made with the first batch, as is the next */
    natsInbox *inbox;          /* owned */
    unsigned round;            /* of questions: late answers to others are not looked at */

    pthread_t thread;
    bool has_thread;
};

bool store_nats_writer_inside_is_ending(struct store_nats_writer *writer);

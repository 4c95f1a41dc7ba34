/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * The threads between the server and the realm's loop. One follows the log and begins again
 * where it was when the connection, or what the server remembers of it, is lost; one sends,
 * in order. What they have for the loop waits here, bounded, and a letter tells it so.
 */
#pragma once

#include "base/buf.h"
#include "base/list.h"
#include "base/log.h"
#include "io/mailbox.h"
#include "store/store_nats_server.h"

struct store_nats_link;

/** Monotonic ms, also while no loop turns. */
msec store_nats_link_clock(void);

struct store_nats_link_conf {
    struct span url;
    struct span realm;
    unsigned replicas;
    int64_t timeout;            /* ms, of one question to the server */
    struct mailbox *mailbox;    /* borrowed until the link is closed */
    const struct log *log;      /* the same; may be NULL */
    void (*on_news)(void *ctx); /* on the loop's thread: there is something to take */
    void *ctx;                  /* borrowed */
};

enum store_nats_link_news_type {
    STORE_NATS_LINK_MESSAGE, /* of the log; in its order, each once */
    STORE_NATS_LINK_REFUSED, /* what was sent as `number` is not stored: `e` says why */
    STORE_NATS_LINK_SAVED,   /* a piece of a snapshot, as `number` in its stream; or `e` */
    STORE_NATS_LINK_WROTE,   /* store_nats_writer has an answer */
};

struct store_nats_link_news {
    struct list node;
    enum store_nats_link_news_type type;
    enum err e; /* ERR_AGAIN: for now; ERR_LIMIT: it is full; ERR_IO */
    int code;   /* of what is refused: JetStream's error */
    uint32_t round;
    uint64_t number;
    struct span bytes; /* of a message */
    natsMsg *msg;      /* owned: holds them */
};

/** How the connection is. */
struct store_nats_link_state {
    bool is_up;       /* and the log is followed */
    unsigned ups;     /* how often it became so */
    const char *lost; /* NULL, or why this realm can follow the log no longer */
};

/** Connects and makes the streams: see store_nats_server_open(). */
must_check enum err store_nats_link_open(const struct store_nats_link_conf *conf,
                                         struct store_nats_link **ret_link,
                                         char fault[STORE_NATS_SERVER_FAULT_BYTES]);

/** Follows the log from this message on. ERR_NOMEM, ERR_IO. */
must_check enum err store_nats_link_start(struct store_nats_link *link, uint64_t from);

/** Ends the threads. Takes NULL. */
void store_nats_link_close(struct store_nats_link *link);

/** For questions before store_nats_link_start(), and what does not change. */
struct store_nats_server *store_nats_link_server(struct store_nats_link *link);

/** Moves what there is behind `news`: each to be given back. */
void store_nats_link_take(struct store_nats_link *link, struct list *news,
                          struct store_nats_link_state *ret_state);

void store_nats_link_give_back(struct store_nats_link_news *news);

/** Until there is something to take, or so many ms. False: there is nothing. */
bool store_nats_link_wait(struct store_nats_link *link, unsigned ms);

/** Publishes a message of the log. `round` and `number` come back if it is refused.
 *  ERR_NOMEM. */
must_check enum err store_nats_link_send(struct store_nats_link *link, struct buf *take_bytes,
                                         uint32_t round, uint64_t number);

/** Messages of the log that have not been sent yet: they will be sent again in another round.
 */
void store_nats_link_unsend(struct store_nats_link *link);

/** A piece of a snapshot. ERR_NOMEM. */
must_check enum err store_nats_link_save(struct store_nats_link *link, struct buf *take_bytes,
                                         bool is_end);

/** Forgets what is before these. As well as it goes. */
void store_nats_link_purge(struct store_nats_link *link, uint64_t log_seq, uint64_t snap_seq);

/** On any thread: which connection to the server this is, counted. */
unsigned store_nats_link_connection(struct store_nats_link *link);

/** On any thread: adds STORE_NATS_LINK_WROTE. Without memory it is not told; who waits for it
 *  looks again in time. */
void store_nats_link_wrote(struct store_nats_link *link);

/** Returns when what was sent has left, or after so many ms. */
void store_nats_link_flush(struct store_nats_link *link, unsigned ms);

/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Sending on a connection: what waits, one gather after the other, until nothing waits or the
 * stream is full; and the polite end of it. For the realm_conn files alone.
 *
 * Each round of it has three steps, so that many connections can take theirs together, as
 * realm_conn_batch.c has them: gather, write, settle. Gathering and settling are the worker's;
 * writing touches nothing but the step and the connection's stream, and may be any thread's.
 */
#pragma once

#include "realm/realm_conn_life.h"

struct realm_conn_send_step {
    struct realm_conn *conn;
    struct span bytes; /* that are to be written: borrowed from whose they are */
    size_t len;        /* of them that have left */
    size_t left;       /* that may leave in this turn */
    enum err e;        /* of writing */
    bool is_all;       /* there is nothing more to send */
};

struct realm_conn_send_step realm_conn_send_begin(struct realm_conn *conn);

/** Whether there is something to write: it stays where it is until anything is published or any
 *  step is settled. False: that was all, or the stream takes no more, or the connection has
 *  ended, or it goes on in the next turn. */
bool realm_conn_send_gather(struct realm_conn_send_step *step);
void realm_conn_send_write(struct realm_conn_send_step *step);
void realm_conn_send_settle(struct realm_conn_send_step *step);

/** All rounds. True when there is nothing more to send. */
bool realm_conn_send(struct realm_conn *conn);

/** All is said: tells the peer so, then REALM_CONN_LIFE_LINGERING. */
void realm_conn_send_end(struct realm_conn *conn);

/** While lingering: drop what still comes, until the peer has closed too. */
void realm_conn_send_linger(struct realm_conn *conn);

/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Passwords verified without holding up a loop: a few threads for the whole daemon, a bounded
 * queue in front of them, answers by mailbox letter, and a short memory of what was right.
 *
 *   daemon   struct auth        prepare() ... release()
 *   worker   struct auth_desk   start() ... stop(), before its mailbox goes
 *   request  struct auth_job    until it answers or is cancelled
 *
 * A desk belongs to its worker's thread. A job keeps copies of all it needs, so the
 * configuration that it came from may go while it runs. An unknown user costs as much as one of
 * the file.
 */
#pragma once

#include "auth/auth_basic.h"
#include "auth/htpasswd.h"
#include "base/rng.h"
#include "io/mailbox.h"

struct auth;
struct auth_desk;
struct auth_job;

/** Called once unless cancelled, on the worker's thread, never from inside
 *  auth_check(). The job is gone then. */
typedef void auth_done(void *ctx, bool is_right);

/** Threads are started now. ERR_NOMEM, ERR_IO with errno. */
must_check enum err auth_new(struct auth **ret_auth, size_t threads, size_t queue_max);

/** Waits for its threads. Every desk must be gone. Takes NULL. */
void auth_free(struct auth *auth);

/** What a worker holds. `rng` is for the key of its memory. ERR_NOMEM. */
must_check enum err auth_desk_new(struct auth_desk **ret_desk, struct auth *auth,
                                  struct mailbox *mailbox, msec cache_ttl, struct rng *rng);

/** Cancels what is left; waits for verifications that run, a good part of a second at most.
 *  The mailbox must go after it; letters that are in it then are harmless. Takes NULL. */
void auth_desk_free(struct auth_desk *desk);

/** After a reload. */
void auth_desk_set_ttl(struct auth_desk *desk, msec cache_ttl);

/**
 * Whether the credentials are those of a user in the file.
 *
 * Returns OK         they are: known from a moment ago. Nothing will be called
 *         ERR_AGAIN  *ret_job: `done` will be called
 *         ERR_LIMIT  too many wait already: answer 503
 *         ERR_NOMEM
 */
must_check enum err auth_check(struct auth_desk *desk, const struct htpasswd *users,
                               const struct auth_basic *credentials, msec now, auth_done *done,
                               void *ctx, struct auth_job **ret_job);

/** Nothing will be called. Takes NULL. */
void auth_cancel(struct auth_job *job);

/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Passwords verified without holding up a loop: a few threads for the whole daemon, a bounded
 * queue in front of them, answers by mailbox letter, and a short memory of what was right.
 *
 *   daemon   struct proxy_auth        prepare() ... release()
 *   worker   struct proxy_auth_desk   start() ... stop(), before its mailbox goes
 *   request  struct proxy_auth_job    until it answers or is cancelled
 *
 * A desk belongs to its worker's thread. A job keeps copies of all it needs, so the
 * configuration that it came from may go while it runs. An unknown user costs as much as one of
 * the file.
 */
#pragma once

#include "base/rng.h"
#include "io/mailbox.h"
#include "proxy/proxy_auth_basic.h"
#include "proxy/proxy_htpasswd.h"

struct proxy_auth;
struct proxy_auth_desk;
struct proxy_auth_job;

/** Called once unless cancelled, on the worker's thread, never from inside
 *  proxy_auth_check(). The job is gone then. */
typedef void proxy_auth_done(void *ctx, bool is_right);

/** Threads are started now. ERR_NOMEM, ERR_IO with errno. */
must_check enum err proxy_auth_new(struct proxy_auth **ret_auth, size_t threads,
                                   size_t queue_max);

/** Waits for its threads. Every desk must be gone. Takes NULL. */
void proxy_auth_free(struct proxy_auth *auth);

/** What a worker holds. `rng` is for the key of its memory. ERR_NOMEM. */
must_check enum err proxy_auth_desk_new(struct proxy_auth_desk **ret_desk,
                                        struct proxy_auth *auth, struct mailbox *mailbox,
                                        msec cache_ttl, struct rng *rng);

/** Cancels what is left; waits for verifications that run, a good part of a second at most.
 *  The mailbox must go after it; letters that are in it then are harmless. Takes NULL. */
void proxy_auth_desk_free(struct proxy_auth_desk *desk);

/** After a reload. */
void proxy_auth_desk_set_ttl(struct proxy_auth_desk *desk, msec cache_ttl);

/**
 * Whether the credentials are those of a user in the file.
 *
 * Returns OK         they are: known from a moment ago. Nothing will be called
 *         ERR_AGAIN  *ret_job: `done` will be called
 *         ERR_LIMIT  too many wait already: answer 503
 *         ERR_NOMEM
 */
must_check enum err proxy_auth_check(struct proxy_auth_desk *desk,
                                     const struct proxy_htpasswd *users,
                                     const struct proxy_auth_basic *credentials, msec now,
                                     proxy_auth_done *done, void *ctx,
                                     struct proxy_auth_job **ret_job);

/** Nothing will be called. Takes NULL. */
void proxy_auth_cancel(struct proxy_auth_job *job);

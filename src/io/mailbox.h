/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Letters from any thread to the thread of one loop. The only thing, besides events, that
 * passes between workers.
 */
#pragma once

#include "io/loop.h"

struct mailbox;

struct mailbox_letter {
    struct list node; /* the mailbox's */
    void (*open)(
        struct mailbox_letter *letter); /* called on the loop's thread; owns the letter */
};

/** ERR_NOMEM, ERR_IO with errno. */
must_check enum err mailbox_new(struct mailbox **ret_mailbox, struct loop *loop);

/** On the loop's thread; letters still inside are opened first. Takes NULL. */
void mailbox_free(struct mailbox *mailbox);

/** From any thread. The letter is the mailbox's until `open` is called with it. */
void mailbox_post(struct mailbox *mailbox, struct mailbox_letter *letter);

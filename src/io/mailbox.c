/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "io/mailbox.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct mailbox {
    pthread_mutex_t lock; /* guards letters */
    struct list letters;
    int bell; /* owned; an eventfd, rung when the first letter comes into an empty box */
    struct loop_watch watch;
};

/* Takes all letters and opens them. Touches the mailbox only before the first is opened. */
static bool open_letters(struct mailbox *mailbox)
{
    struct list taken;
    bool any;

    list_init(&taken);
    pthread_mutex_lock(&mailbox->lock);
    list_splice(&taken, &mailbox->letters);
    pthread_mutex_unlock(&mailbox->lock);

    any = !list_is_empty(&taken);
    while (!list_is_empty(&taken)) {
        struct mailbox_letter *letter = LIST_ENTRY(taken.next, struct mailbox_letter, node);

        list_remove(&letter->node);
        letter->open(letter);
    }
    return any;
}

static void on_bell(void *ctx)
{
    struct mailbox *mailbox = ctx;
    uint64_t rings;
    /* Silence the bell before the letters are taken: a later one rings it again. */
    ssize_t len = read(mailbox->bell, &rings, sizeof rings);

    (void)len; /* EAGAIN: only the other direction was reported */
    loop_watch_clear(&mailbox->watch, LOOP_READABLE);
    open_letters(mailbox);
}

enum err mailbox_new(struct mailbox **ret_mailbox, struct loop *loop)
{
    struct mailbox *mailbox = calloc(1, sizeof *mailbox);
    enum err e;

    if (mailbox == NULL) {
        return ERR_NOMEM;
    }
    list_init(&mailbox->letters);
    mailbox->bell = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (mailbox->bell < 0) {
        free(mailbox);
        return ERR_IO;
    }
    e = loop_watch(loop, &mailbox->watch, mailbox->bell, on_bell, mailbox);
    if (e != OK) {
        close(mailbox->bell);
        free(mailbox);
        return e;
    }
    pthread_mutex_init(&mailbox->lock, NULL); /* cannot fail on Linux */
    *ret_mailbox = mailbox;
    return OK;
}

void mailbox_free(struct mailbox *mailbox)
{
    if (mailbox == NULL) {
        return;
    }
    while (open_letters(mailbox)) {
        /* a letter may have posted another */
    }
    loop_unwatch(&mailbox->watch);
    close(mailbox->bell);
    pthread_mutex_destroy(&mailbox->lock);
    free(mailbox);
}

void mailbox_post(struct mailbox *mailbox, struct mailbox_letter *letter)
{
    const uint64_t once = 1;
    bool first;
    ssize_t len = sizeof once;

    pthread_mutex_lock(&mailbox->lock);
    first = list_is_empty(&mailbox->letters);
    list_append(&mailbox->letters, &letter->node);
    if (first) { /* under the lock: the mailbox may be gone once its letters are opened */
        len = write(mailbox->bell, &once, sizeof once);
    }
    pthread_mutex_unlock(&mailbox->lock);
    assert(len == sizeof once);
    (void)len;
}

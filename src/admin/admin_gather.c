/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "admin/admin_gather.h"

#include "admin/admin_inside.h"
#include "base/text.h"

#include <stdlib.h>

/* The letter owns it while it travels. `done` and `at` are changed at home alone. */
struct admin_gather {
    struct mailbox_letter letter;
    struct daemon *daemon;
    const struct admin_source *source;
    struct admin_gather_page page;
    size_t at;               /* the worker that has it */
    admin_gather_done *done; /* NULL: cancelled */
    void *ctx;
    uint8_t *rows; /* owned, like the next; page.limit of each */
    size_t *workers;
    size_t count;
};

bool admin_gather_read_page(struct span query, struct admin_gather_page *ret_page)
{
    struct admin_gather_page page = {.limit = ADMIN_GATHER_LIMIT};

    while (query.len > 0) {
        size_t len = span_find(query, '&');
        struct span item = span_head(query, len);
        size_t equals = span_find(item, '=');
        struct span name = span_head(item, equals);
        struct span value = span_tail(item, equals < item.len ? equals + 1 : equals);
        size_t dot = span_find(value, '.');
        uint64_t number;

        query = span_tail(query, len < query.len ? len + 1 : len);
        if (span_equals(name, "limit") && text_u64(value, ADMIN_GATHER_LIMIT_MAX, &number) &&
            number > 0) {
            page.limit = (size_t)number;
        } else if (span_equals(name, "after") && dot < value.len &&
                   text_u64(span_head(value, dot), UINT16_MAX, &number) &&
                   text_u64(span_tail(value, dot + 1), UINT64_MAX, &page.after)) {
            page.worker = (size_t)number;
        } else {
            return false;
        }
    }
    *ret_page = page;
    return true;
}

static void gather_free(struct admin_gather *gather)
{
    free(gather->rows);
    free(gather->workers);
    free(gather);
}

/* ---- the round ---- */

static void open_at_home(struct mailbox_letter *letter);

static void open_away(struct mailbox_letter *letter)
{
    struct admin_gather *gather = LIST_ENTRY(letter, struct admin_gather, letter);
    struct worker *worker = daemon_worker(gather->daemon, gather->at);
    size_t room = gather->page.limit - gather->count;

    if (worker->state != NULL && room > 0) {
        const struct admin_source *source = gather->source;
        size_t count = source->list(worker, gather->page.after,
                                    gather->rows + gather->count * source->row_bytes, room);

        for (size_t i = 0; i < count; i++) {
            gather->workers[gather->count++] = gather->at;
        }
    }
    letter->open = open_at_home;
    daemon_post(gather->daemon, 0, letter);
}

static void finish(struct admin_gather *gather)
{
    const struct admin_gather_rows rows = {
        .rows = gather->rows,
        .row_bytes = gather->source->row_bytes,
        .workers = gather->workers,
        .count = gather->count,
        .is_cut = gather->page.limit > 0 && gather->count == gather->page.limit,
    };

    gather->done(gather->ctx, &rows);
    gather_free(gather);
}

static void open_at_home(struct mailbox_letter *letter)
{
    struct admin_gather *gather = LIST_ENTRY(letter, struct admin_gather, letter);
    bool is_full = gather->page.limit > 0 && gather->count == gather->page.limit;

    if (gather->done == NULL) {
        gather_free(gather);
    } else if (is_full || gather->at + 1 >= daemon_worker_count(gather->daemon)) {
        finish(gather);
    } else {
        gather->at++;
        gather->page.after = 0;
        letter->open = open_away;
        daemon_post(gather->daemon, gather->at, letter);
    }
}

enum err admin_gather_start(struct admin *admin, const struct admin_gather_page *page,
                            admin_gather_done *done, void *ctx,
                            struct admin_gather **ret_gather)
{
    struct admin_gather *gather = calloc(1, sizeof *gather);

    if (gather == NULL) {
        return ERR_NOMEM;
    }
    gather->rows = calloc(page->limit + 1, admin->source->row_bytes);
    gather->workers = calloc(page->limit + 1, sizeof *gather->workers);
    if (gather->rows == NULL || gather->workers == NULL) {
        gather_free(gather);
        return ERR_NOMEM;
    }
    gather->daemon = admin->worker->daemon;
    gather->source = admin->source;
    gather->page = *page;
    gather->done = done;
    gather->ctx = ctx;
    *ret_gather = gather;
    gather->at = page->worker;
    if (gather->at < daemon_worker_count(gather->daemon)) {
        gather->letter.open = open_away;
        daemon_post(gather->daemon, gather->at, &gather->letter);
    } else { /* behind the last: home at once, with nothing */
        gather->letter.open = open_at_home;
        daemon_post(gather->daemon, 0, &gather->letter);
    }
    return OK;
}

size_t admin_gather_cancel(struct admin_gather *gather)
{
    if (gather == NULL) {
        return 0;
    }
    gather->done = NULL;
    return gather->at;
}

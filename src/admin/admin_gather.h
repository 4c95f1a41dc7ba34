/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Asks every worker in turn, by one letter that travels: for its live work, up to a page of
 * rows, or only whether it answers. The letter comes home to worker 0.
 */
#pragma once

#include "admin/admin.h"
#include "base/span.h"

enum {
    ADMIN_GATHER_LIMIT = 100, /* rows of a page, unless the query says */
    ADMIN_GATHER_LIMIT_MAX = 1000,
};

struct admin_gather;

/* Rows behind `after` of `worker`, and of all later workers. */
struct admin_gather_page {
    size_t worker;
    uint64_t after; /* the id of a row */
    size_t limit;   /* 0: no rows, only the round */
};

struct admin_gather_rows {
    const uint8_t *rows; /* of row_bytes each */
    size_t row_bytes;
    const size_t *workers; /* whose each of them is */
    size_t count;
    bool is_cut; /* the page is full: there may be more */
};

/** Once, unless cancelled, on worker 0's loop; the gather is gone then. Borrowed for the call.
 */
typedef void admin_gather_done(void *ctx, const struct admin_gather_rows *rows);

/** The row at that place; what it is, the source knows. */
static inline const void *admin_gather_row(const struct admin_gather_rows *rows, size_t at)
{
    return rows->rows + at * rows->row_bytes;
}

/** Its id: a row begins with it. */
static inline uint64_t admin_gather_id(const struct admin_gather_rows *rows, size_t at)
{
    uint64_t id;

    memcpy(&id, admin_gather_row(rows, at), sizeof id);
    return id;
}

/** "limit=100&after=0.17", both optional. False: it is something else. */
bool admin_gather_read_page(struct span query, struct admin_gather_page *ret_page);

/** ERR_NOMEM. */
must_check enum err admin_gather_start(struct admin *admin,
                                       const struct admin_gather_page *page,
                                       admin_gather_done *done, void *ctx,
                                       struct admin_gather **ret_gather);

/** Nothing will be called. Returns which worker had it. Takes NULL. */
size_t admin_gather_cancel(struct admin_gather *gather);

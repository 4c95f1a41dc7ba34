/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Any bytes as a message of the log, and as the operations of an entry: what is found is inside
 * of them, and is written as it was read.
 */
#include "store/store_nats_entry.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check(bool is_right)
{
    if (!is_right) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct span rest = span_of(data, len);
    struct store_nats_entry_head head;
    struct store_nats_entry_op op;
    struct span part;
    struct buf again;

    if (store_nats_entry_read(rest, &head, &part)) {
        check(part.len + STORE_NATS_ENTRY_HEAD_BYTES == len);
    }
    buf_init(&again, 2 * len + 1);
    while (store_nats_entry_next(&rest, &op)) {
        check(store_nats_entry_add(&again, &op) == OK);
    }
    check(span_equal(buf_span(&again), span_head(span_of(data, len), len - rest.len)));
    buf_fini(&again);
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Any bytes as a record, once as they are and once with the checksum that they need, so that
 * what is behind it is reached: what is taken for an event lies inside the record, and written
 * again it is the same record.
 */
#include "store/store_crc.h"
#include "store/store_record.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void check_event(struct span record, const struct event *event, uint64_t eid)
{
    uint8_t *again = malloc(record.len);
    struct event_header header;
    size_t headers = 0;
    size_t at = 0;

    check(again != NULL && event->eid == eid);
    check(store_record_bytes(event) == record.len);
    check(event_publish_id(event).ptr == record.ptr + STORE_RECORD_HEAD_BYTES);
    check(event_body(event).ptr + event_body(event).len == record.ptr + record.len);
    while (event_next_header(event, &at, &header)) {
        check(header.name.ptr + header.name.len <= event_body(event).ptr);
        check(header.value.ptr + header.value.len <= event_body(event).ptr);
        headers += header.name.len + header.value.len;
    }
    check(headers <= event->headers_len);
    store_record_write(event, eid, again);
    check(memcmp(again, record.ptr, record.len) == 0);
    free(again);
}

static void read_record(struct span record)
{
    struct event event;
    uint64_t eid = 0;

    if (record.len >= 16) {
        memcpy(&eid, record.ptr + 8, sizeof eid);
    }
    if (store_record_read(record, eid, &event) == STORE_RECORD_GOOD) {
        check_event(record, &event, eid);
        check(store_record_read(record, eid + 1, &event) == STORE_RECORD_PLACE);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size + 1);

    check(copy != NULL);
    memcpy(copy, data, size);
    read_record(span_of(copy, size));
    if (size >= sizeof(uint32_t)) {
        uint32_t crc = store_crc(0, span_of(copy + sizeof crc, size - sizeof crc));

        memcpy(copy, &crc, sizeof crc);
        read_record(span_of(copy, size));
    }
    free(copy);
    return 0;
}

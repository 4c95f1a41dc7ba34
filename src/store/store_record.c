/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "store/store_record.h"

#include "base/text.h"
#include "store/store_crc.h"

#include <inttypes.h>

enum {
    FLAG_TEXT = 1u << 0,
    FLAGS_KNOWN = FLAG_TEXT,
    LINES_MAX = 8, /* of one stream, until the next start */
};

/* The head as it stands there: copied in and out. */
struct head {
    uint32_t crc;
    uint8_t version;
    uint8_t flags;
    uint16_t zero;
    uint64_t eid;
    uint64_t time;
    uint64_t expiry;
    uint32_t id_len;
    uint32_t headers_len;
    uint32_t body_len;
    uint32_t zero_too;
};

static_assert(sizeof(struct head) == STORE_RECORD_HEAD_BYTES, "the head has no gaps");

static uint32_t checksum(struct span record)
{
    return store_crc(0, span_tail(record, sizeof(uint32_t)));
}

void store_record_write(const struct event *event, uint64_t eid, uint8_t *room)
{
    struct head head = {
        .version = STORE_RECORD_VERSION,
        .flags = event->is_text ? FLAG_TEXT : 0,
        .eid = eid,
        .time = event->time,
        .expiry = event->expiry,
        .id_len = (uint32_t)event->id_len,
        .headers_len = (uint32_t)event->headers_len,
        .body_len = (uint32_t)event->body_len,
    };

    assert(event_len(event) <= UINT32_MAX);
    memcpy(room, &head, sizeof head);
    if (event_len(event) > 0) {
        memcpy(room + sizeof head, event->bytes, event_len(event));
    }
    head.crc = checksum(span_of(room, store_record_bytes(event)));
    memcpy(room, &head.crc, sizeof head.crc);
}

enum store_record_fault store_record_read(struct span record, uint64_t eid,
                                          struct event *ret_event)
{
    struct event_record parts;
    struct head head;

    if (record.len < sizeof head) {
        return STORE_RECORD_LENGTH;
    }
    memcpy(&head, record.ptr, sizeof head);
    if ((uint64_t)head.id_len + head.headers_len + head.body_len != record.len - sizeof head) {
        return STORE_RECORD_LENGTH;
    }
    if (head.crc != checksum(record)) {
        return STORE_RECORD_CHECKSUM;
    }
    if (head.version != STORE_RECORD_VERSION || (head.flags & ~(unsigned)FLAGS_KNOWN) != 0 ||
        head.zero != 0 || head.zero_too != 0) {
        return STORE_RECORD_UNKNOWN;
    }
    if (head.eid != eid) {
        return STORE_RECORD_PLACE;
    }
    parts = (struct event_record){
        .eid = eid,
        .time = head.time,
        .expiry = head.expiry,
        .id_len = head.id_len,
        .headers_len = head.headers_len,
        .is_text = (head.flags & FLAG_TEXT) != 0,
        .bytes = span_tail(record, sizeof head),
    };
    return event_borrow(&parts, ret_event) ? STORE_RECORD_GOOD : STORE_RECORD_PARTS;
}

const char *store_record_fault_text(enum store_record_fault fault)
{
#define X(name, text) [name] = text,
    static const char *const texts[] = {STORE_RECORD_FAULTS(X)};
#undef X

    return texts[fault];
}

void store_record_report(const struct log *log, struct store_stream *stream, uint64_t eid,
                         enum store_record_fault fault)
{
    char name[4 * STORE_NAME_MAX + 1];

    stream->corrupt_count++;
    stream->store->corrupt_count++;
    if (stream->corrupt_count > LINES_MAX) {
        return;
    }
    log_error(log, "store: event %" PRIu64 " of %s cannot be read, %s: it is skipped%s", eid,
              text_printable(stream->name, name, sizeof name), store_record_fault_text(fault),
              stream->corrupt_count == LINES_MAX ? "; more of this stream are only counted"
                                                 : "");
}

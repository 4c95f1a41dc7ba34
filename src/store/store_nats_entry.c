/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "store/store_nats_entry.h"

#include "store/store_crc.h"
#include "store/store_record.h"

enum {
    MAGIC = 0x576c4c67,
    OP_KEEPS_NONE = 1u << 0,
    OP_IS_COPY = 1u << 1,
    OP_FLAGS_KNOWN = OP_KEEPS_NONE | OP_IS_COPY,
    FLAGS_KNOWN = STORE_NATS_ENTRY_FIRST | STORE_NATS_ENTRY_LAST,
};

/* As they stand there: copied in and out. */
struct head {
    uint32_t magic;
    uint32_t crc;
    uint64_t author;
    uint64_t number;
    uint64_t previous;
    uint32_t round;
    uint8_t version;
    uint8_t flags;
    uint16_t zero;
};

struct op_head {
    uint8_t type;
    uint8_t flags;
    uint16_t name_len;
    uint32_t value_len;
    uint64_t number;
};

static_assert(sizeof(struct head) == STORE_NATS_ENTRY_HEAD_BYTES, "the head has no gaps");
static_assert(sizeof(struct op_head) == STORE_NATS_ENTRY_OP_BYTES, "as has this one");

/* Room for a value behind head and name; the caller commits it. */
static enum err begin_op(struct buf *body, const struct store_nats_entry_op *op,
                         size_t value_len, struct mspan *ret_value)
{
    const struct op_head head = {
        .type = op->type,
        .flags = (op->keeps_none ? OP_KEEPS_NONE : 0) | (op->is_copy ? OP_IS_COPY : 0),
        .name_len = (uint16_t)op->name.len,
        .value_len = (uint32_t)value_len,
        .number = op->number,
    };
    struct mspan room;

    assert(op->name.len <= UINT16_MAX && value_len <= UINT32_MAX);
    TRY(buf_reserve(body, sizeof head + op->name.len + value_len, &room));
    memcpy(room.ptr, &head, sizeof head);
    if (op->name.len > 0) {
        memcpy(room.ptr + sizeof head, op->name.ptr, op->name.len);
    }
    *ret_value = mspan_of(room.ptr + sizeof head + op->name.len, value_len);
    return OK;
}

static void end_op(struct buf *body, const struct store_nats_entry_op *op, size_t value_len)
{
    buf_commit(body, sizeof(struct op_head) + op->name.len + value_len);
}

enum err store_nats_entry_add(struct buf *body, const struct store_nats_entry_op *op)
{
    struct mspan value;

    TRY(begin_op(body, op, op->value.len, &value));
    if (op->value.len > 0) {
        memcpy(value.ptr, op->value.ptr, op->value.len);
    }
    end_op(body, op, op->value.len);
    return OK;
}

enum err store_nats_entry_add_event(struct buf *body, const struct store_nats_entry_op *op,
                                    const struct event *event)
{
    struct mspan value;

    assert(op->type == STORE_APPEND);
    TRY(begin_op(body, op, store_record_bytes(event), &value));
    store_record_write(event, 0, value.ptr);
    end_op(body, op, value.len);
    return OK;
}

static uint32_t checksum(const struct head *head, struct span part)
{
    const size_t skipped = offsetof(struct head, author);

    return store_crc(
        store_crc(0, span_of((const uint8_t *)head + skipped, sizeof *head - skipped)), part);
}

void store_nats_entry_write(const struct store_nats_entry_head *head, struct span part,
                            uint8_t *room)
{
    struct head written = {
        .magic = MAGIC,
        .author = head->author,
        .number = head->number,
        .previous = head->previous,
        .round = head->round,
        .version = STORE_NATS_ENTRY_VERSION,
        .flags = (uint8_t)head->flags,
    };

    written.crc = checksum(&written, part);
    memcpy(room, &written, sizeof written);
    if (part.len > 0) {
        memcpy(room + sizeof written, part.ptr, part.len);
    }
}

bool store_nats_entry_read(struct span message, struct store_nats_entry_head *ret_head,
                           struct span *ret_part)
{
    struct head head;

    if (message.len < sizeof head) {
        return false;
    }
    memcpy(&head, message.ptr, sizeof head);
    *ret_part = span_tail(message, sizeof head);
    *ret_head = (struct store_nats_entry_head){
        .author = head.author,
        .number = head.number,
        .previous = head.previous,
        .round = head.round,
        .flags = head.flags,
    };
    return head.magic == MAGIC && head.crc == checksum(&head, *ret_part) &&
           head.version == STORE_NATS_ENTRY_VERSION &&
           (head.flags & ~(unsigned)FLAGS_KNOWN) == 0 && head.zero == 0;
}

static bool is_type(uint8_t type)
{
    return type <= STORE_DELETE ||
           (type >= STORE_NATS_ENTRY_JOIN && type <= STORE_NATS_ENTRY_SNAPSHOT);
}

/* Whether what the type needs is there, within its maximum. */
static bool is_sound(const struct store_nats_entry_op *op)
{
    bool is_stream = op->type < STORE_PUT;
    bool has_name = is_stream || op->type == STORE_PUT || op->type == STORE_DELETE ||
                    op->type == STORE_NATS_ENTRY_LOCK || op->type == STORE_NATS_ENTRY_UNLOCK;

    if (op->name.len > (size_t)(is_stream ? STORE_NAME_MAX : STORE_KEY_MAX) ||
        has_name != (op->name.len > 0) ||
        (op->is_copy && (op->type != STORE_APPEND || op->number == 0))) {
        return false;
    }
    return op->type == STORE_APPEND ||
           op->value.len <=
               (size_t)(op->type == STORE_PUT ? STORE_VALUE_MAX : STORE_LOCK_VALUE_MAX);
}

bool store_nats_entry_next(struct span *body, struct store_nats_entry_op *ret_op)
{
    struct op_head head;

    if (body->len < sizeof head) {
        return false;
    }
    memcpy(&head, body->ptr, sizeof head);
    if (!is_type(head.type) || (head.flags & ~(unsigned)OP_FLAGS_KNOWN) != 0 ||
        body->len - sizeof head < (uint64_t)head.name_len + head.value_len) {
        return false;
    }
    *ret_op = (struct store_nats_entry_op){
        .type = head.type,
        .keeps_none = (head.flags & OP_KEEPS_NONE) != 0,
        .is_copy = (head.flags & OP_IS_COPY) != 0,
        .number = head.number,
        .name = span_of(body->ptr + sizeof head, head.name_len),
        .value = span_of(body->ptr + sizeof head + head.name_len, head.value_len),
    };
    if (!is_sound(ret_op)) {
        return false;
    }
    *body = span_tail(*body, sizeof head + head.name_len + head.value_len);
    return true;
}

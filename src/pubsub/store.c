/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "pubsub/store.h"

void store_close(struct store *store)
{
    if (store != NULL) {
        store->is_closing = true;
        store->ops->close(store);
    }
}

enum err store_open_stream(struct store *store, struct span name, enum store_keep keep,
                           struct store_stream **ret_stream)
{
    if (name.len == 0 || name.len > STORE_NAME_MAX) {
        return ERR_LIMIT;
    }
    return store->ops->open_stream(store, name, keep, ret_stream);
}

enum err store_has_stream(struct store *store, struct span name, bool *ret_has)
{
    if (name.len == 0 || name.len > STORE_NAME_MAX) {
        *ret_has = false; /* it could not have been made */
        return OK;
    }
    return store->ops->has_stream(store, name, ret_has);
}

static enum err check_op(const struct store *store, const struct store_op *ops, size_t at)
{
    const struct store_op *op = &ops[at];

    switch (op->type) {
    case STORE_APPEND:
        assert(op->event != NULL && op->copy_of <= at);
        assert(op->copy_of == 0 ||
               (ops[op->copy_of - 1].type == STORE_APPEND && event_has_hole(op->event)));
        /* A record has 32 bits for each length. */
        if (event_len(op->event) > UINT32_MAX) {
            return ERR_LIMIT;
        }
        break;
    case STORE_PUT:
    case STORE_DELETE:
        if (op->key.len == 0 || op->key.len > STORE_KEY_MAX ||
            op->value.len > STORE_VALUE_MAX) {
            return ERR_LIMIT;
        }
        return OK;
    case STORE_REMOVE:
    case STORE_TRIM:
    case STORE_PURGE:
    case STORE_RESERVE: break;
    }
    assert(op->stream != NULL && op->stream->store == store);
    return OK;
}

enum err store_submit(struct store *store, const struct store_op *ops, size_t count,
                      store_done *done, void *ctx)
{
    assert(count > 0 && done != NULL);
    if (count > STORE_OPS_MAX) {
        return ERR_LIMIT;
    }
    for (size_t i = 0; i < count; i++) {
        TRY(check_op(store, ops, i));
    }
    if (store->is_closing) {
        return ERR_CLOSED;
    }
    return store->ops->submit(store, ops, count, done, ctx);
}

bool store_is_congested(const struct store *store)
{
    return store->pending_bytes > store->pending_bytes_max / 2;
}

enum err store_read(struct store_stream *stream, uint64_t from, store_visit *visit, void *ctx,
                    uint64_t *ret_next)
{
    return stream->store->ops->read(stream, from, visit, ctx, ret_next);
}

enum err store_get(struct store *store, struct span key, struct buf *value, bool *ret_found)
{
    if (key.len == 0 || key.len > STORE_KEY_MAX) {
        *ret_found = false; /* it could not have been put */
        return OK;
    }
    return store->ops->get(store, key, value, ret_found);
}

enum err store_list(struct store *store, struct span prefix, store_visit_key *visit, void *ctx)
{
    return prefix.len > STORE_KEY_MAX ? OK : store->ops->list(store, prefix, visit, ctx);
}

enum err store_lock(struct store *store, struct span key, store_locked *done, void *ctx)
{
    assert(store->is_shared && done != NULL);
    if (key.len == 0 || key.len > STORE_KEY_MAX) {
        return ERR_LIMIT;
    }
    if (store->is_closing) {
        return ERR_CLOSED;
    }
    return store->ops->lock(store, key, done, ctx);
}

void store_unlock(struct store *store, struct span key, struct span value)
{
    assert(store->is_shared && value.len <= STORE_LOCK_VALUE_MAX);
    store->ops->unlock(store, key, value);
}

enum store_lock_state store_lock_state(const struct store *store, struct span key,
                                       struct span *ret_value)
{
    if (ret_value != NULL) {
        *ret_value = SPAN("");
    }
    return store->is_shared ? store->ops->lock_state(store, key, ret_value) : STORE_LOCK_FREE;
}

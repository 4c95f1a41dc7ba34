/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "store/store_mem_letter.h"

#include "store/store_mem_share.h"

#include <stdlib.h>

void store_mem_letter_set_value(struct store_mem_letter *letter, struct span value)
{
    letter->has_value = true;
    letter->value_len = value.len;
    if (value.len > 0) {
        memcpy(letter->bytes + letter->key_len, value.ptr, value.len);
    }
}

struct store_mem_letter *store_mem_letter_new(struct list *list, struct store_mem_share *to,
                                              enum store_mem_letter_type type, struct span key,
                                              size_t value_room)
{
    struct store_mem_letter *letter = calloc(1, sizeof *letter + key.len + value_room);

    if (letter != NULL) {
        letter->to = to;
        letter->type = type;
        letter->key_len = key.len;
        if (key.len > 0) {
            memcpy(letter->bytes, key.ptr, key.len);
        }
        list_append(list, &letter->node);
    }
    return letter;
}

void store_mem_letter_free(struct store_mem_letter *letter)
{
    list_remove(&letter->node);
    event_unref(letter->event);
    free(letter);
}

void store_mem_letter_free_all(struct list *letters)
{
    LIST_FOREACH (node, after, letters) {
        struct store_mem_letter *letter = store_mem_letter_of(node);

        if (letter->job != NULL) {
            store_job_drop(letter->to->store, letter->job);
        }
        store_mem_letter_free(letter);
    }
}

void store_mem_letter_queue(struct list *list, struct store_mem_letter *letter)
{
    struct store_mem_share *to = letter->to;
    bool was_idle = list_is_empty(&to->out) && list_is_empty(&to->letters);

    list_remove(&letter->node);
    list_append(list, &letter->node);
    if (was_idle && to->on_pending != NULL) {
        to->on_pending(to->ctx);
    }
}

void store_mem_letter_post(struct store_mem_letter *letter)
{
    store_mem_letter_queue(&letter->to->letters, letter);
}

void store_mem_letter_post_all(struct list *letters)
{
    LIST_FOREACH (node, after, letters) {
        store_mem_letter_post(store_mem_letter_of(node));
    }
}

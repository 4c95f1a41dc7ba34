/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "store/store_nats_state.h"

/* The second byte of our keys. */
enum {
    KEY_AUTHOR = 'a',
    KEY_ID = 'i',
    KEY_LOCK = 'l',
    KEY_PLACE = 'p',
};

void store_nats_state_init(struct store_nats_state *state)
{
    *state = (struct store_nats_state){.author_count = 0};
    store_nats_ids_init(&state->ids);
    store_nats_locks_init(&state->locks);
}

void store_nats_state_fini(struct store_nats_state *state)
{
    for (size_t i = 0; i < state->author_count; i++) {
        buf_fini(&state->authors[i].body);
    }
    state->author_count = 0;
    store_nats_ids_fini(&state->ids);
    store_nats_locks_fini(&state->locks);
}

struct store_nats_state_author *store_nats_state_author(struct store_nats_state *state,
                                                        uint64_t id)
{
    for (size_t i = 0; i < state->author_count; i++) {
        if (state->authors[i].image.id == id) {
            return &state->authors[i];
        }
    }
    return NULL;
}

/* Already applied, but an entry that is not complete needs its part once more: after a restart
 * the log is read again from the first of these. */
static bool is_needed_again(const struct store_nats_state_author *author, uint64_t place,
                            const struct store_nats_entry_head *head)
{
    if (author->image.begun == 0 || place < author->image.begun ||
        head->number > author->image.last) {
        return false;
    }
    return place == author->image.begun
               ? (head->flags & STORE_NATS_ENTRY_FIRST) != 0
               : author->collected != 0 && head->previous == author->collected;
}

enum store_nats_state_verdict store_nats_state_judge(struct store_nats_state *state,
                                                     uint64_t place,
                                                     const struct store_nats_entry_head *head)
{
    const unsigned whole = STORE_NATS_ENTRY_FIRST | STORE_NATS_ENTRY_LAST;
    const struct store_nats_state_author *author = store_nats_state_author(state, head->author);

    if (place <= state->at.place) {
        return author != NULL && is_needed_again(author, place, head)
                   ? STORE_NATS_STATE_AGAIN
                   : STORE_NATS_STATE_IGNORED;
    }
    if (author == NULL) {
        return head->flags == whole && head->previous == 0 && head->author != 0
                   ? STORE_NATS_STATE_STRANGER
                   : STORE_NATS_STATE_IGNORED;
    }
    return head->previous == author->image.last ? STORE_NATS_STATE_COUNTS
                                                : STORE_NATS_STATE_IGNORED;
}

enum err store_nats_state_collect(struct store_nats_state_author *author,
                                  const struct store_nats_entry_head *head, struct span part)
{
    if ((head->flags & STORE_NATS_ENTRY_FIRST) != 0) {
        buf_truncate(&author->body, 0);
    }
    TRY(buf_append(&author->body, part));
    author->collected = head->number;
    return OK;
}

void store_nats_state_count(struct store_nats_state_author *author, uint64_t place,
                            const struct store_nats_entry_head *head)
{
    author->image.last = head->number;
    if ((head->flags & STORE_NATS_ENTRY_LAST) != 0) {
        author->image.begun = 0;
        author->collected = 0;
    } else if ((head->flags & STORE_NATS_ENTRY_FIRST) != 0) {
        author->image.begun = place;
    }
    author->is_changed = true;
}

static void seat(struct store_nats_state *state,
                 const struct store_nats_state_author_image *image, msec now)
{
    struct store_nats_state_author *author = &state->authors[state->author_count++];

    *author =
        (struct store_nats_state_author){.image = *image, .is_changed = true, .heard = now};
    buf_init(&author->body, STORE_NATS_ENTRY_BYTES_MAX);
}

bool store_nats_state_join(struct store_nats_state *state,
                           const struct store_nats_entry_head *head, msec now)
{
    const struct store_nats_state_author_image image = {
        .id = head->author, .last = head->number, .applied = state->at.place};

    if (state->author_count == STORE_NATS_STATE_AUTHORS_MAX) {
        return false;
    }
    seat(state, &image, now);
    return true;
}

bool store_nats_state_leave(struct store_nats_state *state, uint64_t id)
{
    struct store_nats_state_author *author = store_nats_state_author(state, id);

    if (author == NULL) {
        return false;
    }
    buf_fini(&author->body);
    *author = state->authors[--state->author_count];
    return true;
}

uint64_t store_nats_state_needed(const struct store_nats_state *state)
{
    uint64_t needed = state->at.place + 1;

    for (size_t i = 0; i < state->author_count; i++) {
        uint64_t begun = state->authors[i].image.begun;

        needed = begun != 0 && begun < needed ? begun : needed;
    }
    return needed;
}

uint64_t store_nats_state_needed_by_all(const struct store_nats_state *state, uint64_t self)
{
    uint64_t needed = store_nats_state_needed(state);

    for (size_t i = 0; i < state->author_count; i++) {
        uint64_t applied = state->authors[i].image.applied;

        if (state->authors[i].image.id != self && applied + 1 < needed) {
            needed = applied + 1;
        }
    }
    return needed;
}

static enum err restore_author(struct store_nats_state *state, struct span value)
{
    struct store_nats_state_author_image image;

    if (value.len != sizeof image || state->author_count == STORE_NATS_STATE_AUTHORS_MAX) {
        return ERR_PROTO;
    }
    memcpy(&image, value.ptr, sizeof image);
    seat(state, &image, 0);
    state->authors[state->author_count - 1].is_changed = false;
    return OK;
}

enum err store_nats_state_restore(struct store_nats_state *state, struct span key,
                                  struct span value)
{
    enum err e = OK;

    switch (key.len < 2 ? 0 : key.ptr[1]) {
    case KEY_AUTHOR: return restore_author(state, value);
    case KEY_ID:
        TRY(store_nats_ids_prepare(&state->ids));
        return store_nats_ids_restore(&state->ids, value) ? OK : ERR_PROTO;
    case KEY_LOCK: return store_nats_locks_restore(&state->locks, value, &e) ? e : ERR_PROTO;
    case KEY_PLACE:
        if (value.len != sizeof state->at) {
            return ERR_PROTO;
        }
        memcpy(&state->at, value.ptr, sizeof state->at);
        return OK;
    default: return ERR_PROTO;
    }
}

static struct span write_key(uint8_t *room, uint8_t kind, const void *rest, size_t len)
{
    assert(len + 2 <= STORE_NATS_STATE_KEY_BYTES);
    room[0] = STORE_NATS_STATE_KEY;
    room[1] = kind;
    if (len > 0) {
        memcpy(room + 2, rest, len);
    }
    return span_of(room, len + 2);
}

struct span store_nats_state_place_key(uint8_t room[STORE_NATS_STATE_KEY_BYTES])
{
    return write_key(room, KEY_PLACE, NULL, 0);
}

struct span store_nats_state_author_key(uint64_t id, uint8_t room[STORE_NATS_STATE_KEY_BYTES])
{
    return write_key(room, KEY_AUTHOR, &id, sizeof id);
}

struct span store_nats_state_id_key(uint32_t place, uint8_t room[STORE_NATS_STATE_KEY_BYTES])
{
    return write_key(room, KEY_ID, &place, sizeof place);
}

struct span store_nats_state_lock_key(const struct store_nats_lock *lock,
                                      uint8_t room[STORE_NATS_STATE_KEY_BYTES])
{
    return write_key(room, KEY_LOCK, lock->sum, sizeof lock->sum);
}

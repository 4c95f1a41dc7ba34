/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "contract/store_contract_pair.h"

#include <stdio.h>

static void note(struct store_contract_pair_realm *realm, const char *text)
{
    size_t used = strlen(realm->log);

    assert_true(used + strlen(text) < sizeof realm->log);
    memcpy(realm->log + used, text, strlen(text) + 1);
}

void store_contract_pair_note_event(struct store_contract_pair_realm *realm,
                                    const struct event *event, uint64_t eid)
{
    struct span body = event_body(event);
    char text[64];

    (void)snprintf(text, sizeof text, "+%llu:%.*s ", (unsigned long long)eid, SPAN_ARG(body));
    note(realm, text);
}

static bool stop_at_first(void *ctx, const struct event *event)
{
    *(uint64_t *)ctx = event->eid;
    return false;
}

static void on_event(void *ctx, struct event *event)
{
    struct store_contract_pair_realm *realm = ctx;
    uint64_t shown = 0, next;

    assert_int_equal(realm->stream->next_eid, event->eid + 1);
    assert_ok(store_read(realm->stream, event->eid, stop_at_first, &shown, &next));
    /* It is there, unless the store shows already that it was removed, which is told next. */
    assert_true(shown == 0 || shown >= event->eid);
    event_unref(event_ref(event)); /* its bytes are its own */
    store_contract_pair_note_event(realm, event, event->eid);
}

static void on_gone(void *ctx, uint64_t first_eid, uint64_t last_eid)
{
    struct store_contract_pair_realm *realm = ctx;

    assert_true(first_eid <= last_eid);
    for (uint64_t eid = first_eid; eid <= last_eid && eid < STORE_CONTRACT_PAIR_GONE_MAX;
         eid++) {
        realm->gone[eid] = true;
    }
}

static void on_key(void *ctx, struct span key, const struct span *value)
{
    char text[128];

    if (value == NULL) {
        (void)snprintf(text, sizeof text, "%.*s! ", SPAN_ARG(key));
    } else {
        (void)snprintf(text, sizeof text, "%.*s=%.*s ", SPAN_ARG(key), SPAN_ARG(*value));
    }
    note(ctx, text);
}

static const char *word_of(enum store_lock_state state)
{
    static const char *const words[] = {
        [STORE_LOCK_FREE] = "free", [STORE_LOCK_OURS] = "ours", [STORE_LOCK_THEIRS] = "theirs"};

    return words[state];
}

static void on_lock(void *ctx, struct span key, enum store_lock_state state, struct span value)
{
    struct store_contract_pair_realm *realm = ctx;
    struct span known;
    char text[128];

    assert_int_not_equal(state, STORE_LOCK_OURS); /* that is told with `done` */
    assert_int_equal(store_lock_state(realm->store, key, &known), state);
    assert_bytes(known, value);
    (void)snprintf(text, sizeof text, "%.*s:%s(%.*s) ", SPAN_ARG(key), word_of(state),
                   SPAN_ARG(value));
    note(realm, text);
}

static void watch(struct store_contract_pair_realm *realm, enum store_keep keep)
{
    static const struct store_stream_watch stream_watch = {on_event, on_gone};
    static const struct store_watch store_watch = {on_key, on_lock};

    assert_true(realm->store->is_shared);
    realm->store->watch = &store_watch;
    realm->store->watch_ctx = realm;
    assert_ok(store_open_stream(realm->store, SPAN("/q"), keep, &realm->stream));
    realm->stream->watch = &stream_watch;
    realm->stream->watch_ctx = realm;
}

void store_contract_pair_begin(struct store_contract_pair *pair, void **state,
                               enum store_keep keep)
{
    *pair = (struct store_contract_pair){.rig = *state};
    pair->realms[0].store = pair->rig->store;
    assert_ok(store_contract_rig_kind->open_second(pair->rig, &pair->realms[1].store));
    watch(&pair->realms[0], keep);
    watch(&pair->realms[1], keep);
}

void store_contract_pair_end(struct store_contract_pair *pair)
{
    store_close(pair->realms[1].store);
}

void store_contract_pair_turn(struct store_contract_pair *pair, size_t which)
{
    store_contract_rig_kind->turn_one(pair->rig, pair->realms[which].store);
}

void store_contract_pair_await(struct store_contract_pair *pair, size_t which, const char *tail)
{
    const char *log = pair->realms[which].log;

    while (strlen(log) < strlen(tail) || strcmp(log + strlen(log) - strlen(tail), tail) != 0) {
        store_contract_pair_turn(pair, which);
    }
}

void store_contract_pair_submit(struct store_contract_pair *pair, size_t which,
                                const struct store_op *ops, size_t count,
                                struct store_contract_rig_told *told)
{
    *told = (struct store_contract_rig_told){.count = count};
    assert_ok(
        store_submit(pair->realms[which].store, ops, count, store_contract_rig_on_done, told));
    while (told->times == 0) {
        store_contract_pair_turn(pair, which);
    }
    assert_int_equal(told->times, 1);
    assert_ok(told->e);
}

uint64_t store_contract_pair_append(struct store_contract_pair *pair, size_t which,
                                    const char *body)
{
    struct event *event = store_contract_rig_event(span_str(body));
    const struct store_op op = {
        .type = STORE_APPEND, .stream = pair->realms[which].stream, .event = event};
    struct store_contract_rig_told told;

    store_contract_pair_submit(pair, which, &op, 1, &told);
    event_unref(event);
    return told.eids[0];
}

void store_contract_pair_change(struct store_contract_pair *pair, size_t which,
                                enum store_op_type type, uint64_t eid)
{
    const struct store_op op = {.type = type, .stream = pair->realms[which].stream, .eid = eid};
    struct store_contract_rig_told told;

    store_contract_pair_submit(pair, which, &op, 1, &told);
}

void store_contract_pair_put(struct store_contract_pair *pair, size_t which, const char *key,
                             const char *value)
{
    const struct store_op op = {.type = value == NULL ? STORE_DELETE : STORE_PUT,
                                .key = span_str(key),
                                .value = span_str(value)};
    struct store_contract_rig_told told;

    store_contract_pair_submit(pair, which, &op, 1, &told);
}

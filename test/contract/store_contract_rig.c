/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "contract/store_contract_rig.h"

#include <stdlib.h>

const struct store_contract_kind *store_contract_rig_kind;

static void remember_line(void *ctx, enum log_level level, const char *line)
{
    struct store_contract_rig *rig = ctx;
    size_t used = strlen(rig->said);
    size_t len = strlen(line);

    (void)level;
    if (used + len + 2 < sizeof rig->said) {
        memcpy(rig->said + used, line, len);
        memcpy(rig->said + used + len, "\n", 2);
    }
}

int store_contract_rig_begin(void **state)
{
    struct store_contract_rig *rig = calloc(1, sizeof *rig);

    assert_non_null(rig);
    rig->rng = rng_seeded(1);
    rig->log = (struct log){.sink = remember_line, .sink_ctx = rig, .level = LOG_INFO};
    store_contract_rig_kind->begin(rig);
    assert_ok(store_contract_rig_kind->open(rig));
    *state = rig;
    return 0;
}

int store_contract_rig_end(void **state)
{
    struct store_contract_rig *rig = *state;

    store_close(rig->store);
    store_contract_rig_kind->end(rig);
    free(rig);
    return 0;
}

void store_contract_rig_restart(struct store_contract_rig *rig)
{
    store_close(rig->store);
    rig->store = NULL;
    assert_ok(store_contract_rig_kind->open(rig));
}

struct store_stream *store_contract_rig_stream(struct store_contract_rig *rig, const char *name)
{
    struct store_stream *stream;

    assert_ok(store_open_stream(rig->store, span_str(name), STORE_KEEP_ALL, &stream));
    return stream;
}

struct event *store_contract_rig_event(struct span body)
{
    const struct event_parts parts = {.body = body};
    struct event *event;

    assert_ok(event_new(0, &parts, &event));
    return event;
}

void store_contract_rig_on_done(void *ctx, enum err e, const uint64_t *eids)
{
    struct store_contract_rig_told *told = ctx;

    told->times++;
    told->e = e;
    assert_true((e == OK) == (eids != NULL));
    for (size_t i = 0; e == OK && i < told->count && i < STORE_CONTRACT_RIG_EIDS; i++) {
        told->eids[i] = eids[i];
    }
}

struct store_contract_rig_told store_contract_rig_do(struct store_contract_rig *rig,
                                                     const struct store_op *ops, size_t count)
{
    struct store_contract_rig_told told = {.count = count};

    assert_ok(store_submit(rig->store, ops, count, store_contract_rig_on_done, &told));
    while (told.times == 0) {
        store_contract_rig_kind->turn(rig);
    }
    assert_int_equal(told.times, 1);
    return told;
}

uint64_t store_contract_rig_append(struct store_contract_rig *rig, struct store_stream *stream,
                                   const char *body)
{
    struct event *event = store_contract_rig_event(span_str(body));
    const struct store_op op = {.type = STORE_APPEND, .stream = stream, .event = event};
    struct store_contract_rig_told told = store_contract_rig_do(rig, &op, 1);

    event_unref(event);
    assert_ok(told.e);
    return told.eids[0];
}

void store_contract_rig_change(struct store_contract_rig *rig, enum store_op_type type,
                               struct store_stream *stream, uint64_t eid)
{
    const struct store_op op = {.type = type, .stream = stream, .eid = eid};
    struct store_contract_rig_told told = store_contract_rig_do(rig, &op, 1);

    assert_ok(told.e);
    assert_int_equal(told.eids[0], 0);
}

void store_contract_rig_put(struct store_contract_rig *rig, const char *key, const char *value)
{
    const struct store_op op = {.type = value == NULL ? STORE_DELETE : STORE_PUT,
                                .key = span_str(key),
                                .value = span_str(value)};

    assert_ok(store_contract_rig_do(rig, &op, 1).e);
}

static bool on_event(void *ctx, const struct event *event)
{
    struct store_contract_rig_seen *seen = ctx;

    assert_true(event->eid > seen->last);
    seen->last = event->eid;
    if (seen->count < STORE_CONTRACT_RIG_EIDS) {
        seen->eids[seen->count] = event->eid;
    }
    seen->count++;
    return seen->count != seen->enough;
}

struct store_contract_rig_seen store_contract_rig_read(struct store_stream *stream,
                                                       uint64_t from, size_t enough)
{
    struct store_contract_rig_seen seen = {.enough = enough, .next = from};

    do {
        size_t before = seen.count;

        assert_ok(store_read(stream, seen.next, on_event, &seen, &seen.next));
        assert_true(seen.count - before <= STORE_READ_EVENTS_MAX);
        assert_true(seen.next > seen.last);
    } while (seen.next < stream->next_eid && (enough == 0 || seen.count < enough));
    return seen;
}

void store_contract_rig_assert_eids(struct store_stream *stream, const uint64_t *eids,
                                    size_t count)
{
    struct store_contract_rig_seen seen = store_contract_rig_read(stream, 0, 0);

    assert_int_equal(seen.count, count);
    assert_int_equal(seen.next, stream->next_eid);
    assert_int_equal(stream->count, count);
    assert_int_equal(stream->first_eid, count > 0 ? eids[0] : stream->next_eid);
    assert_true((stream->bytes > 0) == (count > 0));
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(seen.eids[i], eids[i]);
    }
}

void store_contract_rig_assert_value(struct store_contract_rig *rig, const char *key,
                                     const char *value)
{
    struct buf buf;
    bool found;

    buf_init(&buf, STORE_VALUE_MAX);
    assert_ok(store_get(rig->store, span_str(key), &buf, &found));
    assert_int_equal(found, value != NULL);
    assert_bytes(buf_span(&buf), span_str(value));
    buf_fini(&buf);
}

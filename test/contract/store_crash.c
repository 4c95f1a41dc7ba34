/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * kill -9, again and again: a child appends under load to store_lmdb and reports on a pipe what
 * was told to be done; it is killed in the middle, and its parent looks at what it left. Every
 * event that was reported is there, once and in order, submissions are whole, and EIDs never go
 * back. (What a power cut does is not shown here: that is what the sync before each outcome is
 * for.)
 *
 * Each submission of number n appends n to /a and to /b, puts "last" = n, appends n to /q, and
 * removes from /q what was told before: so /q is often empty, and its EIDs are remembered
 * alone.
 */
#include "lib/scratch.h"
#include "lib/testing.h"

#include "base/text.h"
#include "store/store_lmdb.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    ROUNDS = 20,
    WINDOW = 24,             /* submissions that the child has pending */
    REPORTS_MAX = 1500,      /* of one round, before it is killed */
    EVENTS_MAX = 400 * 1000, /* of all rounds: more than there can be */
    PADDING = 700,           /* bytes behind the number: pages fill up and split */
};

/* What the child says: less than PIPE_BUF, so it comes whole or not at all. */
struct report {
    uint64_t number;
    uint64_t a, b, q; /* EIDs */
};

struct scene {
    char path[SCRATCH_DIR_BYTES];
    struct loop *loop;
    struct mailbox *mailbox;
    struct rng rng;
    struct store *store;
    struct store_stream *a, *b, *q;
};

/* ---- both ---- */

static void must(bool holds, const char *what)
{
    if (!holds) {
        (void)fprintf(stderr, "store_crash, process %ld: %s\n", (long)getpid(), what);
        abort();
    }
}

static void open_scene(struct scene *scene)
{
    struct store_lmdb_conf conf = {.path = scene->path,
                                   .bytes_max = 256 * 1024 * 1024,
                                   .streams_max = 3,
                                   .pending_bytes_max = 8 * 1024 * 1024,
                                   .rng = &scene->rng};
    char fault[STORE_LMDB_FAULT_BYTES] = "";

    scene->rng = rng_seeded(1);
    must(loop_new(&scene->loop) == OK, "no loop");
    must(mailbox_new(&scene->mailbox, scene->loop) == OK, "no mailbox");
    conf.mailbox = scene->mailbox;
    must(store_lmdb_open(&conf, &scene->store, fault) == OK, fault);
    must(store_open_stream(scene->store, SPAN("/a"), STORE_KEEP_ALL, &scene->a) == OK, "no /a");
    must(store_open_stream(scene->store, SPAN("/b"), STORE_KEEP_ALL, &scene->b) == OK, "no /b");
    must(store_open_stream(scene->store, SPAN("/q"), STORE_KEEP_ALL, &scene->q) == OK, "no /q");
}

static void close_scene(struct scene *scene)
{
    store_close(scene->store);
    mailbox_free(scene->mailbox);
    loop_free(scene->loop);
}

static uint64_t number_in(struct span text)
{
    uint64_t number;

    must(text_u64(span_head(text, span_find(text, ' ')), UINT64_MAX, &number), "no number");
    return number;
}

static uint64_t last_number(struct scene *scene)
{
    struct buf value;
    bool found;
    uint64_t number = 0;

    buf_init(&value, 100);
    must(store_get(scene->store, SPAN("last"), &value, &found) == OK, "no \"last\"");
    if (found) {
        number = number_in(buf_span(&value));
    }
    buf_fini(&value);
    return number;
}

/* ---- the child ---- */

struct child {
    struct scene *scene;
    int pipe;
    uint64_t next; /* number */
    unsigned pending;
    uint64_t told_q; /* EID of the newest event of /q that was told, and is not removed */
};

struct sent {
    struct child *child;
    uint64_t number;
};

static void on_told(void *ctx, enum err e, const uint64_t *eids)
{
    struct sent *sent = ctx;
    struct child *child = sent->child;
    struct report report;

    must(e == OK, "a submission failed");
    report = (struct report){sent->number, eids[0], eids[1], eids[3]};
    child->told_q = report.q;
    child->pending--;
    free(sent);
    must(write(child->pipe, &report, sizeof report) == sizeof report, "the pipe is gone");
}

static void send_one(struct child *child)
{
    struct scene *scene = child->scene;
    struct sent *sent = malloc(sizeof *sent);
    char text[32 + PADDING];
    int len = snprintf(text, sizeof text, "%llu %0*d", (unsigned long long)child->next,
                       (int)(child->next % PADDING), 0);
    const struct event_parts parts = {.body = span_of(text, (size_t)len)};
    struct store_op ops[] = {
        {.type = STORE_APPEND, .stream = scene->a},
        {.type = STORE_APPEND, .stream = scene->b},
        {.type = STORE_PUT, .key = SPAN("last"), .value = span_str(text)},
        {.type = STORE_APPEND, .stream = scene->q},
        {.type = STORE_TRIM, .stream = scene->q, .eid = child->told_q + 1},
    };

    must(sent != NULL && event_new(0, &parts, &ops[0].event) == OK, "no memory");
    ops[2].value = span_head(ops[2].value, 20 < len ? 20 : (size_t)len);
    ops[1].event = ops[3].event = ops[0].event;
    *sent = (struct sent){child, child->next++};
    must(store_submit(scene->store, ops, 5, on_told, sent) == OK, "nothing is accepted");
    event_unref(ops[0].event);
    child->pending++;
}

static _Noreturn void run_child(struct scene *scene, int pipe)
{
    struct child child = {.scene = scene, .pipe = pipe};

    open_scene(scene);
    child.next = last_number(scene) + 1;
    for (;;) {
        while (child.pending < WINDOW) {
            send_one(&child);
        }
        must(loop_turn(scene->loop, 20000) == OK, "the loop fails");
    }
}

/* ---- the parent ---- */

/* What is known so far: by number, the EIDs that were reported; 0: none was. */
struct known {
    uint64_t a[EVENTS_MAX], b[EVENTS_MAX];
    uint64_t newest; /* number that was reported */
    uint64_t next_a, next_b, next_q;
    uint64_t epoch_a;
};

static void remember(struct known *known, const struct report *report)
{
    assert_true(report->number < EVENTS_MAX);
    assert_int_equal(known->a[report->number], 0); /* told once */
    assert_true(report->number > known->newest);   /* in order */
    assert_true(report->a >= known->next_a);       /* and never an EID of before */
    assert_true(report->b >= known->next_b);
    assert_true(report->q >= known->next_q);
    known->a[report->number] = report->a;
    known->b[report->number] = report->b;
    known->newest = report->number;
    known->next_a = report->a + 1;
    known->next_b = report->b + 1;
    known->next_q = report->q + 1;
}

static void crash(struct scene *scene, struct known *known, unsigned reports)
{
    struct report report;
    unsigned seen = 0;
    int status;
    int ends[2];
    pid_t pid;

    assert_int_equal(pipe(ends), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        close(ends[0]);
        run_child(scene, ends[1]);
    }
    close(ends[1]);
    while (read(ends[0], &report, sizeof report) == sizeof report) { /* until it is dead */
        remember(known, &report);
        if (++seen == reports) {
            assert_int_equal(kill(pid, SIGKILL), 0);
        }
    }
    close(ends[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    assert_true(seen >= reports);
}

struct looking {
    const uint64_t *eids; /* by number */
    uint64_t number;      /* of the event before */
    uint64_t last_eid;
    bool has_gaps; /* older ones may be gone */
};

static bool on_event(void *ctx, const struct event *event)
{
    struct looking *looking = ctx;
    uint64_t number = number_in(event_body(event));

    assert_true(event->eid > looking->last_eid);
    /* Nothing between is missing, nothing is there twice. */
    assert_true(looking->has_gaps ? number > looking->number : number == looking->number + 1);
    if (looking->eids != NULL && looking->eids[number] != 0) {
        assert_int_equal(event->eid, looking->eids[number]);
    }
    looking->number = number;
    looking->last_eid = event->eid;
    return true;
}

static struct looking look_at(struct store_stream *stream, const uint64_t *eids)
{
    struct looking looking = {.eids = eids, .has_gaps = eids == NULL};
    uint64_t next = 0;

    do {
        assert_int_equal(store_read(stream, next, on_event, &looking, &next), OK);
    } while (next < stream->next_eid);
    assert_true(looking.last_eid < stream->next_eid);
    return looking;
}

static void check(struct scene *scene, struct known *known)
{
    struct looking a, b, q;

    open_scene(scene);
    a = look_at(scene->a, known->a);
    b = look_at(scene->b, known->b);
    q = look_at(scene->q, NULL);
    assert_int_equal(scene->store->corrupt_count, 0);
    assert_true(a.number >= known->newest); /* more may be stored than was told */
    assert_int_equal(b.number, a.number);   /* but only whole submissions */
    assert_int_equal(last_number(scene), a.number);
    assert_true(q.number == a.number);
    assert_int_equal(scene->a->count, a.number);
    assert_true(scene->a->next_eid >= known->next_a);
    assert_true(scene->b->next_eid >= known->next_b);
    assert_true(scene->q->next_eid >= known->next_q);
    assert_true(known->epoch_a == 0 || known->epoch_a == scene->a->epoch);
    known->epoch_a = scene->a->epoch;
    known->next_a = scene->a->next_eid;
    known->next_b = scene->b->next_eid;
    known->next_q = scene->q->next_eid;
    known->newest = a.number; /* what was not told is there, and will not be told again */
    close_scene(scene);
}

static void every_event_that_was_told_survives_kill_9(void **state)
{
    static struct known known;
    struct scene scene = {.path = ""};
    struct rng dice = rng_seeded(9);

    (void)state;
    scratch_make(scene.path);
    for (int round = 0; round < ROUNDS; round++) {
        crash(&scene, &known, 1 + rng_u32(&dice) % REPORTS_MAX);
        check(&scene, &known);
    }
    assert_true(known.newest > ROUNDS);
    scratch_remove(scene.path, SCRATCH_STORE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_event_that_was_told_survives_kill_9),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

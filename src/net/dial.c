/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * RFC 8305. Addresses wait in two lines, one per family, and are taken from them in turn, IPv6
 * first. An attempt keeps its place in `attempts` for the life of the dial. Every callback ends
 * in dial_go() or dial_finish(), after which the dial may be gone.
 */
#include "net/dial.h"

#include "io/sock.h"
#include "io/timer.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

enum {
    RESOLUTION_DELAY = 50, /* ms; RFC 8305 section 3 */
    ATTEMPT_DELAY = 250    /* ms; RFC 8305 section 5 */
};

/* A timer that waits for nothing but keeps its place, so that setting it cannot fail. */
#define PARKED (MSEC_NEVER - 1)

enum family {
    V6, /* preferred */
    V4,
    FAMILIES,
};

/* The addresses of one family, in the order of the answer. */
struct line {
    struct dial *dial;            /* back, for the answer */
    struct resolver_query *query; /* open until answered; NULL otherwise */
    enum resolver_result result;  /* of the answer */
    struct addr addrs[RESOLVER_ADDRS_MAX];
    size_t count;
    size_t taken; /* so many of them were tried or refused by the filter */
};

struct attempt {
    struct dial *dial; /* back, for the watch */
    struct addr addr;
    int fd; /* owned; -1 when it failed */
    struct loop_watch watch;
};

struct dial {
    struct loop *loop; /* borrowed */
    dial_filter *filter;
    dial_opened *opened;
    dial_done *done;
    void *ctx;          /* borrowed */
    struct addr source; /* zeroed: none was asked for */
    struct loop_later begin;
    struct timer timeout; /* of it all; always set */
    struct timer step;    /* when dial_go() has something to do again; always set */
    struct line lines[FAMILIES];
    enum family turn;     /* whose line is next */
    bool is_connecting;   /* enough is resolved; never false again */
    msec next_at;         /* no new attempt before, unless one failed */
    struct addr last;     /* the address that was tried or refused last */
    int error;            /* errno of the last attempt that failed; 0: none did */
    struct addr filtered; /* the address that the filter refused last; zeroed: none was */
    bool is_filtered;
    size_t running; /* attempts under way */
    size_t attempt_count;
    struct attempt attempts[FAMILIES * RESOLVER_ADDRS_MAX];
};

static void move_timer(struct timer *timer, msec at)
{
    enum err e = timer_set(timer, at); /* always set, so this only moves it */

    assert(e == OK);
    (void)e;
}

static void attempt_close(struct attempt *attempt)
{
    loop_unwatch(&attempt->watch);
    sock_close(&attempt->fd);
}

/* Takes a half-made dial as well. */
static void dial_free(struct dial *dial)
{
    for (size_t i = 0; i < dial->attempt_count; i++) {
        attempt_close(&dial->attempts[i]);
    }
    resolver_cancel(dial->lines[V6].query);
    resolver_cancel(dial->lines[V4].query);
    loop_undefer(&dial->begin);
    timer_cancel(&dial->timeout);
    timer_cancel(&dial->step);
    free(dial);
}

static void dial_finish(struct dial *dial, enum dial_outcome outcome, int fd)
{
    const struct dial_result result = {.outcome = outcome,
                                       .fd = fd,
                                       .addr = outcome == DIAL_FORBIDDEN ? dial->filtered
                                                                         : dial->last,
                                       .error = dial->error};
    dial_done *done = dial->done;
    void *ctx = dial->ctx;

    dial_free(dial);
    done(ctx, &result);
}

/* Nothing is left to try and nothing runs. */
static enum dial_outcome failure_of(const struct dial *dial)
{
    enum resolver_result v6 = dial->lines[V6].result;
    enum resolver_result v4 = dial->lines[V4].result;

    if (dial->error == ENOMEM) {
        return DIAL_NOMEM;
    }
    if (dial->error == ETIMEDOUT) { /* the kernel's patience was shorter than ours */
        return DIAL_TIMEOUT;
    }
    if (dial->error != 0) {
        return DIAL_REFUSED;
    }
    if (dial->is_filtered) {
        return DIAL_FORBIDDEN;
    }
    if (v6 == RESOLVER_NOMEM || v4 == RESOLVER_NOMEM) {
        return DIAL_NOMEM;
    }
    return v6 == RESOLVER_FAILED || v4 == RESOLVER_FAILED ? DIAL_DNS_FAILED : DIAL_NO_NAME;
}

static bool line_has_more(const struct line *line)
{
    return line->taken < line->count;
}

/* RFC 8305 section 4: the families alternate, IPv6 first. NULL: no address is left. */
static const struct addr *take_addr(struct dial *dial)
{
    enum family family = dial->turn;

    if (!line_has_more(&dial->lines[family])) {
        family = family == V6 ? V4 : V6;
    }
    if (!line_has_more(&dial->lines[family])) {
        return NULL;
    }
    dial->turn = family == V6 ? V4 : V6;
    return &dial->lines[family].addrs[dial->lines[family].taken++];
}

static void on_attempt_ready(void *ctx);

static enum err connect_to(const struct dial *dial, const struct addr *addr, int *ret_fd)
{
    sa_family_t family = dial->source.sa.any.sa_family;

    if (family == AF_UNSPEC) {
        return sock_connect(ret_fd, addr);
    }
    if (family != addr->sa.any.sa_family) {
        errno = EAFNOSUPPORT;
        return ERR_IO;
    }
    return sock_connect_from(ret_fd, addr, &dial->source);
}

/* False: it failed at once, and dial->error tells why. */
static bool attempt_start(struct dial *dial, const struct addr *addr)
{
    struct attempt *attempt = &dial->attempts[dial->attempt_count];

    assert(dial->attempt_count < FAMILIES * RESOLVER_ADDRS_MAX);
    *attempt = (struct attempt){.dial = dial, .addr = *addr, .fd = -1};
    if (connect_to(dial, addr, &attempt->fd) != OK) {
        dial->error = errno;
        return false;
    }
    if (dial->opened != NULL) {
        dial->opened(dial->ctx, attempt->fd, addr);
    }
    if (loop_watch(dial->loop, &attempt->watch, attempt->fd, on_attempt_ready, attempt) != OK) {
        dial->error = errno;
        sock_close(&attempt->fd);
        return false;
    }
    dial->attempt_count++;
    dial->running++;
    return true;
}

/* Takes addresses until one is under way. False: none is left. */
static bool attempt_next(struct dial *dial)
{
    const struct addr *addr;

    while ((addr = take_addr(dial)) != NULL) {
        if (dial->filter != NULL && !dial->filter(dial->ctx, addr)) {
            dial->is_filtered = true;
            dial->filtered = *addr;
            continue;
        }
        dial->last = *addr;
        if (attempt_start(dial, addr)) {
            return true;
        }
    }
    return false;
}

/* Whatever happened, this decides what to do now. The dial may be gone after it. */
static void dial_go(struct dial *dial)
{
    msec now = loop_now(dial->loop);

    if (!dial->is_connecting || now < dial->next_at) {
        return;
    }
    if (attempt_next(dial)) {
        dial->next_at = now + ATTEMPT_DELAY;
        move_timer(&dial->step, dial->next_at);
        return;
    }
    if (dial->running == 0 && dial->lines[V6].query == NULL && dial->lines[V4].query == NULL) {
        dial_finish(dial, failure_of(dial), -1);
    }
}

static void on_attempt_ready(void *ctx)
{
    struct attempt *attempt = ctx;
    struct dial *dial = attempt->dial;
    enum err e = sock_connect_result(attempt->fd);
    int fd = attempt->fd;

    if (e == ERR_AGAIN) {
        loop_watch_clear(&attempt->watch, LOOP_WRITABLE);
        return;
    }
    dial->last = attempt->addr;
    if (e == OK) {
        loop_unwatch(&attempt->watch);
        attempt->fd = -1;
        dial_finish(dial, DIAL_CONNECTED, fd);
        return;
    }
    dial->error = errno;
    attempt_close(attempt);
    dial->running--;
    dial->next_at = 0; /* RFC 8305 section 5: a failure ends the delay */
    dial_go(dial);
}

static void on_step(void *ctx)
{
    struct dial *dial = ctx;

    move_timer(&dial->step, PARKED);
    dial->is_connecting = true;
    dial_go(dial);
}

static void on_timeout(void *ctx)
{
    dial_finish(ctx, DIAL_TIMEOUT, -1);
}

/* RFC 8305 section 3: IPv6 addresses are used at once; IPv4 ones wait a little for them. */
static void on_answer(void *ctx, enum resolver_result result, const struct addr *addrs,
                      size_t count)
{
    struct line *line = ctx;
    struct dial *dial = line->dial;

    line->query = NULL;
    line->result = result;
    line->count = count;
    if (count > 0) {
        memcpy(line->addrs, addrs, count * sizeof *addrs);
    }
    if (dial->lines[V6].count > 0 ||
        (dial->lines[V6].query == NULL && dial->lines[V4].query == NULL)) {
        dial->is_connecting = true;
    } else if (count > 0) {
        move_timer(&dial->step, loop_now(dial->loop) + RESOLUTION_DELAY);
    }
    dial_go(dial);
}

static void on_begin(void *ctx)
{
    dial_go(ctx);
}

static enum err ask(struct dial *dial, struct resolver *resolver,
                    const struct dial_request *request)
{
    TRY(resolver_ask(resolver, request->host, AF_INET6, request->port, on_answer,
                     &dial->lines[V6], &dial->lines[V6].query));
    return resolver_ask(resolver, request->host, AF_INET, request->port, on_answer,
                        &dial->lines[V4], &dial->lines[V4].query);
}

static enum err dial_open(struct dial *dial, struct resolver *resolver,
                          const struct dial_request *request)
{
    msec now = loop_now(dial->loop);
    struct addr literal;

    TRY(timer_set(&dial->step, PARKED));
    TRY(timer_set(&dial->timeout,
                  request->timeout < PARKED - now ? now + request->timeout : PARKED));
    if (addr_parse(request->host, request->port, &literal)) {
        struct line *line = &dial->lines[literal.sa.any.sa_family == AF_INET6 ? V6 : V4];

        line->addrs[line->count++] = literal;
        dial->is_connecting = true;
        loop_defer(dial->loop, &dial->begin);
        return OK;
    }
    return ask(dial, resolver, request);
}

enum err dial_start(struct loop *loop, struct resolver *resolver,
                    const struct dial_request *request, struct dial **ret_dial)
{
    struct dial *dial = calloc(1, sizeof *dial);
    enum err e;

    if (dial == NULL) {
        return ERR_NOMEM;
    }
    dial->loop = loop;
    dial->filter = request->filter;
    dial->opened = request->opened;
    if (request->source != NULL) {
        dial->source = *request->source;
    }
    dial->done = request->done;
    dial->ctx = request->ctx;
    dial->lines[V6].dial = dial;
    dial->lines[V4].dial = dial;
    loop_later_init(&dial->begin, on_begin, dial);
    timer_init(&dial->timeout, loop, on_timeout, dial);
    timer_init(&dial->step, loop, on_step, dial);

    e = dial_open(dial, resolver, request);
    if (e != OK) {
        dial_free(dial);
        return e;
    }
    *ret_dial = dial;
    return OK;
}

void dial_cancel(struct dial *dial)
{
    if (dial != NULL) {
        dial_free(dial);
    }
}

const char *dial_outcome_text(enum dial_outcome outcome)
{
    switch (outcome) {
    case DIAL_CONNECTED: return "connected";
    case DIAL_NO_NAME: return "no such host";
    case DIAL_DNS_FAILED: return "name servers did not answer";
    case DIAL_FORBIDDEN: return "address not allowed";
    case DIAL_REFUSED: return "connection refused";
    case DIAL_TIMEOUT: return "timed out";
    case DIAL_NOMEM: return "out of memory";
    }
    return "unknown";
}

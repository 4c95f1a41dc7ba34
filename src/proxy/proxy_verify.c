/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "proxy/proxy_verify.h"

#include "io/timer.h"

#include <stdlib.h>

struct proxy_verify {
    struct addr origin;
    struct resolver_query *query; /* NULL when answered */
    struct timer timer;
    struct loop_later later; /* for what needs no question */
    proxy_verify_done *done;
    void *ctx; /* borrowed */
};

void proxy_verify_cancel(struct proxy_verify *verify)
{
    if (verify == NULL) {
        return;
    }
    resolver_cancel(verify->query);
    timer_cancel(&verify->timer);
    loop_undefer(&verify->later);
    free(verify);
}

static void finish(struct proxy_verify *verify, enum proxy_verify_result result)
{
    proxy_verify_done *done = verify->done;
    void *ctx = verify->ctx;

    proxy_verify_cancel(verify);
    done(ctx, result);
}

static void on_answer(void *ctx, enum resolver_result result, const struct addr *addrs,
                      size_t count)
{
    struct proxy_verify *verify = ctx;

    verify->query = NULL;
    if (result == RESOLVER_FAILED || result == RESOLVER_NOMEM) {
        finish(verify, PROXY_VERIFY_FAILED);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        if (addr_same_host(&addrs[i], &verify->origin)) {
            finish(verify, PROXY_VERIFY_LEADS);
            return;
        }
    }
    finish(verify, PROXY_VERIFY_ELSEWHERE);
}

static void on_timeout(void *ctx)
{
    finish(ctx, PROXY_VERIFY_FAILED);
}

/* An address that is not the one that the client was going to. */
static void on_literal(void *ctx)
{
    finish(ctx, PROXY_VERIFY_ELSEWHERE);
}

/* On failure the caller cancels. */
static enum err ask(struct proxy_verify *verify, struct loop *loop, struct resolver *resolver,
                    const struct proxy_verify_request *request)
{
    struct addr literal;
    msec now = loop_now(loop);
    enum err e;

    if (addr_parse(request->name, addr_port(&verify->origin), &literal)) {
        loop_defer(loop, &verify->later);
        return OK;
    }
    TRY(timer_set(&verify->timer, now + request->timeout));
    e = resolver_ask(resolver, request->name, verify->origin.sa.any.sa_family,
                     addr_port(&verify->origin), on_answer, verify, &verify->query);
    if (e == ERR_LIMIT) { /* longer than any name */
        loop_defer(loop, &verify->later);
        return OK;
    }
    return e;
}

enum err proxy_verify_start(struct loop *loop, struct resolver *resolver,
                            const struct proxy_verify_request *request,
                            struct proxy_verify **ret_verify)
{
    struct proxy_verify *verify = calloc(1, sizeof *verify);
    enum err e;

    if (verify == NULL) {
        return ERR_NOMEM;
    }
    verify->origin = *request->origin;
    verify->done = request->done;
    verify->ctx = request->ctx;
    timer_init(&verify->timer, loop, on_timeout, verify);
    loop_later_init(&verify->later, on_literal, verify);
    e = ask(verify, loop, resolver, request);
    if (e != OK) {
        proxy_verify_cancel(verify);
        return e;
    }
    *ret_verify = verify;
    return OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "pubsub/selector.h"

#include "base/arena.h"
#include "pubsub/selector_eval.h"
#include "pubsub/selector_parse.h"

#include <stdatomic.h>
#include <stdlib.h>

enum {
    /* More than the longest text can become: its parts and steps of paths are counted. */
    ARENA_BYTES_MAX = 1 << 20,
};

struct selector {
    atomic_uint refs;
    struct arena arena;
    struct span text;                 /* in the arena, as the nodes */
    const struct selector_node *root; /* a condition */
};

static enum err compile(struct selector *selector, struct span text,
                        struct selector_fault *ret_fault)
{
    if (text.len > SELECTOR_TEXT_MAX) {
        *ret_fault = (struct selector_fault){SELECTOR_FAULT_TEXT, SELECTOR_TEXT_MAX};
        return ERR_LIMIT;
    }
    TRY(arena_copy(&selector->arena, text, &selector->text));
    return selector_parse_tree(selector->text, &selector->arena, ret_fault, &selector->root);
}

enum err selector_parse(struct span text, struct selector_fault *ret_fault,
                        struct selector **ret_selector)
{
    struct selector *selector = malloc(sizeof *selector);
    enum err e;

    *ret_fault = (struct selector_fault){SELECTOR_FAULT_NONE, 0};
    if (selector == NULL) {
        return ERR_NOMEM;
    }
    atomic_init(&selector->refs, 1);
    arena_init(&selector->arena, ARENA_BYTES_MAX);
    e = compile(selector, text, ret_fault);
    if (e != OK) {
        selector_unref(selector);
        return e;
    }
    *ret_selector = selector;
    return OK;
}

struct selector *selector_ref(struct selector *selector)
{
    /* Relaxed is enough: whoever calls this already holds a reference. */
    atomic_fetch_add_explicit(&selector->refs, 1, memory_order_relaxed);
    return selector;
}

void selector_unref(struct selector *selector)
{
    if (selector == NULL) {
        return;
    }
    /* The last one out must see every other holder's reads as finished. */
    if (atomic_fetch_sub_explicit(&selector->refs, 1, memory_order_acq_rel) == 1) {
        arena_fini(&selector->arena);
        free(selector);
    }
}

struct span selector_text(const struct selector *selector)
{
    return selector->text;
}

bool selector_matches(const struct selector *selector, const struct selector_source *source)
{
    return selector_judge(selector, source) == SELECTOR_TRUE;
}

enum selector_truth selector_judge(const struct selector *selector,
                                   const struct selector_source *source)
{
    return selector_eval(selector->root, source, SELECTOR_STEPS_MAX);
}

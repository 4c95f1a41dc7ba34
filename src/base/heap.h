/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Deadlines in order: a binary heap of nodes that live inside their owners. Sans-IO; io/timer
 * makes timers of it.
 */
#pragma once

#include "base/clock.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

struct heap_node {
    msec at;
    size_t place; /* 1-based index in the heap; 0 = not in it. The heap's alone. */
};

struct heap {
    struct heap_node **nodes; /* owned; the nodes are not */
    size_t len;
    size_t cap;
};

void heap_init(struct heap *heap);
void heap_fini(struct heap *heap);

/** ERR_NOMEM: the node is not in. It must not be in a heap yet. */
must_check enum err heap_push(struct heap *heap, struct heap_node *node);

/** Takes it out; nothing happens when it is not in. */
void heap_remove(struct heap *heap, struct heap_node *node);

/** Tell the heap that node->at has become `at`. The node must be in. */
void heap_move(struct heap *heap, struct heap_node *node, msec at);

/** The earliest, or NULL. */
struct heap_node *heap_peek(const struct heap *heap);

static inline bool heap_has(const struct heap_node *node)
{
    return node->place != 0;
}

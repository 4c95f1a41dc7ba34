/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "base/heap.h"

#include <assert.h>
#include <stdlib.h>

void heap_init(struct heap *heap)
{
    *heap = (struct heap){0};
}

void heap_fini(struct heap *heap)
{
    free(heap->nodes);
    heap_init(heap);
}

static void put_at(struct heap *heap, size_t place, struct heap_node *node)
{
    heap->nodes[place - 1] = node;
    node->place = place;
}

static struct heap_node *at_place(const struct heap *heap, size_t place)
{
    return heap->nodes[place - 1];
}

static void sift_up(struct heap *heap, struct heap_node *node)
{
    size_t place = node->place;

    while (place > 1 && at_place(heap, place / 2)->at > node->at) {
        put_at(heap, place, at_place(heap, place / 2));
        place /= 2;
    }
    put_at(heap, place, node);
}

static void sift_down(struct heap *heap, struct heap_node *node)
{
    size_t place = node->place;

    for (;;) {
        size_t child = place * 2;

        if (child > heap->len) {
            break;
        }
        if (child < heap->len && at_place(heap, child + 1)->at < at_place(heap, child)->at) {
            child++;
        }
        if (at_place(heap, child)->at >= node->at) {
            break;
        }
        put_at(heap, place, at_place(heap, child));
        place = child;
    }
    put_at(heap, place, node);
}

enum err heap_push(struct heap *heap, struct heap_node *node)
{
    assert(node->place == 0);
    if (heap->len == heap->cap) {
        size_t cap = heap->cap == 0 ? 16 : heap->cap * 2;
        struct heap_node **nodes = realloc(heap->nodes, cap * sizeof *nodes);

        if (nodes == NULL) {
            return ERR_NOMEM;
        }
        heap->nodes = nodes;
        heap->cap = cap;
    }
    put_at(heap, ++heap->len, node);
    sift_up(heap, node);
    return OK;
}

void heap_remove(struct heap *heap, struct heap_node *node)
{
    struct heap_node *last;

    if (node->place == 0) {
        return;
    }
    assert(at_place(heap, node->place) == node);
    last = at_place(heap, heap->len--);
    if (last != node) {
        put_at(heap, node->place, last);
        sift_up(heap, last);
        sift_down(heap, last);
    }
    node->place = 0;
}

void heap_move(struct heap *heap, struct heap_node *node, msec at)
{
    assert(node->place != 0);
    node->at = at;
    sift_up(heap, node);
    sift_down(heap, node);
}

struct heap_node *heap_peek(const struct heap *heap)
{
    return heap->len == 0 ? NULL : heap->nodes[0];
}

/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * A compiled selector: a tree in one arena, which selector_parse makes and selector_eval walks.
 * Chains of one operator are one node with many children, so that the tree is no deeper than
 * the text is nested.
 */
#pragma once

#include "pubsub/selector_like.h"
#include "pubsub/selector_path.h"
#include "pubsub/selector_value.h"

enum selector_node_type {
    /* Conditions of conditions. */
    SELECTOR_NODE_OR,
    SELECTOR_NODE_AND,
    SELECTOR_NODE_NOT,
    /* Conditions of values. */
    SELECTOR_NODE_TRUTH,   /* a value that is TRUE by itself */
    SELECTOR_NODE_COMPARE, /* two children */
    SELECTOR_NODE_BETWEEN, /* the value, the lower bound, the upper one */
    SELECTOR_NODE_IN,      /* the value, then the literals */
    SELECTOR_NODE_LIKE,
    SELECTOR_NODE_IS_NULL,
    /* Values. */
    SELECTOR_NODE_LITERAL,
    SELECTOR_NODE_PATH,
    SELECTOR_NODE_CALCULATE, /* from left to right, each child with its sign; the first has none
                              */
    SELECTOR_NODE_SIGNED,    /* one child, and a plus or (is_negated) a minus before it */
};

struct selector_node {
    enum selector_node_type type;
    size_t at;                     /* where it begins in the text */
    struct selector_node *child;   /* the first one, or NULL */
    struct selector_node *sibling; /* the next child of the same parent */
    enum selector_value_sign sign; /* as a child of CALCULATE */
    bool is_negated;               /* NOT BETWEEN, NOT IN, NOT LIKE, IS NOT NULL */
    unsigned any_first;            /* conditions of values: the first [] in it, and how many */
    unsigned any_count;
    enum selector_value_order order; /* COMPARE */
    union {
        struct selector_value literal; /* LITERAL */
        struct selector_path path;     /* PATH */
        struct selector_like like;     /* LIKE */
    };
};

static inline bool selector_node_is_condition(const struct selector_node *node)
{
    return node->type <= SELECTOR_NODE_IS_NULL;
}

static inline bool selector_node_is_literal(const struct selector_node *node,
                                            enum selector_value_type type)
{
    return node->type == SELECTOR_NODE_LITERAL && node->literal.type == type;
}

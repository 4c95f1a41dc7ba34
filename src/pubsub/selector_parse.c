/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "pubsub/selector_parse.h"

#include "pubsub/selector_operand.h"
#include "pubsub/selector_scan.h"

static enum err parse_or(struct selector_scan *scan, struct selector_node **ret_node);

/* The condition is complete: its [] begin at `any_first`, and the next one's do so again. */
static void own_any(struct selector_scan *scan, struct selector_node *node, unsigned any_first)
{
    node->any_first = any_first;
    node->any_count = scan->any_count - any_first;
    scan->any_count = any_first;
}

/* A name or TRUE and FALSE may stand where a condition is wanted. */
static enum err to_condition(struct selector_scan *scan, unsigned any_first,
                             struct selector_node **node)
{
    struct selector_node *condition;

    if (selector_node_is_condition(*node)) {
        return OK;
    }
    if ((*node)->type != SELECTOR_NODE_PATH &&
        !selector_node_is_literal(*node, SELECTOR_VALUE_BOOLEAN)) {
        return selector_scan_refuse(scan, SELECTOR_FAULT_CONDITION, (*node)->at);
    }
    TRY(selector_scan_parent(scan, SELECTOR_NODE_TRUTH, *node, &condition));
    own_any(scan, condition, any_first);
    *node = condition;
    return OK;
}

/* ---- arithmetic ---- */

static enum err parse_primary(struct selector_scan *scan, struct selector_node **ret_node)
{
    if (selector_operand_is_literal(scan)) {
        return selector_operand_literal(scan, false, ret_node);
    }
    if (selector_scan_is_next(scan, SELECTOR_LEX_NAME) ||
        selector_scan_is_next(scan, SELECTOR_LEX_QUOTED)) {
        return selector_operand_path(scan, ret_node);
    }
    if (selector_scan_is_next(scan, SELECTOR_LEX_NULL)) {
        return selector_scan_refuse(scan, SELECTOR_FAULT_NULL, scan->token.at);
    }
    if (!selector_scan_is_next(scan, SELECTOR_LEX_PAREN_OPEN)) {
        return selector_scan_refuse_token(scan, SELECTOR_FAULT_VALUE);
    }
    TRY(selector_scan_enter(scan));
    TRY(selector_scan_advance(scan));
    TRY(parse_or(scan, ret_node));
    scan->depth--;
    return selector_scan_expect(scan, SELECTOR_LEX_PAREN_CLOSE, SELECTOR_FAULT_PARENTHESIS);
}

static enum err parse_unary(struct selector_scan *scan, struct selector_node **ret_node)
{
    bool has_minus = selector_scan_is_next(scan, SELECTOR_LEX_MINUS);
    size_t at = scan->token.at;
    struct selector_node *operand;

    if (!has_minus && !selector_scan_is_next(scan, SELECTOR_LEX_PLUS)) {
        return parse_primary(scan, ret_node);
    }
    TRY(selector_scan_enter(scan));
    TRY(selector_scan_advance(scan));
    if (selector_operand_is_number(scan)) {
        TRY(selector_operand_literal(scan, has_minus, ret_node));
    } else {
        TRY(parse_unary(scan, &operand));
        TRY(selector_scan_check_number(scan, operand, SELECTOR_FAULT_ARITHMETIC));
        TRY(selector_scan_parent(scan, SELECTOR_NODE_SIGNED, operand, ret_node));
        (*ret_node)->is_negated = has_minus;
    }
    (*ret_node)->at = at;
    scan->depth--;
    return OK;
}

/* `*ret_last`: the child that the next one goes behind; set when there is a first operator. */
static enum err add_operand(struct selector_scan *scan, struct selector_node **node,
                            struct selector_node **last, struct selector_node *operand)
{
    TRY(selector_scan_check_number(scan, operand, SELECTOR_FAULT_ARITHMETIC));
    if (*last == NULL) {
        struct selector_node *first = *node;

        TRY(selector_scan_check_number(scan, first, SELECTOR_FAULT_ARITHMETIC));
        TRY(selector_scan_parent(scan, SELECTOR_NODE_CALCULATE, first, node));
        *last = first;
    }
    (*last)->sibling = operand;
    *last = operand;
    return OK;
}

static enum err parse_product(struct selector_scan *scan, struct selector_node **ret_node)
{
    struct selector_node *last = NULL;
    struct selector_node *operand;

    TRY(parse_unary(scan, ret_node));
    while (selector_scan_is_next(scan, SELECTOR_LEX_TIMES) ||
           selector_scan_is_next(scan, SELECTOR_LEX_DIVIDE)) {
        bool is_times = selector_scan_is_next(scan, SELECTOR_LEX_TIMES);

        TRY(selector_scan_advance(scan));
        TRY(parse_unary(scan, &operand));
        operand->sign = is_times ? SELECTOR_VALUE_TIMES : SELECTOR_VALUE_DIVIDE;
        TRY(add_operand(scan, ret_node, &last, operand));
    }
    return OK;
}

static enum err parse_sum(struct selector_scan *scan, struct selector_node **ret_node)
{
    struct selector_node *last = NULL;
    struct selector_node *operand;

    TRY(parse_product(scan, ret_node));
    while (selector_scan_is_next(scan, SELECTOR_LEX_PLUS) ||
           selector_scan_is_next(scan, SELECTOR_LEX_MINUS)) {
        bool is_plus = selector_scan_is_next(scan, SELECTOR_LEX_PLUS);

        TRY(selector_scan_advance(scan));
        TRY(parse_product(scan, &operand));
        operand->sign = is_plus ? SELECTOR_VALUE_PLUS : SELECTOR_VALUE_MINUS;
        TRY(add_operand(scan, ret_node, &last, operand));
    }
    return OK;
}

/* ---- comparisons ---- */

static bool is_comparison(const struct selector_scan *scan)
{
    return scan->token.type >= SELECTOR_LEX_EQUAL && scan->token.type <= SELECTOR_LEX_AT_LEAST;
}

static enum err parse_compare(struct selector_scan *scan, struct selector_node *left,
                              struct selector_node **ret_node)
{
    struct selector_node *node, *right;

    TRY(selector_scan_check_value(scan, left));
    TRY(selector_scan_parent(scan, SELECTOR_NODE_COMPARE, left, &node));
    node->order = (enum selector_value_order)(SELECTOR_VALUE_EQUAL +
                                              (scan->token.type - SELECTOR_LEX_EQUAL));
    TRY(selector_scan_advance(scan));
    TRY(parse_sum(scan, &right));
    TRY(selector_scan_check_value(scan, right));
    if (node->order != SELECTOR_VALUE_EQUAL && node->order != SELECTOR_VALUE_DIFFERENT) {
        TRY(selector_scan_check_number(scan, left, SELECTOR_FAULT_ORDER));
        TRY(selector_scan_check_number(scan, right, SELECTOR_FAULT_ORDER));
    }
    left->sibling = right;
    *ret_node = node;
    return OK;
}

/* Behind BETWEEN. */
static enum err parse_between(struct selector_scan *scan, struct selector_node *value,
                              struct selector_node **ret_node)
{
    struct selector_node *low, *high;

    TRY(selector_scan_check_number(scan, value, SELECTOR_FAULT_ORDER));
    TRY(selector_scan_parent(scan, SELECTOR_NODE_BETWEEN, value, ret_node));
    TRY(parse_sum(scan, &low));
    TRY(selector_scan_check_number(scan, low, SELECTOR_FAULT_ORDER));
    TRY(selector_scan_expect(scan, SELECTOR_LEX_AND, SELECTOR_FAULT_BETWEEN));
    TRY(parse_sum(scan, &high));
    TRY(selector_scan_check_number(scan, high, SELECTOR_FAULT_ORDER));
    value->sibling = low;
    low->sibling = high;
    return OK;
}

static enum err check_subject(struct selector_scan *scan, const struct selector_node *subject)
{
    return subject->type == SELECTOR_NODE_PATH
               ? OK
               : selector_scan_refuse(scan, SELECTOR_FAULT_SUBJECT, subject->at);
}

/* A literal with an optional sign. JMS has strings in the list only; numbers and booleans are
 * ours. */
static enum err parse_listed(struct selector_scan *scan, struct selector_node **ret_node)
{
    bool has_minus = selector_scan_is_next(scan, SELECTOR_LEX_MINUS);

    if (has_minus || selector_scan_is_next(scan, SELECTOR_LEX_PLUS)) {
        TRY(selector_scan_advance(scan));
        if (!selector_operand_is_number(scan)) {
            return selector_scan_refuse_token(scan, SELECTOR_FAULT_IN);
        }
    }
    if (!selector_operand_is_literal(scan)) {
        return selector_scan_refuse_token(scan, SELECTOR_FAULT_IN);
    }
    return selector_operand_literal(scan, has_minus, ret_node);
}

/* Behind IN. */
static enum err parse_in(struct selector_scan *scan, struct selector_node *subject,
                         struct selector_node **ret_node)
{
    struct selector_node *last = subject;

    TRY(check_subject(scan, subject));
    TRY(selector_scan_parent(scan, SELECTOR_NODE_IN, subject, ret_node));
    TRY(selector_scan_expect(scan, SELECTOR_LEX_PAREN_OPEN, SELECTOR_FAULT_IN));
    for (;;) {
        TRY(parse_listed(scan, &last->sibling));
        last = last->sibling;
        if (selector_scan_is_next(scan, SELECTOR_LEX_PAREN_CLOSE)) {
            return selector_scan_advance(scan);
        }
        TRY(selector_scan_expect(scan, SELECTOR_LEX_COMMA, SELECTOR_FAULT_IN));
    }
}

static bool is_one_character(struct span text)
{
    size_t count = 0;

    for (size_t i = 0; i < text.len; i++) {
        count += (text.ptr[i] & 0xc0) != 0x80; /* it begins one */
    }
    return count == 1;
}

/* Behind LIKE. */
static enum err parse_like(struct selector_scan *scan, struct selector_node *subject,
                           struct selector_node **ret_node)
{
    size_t at = scan->token.at;
    struct span pattern, escape = {NULL, 0};
    enum selector_fault_reason reason = SELECTOR_FAULT_NONE;
    enum err e;

    TRY(check_subject(scan, subject));
    TRY(selector_scan_parent(scan, SELECTOR_NODE_LIKE, subject, ret_node));
    if (!selector_scan_is_next(scan, SELECTOR_LEX_STRING)) {
        return selector_scan_refuse_token(scan, SELECTOR_FAULT_LIKE);
    }
    TRY(selector_scan_unquote(scan, &pattern));
    TRY(selector_scan_advance(scan));
    if (selector_scan_is_next(scan, SELECTOR_LEX_ESCAPE)) {
        TRY(selector_scan_advance(scan));
        if (!selector_scan_is_next(scan, SELECTOR_LEX_STRING)) {
            return selector_scan_refuse_token(scan, SELECTOR_FAULT_ESCAPE);
        }
        TRY(selector_scan_unquote(scan, &escape));
        if (!is_one_character(escape)) {
            return selector_scan_refuse(scan, SELECTOR_FAULT_ESCAPE, scan->token.at);
        }
        TRY(selector_scan_advance(scan));
    }
    e = selector_like_init(&(*ret_node)->like, scan->arena, pattern, escape, &reason);
    return e == ERR_PROTO ? selector_scan_refuse(scan, reason, at) : e;
}

static enum err parse_is(struct selector_scan *scan, struct selector_node *subject,
                         struct selector_node **ret_node)
{
    TRY(selector_scan_advance(scan));
    TRY(check_subject(scan, subject));
    TRY(selector_scan_parent(scan, SELECTOR_NODE_IS_NULL, subject, ret_node));
    (*ret_node)->is_negated = selector_scan_is_next(scan, SELECTOR_LEX_NOT);
    if ((*ret_node)->is_negated) {
        TRY(selector_scan_advance(scan));
    }
    return selector_scan_expect(scan, SELECTOR_LEX_NULL, SELECTOR_FAULT_IS);
}

/* BETWEEN, IN or LIKE, with or without NOT in front of it. */
static enum err parse_negatable(struct selector_scan *scan, struct selector_node *subject,
                                struct selector_node **ret_node)
{
    bool is_negated = selector_scan_is_next(scan, SELECTOR_LEX_NOT);
    enum selector_lex_type type;

    if (is_negated) {
        TRY(selector_scan_advance(scan));
    }
    type = scan->token.type;
    if (type != SELECTOR_LEX_BETWEEN && type != SELECTOR_LEX_IN && type != SELECTOR_LEX_LIKE) {
        return selector_scan_refuse_token(scan, SELECTOR_FAULT_NOT);
    }
    TRY(selector_scan_advance(scan));
    TRY(type == SELECTOR_LEX_BETWEEN ? parse_between(scan, subject, ret_node)
        : type == SELECTOR_LEX_IN    ? parse_in(scan, subject, ret_node)
                                     : parse_like(scan, subject, ret_node));
    (*ret_node)->is_negated = is_negated;
    return OK;
}

static bool is_condition_next(const struct selector_scan *scan)
{
    return is_comparison(scan) || selector_scan_is_next(scan, SELECTOR_LEX_NOT) ||
           selector_scan_is_next(scan, SELECTOR_LEX_BETWEEN) ||
           selector_scan_is_next(scan, SELECTOR_LEX_IN) ||
           selector_scan_is_next(scan, SELECTOR_LEX_LIKE) ||
           selector_scan_is_next(scan, SELECTOR_LEX_IS);
}

/* A value, a condition in parentheses, or a comparison. */
static enum err parse_predicate(struct selector_scan *scan, struct selector_node **ret_node)
{
    unsigned any_first = scan->any_count;
    struct selector_node *value;

    TRY(parse_sum(scan, &value));
    if (!is_condition_next(scan)) {
        *ret_node = value;
        return OK;
    }
    if (is_comparison(scan)) {
        TRY(parse_compare(scan, value, ret_node));
    } else if (selector_scan_is_next(scan, SELECTOR_LEX_IS)) {
        TRY(parse_is(scan, value, ret_node));
    } else {
        TRY(parse_negatable(scan, value, ret_node));
    }
    own_any(scan, *ret_node, any_first);
    /* a = b = c */
    return is_condition_next(scan)
               ? selector_scan_refuse(scan, SELECTOR_FAULT_OPERAND, (*ret_node)->at)
               : OK;
}

/* ---- conditions ---- */

static enum err parse_not(struct selector_scan *scan, struct selector_node **ret_node)
{
    unsigned any_first = scan->any_count;
    size_t at = scan->token.at;
    struct selector_node *condition;

    if (!selector_scan_is_next(scan, SELECTOR_LEX_NOT)) {
        return parse_predicate(scan, ret_node);
    }
    TRY(selector_scan_enter(scan));
    TRY(selector_scan_advance(scan));
    TRY(parse_not(scan, &condition));
    TRY(to_condition(scan, any_first, &condition));
    TRY(selector_scan_parent(scan, SELECTOR_NODE_NOT, condition, ret_node));
    (*ret_node)->at = at;
    scan->depth--;
    return OK;
}

/* A chain of what `parse_part` reads, with `word` between its links; one link stays as it is,
 * which may be a value. */
static enum err parse_chain(struct selector_scan *scan, enum selector_lex_type word,
                            enum err (*parse_part)(struct selector_scan *,
                                                   struct selector_node **),
                            struct selector_node **ret_node)
{
    unsigned any_first = scan->any_count;
    struct selector_node *last;

    TRY(parse_part(scan, ret_node));
    if (!selector_scan_is_next(scan, word)) {
        return OK;
    }
    TRY(to_condition(scan, any_first, ret_node));
    last = *ret_node;
    TRY(selector_scan_parent(
        scan, word == SELECTOR_LEX_AND ? SELECTOR_NODE_AND : SELECTOR_NODE_OR, last, ret_node));
    while (selector_scan_is_next(scan, word)) {
        TRY(selector_scan_advance(scan));
        TRY(parse_part(scan, &last->sibling));
        TRY(to_condition(scan, any_first, &last->sibling));
        last = last->sibling;
    }
    return OK;
}

static enum err parse_and(struct selector_scan *scan, struct selector_node **ret_node)
{
    return parse_chain(scan, SELECTOR_LEX_AND, parse_not, ret_node);
}

static enum err parse_or(struct selector_scan *scan, struct selector_node **ret_node)
{
    return parse_chain(scan, SELECTOR_LEX_OR, parse_and, ret_node);
}

/* ---- the whole text ---- */

enum err selector_parse_tree(struct span text, struct arena *arena,
                             struct selector_fault *ret_fault,
                             const struct selector_node **ret_root)
{
    struct selector_scan scan;
    struct selector_node *root;

    TRY(selector_scan_begin(&scan, text, arena, ret_fault));
    TRY(parse_or(&scan, &root));
    if (!selector_scan_is_next(&scan, SELECTOR_LEX_END)) {
        return selector_scan_refuse(&scan, SELECTOR_FAULT_BEHIND, scan.token.at);
    }
    TRY(to_condition(&scan, 0, &root));
    *ret_root = root;
    return OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "pubsub/selector_scan.h"

#include "base/utf8.h"

enum err selector_scan_refuse(struct selector_scan *scan, enum selector_fault_reason reason,
                              size_t at)
{
    *scan->fault = (struct selector_fault){reason, at};
    return reason >= SELECTOR_FAULT_TEXT ? ERR_LIMIT : ERR_PROTO;
}

enum err selector_scan_refuse_token(struct selector_scan *scan,
                                    enum selector_fault_reason reason)
{
    bool is_end = scan->token.type == SELECTOR_LEX_END;

    return selector_scan_refuse(scan, is_end ? SELECTOR_FAULT_END : reason, scan->token.at);
}

enum err selector_scan_advance(struct selector_scan *scan)
{
    return selector_lex_next(&scan->lex, scan->fault, &scan->token);
}

enum err selector_scan_expect(struct selector_scan *scan, enum selector_lex_type type,
                              enum selector_fault_reason reason)
{
    return selector_scan_is_next(scan, type) ? selector_scan_advance(scan)
                                             : selector_scan_refuse_token(scan, reason);
}

enum err selector_scan_node(struct selector_scan *scan, enum selector_node_type type, size_t at,
                            struct selector_node **ret_node)
{
    struct selector_node *node;
    void *room;

    if (scan->node_count == SELECTOR_NODES_MAX) {
        return selector_scan_refuse(scan, SELECTOR_FAULT_NODES, at);
    }
    TRY(arena_alloc(scan->arena, sizeof *node, &room));
    scan->node_count++;
    node = room;
    node->type = type;
    node->at = at;
    *ret_node = node;
    return OK;
}

enum err selector_scan_parent(struct selector_scan *scan, enum selector_node_type type,
                              struct selector_node *child, struct selector_node **ret_node)
{
    TRY(selector_scan_node(scan, type, child->at, ret_node));
    (*ret_node)->child = child;
    return OK;
}

enum err selector_scan_check_value(struct selector_scan *scan, const struct selector_node *node)
{
    return selector_node_is_condition(node)
               ? selector_scan_refuse(scan, SELECTOR_FAULT_OPERAND, node->at)
               : OK;
}

enum err selector_scan_check_number(struct selector_scan *scan,
                                    const struct selector_node *node,
                                    enum selector_fault_reason reason)
{
    TRY(selector_scan_check_value(scan, node));
    return selector_node_is_literal(node, SELECTOR_VALUE_STRING) ||
                   selector_node_is_literal(node, SELECTOR_VALUE_BOOLEAN)
               ? selector_scan_refuse(scan, reason, node->at)
               : OK;
}

enum err selector_scan_unquote(struct selector_scan *scan, struct span *ret_text)
{
    void *room;

    TRY(arena_alloc(scan->arena, scan->token.text.len, &room));
    *ret_text = span_of(room, selector_lex_unquote(&scan->token, room));
    return OK;
}

enum err selector_scan_enter(struct selector_scan *scan)
{
    return ++scan->depth > SELECTOR_DEPTH_MAX
               ? selector_scan_refuse(scan, SELECTOR_FAULT_DEPTH, scan->token.at)
               : OK;
}

static enum err check_utf8(struct selector_scan *scan, struct span text)
{
    return utf8_is_valid(text)
               ? OK
               : selector_scan_refuse(scan, SELECTOR_FAULT_UTF8, utf8_wrong_at(text));
}

enum err selector_scan_begin(struct selector_scan *scan, struct span text, struct arena *arena,
                             struct selector_fault *ret_fault)
{
    *scan = (struct selector_scan){.lex = {.text = text}, .fault = ret_fault, .arena = arena};
    TRY(check_utf8(scan, text));
    return selector_scan_advance(scan);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "pubsub/selector_operand.h"

/* ---- names ---- */

static bool is_reserved(enum selector_lex_type type)
{
    return type >= SELECTOR_LEX_AND;
}

/* Behind a dot a reserved word is a name like any other. */
static enum err parse_member(struct selector_scan *scan, struct selector_path_step *step)
{
    step->type = SELECTOR_PATH_MEMBER;
    if (selector_scan_is_next(scan, SELECTOR_LEX_QUOTED)) {
        TRY(selector_scan_unquote(scan, &step->name));
    } else if (selector_scan_is_next(scan, SELECTOR_LEX_NAME) ||
               is_reserved(scan->token.type)) {
        step->name = scan->token.text;
    } else {
        return selector_scan_refuse_token(scan, SELECTOR_FAULT_PATH);
    }
    return selector_scan_advance(scan);
}

/* Behind an opening bracket. */
static enum err parse_element(struct selector_scan *scan, struct selector_path_step *step)
{
    if (selector_scan_is_next(scan, SELECTOR_LEX_BRACKET_CLOSE)) {
        if (scan->any_count == SELECTOR_ANY_MAX) {
            return selector_scan_refuse(scan, SELECTOR_FAULT_ANY, scan->token.at);
        }
        step->type = SELECTOR_PATH_ANY;
        step->any = scan->any_count++;
        return selector_scan_advance(scan);
    }
    if (!selector_scan_is_next(scan, SELECTOR_LEX_INTEGER)) {
        return selector_scan_refuse_token(scan, SELECTOR_FAULT_BRACKET);
    }
    step->type = SELECTOR_PATH_NTH;
    step->nth = scan->token.integer;
    TRY(selector_scan_advance(scan));
    return selector_scan_expect(scan, SELECTOR_LEX_BRACKET_CLOSE, SELECTOR_FAULT_BRACKET);
}

/* a.b.c once more, in one piece: a dictionary may have a member, and a frame a header, of that
 * name. */
static enum err join_name(struct selector_scan *scan, struct selector_path *path)
{
    size_t len = 0;
    uint8_t *to;
    void *room;

    for (const struct selector_path_step *step = path->first; step != NULL; step = step->next) {
        if (step->type != SELECTOR_PATH_MEMBER) {
            return OK;
        }
        len += step->name.len + 1;
    }
    TRY(arena_alloc(scan->arena, len, &room));
    to = room;
    for (const struct selector_path_step *step = path->first; step != NULL; step = step->next) {
        memcpy(to, step->name.ptr, step->name.len);
        to += step->name.len;
        *to++ = '.';
    }
    path->name = span_of(room, len - 1);
    return OK;
}

enum err selector_operand_path(struct selector_scan *scan, struct selector_node **ret_node)
{
    struct selector_path_step **link;
    struct selector_node *node;
    void *step;
    bool is_member = true;

    TRY(selector_scan_node(scan, SELECTOR_NODE_PATH, scan->token.at, &node));
    link = &node->path.first;
    for (;;) {
        TRY(arena_alloc(scan->arena, sizeof **link, &step));
        *link = step;
        TRY(is_member ? parse_member(scan, step) : parse_element(scan, step));
        link = &(*link)->next;
        is_member = selector_scan_is_next(scan, SELECTOR_LEX_DOT);
        if (!is_member && !selector_scan_is_next(scan, SELECTOR_LEX_BRACKET_OPEN)) {
            break;
        }
        TRY(selector_scan_advance(scan));
    }
    if (selector_scan_is_next(scan, SELECTOR_LEX_PAREN_OPEN)) {
        return selector_scan_refuse(scan, SELECTOR_FAULT_FUNCTION, node->at);
    }
    TRY(join_name(scan, &node->path));
    *ret_node = node;
    return OK;
}

/* ---- literals ---- */

enum err selector_operand_literal(struct selector_scan *scan, bool has_minus,
                                  struct selector_node **ret_node)
{
    const struct selector_lex_token *token = &scan->token;
    struct selector_value *literal;

    TRY(selector_scan_node(scan, SELECTOR_NODE_LITERAL, token->at, ret_node));
    literal = &(*ret_node)->literal;
    if (token->type == SELECTOR_LEX_INTEGER) {
        if (token->integer > (uint64_t)INT64_MAX + (has_minus ? 1 : 0)) {
            return selector_scan_refuse(scan, SELECTOR_FAULT_RANGE, token->at);
        }
        literal->type = SELECTOR_VALUE_INTEGER;
        literal->integer = (int64_t)(has_minus ? 0 - token->integer : token->integer);
    } else if (token->type == SELECTOR_LEX_REAL) {
        literal->type = SELECTOR_VALUE_REAL;
        literal->real = has_minus ? -token->real : token->real;
    } else if (token->type == SELECTOR_LEX_STRING) {
        literal->type = SELECTOR_VALUE_STRING;
        TRY(selector_scan_unquote(scan, &literal->text));
    } else {
        literal->type = SELECTOR_VALUE_BOOLEAN;
        literal->boolean = token->type == SELECTOR_LEX_TRUE;
    }
    return selector_scan_advance(scan);
}

bool selector_operand_is_number(const struct selector_scan *scan)
{
    return selector_scan_is_next(scan, SELECTOR_LEX_INTEGER) ||
           selector_scan_is_next(scan, SELECTOR_LEX_REAL);
}

bool selector_operand_is_literal(const struct selector_scan *scan)
{
    return selector_operand_is_number(scan) ||
           selector_scan_is_next(scan, SELECTOR_LEX_STRING) ||
           selector_scan_is_next(scan, SELECTOR_LEX_TRUE) ||
           selector_scan_is_next(scan, SELECTOR_LEX_FALSE);
}

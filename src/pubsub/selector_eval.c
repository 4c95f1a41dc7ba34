/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "pubsub/selector_eval.h"

/* One event, one selector. */
struct evaluation {
    const struct selector_source *source;
    size_t steps_left; /* 0: broken off, and whatever comes out is not to be believed */
    struct selector_path_choice choice;
};

static enum selector_truth eval_condition(struct evaluation *evaluation,
                                          const struct selector_node *node);

static void take_steps(struct evaluation *evaluation, size_t count)
{
    evaluation->steps_left -= count < evaluation->steps_left ? count : evaluation->steps_left;
}

/* ---- three-valued logic: JMS 1.1 section 3.8.1.2, tables 3-4 to 3-6 ---- */

/* AND is the lesser of the two, OR the greater one. */
static enum selector_truth lesser(enum selector_truth a, enum selector_truth b)
{
    return a < b ? a : b;
}

static enum selector_truth greater(enum selector_truth a, enum selector_truth b)
{
    return a > b ? a : b;
}

static enum selector_truth inverse(enum selector_truth truth)
{
    return (enum selector_truth)(SELECTOR_TRUE - truth);
}

/* ---- values ---- */

static struct selector_value eval_value(struct evaluation *evaluation,
                                        const struct selector_node *node);

static struct selector_value calculate(struct evaluation *evaluation,
                                       const struct selector_node *node)
{
    const struct selector_node *child = node->child;
    struct selector_value value = eval_value(evaluation, child);

    for (child = child->sibling; child != NULL; child = child->sibling) {
        struct selector_value next = eval_value(evaluation, child);

        value = selector_value_calculate(&value, child->sign, &next);
    }
    return value;
}

static struct selector_value apply_sign(struct evaluation *evaluation,
                                        const struct selector_node *node)
{
    const struct selector_value zero = {.type = SELECTOR_VALUE_INTEGER, .integer = 0};
    struct selector_value value = eval_value(evaluation, node->child);

    return selector_value_calculate(
        &zero, node->is_negated ? SELECTOR_VALUE_MINUS : SELECTOR_VALUE_PLUS, &value);
}

static struct selector_value eval_value(struct evaluation *evaluation,
                                        const struct selector_node *node)
{
    if (node->type == SELECTOR_NODE_PATH) {
        return selector_path_value(&node->path, evaluation->source, &evaluation->choice,
                                   &evaluation->steps_left);
    }
    take_steps(evaluation, 1);
    if (node->type == SELECTOR_NODE_LITERAL) {
        return node->literal;
    }
    return node->type == SELECTOR_NODE_SIGNED ? apply_sign(evaluation, node)
                                              : calculate(evaluation, node);
}

/* ---- conditions of values ---- */

static enum selector_truth compare(struct evaluation *evaluation,
                                   const struct selector_value *a,
                                   enum selector_value_order order,
                                   const struct selector_value *b)
{
    if (a->type == SELECTOR_VALUE_STRING || a->type == SELECTOR_VALUE_HEADER) {
        take_steps(evaluation, a->text.len / 64); /* memcmp() is quick */
    }
    return selector_value_compare(a, order, b);
}

static enum selector_truth eval_compare(struct evaluation *evaluation,
                                        const struct selector_node *node)
{
    struct selector_value left = eval_value(evaluation, node->child);
    struct selector_value right = eval_value(evaluation, node->child->sibling);

    return compare(evaluation, &left, node->order, &right);
}

/* "age BETWEEN 15 AND 19 is equivalent to age >= 15 AND age <= 19; age NOT BETWEEN 15 AND 19 is
 * equivalent to age < 15 OR age > 19." With values that cannot be compared both are false. */
static enum selector_truth eval_between(struct evaluation *evaluation,
                                        const struct selector_node *node)
{
    const struct selector_node *bounds = node->child->sibling;
    struct selector_value value = eval_value(evaluation, node->child);
    struct selector_value low = eval_value(evaluation, bounds);
    struct selector_value high = eval_value(evaluation, bounds->sibling);

    return node->is_negated
               ? greater(selector_value_compare(&value, SELECTOR_VALUE_LESS, &low),
                         selector_value_compare(&value, SELECTOR_VALUE_MORE, &high))
               : lesser(selector_value_compare(&value, SELECTOR_VALUE_AT_LEAST, &low),
                        selector_value_compare(&value, SELECTOR_VALUE_AT_MOST, &high));
}

/* "If identifier of an IN or NOT IN operation is NULL, the value of the operation is
 * unknown." */
static enum selector_truth eval_in(struct evaluation *evaluation,
                                   const struct selector_node *node)
{
    struct selector_value value = eval_value(evaluation, node->child);
    enum selector_truth truth = SELECTOR_FALSE;

    for (const struct selector_node *child = node->child->sibling;
         child != NULL && truth != SELECTOR_TRUE; child = child->sibling) {
        take_steps(evaluation, 1);
        truth = compare(evaluation, &value, SELECTOR_VALUE_EQUAL, &child->literal);
    }
    return node->is_negated ? inverse(truth) : truth;
}

/* "If identifier of a LIKE or NOT LIKE operation is NULL, the value of the operation is
 * unknown." */
static enum selector_truth eval_like(struct evaluation *evaluation,
                                     const struct selector_node *node)
{
    struct selector_value value = eval_value(evaluation, node->child);
    bool matches = false;

    if (value.type == SELECTOR_VALUE_NULL) {
        return SELECTOR_UNKNOWN;
    }
    if (value.type == SELECTOR_VALUE_STRING || value.type == SELECTOR_VALUE_HEADER) {
        matches = selector_like_matches(&node->like, value.text, &evaluation->steps_left);
    }
    return selector_value_truth(matches != node->is_negated);
}

static enum selector_truth eval_once(struct evaluation *evaluation,
                                     const struct selector_node *node)
{
    const struct selector_value true_value = {.type = SELECTOR_VALUE_BOOLEAN, .boolean = true};
    struct selector_value value;

    switch (node->type) {
    case SELECTOR_NODE_COMPARE: return eval_compare(evaluation, node);
    case SELECTOR_NODE_BETWEEN: return eval_between(evaluation, node);
    case SELECTOR_NODE_IN: return eval_in(evaluation, node);
    case SELECTOR_NODE_LIKE: return eval_like(evaluation, node);
    case SELECTOR_NODE_TRUTH:
        value = eval_value(evaluation, node->child);
        return selector_value_compare(&value, SELECTOR_VALUE_EQUAL, &true_value);
    case SELECTOR_NODE_IS_NULL:
        value = eval_value(evaluation, node->child);
        return selector_value_truth((value.type == SELECTOR_VALUE_NULL) != node->is_negated);
    case SELECTOR_NODE_OR:
    case SELECTOR_NODE_AND:
    case SELECTOR_NODE_NOT:
    case SELECTOR_NODE_LITERAL:
    case SELECTOR_NODE_PATH:
    case SELECTOR_NODE_CALCULATE:
    case SELECTOR_NODE_SIGNED: break;
    }
    assert(false);
    return SELECTOR_UNKNOWN;
}

/* ---- any element ---- */

static void begin_choices(struct selector_path_choice *choice, const struct selector_node *node)
{
    for (unsigned i = node->any_first; i < node->any_first + node->any_count; i++) {
        choice->index[i] = 0;
    }
}

/* Like counting: the last [] goes through all its elements for each element of the one before
 * it. How many there are may depend on those before. False when all have been chosen. */
static bool next_choice(struct selector_path_choice *choice, const struct selector_node *node)
{
    for (unsigned i = node->any_first + node->any_count; i > node->any_first; i--) {
        if (++choice->index[i - 1] < choice->count[i - 1]) {
            return true;
        }
        choice->index[i - 1] = 0;
    }
    return false;
}

/* True when it is true of any choice of elements; what has none is not true of any. */
static enum selector_truth eval_any(struct evaluation *evaluation,
                                    const struct selector_node *node)
{
    struct selector_path_choice *choice = &evaluation->choice;
    enum selector_truth any = SELECTOR_FALSE;

    begin_choices(choice, node);
    do {
        enum selector_truth once;

        memset(choice->count, 0, sizeof choice->count); /* 0: not reached */
        choice->is_empty = false;
        once = eval_once(evaluation, node);
        any = choice->is_empty ? any : greater(any, once);
    } while (any != SELECTOR_TRUE && evaluation->steps_left > 0 && next_choice(choice, node));
    return any;
}

/* ---- conditions of conditions ---- */

/* AND and OR: the one value that decides ends the search. */
static enum selector_truth eval_chain(struct evaluation *evaluation,
                                      const struct selector_node *node)
{
    bool is_and = node->type == SELECTOR_NODE_AND;
    enum selector_truth decisive = is_and ? SELECTOR_FALSE : SELECTOR_TRUE;
    enum selector_truth truth = inverse(decisive);

    for (const struct selector_node *child = node->child;
         child != NULL && truth != decisive && evaluation->steps_left > 0;
         child = child->sibling) {
        enum selector_truth next = eval_condition(evaluation, child);

        truth = is_and ? lesser(truth, next) : greater(truth, next);
    }
    return truth;
}

static enum selector_truth eval_condition(struct evaluation *evaluation,
                                          const struct selector_node *node)
{
    take_steps(evaluation, 1);
    if (node->type == SELECTOR_NODE_NOT) {
        return inverse(eval_condition(evaluation, node->child));
    }
    if (node->type == SELECTOR_NODE_AND || node->type == SELECTOR_NODE_OR) {
        return eval_chain(evaluation, node);
    }
    return node->any_count > 0 ? eval_any(evaluation, node) : eval_once(evaluation, node);
}

enum selector_truth selector_eval(const struct selector_node *root,
                                  const struct selector_source *source, size_t steps)
{
    struct evaluation evaluation = {.source = source, .steps_left = steps};
    enum selector_truth truth = eval_condition(&evaluation, root);

    return evaluation.steps_left > 0 ? truth : SELECTOR_UNKNOWN;
}

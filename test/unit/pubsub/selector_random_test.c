/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Random expressions, judged twice: by the selector, from their text; and by the few lines
 * here, from the tree that the text was printed from, with SQL's rules written down once more
 * in the plainest way. The text has only those parentheses that its tree needs (and now and
 * then one too many), so that precedence is put to the test too.
 */
#include "base/buf.h"
#include "base/rng.h"
#include "lib/testing.h"
#include "pubsub/dict_json.h"
#include "pubsub/selector.h"

#include <stdio.h>

enum {
    ROUNDS = 4000,
    NODES = 200,
    NAMES = 6,
    ELEMENTS_MAX = 3,
};

static struct rng dice;

static unsigned roll(unsigned sides)
{
    return rng_u32(&dice) % sides;
}

/* ---- values ---- */

struct thing {
    enum {
        NOTHING,
        WHOLE,
        BROKEN,
        WORD,
        TRUTH
    } kind;
    double number; /* small enough to be exact, also WHOLE and TRUTH */
    const char *word;
};

static const char *const words[] = {"", "a", "ab", "b%", "_", "aab", "it's", "\xe2\x82\xac"};

static struct thing random_thing(void)
{
    switch (roll(6)) {
    case 0: return (struct thing){.kind = NOTHING};
    case 1: return (struct thing){.kind = BROKEN, .number = (double)roll(17) / 2 - 4};
    case 2: return (struct thing){.kind = WORD, .word = words[roll(8)]};
    case 3: return (struct thing){.kind = TRUTH, .number = roll(2)};
    default: return (struct thing){.kind = WHOLE, .number = (double)roll(9) - 4};
    }
}

/* One event: plain names v0, v1 ..., and arrays w0, w1 ... */
struct world {
    struct thing plain[NAMES];
    struct thing array[NAMES][ELEMENTS_MAX];
    unsigned count[NAMES];
};

static void put(struct buf *out, const char *text)
{
    assert_ok(buf_append(out, span_str(text)));
}

static void put_json(struct buf *out, const struct thing *thing)
{
    if (thing->kind == WORD) {
        assert_ok(buf_printf(out, "\"%s\"", thing->word));
    } else if (thing->kind == NOTHING) {
        put(out, "null");
    } else if (thing->kind == TRUTH) {
        put(out, thing->number != 0 ? "true" : "false");
    } else {
        assert_ok(
            buf_printf(out, thing->kind == WHOLE ? "%g" : "{\"$double\":%g}", thing->number));
    }
}

static struct dict *make_world(struct world *world)
{
    static const struct dict_limits limits = {.bytes = 100000, .values = 1000};
    struct dict *dict = NULL;
    struct dict_fault fault;
    struct buf json;

    buf_init(&json, 10000);
    put(&json, "{\"x\":0");
    for (unsigned i = 0; i < NAMES; i++) {
        world->plain[i] = random_thing();
        assert_ok(buf_printf(&json, ",\"v%u\":", i));
        put_json(&json, &world->plain[i]);
        world->count[i] = roll(ELEMENTS_MAX + 1);
        assert_ok(buf_printf(&json, ",\"w%u\":[", i));
        for (unsigned k = 0; k < world->count[i]; k++) {
            world->array[i][k] = random_thing();
            put(&json, k > 0 ? "," : "");
            /* Numbers of one array would become alike: each stands in a dictionary of its own.
             */
            put(&json, "{\"e\":");
            put_json(&json, &world->array[i][k]);
            put(&json, "}");
        }
        put(&json, "]");
    }
    put(&json, "}");
    assert_ok(dict_json_read(buf_span(&json), &limits, &fault, &dict));
    buf_fini(&json);
    return dict;
}

/* ---- trees ---- */

enum {
    OR,
    AND,
    NOT,
    BARE,
    COMPARE,
    BETWEEN,
    IN,
    LIKE,
    IS_NULL,
    SUM,
    PRODUCT,
    MINUS,
    NAME,
    ANY,
    LITERAL,
};

struct tree {
    unsigned kind;
    struct tree *a, *b, *c;
    unsigned which;       /* the operator, the name, the pattern */
    bool is_negated;      /* NOT IN ... */
    unsigned chosen;      /* ANY: the element just now */
    struct thing thing;   /* LITERAL */
    struct thing list[3]; /* IN */
};

static struct tree trees[NODES];
static size_t tree_count;
static struct tree *anys[NODES]; /* of the comparison in hand */
static size_t any_count;

static struct tree *grow(unsigned kind)
{
    assert_true(tree_count < NODES);
    trees[tree_count] = (struct tree){.kind = kind, .which = roll(4)};
    return &trees[tree_count++];
}

static struct tree *grow_name(void)
{
    struct tree *tree = grow(roll(4) == 0 ? ANY : NAME);

    tree->which = roll(NAMES);
    return tree;
}

static struct tree *grow_literal(bool is_number)
{
    struct tree *tree = grow(LITERAL);

    do {
        tree->thing = random_thing();
    } while (tree->thing.kind == NOTHING || (is_number && tree->thing.kind > BROKEN));
    return tree;
}

static struct tree *grow_number(unsigned depth)
{
    struct tree *tree;

    if (depth == 0 || roll(3) == 0) {
        return roll(2) == 0 ? grow_name() : grow_literal(true);
    }
    tree = grow(roll(5) == 0 ? MINUS : roll(2) == 0 ? SUM : PRODUCT);
    tree->which = roll(2);
    tree->a = grow_number(depth - 1);
    tree->b = tree->kind == MINUS ? NULL : grow_number(depth - 1);
    return tree;
}

static struct tree *grow_predicate(void)
{
    struct tree *tree = grow(BARE + roll(6));

    tree->is_negated = roll(2) == 0;
    if (tree->kind == COMPARE) {
        tree->which = roll(6);
        tree->a = grow_number(2);
        tree->b = tree->which < 2 && roll(2) == 0 ? grow_literal(false) : grow_number(2);
    } else if (tree->kind == BETWEEN) {
        tree->a = grow_number(1);
        tree->b = grow_number(1);
        tree->c = grow_number(1);
    } else {
        tree->a = grow_name();
        tree->which = roll(8); /* LIKE's pattern */
        for (unsigned i = 0; i < 3; i++) {
            do {
                tree->list[i] = random_thing();
            } while (tree->list[i].kind == NOTHING);
        }
    }
    return tree;
}

static struct tree *grow_condition(unsigned depth)
{
    struct tree *tree;

    if (depth == 0 || roll(4) == 0) {
        return grow_predicate();
    }
    tree = grow(OR + roll(3));
    tree->a = grow_condition(depth - 1);
    tree->b = tree->kind == NOT ? NULL : grow_condition(depth - 1);
    return tree;
}

/* ---- their text ---- */

static const char *const patterns[] = {"a%", "%b", "_", "%a%b%", "!%%", "%!%", "!_", "%_b!%"};

static void put_literal(struct buf *out, const struct thing *thing)
{
    if (thing->kind == WORD) {
        put(out, "'");
        for (const char *at = thing->word; *at != '\0'; at++) {
            assert_ok(buf_printf(out, *at == '\'' ? "''" : "%c", *at));
        }
        put(out, "'");
    } else if (thing->kind == TRUTH) {
        put(out, thing->number != 0 ? "TRUE" : "false");
    } else {
        assert_ok(buf_printf(out, thing->kind == BROKEN ? "%.1f" : "%g", thing->number));
    }
}

static unsigned binding(const struct tree *tree)
{
    switch (tree->kind) {
    case OR: return 0;
    case AND: return 1;
    case NOT: return 2;
    case SUM: return 4;
    case PRODUCT: return 5;
    case MINUS: return 6;
    case NAME:
    case ANY:
    case LITERAL: return 7;
    default: return 3;
    }
}

static void print(struct buf *out, const struct tree *tree);

/* `least`: how strongly it must bind to stand there without parentheses. */
static void print_in(struct buf *out, const struct tree *tree, unsigned least)
{
    bool is_wrapped = binding(tree) < least || roll(12) == 0;

    put(out, is_wrapped ? "(" : "");
    print(out, tree);
    put(out, is_wrapped ? ")" : "");
}

static void print_predicate(struct buf *out, const struct tree *tree)
{
    static const char *const orders[] = {"=", "<>", "<", "<=", ">", ">="};
    const char *not = tree->is_negated ? (roll(2) == 0 ? " not" : " NOT") : "";

    print_in(out, tree->a, 4);
    if (tree->kind == COMPARE) {
        put(out, orders[tree->which]);
        print_in(out, tree->b, 4);
    } else if (tree->kind == BETWEEN) {
        assert_ok(buf_printf(out, "%s between ", not ));
        print_in(out, tree->b, 4);
        put(out, roll(2) == 0 ? " and " : "\tAND\n");
        print_in(out, tree->c, 4);
    } else if (tree->kind == IN) {
        assert_ok(buf_printf(out, "%s In(", not ));
        for (unsigned i = 0; i < 3; i++) {
            put(out, i > 0 ? " , " : "");
            put_literal(out, &tree->list[i]);
        }
        put(out, ")");
    } else if (tree->kind == LIKE) {
        assert_ok(buf_printf(out, "%s LIKE '%s' escape '!'", not, patterns[tree->which]));
    } else if (tree->kind == IS_NULL) {
        assert_ok(buf_printf(out, " is%s null", not ));
    }
}

static void print(struct buf *out, const struct tree *tree)
{
    static const char *const signs[2][2] = {{" + ", " - "}, {"*", " / "}};
    unsigned own = binding(tree);

    switch (tree->kind) {
    case OR:
    case AND:
        print_in(out, tree->a, own);
        put(out, tree->kind == OR ? " or " : " AND ");
        print_in(out, tree->b, own);
        break;
    case NOT:
        put(out, "NOT ");
        print_in(out, tree->a, own);
        break;
    case SUM:
    case PRODUCT:
        print_in(out, tree->a, own);
        put(out, signs[tree->kind == PRODUCT][tree->which]);
        print_in(out, tree->b, own + 1);
        break;
    case MINUS:
        put(out, "- ");
        print_in(out, tree->a, own);
        break;
    case NAME: assert_ok(buf_printf(out, "v%u", tree->which)); break;
    case ANY: assert_ok(buf_printf(out, "w%u[].e", tree->which)); break;
    case LITERAL: put_literal(out, &tree->thing); break;
    default: print_predicate(out, tree); break;
    }
}

/* ---- what they mean ---- */

static const struct thing nothing = {.kind = NOTHING};

static struct thing calculated(const struct world *world, const struct tree *tree)
{
    struct thing a, b;
    double result;

    if (tree->kind == LITERAL) {
        return tree->thing;
    }
    if (tree->kind == NAME) {
        return world->plain[tree->which];
    }
    if (tree->kind == ANY) {
        return world->array[tree->which][tree->chosen];
    }
    a = calculated(world, tree->a);
    b = tree->kind == MINUS ? (struct thing){.kind = WHOLE, .number = -1}
                            : calculated(world, tree->b);
    if ((a.kind != WHOLE && a.kind != BROKEN) || (b.kind != WHOLE && b.kind != BROKEN)) {
        return nothing;
    }
    if (tree->kind == SUM) {
        result = tree->which == 0 ? a.number + b.number : a.number - b.number;
    } else if (tree->kind == MINUS || tree->which == 0) {
        result = a.number * b.number;
    } else if (b.number == 0) {
        return nothing;
    } else {
        result = a.number / b.number;
        if (a.kind == WHOLE && b.kind == WHOLE) {
            result = (double)(long)result;
        }
    }
    return (struct thing){.kind = a.kind == WHOLE && b.kind == WHOLE ? WHOLE : BROKEN,
                          .number = result};
}

/* '?' stands for unknown. */
static char compared(const struct thing *a, unsigned order, const struct thing *b)
{
    bool are_numbers =
        (a->kind == WHOLE || a->kind == BROKEN) && (b->kind == WHOLE || b->kind == BROKEN);
    int sign;

    if (a->kind == NOTHING || b->kind == NOTHING) {
        return '?';
    }
    if (!are_numbers && (a->kind != b->kind || order > 1)) {
        return 'f';
    }
    sign = a->kind == WORD ? strcmp(a->word, b->word)
                           : (a->number > b->number) - (a->number < b->number);
    switch (order) {
    case 0: return sign == 0 ? 't' : 'f';
    case 1: return sign != 0 ? 't' : 'f';
    case 2: return sign < 0 ? 't' : 'f';
    case 3: return sign <= 0 ? 't' : 'f';
    case 4: return sign > 0 ? 't' : 'f';
    default: return sign >= 0 ? 't' : 'f';
    }
}

static char inverse(char truth)
{
    return truth == 't' ? 'f' : truth == 'f' ? 't' : '?';
}

static char both(char a, char b)
{
    return a == 'f' || b == 'f' ? 'f' : a == '?' || b == '?' ? '?' : 't';
}

static char either(char a, char b)
{
    return inverse(both(inverse(a), inverse(b)));
}

/* Without any thought for time. */
static bool is_like(const char *pattern, const char *text)
{
    size_t one = 1;

    if (*pattern == '\0') {
        return *text == '\0';
    }
    if (*pattern == '%') {
        return is_like(pattern + 1, text) || (*text != '\0' && is_like(pattern, text + 1));
    }
    if (*text == '\0') {
        return false;
    }
    if (*pattern == '_') {
        while ((text[one] & 0xc0) == 0x80) {
            one++;
        }
        return is_like(pattern + 1, text + one);
    }
    pattern += *pattern == '!';
    return *pattern == *text && is_like(pattern + 1, text + 1);
}

static char once(const struct world *world, const struct tree *tree)
{
    struct thing a = calculated(world, tree->a), b, c;
    char truth = 'f';

    switch (tree->kind) {
    case BARE: return a.kind == NOTHING ? '?' : a.kind == TRUTH && a.number != 0 ? 't' : 'f';
    case COMPARE: b = calculated(world, tree->b); return compared(&a, tree->which, &b);
    case BETWEEN:
        b = calculated(world, tree->b);
        c = calculated(world, tree->c);
        return tree->is_negated ? either(compared(&a, 2, &b), compared(&a, 4, &c))
                                : both(compared(&a, 5, &b), compared(&a, 3, &c));
    case IN:
        for (unsigned i = 0; i < 3; i++) {
            truth = either(truth, compared(&a, 0, &tree->list[i]));
        }
        break;
    case LIKE:
        truth = a.kind == NOTHING                                          ? '?'
                : a.kind == WORD && is_like(patterns[tree->which], a.word) ? 't'
                                                                           : 'f';
        break;
    default: truth = a.kind == NOTHING ? 't' : 'f'; break;
    }
    return tree->is_negated ? inverse(truth) : truth;
}

static void collect_anys(struct tree *tree)
{
    if (tree == NULL) {
        return;
    }
    if (tree->kind == ANY) {
        anys[any_count++] = tree;
    }
    collect_anys(tree->a);
    collect_anys(tree->b);
    collect_anys(tree->c);
}

/* Every choice for the [] from `first` on. */
static char any_of(const struct world *world, const struct tree *tree, size_t first)
{
    char truth = 'f';

    if (first == any_count) {
        return once(world, tree);
    }
    for (unsigned i = 0; i < world->count[anys[first]->which]; i++) {
        anys[first]->chosen = i;
        truth = either(truth, any_of(world, tree, first + 1));
    }
    return truth;
}

static char meaning(const struct world *world, struct tree *tree)
{
    switch (tree->kind) {
    case OR: return either(meaning(world, tree->a), meaning(world, tree->b));
    case AND: return both(meaning(world, tree->a), meaning(world, tree->b));
    case NOT: return inverse(meaning(world, tree->a));
    default:
        any_count = 0;
        collect_anys(tree);
        return any_of(world, tree, 0);
    }
}

static void random_expressions_mean_what_their_trees_mean(void **state)
{
    static const char letters[] = "f?t"; /* as enum selector_truth */
    unsigned seen[3] = {0, 0, 0};

    (void)state;
    dice = rng_seeded(20261122);
    for (int round = 0; round < ROUNDS; round++) {
        struct world world;
        struct dict *dict = make_world(&world);
        const struct selector_source source = {.dict = dict};
        struct selector_fault fault;
        struct selector *selector = NULL;
        enum selector_truth truth;
        struct tree *tree;
        struct buf text;
        char expected;

        tree_count = 0;
        tree = grow_condition(3);
        buf_init(&text, SELECTOR_TEXT_MAX);
        print(&text, tree);
        if (selector_parse(buf_span(&text), &fault, &selector) != OK) {
            fail_msg("%.*s: byte %zu: %s", SPAN_ARG(buf_span(&text)), fault.at,
                     selector_fault_text(fault.reason));
        }
        truth = selector_judge(selector, &source);
        expected = meaning(&world, tree);
        if (letters[truth] != expected) {
            fail_msg("%.*s is %c, not %c", SPAN_ARG(buf_span(&text)), letters[truth], expected);
        }
        seen[truth]++;
        selector_unref(selector);
        buf_fini(&text);
        dict_free(dict);
    }
    for (int i = 0; i < 3; i++) {
        assert_true(seen[i] > ROUNDS / 10); /* all three are tried, and often */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_expressions_mean_what_their_trees_mean),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "conf/conf_tree.h"

#include "lib/oom.h"
#include "lib/testing.h"
#include "unit/conf/reference.h"

#include <stdio.h>

struct printer {
    char text[2048];
    size_t used;
};

static void print(struct printer *out, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void print(struct printer *out, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    out->used +=
        (size_t)vsnprintf(out->text + out->used, sizeof out->text - out->used, format, args);
    va_end(args);
    assert_true(out->used < sizeof out->text);
}

/* "2 Listen [80] #comment", sections with their content in braces. */
static void print_nodes(struct printer *out, const struct conf_node *nodes,
                        const struct conf_node *parent)
{
    for (const struct conf_node *node = nodes; node != NULL; node = node->next) {
        assert_ptr_equal(node->parent, parent);
        assert_string_equal(node->file, "f");
        assert_int_equal(node->name.ptr[node->name.len], 0);
        print(out, "%u %s%s", node->line, node->is_section ? "<>" : "",
              (const char *)node->name.ptr);
        for (size_t i = 0; i < node->word_count; i++) {
            print(out, " [%s]", (const char *)node->words[i].ptr);
        }
        print(out, node->comment.len > 0 ? " #" : "");
        print(out, "%.*s", SPAN_ARG(node->comment));
        if (node->is_section) {
            print(out, " {");
            print_nodes(out, node->children, node);
            print(out, "}");
        } else {
            assert_null(node->children);
        }
        print(out, node->next == NULL ? "" : "; ");
    }
}

static void assert_tree(const char *text, const char *expected)
{
    struct printer out = {.used = 0};
    const struct diag_message *message = NULL;
    char file[] = "f";
    struct conf_node *nodes;
    struct arena arena;
    struct diag diag;

    diag_init(&diag);
    arena_init(&arena, 100000);
    assert_ok(conf_tree_parse(span_str(text), file, NULL, &arena, &diag, &nodes));
    file[0] = '?'; /* the tree has its own */
    print_nodes(&out, nodes, NULL);
    while ((message = diag_next(&diag, message)) != NULL) {
        char room[DIAG_MAX_LINE];

        print(&out, "%s!%s", out.used == 0 ? "" : " ", diag_format(message, room, sizeof room));
    }
    assert_string_equal(out.text, expected);
    arena_fini(&arena);
    diag_fini(&diag);
}

#define HEAD_TREE                                                      \
    "2 Listen [80]; 3 LoadModule [proxy_module] [path/to/mod_proxy]; " \
    "4 ProxyRequests [On]; 5 ProxyVia [On]; "                          \
    "6 AllowCONNECT [9000] #Allow HTTP CONNECT on the realm port; "    \
    "7 <>Proxy [*] {8 Order [deny,allow]; 9 Deny [from] [all]; "

static void the_reference_configuration_is_read(void **state)
{
    (void)state;
    assert_tree(reference_whole,
                HEAD_TREE "10 Allow [from] [127.0.0.1] #Restrict to localhost only}");
}

static void the_mutilated_one_is_read_with_one_warning(void **state)
{
    (void)state;
    assert_tree(reference_mutilated,
                HEAD_TREE "10 Allow [from] #Restrict to localhost only} "
                          "!f:7: warning: <Proxy *> is never closed; understood as ending at "
                          "the end of the file (write </Proxy> on a line of its own)");
}

static void sections_nest_and_close_without_regard_to_case(void **state)
{
    (void)state;
    assert_tree("", "");
    assert_tree("A\n<B x>\n<C>\nD\n</c>\nE\n</b>\nF", "1 A; 2 <>B [x] {3 <>C {4 D}; 6 E}; 8 F");
    assert_tree("<A>\n</A>\n<A>\n</A>", "1 <>A {}; 3 <>A {}");
}

static void sections_that_do_not_pair_are_told(void **state)
{
    (void)state;
    assert_tree(
        "</Proxy>\nA",
        "2 A !f:1: </Proxy> closes nothing (write <Proxy ...> before it, or remove it)");
    assert_tree(
        "<A x>\n<B>\n</A>\nC",
        "1 <>A [x] {2 <>B {}}; 4 C !f:3: </A> comes while <B> of f:2 is open (write </B> "
        "before it)");
    assert_tree("<Proxy *>\nA\n</Prox>\nB",
                "1 <>Proxy [*] {2 A}; 4 B !f:3: </Prox> cannot close <Proxy *> of f:1 (write "
                "</Proxy>)");
    assert_tree("<A>\n<B>",
                "1 <>A {2 <>B {}} "
                "!f:1: warning: <A> is never closed; understood as ending at the end of the "
                "file (write </A> on a line of its own) "
                "!f:2: warning: <B> is never closed; understood as ending at the end of the "
                "file (write </B> on a line of its own)");
}

static void a_section_that_cannot_be_read_is_one_fault(void **state)
{
    (void)state;
    assert_tree("<Proxy \"*>\nOrder x\n<B>\n</B>\n</Proxy>\nA",
                "6 A !f:1: the quote before \"*>\" is never closed (write another \" where the "
                "word ends)");
    assert_tree("<A>\nB\n</A x>\nC",
                "1 <>A {2 B}; 4 C !f:3: </A> takes no argument (write </A>)");
    assert_tree("<A \"x>\n</A \"x>\nC",
                "3 C !f:1: the quote before \"x>\" is never closed (write another \" where the "
                "word ends) !f:2: the quote before \"x>\" is never closed (write another \" "
                "where the word ends)");
}

static void a_long_section_is_named_in_short(void **state)
{
    (void)state;
    assert_tree("<A 0123456789012345678901234567890123456789 "
                "012345678901234567890123456789012345678901234567890123456789>\n</A>\n</B>",
                "1 <>A [0123456789012345678901234567890123456789] "
                "[012345678901234567890123456789012345678901234567890123456789] {} "
                "!f:3: </B> closes nothing (write <B ...> before it, or remove it)");
    assert_tree("<A 0123456789012345678901234567890123456789 "
                "012345678901234567890123456789012345678901234567890123456789>\n</B>",
                "1 <>A [0123456789012345678901234567890123456789] "
                "[012345678901234567890123456789012345678901234567890123456789] {} "
                "!f:2: </B> cannot close <A 0123456789012345678901234567890123456789 "
                "01234567890123456789012345678901234> of f:1 (write </A>)");
}

static void the_depth_has_a_limit(void **state)
{
    char text[1000] = "";
    size_t used = 0;
    struct conf_node *nodes;
    struct arena arena;
    struct diag diag;
    char room[DIAG_MAX_LINE];

    (void)state;
    for (int i = 0; i <= CONF_TREE_MAX_DEPTH + 1; i++) {
        used += (size_t)snprintf(text + used, sizeof text - used, "<S>\nA\n");
    }
    for (int i = 0; i <= CONF_TREE_MAX_DEPTH + 1; i++) {
        used += (size_t)snprintf(text + used, sizeof text - used, "</S>\n");
    }
    diag_init(&diag);
    arena_init(&arena, 100000);
    assert_ok(conf_tree_parse(span_str(text), "f", NULL, &arena, &diag, &nodes));
    assert_int_equal(diag_count(&diag, DIAG_ERROR), 1);
    assert_int_equal(diag_count(&diag, DIAG_WARNING), 0);
    assert_string_equal(
        diag_format(diag_next(&diag, NULL), room, sizeof room),
        "f:33: <S> is nested more than 16 sections deep (close the sections around it)");
    arena_fini(&arena);
    diag_fini(&diag);
}

static void parse_mutilated(void)
{
    struct conf_node *nodes = NULL;
    struct arena arena;
    struct diag diag;
    enum err e;

    diag_init(&diag);
    arena_init(&arena, 100000);
    e = conf_tree_parse(span_str(reference_mutilated), "f", NULL, &arena, &diag, &nodes);
    assert_true(oom_has_struck() || (e == OK && nodes != NULL));
    assert_true(e == OK || (e == ERR_NOMEM && nodes == NULL));
    arena_fini(&arena);
    diag_fini(&diag);
}

static void running_out_of_memory_leaks_nothing(void **state)
{
    struct conf_node *nodes;
    struct arena arena;
    struct diag diag;

    (void)state;
    every_oom(parse_mutilated);
    diag_init(&diag);
    for (size_t max = 0; max < 1000; max++) {
        arena_init(&arena, max);
        assert_int_equal(
            conf_tree_parse(span_str(reference_whole), "f", NULL, &arena, &diag, &nodes),
            ERR_LIMIT);
        arena_fini(&arena);
    }
    diag_fini(&diag);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_reference_configuration_is_read),
        cmocka_unit_test(the_mutilated_one_is_read_with_one_warning),
        cmocka_unit_test(sections_nest_and_close_without_regard_to_case),
        cmocka_unit_test(sections_that_do_not_pair_are_told),
        cmocka_unit_test(a_section_that_cannot_be_read_is_one_fault),
        cmocka_unit_test(a_long_section_is_named_in_short),
        cmocka_unit_test(the_depth_has_a_limit),
        cmocka_unit_test(running_out_of_memory_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

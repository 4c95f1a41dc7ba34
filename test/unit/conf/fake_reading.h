/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * A reading from a fake source as one line of text: the tree, and what was said.
 */
#pragma once

#include "base/buf.h"
#include "conf/conf_tree.h"
#include "unit/conf/fake_source.h"

#include <stdio.h>

static void fake_print_nodes(const struct conf_node *nodes, const struct conf_node *parent,
                             struct buf *out)
{
    for (const struct conf_node *node = nodes; node != NULL; node = node->next) {
        assert_ptr_equal(node->parent, parent);
        assert_ok(buf_printf(out, "%s%s:%u %s", node == nodes ? "" : "; ", node->file,
                             node->line, (const char *)node->name.ptr));
        for (size_t i = 0; i < node->word_count; i++) {
            assert_ok(buf_printf(out, " [%s]", (const char *)node->words[i].ptr));
        }
        if (node->is_section) {
            assert_ok(buf_printf(out, " {"));
            fake_print_nodes(node->children, node, out);
            assert_ok(buf_printf(out, "}"));
        }
    }
}

/* The file "m" with that text: "m:2 Listen [80]; i:1 Order [x] !m:3: what was said". */
static void fake_assert_reads(const char *text, const struct fake_file *files,
                              const char *expected)
{
    const struct conf_source source = fake_source(files);
    const struct diag_message *message = NULL;
    struct conf_node *nodes;
    struct arena arena;
    struct diag diag;
    struct buf out;

    arena_init(&arena, 16 * 1024 * 1024);
    diag_init(&diag);
    buf_init(&out, 1024 * 1024);
    assert_ok(conf_tree_parse(span_str(text), "m", &source, &arena, &diag, &nodes));
    fake_print_nodes(nodes, NULL, &out);
    while ((message = diag_next(&diag, message)) != NULL) {
        char line[DIAG_MAX_LINE];

        assert_ok(buf_printf(&out, "%s!%s", out.len == 0 ? "" : " ",
                             diag_format(message, line, sizeof line)));
    }
    assert_ok(buf_append_byte(&out, '\0'));
    assert_string_equal((const char *)out.ptr, expected);
    buf_fini(&out);
    diag_fini(&diag);
    arena_fini(&arena);
}

struct fake_example {
    const char *text;
    const char *reads;
};

/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "conf/conf_lex.h"

#include "lib/testing.h"

#include <stdio.h>
#include <stdlib.h>

/* All of it in one line: "2 Name [word] [word]; </Name]>; !message". */
static void read_all(struct span text, char *out, size_t out_bytes)
{
    static struct conf_lex lex;
    struct conf_line line;
    const struct diag_message *message = NULL;
    struct diag diag;
    size_t used = 0;
    enum err e;

    diag_init(&diag);
    conf_lex_init(&lex, text, "f", &diag);
    out[0] = '\0';
    while ((e = conf_lex_next(&lex, &line)) != ERR_AGAIN) {
        static const char *const open[] = {"", "<", "</"};

        if (e == ERR_CONF) {
            continue;
        }
        used +=
            (size_t)snprintf(out + used, out_bytes - used, "%s%u %s%.*s", used == 0 ? "" : "; ",
                             line.line, open[line.type], SPAN_ARG(line.name));
        for (size_t i = 0; i < line.word_count; i++) {
            used += (size_t)snprintf(out + used, out_bytes - used, " [%.*s]",
                                     SPAN_ARG(line.words[i]));
        }
        if (line.comment.len > 0) {
            used += (size_t)snprintf(out + used, out_bytes - used, " #%.*s",
                                     SPAN_ARG(line.comment));
        }
    }
    assert_int_equal(conf_lex_next(&lex, &line), ERR_AGAIN); /* and so it stays */
    while ((message = diag_next(&diag, message)) != NULL) {
        char room[DIAG_MAX_LINE];

        used += (size_t)snprintf(out + used, out_bytes - used, "%s!%s", used == 0 ? "" : " ",
                                 diag_format(message, room, sizeof room));
    }
    diag_fini(&diag);
}

struct example {
    const char *text;
    const char *lines;
};

/* As a copy on the heap without a final zero: a sanitizer sees any step over the end. */
static void check_examples(const struct example *examples, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        size_t len = strlen(examples[i].text);
        char *copy = malloc(len == 0 ? 1 : len);
        char out[2048];

        assert_non_null(copy);
        memcpy(copy, examples[i].text, len);
        read_all(span_of(copy, len), out, sizeof out);
        free(copy);
        assert_string_equal(out, examples[i].lines);
    }
}

#define check(examples) check_examples(examples, sizeof(examples) / sizeof(examples)[0])

static void words_end_at_spaces_or_quotes_as_httpd_has_it(void **state)
{
    static const struct example examples[] = {
        {"", ""},
        {"\n  \n\t\n", ""},
        {"Listen 80", "1 Listen [80]"},
        {"  Listen\t 80  \n\nOrder deny,allow\n", "1 Listen [80]; 3 Order [deny,allow]"},
        {"A \"b c\" 'd \"e'", "1 A [b c] [d \"e]"},
        {"A \"b\\\"c\" 'd\\'e' \"f\\'g\"", "1 A [b\"c] [d'e] [f\\'g]"},
        {"A \"\" ''", "1 A [] []"},
        {"A \"b\"c", "1 A [b] [c]"},
        {"A b\"c d\"", "1 A [b\"c] [d\"]"},
        {"A \\\\srv\\x \\d+\\.x \"a\\\\b\" \\\"", "1 A [\\srv\\x] [\\d+\\.x] [a\\b] [\\\"]"},
        {"A b\\", "1 A [b\\]"},
        {"\"A\" b", "1 A [b]"},
        {"A \xc3\xbc", "1 A [\xc3\xbc]"},
    };

    (void)state;
    check(examples);
}

static void lines_end_in_lf_or_crlf_and_go_on_behind_a_backslash(void **state)
{
    static const struct example examples[] = {
        {"A 1\r\nB 2\r\n", "1 A [1]; 2 B [2]"},
        {"A 1\r", "1 A [1]"},
        {"A 1 \\\n 2\nB", "1 A [1] [2]; 3 B"},
        {"A 1 \\\r\n 2\r\nB", "1 A [1] [2]; 3 B"},
        {"A on\\\ne\nB", "1 A [one]; 3 B"},
        {"A \"o\\\nn\\\ne\"\nB", "1 A [one]; 4 B"},
        {"A \\\\\nn\nB", "1 A [\\n]; 3 B"},
        {"A \\\n\\\n\nB", "1 A; 4 B"},
        {"A \\\n", "1 A"},
        {"\\\n\\\nA 1", "3 A [1]"},
        {"A 1 \\ \nB", "1 A [1] [\\]; 2 B"},
        {"\xef\xbb\xbf"
         "A 1",
         "1 A [1]"},
    };

    (void)state;
    check(examples);
}

static void a_comment_begins_where_a_word_could_and_ends_with_its_line(void **state)
{
    static const struct example examples[] = {
        {"# a\n  # b\nA", "3 A"},
        {"A 9000 # on the realm's \"port\nB", "1 A [9000] #on the realm's \"port; 2 B"},
        {"A #1\nB 2#3 '#4' \"#5\"", "1 A #1; 2 B [2#3] [#4] [#5]"},
        {"A 1 \\\n # c\n2", "1 A [1] #c; 3 2"},
        {"#", ""},
        {"# a\r\nA # b\r\n", "2 A #b"},
        {"<P *> # all\n</P> # done", "1 <P [*] #all; 2 </P #done"},
        {"# a \\\nA 1",
         "2 A [1] !f:1: warning: the comment ends in a backslash; understood as ending with its "
         "line, though httpd would add the next line to it (remove the backslash)"},
        {"A 1 # a \\\r\nB",
         "1 A [1] #a \\; 2 B !f:1: warning: the comment ends in a backslash; understood as "
         "ending with its line, though httpd would add the next line to it (remove the "
         "backslash)"},
    };

    (void)state;
    check(examples);
}

static void sections_are_told_by_their_brackets(void **state)
{
    static const struct example examples[] = {
        {"<Proxy *>\n</Proxy>", "1 <Proxy [*]; 2 </Proxy"},
        {"<Proxy>", "1 <Proxy"},
        {" < Proxy * >", "1 <Proxy [*]"},
        {"<Proxy \"*\">", "1 <Proxy [*]"},
        {"<P \"a b>\" c>", "1 <P [a b>] [c]"},
        {"<M ^http://[^>]+>", "1 <M [^http://[^>]+]"},
        {"A >", "1 A [>]"},
        {"<Proxy *", "!f:1: a section's line must end with > (write <Name argument>)"},
        {"<Proxy *> x", "!f:1: a section's line must end with > (write <Name argument>)"},
        {"<Proxy \"*>\"", "!f:1: a section's line must end with > (write <Name argument>)"},
        {"<", "!f:1: a section's line must end with > (write <Name argument>)"},
        {"<>\nA", "2 A !f:1: a section needs a name (write <Name argument>)"},
        {"</>", "!f:1: a section needs a name (write <Name argument>)"},
        {"</Proxy *>", "!f:1: </Proxy> takes no argument (write </Proxy>)"},
    };

    (void)state;
    check(examples);
}

static void a_wrong_line_is_told_and_the_next_one_read(void **state)
{
    static const struct example examples[] = {
        {"A \"b c\nB", "2 B !f:1: the quote before \"b c\" is never closed (write another \" "
                       "where the word ends)"},
        {"A 'b\\'\nB", "2 B !f:1: the quote before \"b'\" is never closed (write another ' "
                       "where the word ends)"},
        {"<P \"*>\nB", "2 B !f:1: the quote before \"*>\" is never closed (write another \" "
                       "where the word ends)"},
        {"\"\" b\nB", "2 B !f:1: the name of the directive is empty (write it without quotes)"},
        {"A \x07 \\\n c\nB",
         "3 B !f:1: byte 0x07 cannot stand in a configuration (remove it; is "
         "this a text file?)"},
        {"# \x1b\nB", "2 B !f:1: byte 0x1b cannot stand in a configuration (remove it; is this "
                      "a text file?)"},
        {"A 1\rB 2\nC", "2 C !f:1: byte 0x0d cannot stand in a configuration (remove it; is "
                        "this a text file?)"},
        {"A \"\x7f\"", "!f:1: byte 0x7f cannot stand in a configuration (remove it; is this a "
                       "text file?)"},
    };
    char out[2048];

    (void)state;
    check(examples);
    read_all(SPAN("A b\0c\nB"), out, sizeof out);
    assert_string_equal(out, "2 B !f:1: byte 0x00 cannot stand in a configuration (remove it; "
                             "is this a text file?)");
}

static char *filled(size_t len, char c)
{
    char *text = malloc(len + 3);

    assert_non_null(text);
    memset(text, c, len);
    memcpy(text + len, "\nB", 3);
    return text;
}

static void a_line_a_file_and_the_words_of_a_line_have_limits(void **state)
{
    char out[CONF_LEX_MAX_LINE_BYTES + 100];
    char *text = filled(CONF_LEX_MAX_LINE_BYTES, 'a');

    (void)state;
    read_all(span_str(text), out, sizeof out);
    assert_int_equal(strlen(out), 2 + CONF_LEX_MAX_LINE_BYTES + 5);
    free(text);

    text = filled(CONF_LEX_MAX_LINE_BYTES + 1, 'a');
    read_all(span_str(text), out, sizeof out);
    assert_string_equal(out,
                        "2 B !f:1: the line has more than 8192 bytes (split it into several "
                        "directives)");
    free(text);

    text = filled(CONF_LEX_MAX_FILE_BYTES + 1, '\n');
    read_all(span_of(text, CONF_LEX_MAX_FILE_BYTES), out, sizeof out);
    assert_string_equal(out, "");
    read_all(span_of(text, CONF_LEX_MAX_FILE_BYTES + 1), out, sizeof out);
    assert_string_equal(out, "!f: has more than 1048576 bytes (is it the right file?)");
    free(text);

    text = filled(2 * CONF_LEX_MAX_WORDS, 'a');
    for (size_t i = 1; i < 2 * CONF_LEX_MAX_WORDS; i += 2) {
        text[i] = ' ';
    }
    read_all(span_str(text), out, sizeof out);
    assert_int_equal(strlen(out), 3 + 4 * (CONF_LEX_MAX_WORDS - 1) + 5);
    text[2 * CONF_LEX_MAX_WORDS] = 'a';
    read_all(span_str(text), out, sizeof out);
    assert_string_equal(out, "!f:1: the line has more than 256 words (split it into several "
                             "directives)");
    free(text);
}

static void a_column_counts_from_the_beginning_of_the_line(void **state)
{
    static struct conf_lex lex;
    struct conf_line line;
    struct diag diag;

    (void)state;
    diag_init(&diag);
    conf_lex_init(&lex, SPAN("A\n  B\n \\\n   <C>"), "f", &diag);
    assert_ok(conf_lex_next(&lex, &line));
    assert_int_equal(line.column, 1);
    assert_ok(conf_lex_next(&lex, &line));
    assert_int_equal(line.column, 3);
    assert_ok(conf_lex_next(&lex, &line));
    assert_int_equal(line.line, 4);
    assert_int_equal(line.column, 5);
    diag_fini(&diag);
}

/* The random words are made of what means something to the reader. */
static void a_word_that_is_put_is_read_as_it_was(void **state)
{
    static const char alphabet[] = "a\\\"' #<>${}\t=,";
    const struct span dollar = SPAN("$");
    struct conf_vars vars;
    struct arena arena;
    uint32_t seed = 1;

    (void)state;
    arena_init(&arena, 100000);
    assert_ok(conf_vars_init(&vars, &arena, NULL));
    assert_ok(conf_vars_define(&vars, SPAN(CONF_LEX_DOLLAR), &dollar));
    for (int round = 0; round < 20000; round++) {
        static struct conf_lex lex;
        struct conf_line line;
        struct diag diag;
        struct buf text;
        char word[8];
        size_t len;

        seed = seed * 1103515245 + 12345;
        len = (seed >> 16) % sizeof word;
        for (size_t i = 0; i < len; i++) {
            seed = seed * 1103515245 + 12345;
            word[i] = alphabet[(seed >> 16) % (sizeof alphabet - 1)];
        }
        diag_init(&diag);
        buf_init(&text, 1000);
        assert_ok(buf_append(&text, SPAN("A ")));
        assert_ok(conf_lex_put(span_of(word, len), &text));
        assert_ok(buf_append(&text, SPAN(" b\n")));
        conf_lex_init(&lex, buf_span(&text), "f", &diag);
        lex.vars = &vars;
        assert_ok(conf_lex_next(&lex, &line));
        assert_int_equal(line.word_count, 2);
        assert_bytes(line.words[0], span_of(word, len));
        assert_null(diag_next(&diag, NULL));
        buf_fini(&text);
        diag_fini(&diag);
    }
    arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_end_at_spaces_or_quotes_as_httpd_has_it),
        cmocka_unit_test(lines_end_in_lf_or_crlf_and_go_on_behind_a_backslash),
        cmocka_unit_test(a_comment_begins_where_a_word_could_and_ends_with_its_line),
        cmocka_unit_test(sections_are_told_by_their_brackets),
        cmocka_unit_test(a_wrong_line_is_told_and_the_next_one_read),
        cmocka_unit_test(a_line_a_file_and_the_words_of_a_line_have_limits),
        cmocka_unit_test(a_column_counts_from_the_beginning_of_the_line),
        cmocka_unit_test(a_word_that_is_put_is_read_as_it_was),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

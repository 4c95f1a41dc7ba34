/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Any bytes as a configuration file: the tree is well formed and printable, and applying it to
 * a table, sections in sections included, never fails but for what the diag says. What loads
 * can be dumped, and the dump loads and dumps as itself.
 *
 * "%%" on a line of its own parts the input into files: the first one, then those that it may
 * include, a, b, d/x and d/y.
 */
#include "conf/conf_dump.h"
#include "conf/conf_httpd.h"
#include "conf/conf_lex.h"
#include "conf/conf_load.h"
#include "conf/conf_ports.h"

#include <stdlib.h>

enum {
    IN_SERVER = 1u << 0,
    IN_PROXY = 1u << 1,
};

struct conf {
    bool requests;
    uint16_t small;
    uint64_t timeout;
    uint64_t bytes;
    unsigned via;
    struct span name;
    struct span path;
    struct conf_ports ports;
};

enum {
    FILES = 5
};

static const char *const names[FILES] = {"f", "a", "b", "d/x", "d/y"};

/* The input, cut into files. */
struct input {
    struct span texts[FILES];
};

static void check(bool holds)
{
    if (!holds) {
        abort();
    }
}

static enum err set_rule(void *conf, const struct conf_node *node,
                         const struct conf_apply *apply)
{
    (void)conf;
    (void)apply;
    return node->word_count == 1 ? OK : ERR_CONF;
}

static conf_schema_set set_section;

static const struct conf_choice vias[] = {{"Off", 0}, {"On", 1}, {"Full", 2}, {NULL, 0}};

#define ROW(directive, kind, member) \
    .name = (directive), .type = (kind), CONF_SCHEMA_FIELD(struct conf, member)

/* clang-format off */
static const struct directive rows[] = {
    {ROW("ProxyRequests", CONF_SWITCH, requests), .initial = "Off", .where = IN_SERVER},
    {ROW("Small", CONF_NUMBER, small), .min = 1, .where = IN_SERVER | IN_PROXY},
    {ROW("ProxyTimeout", CONF_DURATION, timeout), .max = 3600000, .where = IN_SERVER},
    {ROW("HeadSize", CONF_SIZE, bytes), .where = IN_SERVER},
    {ROW("ProxyVia", CONF_CHOICE, via), .choices = vias, .where = IN_SERVER},
    {ROW("ServerName", CONF_TEXT, name), .max = 255, .where = IN_SERVER},
    {ROW("AuthUserFile", CONF_PATH, path), .where = IN_SERVER},
    {ROW("AllowCONNECT", CONF_PORTS, ports), .initial = "443 563", .where = IN_SERVER},
    {.name = "Allow", .type = CONF_CUSTOM, .set = set_rule, .where = IN_PROXY},
    {.name = "Listen", .type = CONF_CUSTOM, .set = set_rule, .where = IN_SERVER},
    {.name = "Proxy", .type = CONF_SECTION, .set = set_section, .where = IN_SERVER | IN_PROXY,
     .opens = IN_PROXY, .inner = rows},
    {.name = "LoadModule", .type = CONF_IGNORED, .where = IN_SERVER},
    {.name = NULL},
};
/* clang-format on */

static enum err set_section(void *conf, const struct conf_node *node,
                            const struct conf_apply *apply)
{
    struct conf_apply inside = *apply;

    (void)conf;
    inside.place = IN_PROXY;
    inside.outer = apply;
    return conf_schema_apply(&inside, node->children);
}

static void check_nodes(const struct conf_node *nodes, const struct conf_node *parent,
                        unsigned depth)
{
    unsigned line = 0;

    check(nodes == NULL || depth <= CONF_TREE_MAX_DEPTH);
    for (const struct conf_node *node = nodes; node != NULL; node = node->next) {
        check(node->parent == parent && node->line > line && node->column > 0);
        check(node->name.len > 0 && node->name.ptr[node->name.len] == 0);
        check(strlen((const char *)node->name.ptr) == node->name.len);
        for (size_t i = 0; i < node->word_count; i++) {
            check(strlen((const char *)node->words[i].ptr) == node->words[i].len);
        }
        check(node->is_section || node->children == NULL);
        check_nodes(node->children, node, depth + 1);
        line = node->line;
    }
}

static void check_messages(const struct diag *diag)
{
    const struct diag_message *message = NULL;

    while ((message = diag_next(diag, message)) != NULL) {
        char room[DIAG_MAX_LINE];

        for (const char *at = diag_format(message, room, sizeof room); *at != '\0'; at++) {
            check((unsigned char)*at >= 0x20 && *at != 0x7f);
        }
    }
}

static struct input cut_input(struct span rest)
{
    struct input input = {.texts = {{NULL, 0}}};

    for (size_t i = 0; i < FILES; i++) {
        const uint8_t *mark = rest.len == 0 ? NULL : memmem(rest.ptr, rest.len, "\n%%\n", 4);

        if (mark == NULL || i + 1 == FILES) {
            input.texts[i] = rest;
            break;
        }
        input.texts[i] = span_of(rest.ptr, (size_t)(mark + 1 - rest.ptr));
        rest = span_tail(rest, input.texts[i].len + 3);
    }
    return input;
}

static enum err read_input(void *ctx, const char *path, struct conf_source_item *ret_item)
{
    const struct input *input = ctx;

    *ret_item = (struct conf_source_item){.kind = CONF_SOURCE_MISSING};
    if (strcmp(path, ".") == 0 || strcmp(path, "d") == 0) {
        ret_item->kind = CONF_SOURCE_DIRECTORY;
    }
    for (size_t i = 0; i < FILES; i++) {
        if (strcmp(path, names[i]) == 0) {
            ret_item->kind = CONF_SOURCE_FILE;
            ret_item->owned = malloc(input->texts[i].len + 1);
            check(ret_item->owned != NULL);
            if (input->texts[i].len > 0) {
                memcpy(ret_item->owned, input->texts[i].ptr, input->texts[i].len);
            }
            ret_item->text = span_of(ret_item->owned, input->texts[i].len);
        }
    }
    return OK;
}

static void release_input(void *ctx, struct conf_source_item *item)
{
    (void)ctx;
    free(item->owned);
}

static enum err list_input(void *ctx, const char *path, conf_source_visit *visit, void *visitor)
{
    bool is_top = strcmp(path, ".") == 0;

    (void)ctx;
    TRY(visit(visitor, is_top ? SPAN("d") : SPAN("y")));
    TRY(visit(visitor, is_top ? SPAN("a") : SPAN("x")));
    return is_top ? visit(visitor, SPAN("b")) : OK;
}

static const char *read_environment(void *ctx, const char *name)
{
    (void)ctx;
    return strcmp(name, "E") == 0 ? "e \"#${E}" : NULL;
}

/* Loads, checks what was said, and dumps what came of it. False: there is no dump. */
static bool load(struct input *input, struct buf *out)
{
    static struct conf conf;
    const struct conf_table tables[] = {{rows, &conf}, {conf_httpd_rows, NULL}};
    const struct conf_source source = {.ctx = input,
                                       .read = read_input,
                                       .release = release_input,
                                       .list = list_input,
                                       .env = read_environment,
                                       .modules = conf_httpd_modules};
    struct conf_node *nodes;
    struct arena arena;
    struct diag diag;
    const struct conf_apply apply = {.tables = tables,
                                     .table_count = 2,
                                     .place = IN_SERVER,
                                     .arena = &arena,
                                     .diag = &diag,
                                     .source = &source};
    enum err e;

    conf = (struct conf){.requests = false};
    arena_init(&arena, 16 * 1024 * 1024);
    diag_init(&diag);
    e = conf_load_tree(&apply, input->texts[0], "f", &nodes);
    check((e == ERR_CONF) == (diag_count(&diag, DIAG_ERROR) > 0));
    check_messages(&diag);
    if (e == OK) {
        check(conf_dump(&apply, nodes, out) == OK);
    }
    diag_fini(&diag);
    arena_fini(&arena);
    return e == OK;
}

/* Quoting makes longer: only what still keeps to the limits can be read again. */
static bool is_within_limits(struct span text)
{
    if (text.len > CONF_LEX_MAX_FILE_BYTES) {
        return false;
    }
    while (text.len > 0) {
        size_t len = span_find(text, '\n');

        if (len > CONF_LEX_MAX_LINE_BYTES) {
            return false;
        }
        text = span_tail(text, len < text.len ? len + 1 : len);
    }
    return true;
}

/* Up to the word "default", which only the first dump has. */
static void check_same(struct span first, struct span second)
{
    while (first.len > 0) {
        const struct span mark = SPAN(" # default\n");

        if (span_starts(first, mark)) {
            first = span_tail(first, mark.len - 1);
        }
        check(second.len > 0 && first.ptr[0] == second.ptr[0]);
        first = span_tail(first, 1);
        second = span_tail(second, 1);
    }
    check(second.len == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = cut_input(span_of(data, size));
    struct conf_node *nodes = NULL;
    struct buf first, second;
    struct arena arena;
    struct diag diag;

    arena_init(&arena, 4 * 1024 * 1024);
    diag_init(&diag);
    if (conf_tree_parse(span_of(data, size), "f", NULL, &arena, &diag, &nodes) == OK) {
        check_nodes(nodes, NULL, 0);
    }
    diag_fini(&diag);
    arena_fini(&arena);

    buf_init(&first, 64 * 1024 * 1024);
    buf_init(&second, 64 * 1024 * 1024);
    if (load(&input, &first) && is_within_limits(buf_span(&first))) {
        input.texts[0] = buf_span(&first);
        check(load(&input, &second));
        check_same(buf_span(&first), buf_span(&second));
    }
    buf_fini(&first);
    buf_fini(&second);
    return 0;
}

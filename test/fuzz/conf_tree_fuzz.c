/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Any bytes as a configuration file: the tree is well formed and printable, and applying it to
 * a table, sections in sections included, never fails but for what the diag says.
 */
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
    struct conf_ports ports;
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
    {ROW("AllowCONNECT", CONF_PORTS, ports), .initial = "443 563", .where = IN_SERVER},
    {.name = "Allow", .type = CONF_CUSTOM, .set = set_rule, .where = IN_PROXY},
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct conf conf;
    const struct conf_table table = {rows, &conf};
    struct conf_node *nodes = NULL;
    struct arena arena;
    struct diag diag;
    const struct conf_apply apply = {
        .tables = &table, .table_count = 1, .place = IN_SERVER, .arena = &arena, .diag = &diag};
    enum err e;

    arena_init(&arena, 4 * 1024 * 1024);
    diag_init(&diag);
    if (conf_tree_parse(span_of(data, size), "f", &arena, &diag, &nodes) == OK) {
        check_nodes(nodes, NULL, 0);
    }
    diag_fini(&diag);
    diag_init(&diag);
    e = conf_load(&apply, span_of(data, size), "f");
    check((e == ERR_CONF) == (diag_count(&diag, DIAG_ERROR) > 0));
    check_messages(&diag);
    diag_fini(&diag);
    arena_fini(&arena);
    return 0;
}

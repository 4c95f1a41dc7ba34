/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "conf/conf_load.h"

static enum err read_into(const struct conf_apply *apply, struct span text, const char *file,
                          struct conf_node **ret_nodes)
{
    struct conf_node *nodes;

    TRY(conf_tree_parse(text, file, apply->source, apply->arena, apply->diag, &nodes));
    TRY(conf_schema_apply(apply, nodes));
    *ret_nodes = nodes;
    return OK;
}

enum err conf_load(const struct conf_apply *apply, struct span text, const char *file)
{
    struct conf_node *nodes;

    return conf_load_tree(apply, text, file, &nodes);
}

enum err conf_load_tree(const struct conf_apply *apply, struct span text, const char *file,
                        struct conf_node **ret_nodes)
{
    size_t errors = diag_count(apply->diag, DIAG_ERROR);
    enum err e;

    for (size_t i = 0; i < apply->table_count; i++) {
        conf_schema_defaults(apply->tables[i].rows, apply->tables[i].conf);
    }
    e = read_into(apply, text, file, ret_nodes);
    if (e == ERR_NOMEM) {
        diag_error(apply->diag, file, 0, "cannot be read: there is no memory left");
        return ERR_NOMEM;
    }
    if (e == ERR_LIMIT) {
        diag_error(apply->diag, file, 0,
                   "takes more than the %zu bytes that a configuration may have (split it)",
                   apply->arena->max);
        return ERR_CONF;
    }
    if (e == OK && diag_count(apply->diag, DIAG_ERROR) > errors) {
        return ERR_CONF;
    }
    return e;
}

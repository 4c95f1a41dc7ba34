/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "conf/conf_vars.h"

struct conf_var {
    struct span name;
    struct span value; /* in `values` only */
    struct conf_var *next;
};

enum err conf_vars_init(struct conf_vars *vars, struct arena *arena,
                        const struct conf_source *source)
{
    *vars = (struct conf_vars){.arena = arena, .source = source};
    if (source == NULL || source->defines == NULL) {
        return OK;
    }
    for (const char *const *name = source->defines; *name != NULL; name++) {
        TRY(conf_vars_define(vars, span_str(*name), NULL));
    }
    return OK;
}

/* Where the variable of that name hangs; at the end of the list when there is none. */
static struct conf_var **find_link(struct conf_var **list, struct span name,
                                   bool (*is_same)(struct span a, struct span b))
{
    while (*list != NULL && !is_same((*list)->name, name)) {
        list = &(*list)->next;
    }
    return list;
}

static enum err add(struct conf_vars *vars, struct conf_var **link, struct span name)
{
    struct conf_var *var;
    void *room;

    if (vars->count == CONF_VARS_MAX) {
        return ERR_LIMIT;
    }
    TRY(arena_alloc(vars->arena, sizeof *var, &room));
    var = room;
    TRY(arena_copy(vars->arena, name, &var->name));
    *link = var;
    vars->count++;
    return OK;
}

static void drop(struct conf_vars *vars, struct conf_var **link)
{
    if (*link != NULL) {
        *link = (*link)->next;
        vars->count--;
    }
}

enum err conf_vars_define(struct conf_vars *vars, struct span name, const struct span *value)
{
    struct conf_var **link = find_link(&vars->names, name, span_equal);
    struct span copy;

    if (*link == NULL) {
        TRY(add(vars, link, name));
    }
    if (value == NULL) {
        return OK;
    }
    TRY(arena_copy(vars->arena, *value, &copy));
    link = find_link(&vars->values, name, span_equal_nocase);
    if (*link == NULL) {
        TRY(add(vars, link, name));
    }
    (*link)->value = copy;
    return OK;
}

void conf_vars_undefine(struct conf_vars *vars, struct span name)
{
    drop(vars, find_link(&vars->names, name, span_equal));
    drop(vars, find_link(&vars->values, name, span_equal_nocase));
}

bool conf_vars_has(const struct conf_vars *vars, struct span name)
{
    for (const struct conf_var *var = vars->names; var != NULL; var = var->next) {
        if (span_equal(var->name, name)) {
            return true;
        }
    }
    return false;
}

bool conf_vars_find(const struct conf_vars *vars, struct span name, struct span *ret_value)
{
    char text[CONF_VARS_MAX_NAME + 1];
    const char *value = NULL;

    for (const struct conf_var *var = vars->values; var != NULL; var = var->next) {
        if (span_equal_nocase(var->name, name)) {
            *ret_value = var->value;
            return true;
        }
    }
    if (vars->source == NULL || vars->source->env == NULL || name.len == 0 ||
        name.len > CONF_VARS_MAX_NAME) {
        return false;
    }
    memcpy(text, name.ptr, name.len);
    text[name.len] = '\0';
    value = vars->source->env(vars->source->ctx, text);
    *ret_value = span_str(value);
    return value != NULL;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "realm/realm_conf_pages.h"

#include "http1/http1_char.h"
#include "realm/realm_conf.h"
#include "realm/realm_conf_route.h"

/* ---- ServerName, ServerAlias ---- */

static bool is_host(struct span word, bool is_alias)
{
    for (size_t i = 0; i < word.len; i++) {
        uint8_t c = word.ptr[i];

        if (!http1_char_is_alpha(c) && !http1_char_is_digit(c) && c != '-' && c != '_' &&
            c != '.' && (c != '*' || !is_alias)) {
            return false;
        }
    }
    return word.len > 0 && word.len <= REALM_CONF_HOST_MAX && word.ptr[word.len - 1] != '.';
}

static enum err add_host(struct realm_conf *conf, struct span word,
                         const struct conf_node *node, const struct conf_apply *apply)
{
    void *array = conf->hosts;
    struct span host;
    void *room;

    if (!is_host(word, span_equals_nocase(node->name, "ServerAlias"))) {
        diag_error(apply->diag, node->file, node->line,
                   "%.*s: \"%.*s\" is not a host's name (write realm.example, without scheme "
                   "and port)",
                   SPAN_ARG(node->name), SPAN_ARG(diag_word(word)));
        return OK;
    }
    TRY(realm_conf_route_one_more(apply, &array, conf->host_count, REALM_CONF_HOSTS_MAX,
                                  sizeof host, &room));
    conf->hosts = array;
    if (room == NULL) {
        diag_error(apply->diag, node->file, node->line,
                   "ServerAlias: there are more than %d names (remove some, or use *)",
                   REALM_CONF_HOSTS_MAX);
        return OK;
    }
    TRY(arena_copy(apply->arena, word, &host));
    for (size_t i = 0; i < host.len; i++) {
        ((uint8_t *)(uintptr_t)host.ptr)[i] = span_lower(host.ptr[i]); /* the copy is ours */
    }
    memcpy(room, &host, sizeof host);
    conf->host_count++;
    return OK;
}

enum err realm_conf_pages_set_hosts(void *conf, const struct conf_node *node,
                                    const struct conf_apply *apply)
{
    for (size_t i = 0; i < node->word_count; i++) {
        TRY(add_host(conf, node->words[i], node, apply));
    }
    return OK;
}

/* ---- AllowOrigin ---- */

static enum err add_origin(struct realm_conf *conf, struct span word,
                           const struct conf_node *node, const struct conf_apply *apply)
{
    void *array = conf->origins;
    struct http1_origin origin;
    enum http1_fault fault;
    void *room;

    if (span_equals(word, "*")) {
        diag_warn(apply->diag, node->file, node->line,
                  "AllowOrigin *: any page that a user opens, wherever it comes from, can use "
                  "this realm as that user (name the sites: AllowOrigin https://app.example)");
        conf->any_origin = true;
        return OK;
    }
    if (http1_origin_read(word, &origin, &fault) != OK || origin.is_null) {
        diag_error(apply->diag, node->file, node->line,
                   "AllowOrigin: \"%.*s\" is not an origin (write https://app.example or "
                   "http://localhost:8080, without a path)",
                   SPAN_ARG(diag_word(word)));
        return OK;
    }
    TRY(realm_conf_route_one_more(apply, &array, conf->origin_count, REALM_CONF_ORIGINS_MAX,
                                  sizeof origin, &room));
    conf->origins = array;
    if (room == NULL) {
        diag_error(apply->diag, node->file, node->line,
                   "AllowOrigin: there are more than %d origins (remove some)",
                   REALM_CONF_ORIGINS_MAX);
        return OK;
    }
    memcpy(room, &origin, sizeof origin);
    conf->origin_count++;
    return OK;
}

enum err realm_conf_pages_set_origins(void *conf, const struct conf_node *node,
                                      const struct conf_apply *apply)
{
    for (size_t i = 0; i < node->word_count; i++) {
        TRY(add_origin(conf, node->words[i], node, apply));
    }
    return OK;
}

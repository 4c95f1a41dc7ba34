/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "proxy/proxy_listen.h"

#include "base/text.h"

const struct proxy_listen *proxy_listen_find(const struct proxy_listen_list *list,
                                             const struct addr *addr)
{
    for (size_t i = 0; i < list->count; i++) {
        if (addr_port(addr) != 0 && addr_equal(&list->ptr[i].addr, addr)) {
            return &list->ptr[i];
        }
    }
    return NULL;
}

static enum err add(struct proxy_listen_list *list, const char *name,
                    struct proxy_listen listen, const struct conf_node *node,
                    const struct conf_apply *apply)
{
    const struct proxy_listen *other = proxy_listen_find(list, &listen.addr);
    char text[ADDR_TEXT_BYTES];

    if (other != NULL) {
        diag_error(apply->diag, node->file, node->line,
                   "%s: %s is listened on already, by line %u (remove one of them)", name,
                   addr_text(&listen.addr, text), other->line);
        return OK;
    }
    if (list->ptr == NULL) {
        void *room;

        TRY(arena_alloc(apply->arena, PROXY_LISTEN_MAX * sizeof *list->ptr, &room));
        list->ptr = room;
    }
    if (list->count == PROXY_LISTEN_MAX) {
        diag_error(apply->diag, node->file, node->line, "%s: there are more than %d", name,
                   PROXY_LISTEN_MAX);
        return OK;
    }
    list->ptr[list->count++] = listen;
    return OK;
}

static bool read_addr(struct span host, uint16_t port, struct addr *ret_addr)
{
    if (span_equals(host, "*")) {
        return addr_parse(SPAN("0.0.0.0"), port, ret_addr);
    }
    return addr_parse(host, port, ret_addr) &&
           (ret_addr->sa.any.sa_family != AF_INET6 || host.ptr[0] == '[');
}

enum err proxy_listen_read(struct proxy_listen_list *list, const char *name, bool is_tproxy,
                           const struct conf_node *node, const struct conf_apply *apply)
{
    struct span word = node->words[0];
    struct proxy_listen listen = {.line = node->line, .is_tproxy = is_tproxy};
    struct span host = {NULL, 0};
    uint64_t port;
    size_t colon = word.len;

    while (colon > 0 && word.ptr[colon - 1] != ':') {
        colon--;
    }
    if (colon > 0) {
        host = span_head(word, colon - 1);
    }
    if (!text_u64(span_tail(word, colon), UINT16_MAX, &port)) {
        diag_error(apply->diag, node->file, node->line,
                   "%s: \"%.*s\" is not a port, nor an address with one (write 8080, "
                   "127.0.0.1:8080 or [::1]:8080)",
                   name, SPAN_ARG(diag_word(word)));
        return OK;
    }
    if (colon == 0) { /* every address of both families */
        bool is_address = addr_parse(SPAN("::"), (uint16_t)port, &listen.addr);

        assert(is_address);
        (void)is_address;
        listen.is_optional = true;
        TRY(add(list, name, listen, node, apply));
        listen.is_optional = false;
        host = SPAN("*");
    }
    if (!read_addr(host, (uint16_t)port, &listen.addr)) {
        diag_error(apply->diag, node->file, node->line,
                   "%s: \"%.*s\" is not an address (write 127.0.0.1:%u or [::1]:%u)", name,
                   SPAN_ARG(diag_word(host)), (unsigned)port, (unsigned)port);
        return OK;
    }
    return add(list, name, listen, node, apply);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "proxy/proxy_divert_conf.h"

#include "daemon/service.h"

#include <stddef.h>

static enum err set_listen(void *opaque, const struct conf_node *node,
                           const struct conf_apply *apply)
{
    struct proxy_divert_conf *conf = opaque;
    struct span how = node->word_count > 1 ? node->words[1] : SPAN("redirect");

    if (!span_equals_nocase(how, "redirect") && !span_equals_nocase(how, "tproxy")) {
        diag_error(
            apply->diag, node->file, node->line,
            "TransparentListen: \"%.*s\" is no way that connections are diverted (write "
            "redirect for nftables' redirect or iptables' REDIRECT, tproxy for TPROXY, or "
            "nothing for redirect)",
            SPAN_ARG(diag_word(how)));
        return OK;
    }
    return proxy_listen_read(&conf->listens, "TransparentListen",
                             span_equals_nocase(how, "tproxy"), node, apply);
}

static enum err set_source(void *opaque, const struct conf_node *node,
                           const struct conf_apply *apply)
{
    struct proxy_divert_conf *conf = opaque;

    if (span_equals_nocase(node->words[0], "client")) {
        conf->source = PROXY_DIVERT_CONF_CLIENT;
    } else if (!span_equals_nocase(node->words[0], "proxy")) {
        diag_error(apply->diag, node->file, node->line,
                   "TransparentSource: \"%.*s\" is no address to connect from (write proxy or "
                   "client)",
                   SPAN_ARG(diag_word(node->words[0])));
    }
    conf->source_line = node->line;
    return OK;
}

static const struct conf_choice other_choices[] = {
    {"refuse", PROXY_DIVERT_CONF_REFUSE},
    {"tunnel", PROXY_DIVERT_CONF_TUNNEL},
    {NULL, 0},
};

#define ROW(directive, kind, member) \
    .name = (directive), .type = (kind), CONF_SCHEMA_FIELD(struct proxy_divert_conf, member)

/* clang-format off */
const struct directive proxy_divert_conf_rows[] = {
    {.name = "TransparentListen", .type = CONF_CUSTOM, .min = 1, .max = 2, .set = set_listen,
     .where = SERVICE_IN_SERVER, .ours = true, .form = "[address:]port [redirect|tproxy]",
     .help = "Where connections arrive that the kernel diverted on their way to a server, from "
             "clients that know of no proxy: by a redirect rule (the default) or by TPROXY.",
     .more = "The server that is connected to is always the one that the client was going to. TLS "
             "is tunnelled unread, http:// requests and WebSocket handshakes are forwarded, and "
             "what is neither is TransparentOther's. <Proxy> sections, ProxyBlock, AllowCONNECT (for "
             "TLS and others), NoProxy and ProxyRemote hold as for other clients; they see the name "
             "that the client gives (in TLS its server name, in HTTP its Host), or else the "
             "address.\n\n"
             "A client can give any name. So the sections, ProxyBlock and ProxyRemote are also asked "
             "about the address, and the stricter answer counts, unless TransparentVerify has shown "
             "that the name leads to the address. A login cannot be asked for: such a rule refuses.\n\n"
             "A client that connects to this port by itself is served as at a Listen port."},
    {.name = "TransparentSource", .type = CONF_CUSTOM, .min = 1, .max = 1, .set = set_source,
     .where = SERVICE_IN_SERVER, .ours = true, .once = true, .form = "proxy|client",
     .help = "Whose address the servers of diverted connections see: the proxy's (as without this "
             "line), or with tproxy the client's own. Parent proxies always see the proxy's. The "
             "capability CAP_NET_RAW is kept for it."},
    {ROW("TransparentServerFirst", CONF_PORTS, server_first), .min = 1, .max = 65535,
     .initial = "21 22 25 110 119 143 587 3306 5900", .where = SERVICE_IN_SERVER, .ours = true,
     .help = "Ports where servers speak first: there nothing is awaited from a diverted client, and "
             "TransparentOther holds at once. The first line replaces the default, further lines add "
             "to it."},
    {ROW("TransparentDetectTimeout", CONF_DURATION, detect_timeout), .min = 100, .max = 60000,
     .initial = "5s", .where = SERVICE_IN_SERVER, .ours = true,
     .help = "How long the first bytes of a diverted client may take to tell what it speaks. One that "
             "says nothing waits for its server to speak (TransparentOther); one that stops in the "
             "middle is refused."},
    {ROW("TransparentOther", CONF_CHOICE, other), .choices = other_choices, .initial = "refuse",
     .where = SERVICE_IN_SERVER, .ours = true,
     .help = "What becomes of diverted connections that carry neither TLS nor HTTP; a tunnel also "
             "needs its port in AllowCONNECT."},
    {ROW("TransparentVerify", CONF_SWITCH, verifies), .initial = "Off",
     .where = SERVICE_IN_SERVER, .ours = true,
     .help = "Look up the name that a diverted client gives, and refuse it when it does not lead to "
             "the address that the client was going to; then rules are asked about the name alone. "
             "Names whose addresses change with every answer may be refused wrongly."},
    {.name = NULL},
};
/* clang-format on */

static size_t count_tproxy(const struct proxy_listen_list *list)
{
    size_t count = 0;

    for (size_t i = 0; i < list->count; i++) {
        count += list->ptr[i].is_tproxy ? 1 : 0;
    }
    return count;
}

bool proxy_divert_conf_spoofs(const struct proxy_divert_conf *conf)
{
    return conf->source == PROXY_DIVERT_CONF_CLIENT && count_tproxy(&conf->listens) > 0;
}

static void check_source(const struct proxy_divert_conf *conf, const char *file,
                         struct diag *diag)
{
    size_t tproxy = count_tproxy(&conf->listens);

    if (conf->source != PROXY_DIVERT_CONF_CLIENT) {
        return;
    }
    if (tproxy == 0) {
        diag_error(
            diag, file, conf->source_line,
            "TransparentSource client: there is no TransparentListen with tproxy, and only "
            "there the client's address can be used (write TransparentListen 3129 tproxy, or "
            "TransparentSource proxy)");
    } else if (tproxy < conf->listens.count) {
        diag_warn(
            diag, file, conf->source_line,
            "TransparentSource client holds for TransparentListen with tproxy only: behind "
            "redirect, servers see the proxy's address");
    }
}

void proxy_divert_conf_check(const struct proxy_divert_conf *conf,
                             const struct proxy_listen_list *listens, const char *file,
                             struct diag *diag)
{
    char text[ADDR_TEXT_BYTES];

    for (size_t i = 0; i < conf->listens.count; i++) {
        const struct proxy_listen *listen = &conf->listens.ptr[i];
        const struct proxy_listen *other = proxy_listen_find(listens, &listen->addr);

        if (other != NULL) {
            diag_error(
                diag, file, listen->line,
                "TransparentListen: %s is listened on already, by Listen in line %u (choose "
                "another port: diverted connections need one of their own)",
                addr_text(&listen->addr, text), other->line);
        }
    }
    check_source(conf, file, diag);
}

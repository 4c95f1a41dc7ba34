/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "proxy/proxy_pac.h"

#include "http1/http1_authority.h"
#include "proxy/proxy_route_read.h"

/*
 * Old script engines are still about (WinHTTP's is of 1999): var, function and nothing newer.
 *
 * networks: [first 16-bit groups of the address], [those of the mask]; 2 of each for IPv4, 8
 * for IPv6. Names are compared with a dot in front of both, so that "ample.test" is not in
 * "example.test".
 */
static const char script_tail[] =
    "// The groups of 16 bits of a literal address; null for a name.\n"
    "function groupsOf(host) {\n"
    "  var v4 = /^(\\d{1,3})\\.(\\d{1,3})\\.(\\d{1,3})\\.(\\d{1,3})$/.exec(host);\n"
    "  if (v4) return [v4[1] * 256 + +v4[2], v4[3] * 256 + +v4[4]];\n"
    "  if (host.indexOf(':') < 0) return null;\n"
    "  host = host.replace(/^\\[|\\]$|%.*$/g, '');\n"
    "  var dotted = /^(.*:)(\\d+)\\.(\\d+)\\.(\\d+)\\.(\\d+)$/.exec(host);\n"
    "  if (dotted) {\n"
    "    host = dotted[1] + (dotted[2] * 256 + +dotted[3]).toString(16) + ':' +\n"
    "        (dotted[4] * 256 + +dotted[5]).toString(16);\n"
    "  }\n"
    "  var halves = host.split('::');\n"
    "  var head = halves[0] ? halves[0].split(':') : [];\n"
    "  var tail = halves.length > 1 && halves[1] ? halves[1].split(':') : [];\n"
    "  var groups = [];\n"
    "  var i;\n"
    "  for (i = 0; i < head.length; i++) groups.push(parseInt(head[i], 16));\n"
    "  for (i = head.length + tail.length; halves.length > 1 && i < 8; i++) groups.push(0);\n"
    "  for (i = 0; i < tail.length; i++) groups.push(parseInt(tail[i], 16));\n"
    "  if (groups.slice(0, 6).join() == '0,0,0,0,0,65535') groups = groups.slice(6);\n"
    "  return groups;\n"
    "}\n"
    "\n"
    "function isIn(network, groups) {\n"
    "  if (network[0].length != groups.length) return false;\n"
    "  for (var i = 0; i < groups.length; i++) {\n"
    "    if ((groups[i] & network[1][i]) != network[0][i]) return false;\n"
    "  }\n"
    "  return true;\n"
    "}\n"
    "\n"
    "function isDirect(host) {\n"
    "  var groups = groupsOf(host);\n"
    "  var i;\n"
    "  if (groups) {\n"
    "    for (i = 0; i < networks.length; i++) {\n"
    "      if (isIn(networks[i], groups)) return true;\n"
    "    }\n"
    "    return false;\n"
    "  }\n"
    "  if (host.indexOf('.') < 0) return true; // a plain name is in our own network\n"
    "  for (i = 0; i < names.length; i++) {\n"
    "    if (host == names[i]) return true;\n"
    "  }\n"
    "  for (i = 0; i < domains.length; i++) {\n"
    "    var at = host.length - domains[i].length;\n"
    "    if (('.' + host).indexOf(domains[i], at + 1) == at + 1) return true;\n"
    "  }\n"
    "  return false;\n"
    "}\n"
    "\n"
    "function FindProxyForURL(url, host) {\n"
    "  var scheme = url.substring(0, url.indexOf(':')).toLowerCase();\n"
    "  host = host.toLowerCase().replace(/\\.$/, '');\n"
    "  if (isDirect(host)) return 'DIRECT';\n"
    "  // Browsers ask for a WebSocket with its own scheme.\n"
    "  if (scheme == 'http' || scheme == 'https' || scheme == 'ws' || scheme == 'wss') {\n"
    "    return proxy;\n"
    "  }\n"
    "  return 'DIRECT';\n"
    "}\n";

bool proxy_pac_is_path(struct span path)
{
    return span_equals(path, "/proxy.pac") || span_equals(path, "/wpad.dat");
}

/* ---- what NoProxy says ---- */

/* Whether it can stand between quotes. What is no host name matches no host either. */
static bool is_plain(struct span name)
{
    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = span_lower(name.ptr[i]);

        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '.' && c != '-' &&
            c != '_') {
            return false;
        }
    }
    return name.len > 0;
}

static enum err write_groups(struct buf *out, const uint8_t *bytes, size_t len)
{
    TRY(buf_append_byte(out, '['));
    for (size_t i = 0; i < len; i += 2) {
        TRY(buf_printf(out, "%s%u", i == 0 ? "" : ", ",
                       (unsigned)bytes[i] << 8 | (unsigned)bytes[i + 1]));
    }
    return buf_append_byte(out, ']');
}

static enum err write_network(struct buf *out, const struct addr_net *net)
{
    const bool v4 = net->addr.sa.any.sa_family == AF_INET;
    const uint8_t *bytes = v4 ? (const uint8_t *)&net->addr.sa.v4.sin_addr
                              : (const uint8_t *)&net->addr.sa.v6.sin6_addr;
    const size_t len = v4 ? 4 : 16;

    TRY(buf_printf(out, ",\n  ["));
    TRY(write_groups(out, bytes, len));
    TRY(buf_printf(out, ", "));
    TRY(write_groups(out, net->mask, len));
    return buf_append_byte(out, ']');
}

static enum err write_name(struct buf *out, struct span name)
{
    if (!is_plain(name)) {
        return OK;
    }
    TRY(buf_printf(out, ",\n  '"));
    for (size_t i = 0; i < name.len; i++) {
        TRY(buf_append_byte(out, span_lower(name.ptr[i])));
    }
    return buf_append_byte(out, '\'');
}

static enum err write_excludes(const struct proxy_route_conf *route,
                               enum proxy_route_read_exclude kind, struct buf *out)
{
    const struct proxy_route_exclude *exclude = route == NULL ? NULL : route->excludes;

    for (; exclude != NULL; exclude = exclude->next) {
        if (exclude->kind == kind) {
            TRY(kind == PROXY_ROUTE_READ_NET ? write_network(out, &exclude->net)
                                             : write_name(out, exclude->name));
        }
    }
    return OK;
}

/* ---- the script ---- */

static enum err write_proxy(const struct proxy_pac *pac, struct buf *out)
{
    struct http1_authority authority;
    enum http1_fault fault;
    char text[ADDR_TEXT_BYTES];

    TRY(buf_printf(out, "var proxy = 'PROXY "));
    if (pac->server_name.len > 0 &&
        http1_authority_read(pac->server_name, &authority, &fault) == OK) {
        const bool v6 = authority.kind == HTTP1_HOST_IPV6;

        TRY(buf_printf(out, v6 ? "[%.*s]:%u" : "%.*s:%u", SPAN_ARG(authority.host),
                       authority.port != 0 ? authority.port : addr_port(&pac->reached)));
    } else {
        TRY(buf_printf(out, "%s", addr_text(&pac->reached, text)));
    }
    return buf_printf(out, "';\n");
}

/* The first of each list is there always, and no comma follows the last: old engines count one
 * more item there. */
static enum err write_script(const struct proxy_pac *pac, struct buf *out)
{
    TRY(buf_printf(out, "// Made by wayleave from its configuration.\n"));
    TRY(write_proxy(pac, out));
    TRY(buf_printf(out, "\n// Reached directly: this machine, and what NoProxy and ProxyDomain "
                        "name.\nvar networks = [\n  [[32512, 0], [65280, 0]],\n"
                        "  [[0, 0, 0, 0, 0, 0, 0, 1], [65535, 65535, 65535, 65535, 65535, "
                        "65535, 65535, 65535]]"));
    TRY(write_excludes(pac->route, PROXY_ROUTE_READ_NET, out));
    TRY(buf_printf(out, "\n];\nvar names = [\n  'localhost'"));
    TRY(write_excludes(pac->route, PROXY_ROUTE_READ_HOST, out));
    TRY(buf_printf(out, "\n];\nvar domains = [\n  '.localhost'"));
    if (pac->route != NULL) {
        TRY(write_name(out, pac->route->domain));
    }
    TRY(write_excludes(pac->route, PROXY_ROUTE_READ_DOMAIN, out));
    TRY(buf_printf(out, "\n];\n\n"));
    return buf_append(out, span_str(script_tail));
}

enum err proxy_pac_write(const struct proxy_pac *pac, struct buf *out)
{
    size_t before = out->len;
    enum err e = write_script(pac, out);

    if (e != OK) {
        buf_truncate(out, before);
    }
    return e;
}

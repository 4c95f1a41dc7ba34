/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "proxy/proxy_dest.h"

#include "io/sock.h"

static bool is_no_unicast(const struct addr *addr)
{
    if (addr_is_any(addr)) {
        return true; /* the kernel would take it for loopback */
    }
    if (addr->sa.any.sa_family == AF_INET) {
        uint32_t host = ntohl(addr->sa.v4.sin_addr.s_addr);

        return host >> 28 >= 0xe || host >> 24 == 0; /* 224/4, 240/4, 0/8 */
    }
    return addr->sa.v6.sin6_addr.s6_addr[0] == 0xff; /* ff00::/8 */
}

/* Metadata services of clouds that are not at a link-local address: Alibaba's, Azure's, and
 * those of AWS and Google in IPv6. They hand out the machine's credentials. */
static bool is_metadata(const struct addr *addr)
{
    static const char *const hosts[] = {"100.100.100.200", "168.63.129.16", "fd00:ec2::254",
                                        "fd20:ce::254"};

    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
        struct addr host;

        if (addr_parse(span_str(hosts[i]), 0, &host) && addr_same_host(&host, addr)) {
            return true;
        }
    }
    return false;
}

/* Whether `dest` is one of this machine's, which may have several: a client that came by one
 * must not come back by another, looking like this machine. */
static bool is_here(const struct addr *local, const struct addr *dest)
{
    return addr_is_loopback(dest) || addr_same_host(local, dest) || sock_addr_is_own(dest);
}

static bool leads_to(const struct addr *listen, const struct addr *local,
                     const struct addr *dest)
{
    return addr_port(listen) == addr_port(dest) &&
           (addr_is_any(listen) ? is_here(local, dest) : addr_same_host(listen, dest));
}

static bool is_listed(const struct proxy_listen_list *listens, const struct addr *local,
                      const struct addr *dest)
{
    for (size_t i = 0; i < listens->count; i++) {
        if (leads_to(&listens->ptr[i].addr, local, dest)) {
            return true;
        }
    }
    return false;
}

static bool is_listener(const struct proxy_conf *conf, const struct addr *local,
                        const struct addr *dest)
{
    /* The one the client came in by, whatever port 0 has become. */
    return addr_equal(local, dest) || is_listed(&conf->listens, local, dest) ||
           is_listed(&conf->divert.listens, local, dest);
}

enum proxy_dest_verdict proxy_dest_judge(const struct proxy_conf *conf,
                                         const struct addr *client, const struct addr *local,
                                         const struct addr *dest)
{
    struct addr plain = addr_unmapped(dest);

    if (is_no_unicast(&plain)) {
        return PROXY_DEST_NO_ADDRESS;
    }
    if (addr_is_link_local(&plain)) {
        return PROXY_DEST_LINK_LOCAL;
    }
    if (is_metadata(&plain)) {
        return PROXY_DEST_METADATA;
    }
    if (is_listener(conf, local, &plain)) {
        return PROXY_DEST_SELF;
    }
    if (addr_is_loopback(&plain) && !addr_is_loopback(client) &&
        !addr_same_host(client, local)) {
        return PROXY_DEST_LOOPBACK;
    }
    return PROXY_DEST_FINE;
}

bool proxy_dest_is_admin(const struct daemon_conf_admin *admin, const struct addr *local,
                         const struct addr *dest)
{
    struct addr plain = addr_unmapped(dest);

    for (size_t i = 0; i < admin->listen_count; i++) {
        if (leads_to(&admin->listens[i].addr, local, &plain)) {
            return true;
        }
    }
    return false;
}

bool proxy_dest_is_waivable(enum proxy_dest_verdict verdict)
{
    return verdict == PROXY_DEST_LINK_LOCAL || verdict == PROXY_DEST_METADATA ||
           verdict == PROXY_DEST_LOOPBACK;
}

const char *proxy_dest_text(enum proxy_dest_verdict verdict)
{
    switch (verdict) {
    case PROXY_DEST_FINE: return "may be reached";
    case PROXY_DEST_NO_ADDRESS: return "is not the address of a host";
    case PROXY_DEST_LINK_LOCAL:
        return "is link-local, where metadata services live, and is not reached through "
               "the proxy unless a <Proxy> section names that very host";
    case PROXY_DEST_METADATA:
        return "is a cloud's metadata service, which is never reached through the proxy";
    case PROXY_DEST_LOOPBACK:
        return "is the proxy's own loopback, which clients on other machines may not reach";
    case PROXY_DEST_SELF: return "is the proxy itself, and would lead in a circle";
    }
    return "";
}

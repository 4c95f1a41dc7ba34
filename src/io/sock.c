/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "io/sock.h"

#include <assert.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <unistd.h>

enum {
    ORIGINAL_DST = 80 /* SO_ORIGINAL_DST and IP6T_SO_ORIGINAL_DST: <linux/netfilter_ipv4.h> and
                         its sister, which do not go together with <netinet/in.h> */
};

static int open_stream(const struct addr *addr)
{
    return socket(addr->sa.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

static int set_option(int fd, int level, int name, int value)
{
    return setsockopt(fd, level, name, &value, sizeof value);
}

/* Both are one bit of the kernel's socket. */
static bool set_transparent(int fd, int family)
{
    return (family == AF_INET6 ? set_option(fd, IPPROTO_IPV6, IPV6_TRANSPARENT, 1)
                               : set_option(fd, IPPROTO_IP, IP_TRANSPARENT, 1)) == 0;
}

static bool bind_and_listen(int fd, const struct addr *addr, int backlog, unsigned flags)
{
    int family = addr->sa.any.sa_family;

    return set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1) == 0 &&
           ((flags & SOCK_LISTEN_SHARED) == 0 ||
            set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1) == 0) &&
           ((flags & SOCK_LISTEN_TRANSPARENT) == 0 || set_transparent(fd, family)) &&
           (family != AF_INET6 || set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1) == 0) &&
           bind(fd, &addr->sa.any, addr_len(addr)) == 0 && listen(fd, backlog) == 0;
}

enum err sock_listen(int *ret_fd, const struct addr *addr, int backlog, unsigned flags)
{
    int fd = open_stream(addr);

    if (fd < 0) {
        return ERR_IO;
    }
    if (!bind_and_listen(fd, addr, backlog, flags)) {
        sock_close(&fd);
        return ERR_IO;
    }
    *ret_fd = fd;
    return OK;
}

/* accept(2): "Linux passes already-pending network errors on the new socket as an error code
 * from accept()": that one connection is gone, the next may be fine. */
static bool is_transient(int error)
{
    return error == EINTR || error == ECONNABORTED || error == EPROTO || error == ENETDOWN ||
           error == ENETUNREACH || error == EHOSTDOWN || error == EHOSTUNREACH ||
           error == ENONET || error == ENOPROTOOPT || error == ETIMEDOUT;
}

enum err sock_accept(int listen_fd, int *ret_fd, struct addr *ret_peer)
{
    struct sockaddr_storage peer = {0};
    int fd;

    do {
        socklen_t len = sizeof peer;

        fd = accept4(listen_fd, (struct sockaddr *)&peer, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    } while (fd < 0 && is_transient(errno));

    if (fd >= 0) {
        if (!addr_from_sockaddr((struct sockaddr *)&peer, ret_peer)) {
            *ret_peer = (struct addr){.sa.v4.sin_family = AF_INET}; /* a local socket's */
        }
        *ret_fd = fd;
        return OK;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
        return ERR_AGAIN;
    }
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        return ERR_LIMIT;
    }
    return ERR_IO;
}

/* Takes the descriptor. EINTR: connect(2) says that it goes on in the background, as with
 * EINPROGRESS. */
static enum err begin_to_connect(int fd, const struct addr *addr, int *ret_fd)
{
    if (connect(fd, &addr->sa.any, addr_len(addr)) < 0 && errno != EINPROGRESS &&
        errno != EINTR) {
        sock_close(&fd);
        return ERR_IO;
    }
    *ret_fd = fd;
    return OK;
}

enum err sock_connect(int *ret_fd, const struct addr *addr)
{
    int fd = open_stream(addr);

    return fd < 0 ? ERR_IO : begin_to_connect(fd, addr, ret_fd);
}

/* The port is chosen with the destination known where the kernel can, so that the same one
 * serves many. */
static bool bind_source(int fd, const struct addr *source)
{
    struct addr any_port = *source;

    addr_set_port(&any_port, 0);
    set_option(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
    return set_transparent(fd, source->sa.any.sa_family) &&
           bind(fd, &any_port.sa.any, addr_len(&any_port)) == 0;
}

enum err sock_connect_from(int *ret_fd, const struct addr *addr, const struct addr *source)
{
    int fd = open_stream(addr);

    assert(addr->sa.any.sa_family == source->sa.any.sa_family);
    if (fd < 0) {
        return ERR_IO;
    }
    if (!bind_source(fd, source)) {
        sock_close(&fd);
        return ERR_IO;
    }
    return begin_to_connect(fd, addr, ret_fd);
}

enum err sock_may_be_transparent(int family)
{
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool may = fd >= 0 && set_transparent(fd, family);

    sock_close(&fd);
    return may ? OK : ERR_IO;
}

bool sock_is_transparent(int fd)
{
    int is_transparent = 0;
    socklen_t len = sizeof is_transparent;

    /* Told for IPv6 sockets at this level as well: it is the same bit. */
    return getsockopt(fd, IPPROTO_IP, IP_TRANSPARENT, &is_transparent, &len) == 0 &&
           is_transparent != 0;
}

enum err sock_connect_result(int fd)
{
    struct sockaddr_storage peer;
    socklen_t peer_len = sizeof peer;
    int error = 0;
    socklen_t len = sizeof error;

    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0) {
        return ERR_IO;
    }
    if (error != 0) {
        errno = error;
        return ERR_IO;
    }
    if (getpeername(fd, (struct sockaddr *)&peer, &peer_len) < 0) {
        return errno == ENOTCONN ? ERR_AGAIN : ERR_IO;
    }
    return OK;
}

static enum err from_transfer_errno(void)
{
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
        return ERR_AGAIN;
    }
    return errno == ECONNRESET || errno == EPIPE ? ERR_CLOSED : ERR_IO;
}

enum err sock_recv(int fd, struct mspan room, size_t *ret_len)
{
    ssize_t len;

    assert(room.len > 0); /* 0 would look like the end of the stream */
    do {
        len = recv(fd, room.ptr, room.len, 0);
    } while (len < 0 && errno == EINTR);

    if (len < 0) {
        return from_transfer_errno();
    }
    *ret_len = (size_t)len;
    return OK;
}

enum err sock_send(int fd, struct span bytes, size_t *ret_len)
{
    ssize_t len;

    assert(bytes.len > 0);
    do {
        len = send(fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
    } while (len < 0 && errno == EINTR);

    if (len < 0) {
        return from_transfer_errno();
    }
    *ret_len = (size_t)len;
    return OK;
}

void sock_shutdown_write(int fd)
{
    shutdown(fd, SHUT_WR);
}

void sock_reset_on_close(int fd)
{
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0};

    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

void sock_tune(int fd)
{
    set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, 60);
    set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, 15);
    set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, 4);
}

typedef int name_call(int fd, struct sockaddr *addr, socklen_t *len);

static enum err name_of(int fd, name_call *call, struct addr *ret_addr)
{
    struct sockaddr_storage name = {0};
    socklen_t len = sizeof name;

    if (call(fd, (struct sockaddr *)&name, &len) < 0) {
        return ERR_IO;
    }
    if (!addr_from_sockaddr((struct sockaddr *)&name, ret_addr)) {
        errno = EAFNOSUPPORT;
        return ERR_IO;
    }
    return OK;
}

enum err sock_local_addr(int fd, struct addr *ret_addr)
{
    return name_of(fd, getsockname, ret_addr);
}

enum err sock_peer_addr(int fd, struct addr *ret_addr)
{
    return name_of(fd, getpeername, ret_addr);
}

static int original_dst_of(int fd, struct sockaddr *addr, socklen_t *len)
{
    struct sockaddr_storage local = {0};
    socklen_t local_len = sizeof local;

    if (getsockname(fd, (struct sockaddr *)&local, &local_len) < 0) {
        return -1;
    }
    return getsockopt(fd, local.ss_family == AF_INET6 ? IPPROTO_IPV6 : IPPROTO_IP, ORIGINAL_DST,
                      addr, len);
}

enum err sock_original_dst(int fd, struct addr *ret_addr)
{
    return name_of(fd, original_dst_of, ret_addr);
}

/* To an address of its own the kernel sends from that very address. */
bool sock_addr_is_own(const struct addr *addr)
{
    int fd = socket(addr->sa.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct addr from;
    bool is_own = fd >= 0 && connect(fd, &addr->sa.any, addr_len(addr)) == 0 &&
                  sock_local_addr(fd, &from) == OK && addr_same_host(&from, addr);

    sock_close(&fd);
    return is_own;
}

void sock_close(int *fd)
{
    int why = errno;

    if (*fd < 0) {
        return;
    }
    close(*fd); /* never again after EINTR: Linux has released it by then */
    *fd = -1;
    errno = why;
}

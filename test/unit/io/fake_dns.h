/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * A name server on loopback for tests, on the test's own loop, over UDP and TCP. What it knows
 * is a table of rows; a row may be held back until the test says so.
 */
#pragma once

#include "io/resolver.h"
#include "io/sock.h"
#include "lib/testing.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

enum fake_dns_kind {
    FAKE_DNS_ADDRS, /* none in `addrs`: the name has no address of this family */
    FAKE_DNS_SERVFAIL,
    FAKE_DNS_SILENCE,
    FAKE_DNS_TCP, /* the answer comes by TCP only, in pieces */
    FAKE_DNS_PTR, /* `name` is 1.2.0.192.in-addr.arpa, `addrs` the host name without a space */
};

enum {
    FAKE_DNS_HEAD = 12, /* RFC 1035 section 4.1.1 */
    FAKE_DNS_MAX = 2000,
    FAKE_DNS_PATIENCE = 20000 /* ms of the resolver, which no answer needs */
};

struct fake_dns_row {
    const char *name; /* NULL ends the table; what has no row does not exist */
    int family;
    enum fake_dns_kind kind;
    const char *addrs; /* with a space after each */
    bool hold;         /* until fake_dns_release() */
    uint8_t ttl;       /* seconds; 0: 60 */

    /* The server's: */
    int asked;
    uint8_t query[512]; /* the last one, for the release */
    size_t query_len;
    struct sockaddr_in from;
};

struct fake_dns {
    struct loop *loop;
    struct fake_dns_row *rows;
    char servers[ADDR_TEXT_BYTES]; /* for resolver_use_servers() */
    int udp, tcp, client;
    struct loop_watch udp_watch, tcp_watch, client_watch;
    struct loop_later dribble;
    uint8_t reply[FAKE_DNS_MAX]; /* over TCP */
    size_t reply_len, reply_sent;
    size_t piece_len; /* so many bytes of it at a time */
};

static inline void fake_dns_name(const uint8_t *query, size_t len, char *room, size_t *ret_end)
{
    size_t at = FAKE_DNS_HEAD, used = 0;

    while (at < len && query[at] != 0) {
        size_t label = query[at];

        assert_true(at + 1 + label < len && used + label + 1 < 256);
        memcpy(room + used, query + at + 1, label);
        used += label;
        room[used++] = '.';
        at += label + 1;
    }
    room[used == 0 ? 0 : used - 1] = '\0';
    *ret_end = at + 1; /* type and class follow */
}

static inline struct fake_dns_row *fake_dns_find(struct fake_dns *dns, const uint8_t *query,
                                                 size_t len, size_t *ret_question_end)
{
    char name[256];
    size_t end;
    int family;

    fake_dns_name(query, len, name, &end);
    assert_true(end + 4 <= len);
    family = query[end + 1] == 28 ? AF_INET6 : AF_INET;
    *ret_question_end = end + 4;
    for (struct fake_dns_row *row = dns->rows; row->name != NULL; row++) {
        if (span_equals_nocase(span_str(name), row->name) && row->family == family) {
            return row;
        }
    }
    return NULL;
}

static inline size_t fake_dns_put_addrs(const struct fake_dns_row *row, uint8_t *reply,
                                        size_t at)
{
    struct span left = span_str(row->addrs);

    while (left.len > 0) {
        size_t text = span_find(left, ' ');
        struct addr addr;
        size_t len = row->family == AF_INET6 ? 16 : 4;
        const uint8_t head[] = {0xc0, FAKE_DNS_HEAD,
                                0,    row->family == AF_INET6 ? 28 : 1,
                                0,    1,
                                0,    0,
                                0,    row->ttl == 0 ? 60 : row->ttl,
                                0,    (uint8_t)len};

        assert_true(addr_parse(span_head(left, text), 0, &addr));
        left = span_tail(left, text + 1);
        memcpy(reply + at, head, sizeof head);
        at += sizeof head;
        memcpy(reply + at,
               row->family == AF_INET6 ? (const void *)&addr.sa.v6.sin6_addr
                                       : (const void *)&addr.sa.v4.sin_addr,
               len);
        at += len;
        reply[7]++; /* answers */
    }
    return at;
}

static inline size_t fake_dns_put_ptr(const struct fake_dns_row *row, uint8_t *reply, size_t at)
{
    const uint8_t head[] = {0xc0, FAKE_DNS_HEAD, 0, 12, 0, 1, 0, 0, 0, 60, 0};
    struct span left = span_str(row->addrs);

    memcpy(reply + at, head, sizeof head);
    at += sizeof head;
    reply[at++] = (uint8_t)(left.len + 2);
    while (left.len > 0) {
        size_t label = span_find(left, '.');

        reply[at++] = (uint8_t)label;
        memcpy(reply + at, left.ptr, label);
        at += label;
        left = span_tail(left, label < left.len ? label + 1 : label);
    }
    reply[at++] = 0;
    reply[7]++; /* answers */
    return at;
}

/* The answer to the query, as it goes over UDP (over TCP the same with its length before). */
static inline size_t fake_dns_reply(const struct fake_dns_row *row, bool over_tcp,
                                    const uint8_t *query, size_t question_end, uint8_t *reply)
{
    memset(reply, 0, FAKE_DNS_MAX);
    memcpy(reply, query, question_end);
    reply[2] = 0x81; /* a response, recursion desired */
    reply[3] = 0x80; /* and available */
    memset(reply + 6, 0, 6);
    if (row == NULL) {
        reply[3] |= 3; /* NXDOMAIN */
        return question_end;
    }
    if (row->kind == FAKE_DNS_SERVFAIL) {
        reply[3] |= 2;
        return question_end;
    }
    if (row->kind == FAKE_DNS_TCP && !over_tcp) {
        reply[2] |= 2; /* truncated */
        return question_end;
    }
    return row->kind == FAKE_DNS_PTR ? fake_dns_put_ptr(row, reply, question_end)
                                     : fake_dns_put_addrs(row, reply, question_end);
}

static inline void fake_dns_send(struct fake_dns *dns, const struct fake_dns_row *row,
                                 const uint8_t *query, size_t question_end,
                                 const struct sockaddr_in *to)
{
    uint8_t reply[FAKE_DNS_MAX];
    size_t len = fake_dns_reply(row, false, query, question_end, reply);

    assert_int_equal(sendto(dns->udp, reply, len, 0, (const struct sockaddr *)to, sizeof *to),
                     len);
}

static inline void fake_dns_on_udp(void *ctx)
{
    struct fake_dns *dns = ctx;
    uint8_t query[512];
    struct sockaddr_in from;
    socklen_t from_len = sizeof from;
    ssize_t len;

    while ((len = recvfrom(dns->udp, query, sizeof query, 0, (struct sockaddr *)&from,
                           &from_len)) > 0) {
        size_t end;
        struct fake_dns_row *row = fake_dns_find(dns, query, (size_t)len, &end);

        if (row != NULL) {
            row->asked++;
            memcpy(row->query, query, (size_t)len);
            row->query_len = (size_t)len;
            row->from = from;
        }
        if (row == NULL || (row->kind != FAKE_DNS_SILENCE && !row->hold)) {
            fake_dns_send(dns, row, query, end, &from);
        }
        from_len = sizeof from;
    }
}

/* Now the row's last query is answered, and later ones at once. */
static inline void fake_dns_release(struct fake_dns *dns, struct fake_dns_row *row)
{
    size_t end;

    assert_true(row->asked > 0);
    row->hold = false;
    fake_dns_find(dns, row->query, row->query_len, &end);
    fake_dns_send(dns, row, row->query, end, &row->from);
}

static inline void fake_dns_dribble(void *ctx)
{
    struct fake_dns *dns = ctx;
    struct span rest = span_of(dns->reply + dns->reply_sent, dns->reply_len - dns->reply_sent);
    size_t len;

    if (sock_send(dns->client, span_head(rest, dns->piece_len), &len) == OK) {
        dns->reply_sent += len;
    }
    if (dns->reply_sent < dns->reply_len) {
        loop_defer(dns->loop, &dns->dribble);
    }
}

static inline void fake_dns_on_client(void *ctx)
{
    struct fake_dns *dns = ctx;
    uint8_t query[512];
    size_t len, end;
    const struct fake_dns_row *row;

    if (sock_recv(dns->client, mspan_of(query, sizeof query), &len) != OK || len < 2) {
        return;
    }
    row = fake_dns_find(dns, query + 2, len - 2, &end);
    len = fake_dns_reply(row, true, query + 2, end, dns->reply + 2);
    dns->reply[0] = (uint8_t)(len >> 8);
    dns->reply[1] = (uint8_t)len;
    dns->reply_len = len + 2;
    dns->reply_sent = 0;
    loop_defer(dns->loop, &dns->dribble);
}

static inline void fake_dns_on_tcp(void *ctx)
{
    struct fake_dns *dns = ctx;
    struct addr peer;
    int fd;

    if (sock_accept(dns->tcp, &fd, &peer) != OK) {
        return;
    }
    loop_unwatch(&dns->client_watch);
    sock_close(&dns->client);
    dns->client = fd;
    sock_tune(fd); /* small pieces shall go at once */
    assert_ok(loop_watch(dns->loop, &dns->client_watch, fd, fake_dns_on_client, dns));
}

/* One port number that is free for UDP and for TCP. */
static inline void fake_dns_bind(struct fake_dns *dns)
{
    for (int i = 0; i < 20; i++) {
        struct addr addr;

        assert_true(addr_parse(SPAN("127.0.0.1"), 0, &addr));
        assert_ok(sock_listen(&dns->tcp, &addr, 8, 0));
        assert_ok(sock_local_addr(dns->tcp, &addr));
        dns->udp = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        assert_true(dns->udp >= 0);
        addr_text(&addr, dns->servers);
        if (bind(dns->udp, &addr.sa.any, addr_len(&addr)) == 0) {
            return;
        }
        sock_close(&dns->tcp);
        sock_close(&dns->udp);
    }
    fail_msg("no port is free");
}

static inline void fake_dns_open(struct fake_dns *dns, struct loop *loop,
                                 struct fake_dns_row *rows)
{
    *dns = (struct fake_dns){
        .loop = loop, .rows = rows, .udp = -1, .tcp = -1, .client = -1, .piece_len = 7};
    fake_dns_bind(dns);
    loop_later_init(&dns->dribble, fake_dns_dribble, dns);
    assert_ok(loop_watch(loop, &dns->udp_watch, dns->udp, fake_dns_on_udp, dns));
    assert_ok(loop_watch(loop, &dns->tcp_watch, dns->tcp, fake_dns_on_tcp, dns));
}

static inline void fake_dns_close(struct fake_dns *dns)
{
    loop_unwatch(&dns->udp_watch);
    loop_unwatch(&dns->tcp_watch);
    loop_unwatch(&dns->client_watch);
    loop_undefer(&dns->dribble);
    sock_close(&dns->udp);
    sock_close(&dns->tcp);
    sock_close(&dns->client);
}

/** A loop, and on it this server and a resolver that asks nobody else. */
static inline void fake_dns_begin(struct fake_dns *dns, struct fake_dns_row *rows,
                                  struct loop **ret_loop, struct resolver **ret_resolver)
{
    assert_ok(loop_new(ret_loop));
    assert_ok(resolver_new(ret_resolver, *ret_loop));
    fake_dns_open(dns, *ret_loop, rows);
    assert_ok(resolver_use_servers(*ret_resolver, dns->servers, FAKE_DNS_PATIENCE, 2));
}

static inline void fake_dns_end(struct fake_dns *dns, struct loop *loop,
                                struct resolver *resolver)
{
    resolver_free(resolver);
    fake_dns_close(dns);
    loop_free(loop);
}

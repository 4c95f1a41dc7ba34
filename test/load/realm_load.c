/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Many STOMP sessions against one realm, for tests and measurements: opens them, lets one more
 * publish numbered events, and checks that each session gets every event, once and in order.
 * Says what happened in lines of JSON. Its own WebSocket and STOMP, the least that will do: a
 * second reading of doc/wire.md, and cheap beside the realm.
 *
 *    realm_load port=9000 [sessions=N] [channel=/x] [from=stored] [events=M] [NAME=VALUE...]
 *
 *    sessions   how many are opened, all at once but for `opening`; default 1
 *    channel    what they subscribe to and what is published to; none: they stay idle
 *    from       as the header of SUBSCRIBE
 *    events     what is published once all are open
 *    expect     how many each session has to get; default `events`, 0: they are not waited for
 *    bytes      of an event's body; default 100
 *    inflight   SENDs without their receipt, at most; default 256
 *    rate       SENDs in a second; default 0: as fast as the receipts come
 *    opening    sessions on their way at once; default 128
 *    addresses  how many of 127.0.0.1, 127.0.0.2, ... they come from; default 4
 *    tls        1: the port is an https one
 *    hold       1: then stay until stdin ends
 *    pid        the realm's: its CPU time and memory are said, too
 *
 * Exit status 0: everything came as it should (sessions that were refused are counted, and no
 * fault). 1: an event too many, too few or out of order, or nothing happened for a minute.
 */
#include "load_frame.h"
#include "load_measure.h"
#include "load_options.h"
#include "load_tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    ROOM_BYTES = 256 * 1024,
    OUT_BYTES = 64 * 1024,
    EVENTS_PER_TURN = 1024,
    SILENCE_SECONDS = 60,
    HEAD_BYTES = 512, /* more than any request or frame head of ours */
    BODY_MIN = 20,
    BODY_MAX = 8192,
};

enum phase {
    DIALLING,
    SHAKING, /* hands, with TLS */
    UPGRADING,
    JOINING, /* CONNECT, and SUBSCRIBE if there is a channel, are on their way */
    OPEN,
    GONE
};

struct session {
    int fd;
    struct ssl_st *tls; /* NULL without */
    enum phase phase;
    uint64_t next; /* number of the event that must come now */
    uint8_t *kept; /* a frame that has come in part */
    size_t kept_len;
};

static struct load_options conf;

static struct {
    int epoll;
    struct session *all; /* the last one publishes */
    size_t dialled, open, refused, finished, delivered;
    size_t sent, acked; /* SENDs */
    uint8_t out[OUT_BYTES];
    size_t out_len;
    double published_since;
    uint8_t room[ROOM_BYTES];
} run;

/* ---- what is said ---- */

static void give_up(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

static void give_up(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fputs("realm_load: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(EXIT_FAILURE);
}

/* ---- bytes out ---- */

static ssize_t send_some(struct session *session, const void *bytes, size_t len)
{
    return session->tls != NULL ? load_tls_send(session->tls, bytes, len)
                                : send(session->fd, bytes, len, MSG_NOSIGNAL);
}

static void send_now(struct session *session, const void *bytes, size_t len)
{
    if (send_some(session, bytes, len) != (ssize_t)len) {
        give_up("a session of the realm took no %zu bytes: %s", len, strerror(errno));
    }
}

static void upgrade(struct session *session)
{
    static const char request[] = "GET /stomp HTTP/1.1\r\nHost: localhost\r\n"
                                  "Upgrade: websocket\r\nConnection: Upgrade\r\n"
                                  "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
                                  "Sec-WebSocket-Version: 13\r\n"
                                  "Sec-WebSocket-Protocol: v12.stomp\r\n\r\n";

    send_now(session, request, sizeof request - 1);
    session->phase = UPGRADING;
}

static bool is_publisher(const struct session *session)
{
    return session == &run.all[conf.sessions];
}

static bool has_subscription(const struct session *session)
{
    return conf.channel != NULL && !is_publisher(session);
}

static void join(struct session *session)
{
    static const char connect[] = "CONNECT\naccept-version:1.2\nhost:localhost\n\n";
    char text[HEAD_BYTES];
    uint8_t out[2 * HEAD_BYTES];
    size_t len = load_frame_put(out, LOAD_FRAME_TEXT, connect, sizeof connect);

    if (has_subscription(session)) {
        int text_len =
            snprintf(text, sizeof text,
                     "SUBSCRIBE\nid:%.100s\ndestination:%.100s\nfrom:%.20s\nreceipt:s\n\n",
                     conf.channel, conf.channel, conf.from == NULL ? "now" : conf.from);

        len += load_frame_put(out + len, LOAD_FRAME_TEXT, text, (size_t)text_len + 1);
    }
    send_now(session, out, len);
    session->phase = JOINING;
}

/* ---- opening ---- */

static void dial(struct session *session)
{
    size_t index = (size_t)(session - run.all);
    const uint32_t source = INADDR_LOOPBACK + (uint32_t)(index % conf.addresses);
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(source)};
    struct epoll_event wanted = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = session};
    const int on = 1;

    session->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (session->fd < 0) {
        give_up("session %zu has no descriptor: %s", index, strerror(errno));
    }
    setsockopt(session->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(session->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    if (bind(session->fd, (const struct sockaddr *)&addr, sizeof addr) != 0) {
        give_up("127.0.0.%zu cannot be used: %s", 1 + index % conf.addresses, strerror(errno));
    }
    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    addr.sin_port = htons((uint16_t)conf.port);
    if ((connect(session->fd, (const struct sockaddr *)&addr, sizeof addr) != 0 &&
         errno != EINPROGRESS) ||
        epoll_ctl(run.epoll, EPOLL_CTL_ADD, session->fd, &wanted) != 0) {
        give_up("session %zu cannot be dialled: %s", index, strerror(errno));
    }
}

static size_t wanted_sessions(void)
{
    return conf.sessions + (conf.events > 0);
}

static void dial_more(void)
{
    while (run.dialled < wanted_sessions() &&
           run.dialled - run.open - run.refused < conf.opening) {
        dial(&run.all[run.dialled++]);
    }
}

static void close_session(struct session *session)
{
    load_tls_free(session->tls);
    session->tls = NULL;
    close(session->fd);
    free(session->kept);
    session->kept = NULL;
    session->phase = GONE;
}

/* The realm has turned it away, with an answer or by closing. The first time what it said is
 * passed on. */
static void refused(struct session *session, const uint8_t *said, size_t len)
{
    if (session->phase == OPEN || is_publisher(session)) {
        give_up("the realm ended session %zu", (size_t)(session - run.all));
    }
    if (run.refused++ == 0) {
        fprintf(stderr, "refused: %.*s\n", (int)len, (const char *)said);
    }
    close_session(session);
}

static void on_open(struct session *session)
{
    session->phase = OPEN;
    run.open++;
}

/* ---- publishing ---- */

static void flush_out(void)
{
    struct session *publisher = &run.all[conf.sessions];
    ssize_t len = run.out_len == 0 ? 0 : send_some(publisher, run.out, run.out_len);

    if (len < 0 && errno != EAGAIN) {
        give_up("the publisher: %s", strerror(errno));
    }
    if (len > 0) {
        run.out_len -= (size_t)len;
        memmove(run.out, run.out + len, run.out_len);
    }
}

static size_t allowed_by_rate(void)
{
    return conf.rate == 0
               ? SIZE_MAX
               : (size_t)((load_measure_now() - run.published_since) * (double)conf.rate) + 1;
}

static void publish(void)
{
    static char text[HEAD_BYTES + BODY_MAX];

    while (run.sent < conf.events && run.sent - run.acked < conf.inflight &&
           run.sent < allowed_by_rate() && OUT_BYTES - run.out_len > HEAD_BYTES + conf.bytes) {
        int len =
            snprintf(text, HEAD_BYTES, "SEND\ndestination:%.100s\nreceipt:p\n\n", conf.channel);

        memset(text + len, 'x', conf.bytes);
        snprintf(text + len, BODY_MIN, "%016zu", run.sent);
        text[len + BODY_MIN - 1] = ' ';
        text[len + 16] = ' ';
        text[(size_t)len + conf.bytes] = '\0';
        run.out_len += load_frame_put(run.out + run.out_len, LOAD_FRAME_TEXT, text,
                                      (size_t)len + conf.bytes + 1);
        run.sent++;
    }
    flush_out();
}

/* ---- bytes in ---- */

static void on_message(struct session *session, const uint8_t *payload, size_t len)
{
    const uint8_t *body = memmem(payload, len, "\n\n", 2);
    uint64_t number;

    if (body == NULL) {
        give_up("a MESSAGE without a body");
    }
    number = strtoull((const char *)body + 2, NULL, 10); /* ends at its blank */
    if (number != session->next) {
        give_up("session %zu got event %llu, not %llu", (size_t)(session - run.all),
                (unsigned long long)number, (unsigned long long)session->next);
    }
    if (conf.expect > 0 && number >= conf.expect) {
        give_up("session %zu got more than %zu events", (size_t)(session - run.all),
                conf.expect);
    }
    session->next++;
    run.delivered++;
    run.finished += session->next == conf.expect;
}

static void on_stomp(struct session *session, const uint8_t *payload, size_t len)
{
    switch (payload[0]) {
    case 'M': on_message(session, payload, len); break;
    case 'C':
        if (!has_subscription(session)) {
            on_open(session);
        }
        break;
    case 'R':
        if (memmem(payload, len, "refused", 7) != NULL) {
            give_up("%.*s", (int)len, (const char *)payload);
        } else if (session->phase == JOINING) {
            on_open(session);
        } else {
            run.acked++;
        }
        break;
    case 'E': give_up("%.*s", (int)len, (const char *)payload);
    default: break; /* a heart-beat */
    }
}

/* Takes a frame from the front; 0: it is not all there. */
static size_t take_frame(struct session *session, const uint8_t *bytes, size_t len)
{
    struct load_frame frame;
    size_t used = load_frame_take(bytes, len, &frame);
    uint8_t pong[HEAD_BYTES];

    if (used == 0) {
        return 0;
    }
    switch (frame.opcode) {
    case LOAD_FRAME_TEXT:
    case LOAD_FRAME_BINARY: on_stomp(session, frame.payload, frame.len); break;
    case LOAD_FRAME_CLOSE: /* a code, perhaps, and a reason */
        refused(session, frame.payload + 2, frame.len < 2 ? 0 : frame.len - 2);
        break;
    case LOAD_FRAME_PING:
        send_now(session, pong,
                 load_frame_put(pong, LOAD_FRAME_PONG, frame.payload, frame.len));
        break;
    default: break;
    }
    return used;
}

static size_t take_answer(struct session *session, const uint8_t *bytes, size_t len)
{
    const uint8_t *end = memmem(bytes, len, "\r\n\r\n", 4);

    if (end == NULL) {
        return 0;
    }
    if (memcmp(bytes, "HTTP/1.1 101 ", 13) != 0) {
        refused(session, bytes, len);
        return len;
    }
    join(session);
    return (size_t)(end - bytes) + 4;
}

static void keep(struct session *session, const uint8_t *bytes, size_t len)
{
    free(session->kept);
    session->kept = len == 0 ? NULL : malloc(len);
    session->kept_len = len;
    if (len > 0) {
        memcpy(session->kept, bytes, len);
    }
}

static void take(struct session *session, const uint8_t *bytes, size_t len)
{
    size_t used = 1;

    while (used > 0 && len > 0 && session->phase != GONE) {
        used = session->phase == UPGRADING ? take_answer(session, bytes, len)
                                           : take_frame(session, bytes, len);
        bytes += used;
        len -= used;
    }
    if (session->phase != GONE) {
        keep(session, bytes, len);
    }
}

static void read_session(struct session *session)
{
    while (session->phase != GONE) {
        size_t had = session->kept_len;
        ssize_t len;

        if (had > 0) {
            memcpy(run.room, session->kept, had);
        }
        len = session->tls != NULL
                  ? load_tls_recv(session->tls, run.room + had, ROOM_BYTES - had)
                  : recv(session->fd, run.room + had, ROOM_BYTES - had, 0);
        if (len < 0 && errno == EAGAIN) {
            return;
        }
        if (len <= 0) {
            refused(session, (const uint8_t *)"closed without a word", 21);
            return;
        }
        take(session, run.room, had + (size_t)len);
        if (session->tls == NULL && (size_t)len < ROOM_BYTES - had) {
            return; /* what comes now is a new edge */
        }
    }
}

static void connected(struct session *session)
{
    if (conf.tls == 0) {
        upgrade(session);
        return;
    }
    session->tls = load_tls_new(session->fd);
    if (session->tls == NULL) {
        give_up("no memory for TLS");
    }
    session->phase = SHAKING;
}

static void shake(struct session *session)
{
    bool has_failed;

    if (load_tls_shake(session->tls, &has_failed)) {
        upgrade(session);
        read_session(session);
    } else if (has_failed) {
        refused(session, (const uint8_t *)"no TLS", 6);
    }
}

static void on_ready(const struct epoll_event *event)
{
    struct session *session = event->data.ptr;

    if (session->phase == DIALLING && (event->events & EPOLLOUT) != 0 &&
        (event->events & EPOLLERR) == 0) {
        connected(session);
    }
    if (session->phase == SHAKING) {
        shake(session);
    } else if ((event->events & (EPOLLIN | EPOLLERR | EPOLLHUP)) != 0) {
        read_session(session);
    }
}

/* ---- the run ---- */

static void turn(int wait_ms)
{
    struct epoll_event events[EVENTS_PER_TURN];
    int count = epoll_wait(run.epoll, events, EVENTS_PER_TURN, wait_ms);

    for (int i = 0; i < count; i++) {
        on_ready(&events[i]);
    }
}

/* What must move all the time, in one number. */
static size_t progress(void)
{
    return run.open + run.refused + run.sent + run.acked + run.delivered;
}

static void run_until(bool (*is_done)(void), void (*act)(void))
{
    double since = load_measure_now();
    size_t seen = progress();

    act();
    while (!is_done()) {
        turn(conf.rate == 0 ? 100 : 1);
        act();
        if (progress() != seen) {
            seen = progress();
            since = load_measure_now();
        } else if (load_measure_now() - since > SILENCE_SECONDS) {
            give_up("nothing happens: %zu sessions open, %zu refused, %zu events sent, %zu "
                    "acknowledged, %zu delivered",
                    run.open, run.refused, run.sent, run.acked, run.delivered);
        }
    }
}

static bool all_are_open(void)
{
    return run.open + run.refused == wanted_sessions();
}

static bool all_is_published(void)
{
    return run.acked == conf.events;
}

static bool all_is_delivered(void)
{
    return conf.channel == NULL || conf.expect == 0 ||
           run.finished == run.open - (conf.events > 0);
}

static bool stdin_has_ended(void)
{
    static bool is_watched;
    static struct session in; /* stands for it: GONE, and never read */
    struct epoll_event wanted = {.events = EPOLLIN, .data.ptr = &in};
    char byte;

    if (!is_watched) {
        in.phase = GONE;
        is_watched = true;
        epoll_ctl(run.epoll, EPOLL_CTL_ADD, STDIN_FILENO, &wanted);
    }
    return recv(STDIN_FILENO, &byte, 1, MSG_DONTWAIT) == 0 ||
           (errno == ENOTSOCK && read(STDIN_FILENO, &byte, 1) == 0);
}

static void nothing(void)
{
}

static void hold(void)
{
    while (!stdin_has_ended()) {
        turn(1000);
    }
}

/* ---- the beginning ---- */

static void raise_descriptors(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

int main(int count, char **words)
{
    const char *wrong = load_options_read(&conf, count, words);
    struct load_measure measure;

    if (wrong != NULL) {
        give_up("%s is no option", wrong);
    }
    if (conf.port == 0 || conf.addresses == 0 || conf.bytes < BODY_MIN ||
        conf.bytes > BODY_MAX || (conf.events > 0 && conf.channel == NULL)) {
        give_up("port, and for events a channel and a body of 20 to 8192 bytes, are needed");
    }
    raise_descriptors();
    run.epoll = epoll_create1(EPOLL_CLOEXEC);
    run.all = calloc(wanted_sessions() + 1, sizeof *run.all);
    if (run.epoll < 0 || run.all == NULL) {
        give_up("cannot begin: %s", strerror(errno));
    }

    load_measure_begin(&measure, conf.pid);
    run_until(all_are_open, dial_more);
    load_measure_tell(&measure, "opened", run.open, run.refused);
    load_measure_begin(&measure, conf.pid);
    run.published_since = load_measure_now();
    run_until(all_is_published, publish);
    if (conf.events > 0) {
        load_measure_tell(&measure, "published", run.acked, run.refused);
    }
    run_until(all_is_delivered, nothing);
    if (conf.expect > 0) {
        load_measure_tell(&measure, "delivered", run.delivered, run.refused);
    }
    if (conf.hold != 0) {
        hold();
    }
    return EXIT_SUCCESS;
}

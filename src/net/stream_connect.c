/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * CONNECT from the client's side. The proxy is somebody else's: its answer is bounded, and what
 * of it goes into a sentence for people is made printable first.
 */
#include "net/stream_connect.h"

#include "base/state.h"
#include "base/text.h"
#include "http1/http1_char.h"
#include "http1/http1_head.h"

#include <stdlib.h>

enum {
    AUTHORITY_BYTES = 300, /* a name of 253, brackets, a port */
    LOGIN_BYTES = 4096,
    REQUEST_BYTES = LOGIN_BYTES + 1024,
    CHUNK_BYTES = 2048, /* of the answer with one read; what can come early */
    INTERIM_COUNT = 8,  /* 1xx answers that we listen to */
    WHY_BYTES = 512,
    QUOTE_BYTES = 160,  /* of the proxy's words in a sentence, with its zero */
    DETAIL_BYTES = 512, /* likewise, of its Proxy-Status: another proxy's whole sentence */
};

static const struct http1_limits answer_limits = {.line_bytes = 1024,
                                                  .field_bytes = 4096,
                                                  .field_count = 100,
                                                  .head_bytes = 8192};

enum connect_state {
    CONNECT_SENDING,
    CONNECT_READING,
    CONNECT_OPEN,
    CONNECT_FAILED,
    CONNECT_STATES,
};

/* clang-format off */
static const struct state_rule rules[CONNECT_STATES] = {
    [CONNECT_SENDING] = {"sending", STATE_BIT(CONNECT_READING) | STATE_BIT(CONNECT_FAILED)},
    [CONNECT_READING] = {"reading", STATE_BIT(CONNECT_OPEN) | STATE_BIT(CONNECT_FAILED)},
    [CONNECT_OPEN]    = {"open",    0},
    [CONNECT_FAILED]  = {"failed",  0},
};
/* clang-format on */

struct stream_connect {
    struct stream base;
    enum connect_state state;
    enum err failed;        /* CONNECT_FAILED: what every call says */
    unsigned interim_count; /* 1xx answers so far */
    struct buf request;     /* what the proxy has not taken yet */
    struct buf early;       /* what came behind the proxy's answer: for the first reads */
    struct buf why;         /* with a final zero; empty: the stream below knows */
    struct http1_head answer;
    bool is_refused; /* by `answer`, which nobody has taken yet */
};

static struct stream_connect *connect_of(struct stream *stream)
{
    return (struct stream_connect *)(void *)stream; /* base is the first member */
}

/* The only assignment to connect->state. */
static void connect_move(struct stream_connect *connect, enum connect_state next)
{
    assert(state_may_move(rules, connect->state, next));
    connect->state = next;
}

__attribute__((format(printf, 3, 4))) static enum err fail(struct stream_connect *connect,
                                                           enum err e, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    if (format[0] != '\0' && (buf_vprintf(&connect->why, format, args) != OK ||
                              buf_append_byte(&connect->why, '\0') != OK)) {
        buf_fini(&connect->why); /* no memory for a sentence: the code must do */
    }
    va_end(args);
    connect->failed = e;
    connect_move(connect, CONNECT_FAILED);
    return e;
}

/* ERR_AGAIN is no failure, and what the stream below failed with it explains itself. */
static enum err from_below(struct stream_connect *connect, enum err e)
{
    if (e != ERR_AGAIN) {
        connect->failed = e;
        connect_move(connect, CONNECT_FAILED);
    }
    return e;
}

static enum err send_request(struct stream_connect *connect)
{
    while (connect->request.len > 0) {
        size_t len = 0;
        enum err e = stream_write(connect->base.below, buf_span(&connect->request), &len);

        if (e != OK) {
            return from_below(connect, e);
        }
        buf_consume(&connect->request, len);
    }
    buf_fini(&connect->request);
    connect_move(connect, CONNECT_READING);
    return OK;
}

/* Its texts stand in double quotes, which single ones are as good as to a person's eye. */
static void quote_status(struct span value, char room[DETAIL_BYTES])
{
    uint8_t plain[DETAIL_BYTES];
    size_t len = value.len < sizeof plain ? value.len : sizeof plain;

    for (size_t i = 0; i < len; i++) {
        plain[i] = value.ptr[i] == '"' ? '\'' : value.ptr[i];
    }
    text_printable(span_of(plain, len), room, DETAIL_BYTES);
}

/* RFC 9209: Proxy-Status says more than a status code can. */
static enum err refused(struct stream_connect *connect)
{
    const struct http1_head *answer = &connect->answer;
    const struct http1_field *status = http1_fields_find(answer->fields, SPAN("proxy-status"));
    char reason[QUOTE_BYTES];
    char detail[DETAIL_BYTES];

    connect->is_refused = true;
    text_printable(answer->reason, reason, sizeof reason);
    quote_status(status == NULL ? SPAN("") : status->value, detail);
    return fail(connect, ERR_PROTO, "proxy answered %u%s%s%s%s%s", answer->status,
                reason[0] == '\0' ? "" : " ", reason,
                status == NULL ? "" : " (Proxy-Status: ", detail, status == NULL ? "" : ")");
}

/* The head is whole. OK: the tunnel is open. ERR_AGAIN: it was an interim answer. */
static enum err on_answer(struct stream_connect *connect)
{
    uint16_t status = connect->answer.status;

    /* RFC 9110 9.3.6: any 2xx means that a tunnel follows, whatever lengths the fields give. */
    if (status >= 200 && status <= 299) {
        http1_head_fini(&connect->answer);
        return OK;
    }
    /* RFC 9110 15.2: a client MUST be able to parse 1xx answers before the final one. 101 is a
     * final one, and it would not be HTTP that follows. */
    if (status > 199 || status == 101) {
        return refused(connect);
    }
    if (++connect->interim_count > INTERIM_COUNT) {
        return fail(connect, ERR_PROTO, "proxy sends interim answers without end");
    }
    http1_head_fini(&connect->answer);
    http1_head_init(&connect->answer, HTTP1_RESPONSE, &answer_limits);
    return ERR_AGAIN;
}

/* OK: the tunnel is open and `early` has the rest. ERR_AGAIN: all was used, and more is due. */
static enum err on_bytes(struct stream_connect *connect, struct span bytes)
{
    enum err e = ERR_AGAIN;

    while (e == ERR_AGAIN && bytes.len > 0) {
        e = http1_head_next(&connect->answer, &bytes);
        if (e == OK) {
            e = on_answer(connect);
        } else if (e == ERR_NOMEM) {
            return fail(connect, e, "%s", err_text(e));
        } else if (e != ERR_AGAIN) {
            return fail(connect, ERR_PROTO, "proxy %s",
                        http1_fault_text(http1_head_fault(&connect->answer)));
        }
    }
    if (e == OK && buf_append(&connect->early, bytes) != OK) {
        return fail(connect, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
    }
    return e;
}

static enum err read_answer(struct stream_connect *connect)
{
    enum err e;

    do {
        uint8_t chunk[CHUNK_BYTES];
        size_t len = 0;

        e = stream_read(connect->base.below, mspan_of(chunk, sizeof chunk), &len);
        if (e != OK) {
            return from_below(connect, e);
        }
        if (len == 0) {
            return fail(connect, ERR_CLOSED, "proxy hung up instead of answering CONNECT");
        }
        e = on_bytes(connect, span_of(chunk, len));
    } while (e == ERR_AGAIN);

    TRY(e);
    connect_move(connect, CONNECT_OPEN);
    return OK;
}

static enum err connect_handshake(struct stream *stream)
{
    struct stream_connect *connect = connect_of(stream);

    if (connect->state == CONNECT_SENDING) {
        TRY(send_request(connect));
    }
    return connect->state == CONNECT_READING ? read_answer(connect) : connect->failed;
}

static enum err connect_read(struct stream *stream, struct mspan room, size_t *ret_len)
{
    struct stream_connect *connect = connect_of(stream);
    struct span early = span_head(buf_span(&connect->early), room.len);

    assert(connect->state == CONNECT_OPEN);
    if (early.len == 0) {
        return stream_read(stream->below, room, ret_len);
    }
    memcpy(room.ptr, early.ptr, early.len);
    *ret_len = early.len;
    buf_consume(&connect->early, early.len);
    if (connect->early.len == 0) {
        buf_fini(&connect->early);
    }
    return OK;
}

static enum err connect_write(struct stream *stream, struct span bytes, size_t *ret_len)
{
    assert(connect_of(stream)->state == CONNECT_OPEN);
    return stream_write(stream->below, bytes, ret_len);
}

static enum err connect_shutdown(struct stream *stream)
{
    return stream_shutdown(stream->below);
}

static void connect_free(struct stream *stream)
{
    struct stream_connect *connect = connect_of(stream);

    buf_fini(&connect->request);
    buf_fini(&connect->early);
    buf_fini(&connect->why);
    http1_head_fini(&connect->answer);
    free(connect);
}

static const char *connect_why(const struct stream *stream)
{
    const struct stream_connect *connect = (const struct stream_connect *)(const void *)stream;

    return connect->why.len == 0 ? NULL : (const char *)connect->why.ptr;
}

static const struct stream_ops connect_ops = {
    .name = "connect",
    .handshake = connect_handshake,
    .read = connect_read,
    .write = connect_write,
    .shutdown = connect_shutdown,
    .free = connect_free,
    .why = connect_why,
};

/* RFC 9110 9.3.6, RFC 9112 3.2: the target is the authority alone, and Host repeats it. */
static enum err write_request(struct buf *out, struct span authority, struct span login)
{
    TRY(buf_printf(out, "CONNECT %.*s HTTP/1.1\r\nHost: %.*s\r\n", SPAN_ARG(authority),
                   SPAN_ARG(authority)));
    if (login.len > 0) { /* RFC 9110 11.7.2 */
        TRY(buf_printf(out, "Proxy-Authorization: %.*s\r\n", SPAN_ARG(login)));
    }
    return buf_append(out, SPAN("\r\n"));
}

enum err stream_connect_push_login(struct stream **top, struct span authority,
                                   struct span login)
{
    struct stream_connect *connect;

    /* A space or a line end in it would make another request of ours. */
    if (authority.len == 0 || authority.len > AUTHORITY_BYTES ||
        !http1_char_are(authority, http1_char_is_visible) || login.len > LOGIN_BYTES ||
        !http1_char_are(login, http1_char_is_value)) {
        return ERR_LIMIT;
    }
    connect = calloc(1, sizeof *connect);
    if (connect == NULL) {
        return ERR_NOMEM;
    }
    connect->base.ops = &connect_ops;
    buf_init(&connect->request, REQUEST_BYTES);
    buf_init(&connect->early, CHUNK_BYTES);
    buf_init(&connect->why, WHY_BYTES);
    http1_head_init(&connect->answer, HTTP1_RESPONSE, &answer_limits);
    if (write_request(&connect->request, authority, login) != OK) {
        connect_free(&connect->base);
        return ERR_NOMEM;
    }
    connect->base.below = *top;
    *top = &connect->base;
    return OK;
}

enum err stream_connect_push(struct stream **top, struct span authority)
{
    return stream_connect_push_login(top, authority, SPAN(""));
}

bool stream_connect_take_refusal(struct stream *stream, struct http1_head *ret_answer)
{
    struct stream_connect *connect = connect_of(stream);

    assert(stream->ops == &connect_ops);
    if (!connect->is_refused) {
        return false;
    }
    connect->is_refused = false;
    *ret_answer = connect->answer;
    http1_head_init(&connect->answer, HTTP1_RESPONSE, &answer_limits);
    return true;
}

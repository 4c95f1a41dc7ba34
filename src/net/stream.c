/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "net/stream.h"

#include "io/sock.h"

static struct loop_watch *bottom_watch(const struct stream *stream)
{
    while (stream->below != NULL) {
        stream = stream->below;
    }
    return stream->ops->watch(stream);
}

enum err stream_handshake(struct stream *stream)
{
    if (stream->below != NULL) { /* as deep as the stack is high: four filters at most */
        TRY(stream_handshake(stream->below));
    }
    return stream->ops->handshake(stream);
}

enum err stream_read(struct stream *stream, struct mspan room, size_t *ret_len)
{
    assert(room.len > 0); /* or OK with 0 would have two meanings */
    return stream->ops->read(stream, room, ret_len);
}

enum err stream_write(struct stream *stream, struct span bytes, size_t *ret_len)
{
    assert(bytes.len > 0);
    return stream->ops->write(stream, bytes, ret_len);
}

enum err stream_shutdown(struct stream *stream)
{
    return stream->ops->shutdown(stream);
}

void stream_free(struct stream *stream)
{
    while (stream != NULL) {
        struct stream *below = stream->below;

        stream->ops->free(stream);
        stream = below;
    }
}

static void on_ready_for_nobody(void *ctx)
{
    (void)ctx;
}

void stream_on_ready(struct stream *stream, loop_on_ready *call, void *ctx)
{
    struct loop_watch *watch = bottom_watch(stream);

    watch->call = call != NULL ? call : on_ready_for_nobody;
    watch->ctx = ctx;
}

bool stream_is_broken(const struct stream *stream)
{
    return bottom_watch(stream)->wrong;
}

int stream_fd(const struct stream *stream)
{
    return bottom_watch(stream)->fd;
}

const char *stream_why(const struct stream *stream)
{
    for (; stream != NULL; stream = stream->below) {
        const char *why = stream->ops->why(stream);

        if (why != NULL) {
            return why;
        }
    }
    return "nothing went wrong";
}

void stream_abort(struct stream *stream)
{
    sock_reset_on_close(stream_fd(stream));
}

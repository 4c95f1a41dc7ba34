/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "http1/http1_write.h"

#include "http1/http1_char.h"
#include "http1/http1_status.h"

/* Takes back what a failed call has written. */
static enum err all_or_nothing(struct buf *out, size_t start, enum err e)
{
    if (e != OK) {
        buf_truncate(out, start);
    }
    return e;
}

static enum err put_request_line(struct buf *out, struct span method, struct span target)
{
    if (method.len == 0 || !http1_char_are(method, http1_char_is_token) || target.len == 0 ||
        !http1_char_are(target, http1_char_is_visible)) {
        return ERR_PROTO;
    }
    TRY(buf_append(out, method));
    TRY(buf_append_byte(out, ' '));
    TRY(buf_append(out, target));
    return buf_append(out, SPAN(" HTTP/1.1\r\n"));
}

enum err http1_write_request_line(struct buf *out, struct span method, struct span target)
{
    size_t start = out->len;

    return all_or_nothing(out, start, put_request_line(out, method, target));
}

static enum err put_status_line(struct buf *out, uint16_t status, struct span reason)
{
    assert(status >= 100 && status <= 599);
    if (reason.len == 0) {
        reason = span_str(http1_status_reason(status));
    }
    if (!http1_char_are(reason, http1_char_is_value)) {
        return ERR_PROTO;
    }
    /* RFC 9112 4: a server MUST send the second space even without a phrase */
    TRY(buf_printf(out, "HTTP/1.1 %u ", (unsigned)status));
    TRY(buf_append(out, reason));
    return buf_append(out, SPAN("\r\n"));
}

enum err http1_write_status_line(struct buf *out, uint16_t status, struct span reason)
{
    size_t start = out->len;

    return all_or_nothing(out, start, put_status_line(out, status, reason));
}

static enum err put_field(struct buf *out, struct span name, struct span value)
{
    if (name.len == 0 || !http1_char_are(name, http1_char_is_token) ||
        !http1_char_are(value, http1_char_is_value)) {
        return ERR_PROTO;
    }
    TRY(buf_append(out, name));
    TRY(buf_append(out, SPAN(": ")));
    TRY(buf_append(out, value));
    return buf_append(out, SPAN("\r\n"));
}

enum err http1_write_field(struct buf *out, struct span name, struct span value)
{
    size_t start = out->len;

    return all_or_nothing(out, start, put_field(out, name, value));
}

enum err http1_write_end(struct buf *out)
{
    return buf_append(out, SPAN("\r\n"));
}

static enum err put_length(struct buf *out, const struct http1_response *response)
{
    struct span type = response->content_type;

    /* RFC 9110 8.6: a server MUST NOT send Content-Length with 1xx or 204; 304 has no body of
     * its own either */
    if (response->status < 200 || response->status == 204 || response->status == 304) {
        assert(response->body.len == 0);
        return OK;
    }
    if (response->body.len > 0) {
        TRY(put_field(out, SPAN("Content-Type"),
                      type.len > 0 ? type : SPAN("text/plain; charset=utf-8")));
    }
    return buf_printf(out, "Content-Length: %zu\r\n", response->body.len);
}

static enum err put_response(struct buf *out, const struct http1_response *response)
{
    TRY(put_status_line(out, response->status, SPAN("")));
    if (response->date.len > 0) {
        TRY(put_field(out, SPAN("Date"), response->date));
    }
    for (size_t i = 0; i < response->more.count; i++) {
        TRY(put_field(out, response->more.ptr[i].name, response->more.ptr[i].value));
    }
    TRY(put_length(out, response));
    if (response->closes) {
        TRY(put_field(out, SPAN("Connection"), SPAN("close")));
    }
    TRY(http1_write_end(out));
    /* RFC 9110 9.3.2: no content in a response to HEAD */
    return response->is_to_head ? OK : buf_append(out, response->body);
}

enum err http1_write_response(struct buf *out, const struct http1_response *response)
{
    size_t start = out->len;

    return all_or_nothing(out, start, put_response(out, response));
}

/* A token, or host and port. */
static bool is_received_by(uint8_t c)
{
    return http1_char_is_token(c) || c == ':' || c == '[' || c == ']';
}

/* RFC 9110 5.6.5: parentheses and backslashes in a comment are quoted */
static enum err put_comment(struct buf *out, struct span text)
{
    TRY(buf_append(out, SPAN(" (")));
    for (size_t i = 0; i < text.len; i++) {
        if (strchr("()\\", text.ptr[i]) != NULL) {
            TRY(buf_append_byte(out, '\\'));
        }
        TRY(buf_append_byte(out, text.ptr[i]));
    }
    return buf_append_byte(out, ')');
}

static enum err put_via(struct buf *out, uint8_t version_minor, struct span pseudonym,
                        struct span comment)
{
    if (pseudonym.len == 0 || !http1_char_are(pseudonym, is_received_by) ||
        !http1_char_are(comment, http1_char_is_value)) {
        return ERR_PROTO;
    }
    /* RFC 9110 7.6.3: the protocol's name is left out when it is HTTP */
    TRY(buf_printf(out, "1.%u ", (unsigned)version_minor));
    TRY(buf_append(out, pseudonym));
    return comment.len > 0 ? put_comment(out, comment) : OK;
}

enum err http1_write_via(struct buf *out, uint8_t version_minor, struct span pseudonym,
                         struct span comment)
{
    size_t start = out->len;

    return all_or_nothing(out, start, put_via(out, version_minor, pseudonym, comment));
}

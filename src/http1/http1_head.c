/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Lines are checked as they arrive, so that a refusal need not wait for the end of the head.
 * They are cut into spans once, when the head is whole and its bytes move no more.
 */
#include "http1/http1_head.h"

#include "base/state.h"
#include "http1/http1_char.h"

#include <stdlib.h>

enum {
    CRLF_BYTES = 2,
    TLS_HANDSHAKE = 0x16, /* RFC 8446 5.1: the first byte of a ClientHello's record */
    VERSION_BYTES = 8     /* RFC 9112 2.3: HTTP-version is "HTTP/" DIGIT "." DIGIT */
};

enum head_state {
    HEAD_FIRST_LINE,
    HEAD_FIELDS,
    HEAD_ENDED,
    HEAD_STATES,
};

/* clang-format off */
static const struct state_rule rules[HEAD_STATES] = {
    [HEAD_FIRST_LINE] = {"first line", STATE_BIT(HEAD_FIELDS) | STATE_BIT(HEAD_ENDED)},
    [HEAD_FIELDS]     = {"fields",     STATE_BIT(HEAD_ENDED)},
    [HEAD_ENDED]      = {"ended",      0},
};
/* clang-format on */

static void head_move(struct http1_head *head, enum head_state next)
{
    bool may_move = state_may_move(rules, head->state, next);

    assert(may_move);
    (void)may_move;
    head->state = next;
}

static enum err refuse(struct http1_head *head, enum http1_fault fault)
{
    head->fault = fault;
    return ERR_PROTO;
}

static enum err refuse_limit(struct http1_head *head, enum http1_fault fault)
{
    head->fault = fault;
    return ERR_LIMIT;
}

void http1_head_init(struct http1_head *head, enum http1_head_kind kind,
                     const struct http1_limits *limits)
{
    assert(limits->line_bytes < SIZE_MAX - CRLF_BYTES);
    assert(limits->field_bytes < SIZE_MAX - CRLF_BYTES);
    *head = (struct http1_head){.kind = kind, .limits = *limits, .state = HEAD_FIRST_LINE};
    buf_init(&head->bytes, limits->head_bytes);
}

void http1_head_fini(struct http1_head *head)
{
    buf_fini(&head->bytes);
    free(head->field_table);
    head->field_table = NULL;
    head->fields = (struct http1_fields){0};
}

enum http1_fault http1_head_fault(const struct http1_head *head)
{
    return head->fault;
}

/* What can be told from the first byte: a peer that does not speak HTTP may never send an LF,
 * and should not have to wait for a timeout to hear it. */
static enum err look_at_first_byte(struct http1_head *head, uint8_t c)
{
    if (head->kind == HTTP1_RESPONSE || c == '\r' || c == '\n' || http1_char_is_token(c)) {
        return OK;
    }
    return refuse(head, c == TLS_HANDSHAKE ? HTTP1_FAULT_TLS : HTTP1_FAULT_METHOD);
}

/* RFC 9112 2.2: a line ends in CRLF; a recipient MUST refuse or replace a bare CR and MAY take
 * a bare LF. We refuse both: what another recipient reads otherwise is a way to smuggle. */
static enum err strip_crlf(struct http1_head *head, struct span line, struct span *ret_text)
{
    struct span text = span_head(line, line.len - 1);

    if (text.len == 0 || text.ptr[text.len - 1] != '\r') {
        return refuse(head, HTTP1_FAULT_BARE_LF);
    }
    text.len--;
    if (span_find(text, '\r') < text.len) {
        return refuse(head, HTTP1_FAULT_BARE_CR);
    }
    *ret_text = text;
    return OK;
}

/* Moves *input into head->bytes up to and with the next LF. The line is refused for its length
 * before it is looked into, so that a cut makes no difference. */
static enum err collect_line(struct http1_head *head, struct span *input, struct span *ret_text)
{
    bool is_first = head->state == HEAD_FIRST_LINE;
    size_t max = CRLF_BYTES + (is_first ? head->limits.line_bytes : head->limits.field_bytes);
    size_t have = head->bytes.len - head->line_at;
    size_t left = head->limits.head_bytes - head->bytes.len;
    struct span window = span_head(*input, max - have < left ? max - have : left);
    size_t lf = span_find(window, '\n');
    bool is_whole = lf < window.len;
    struct span taken = span_head(window, lf + 1);

    if (input->len == 0) {
        return ERR_AGAIN;
    }
    if (is_first && have == 0) {
        TRY(look_at_first_byte(head, input->ptr[0]));
    }
    TRY(buf_append(&head->bytes, taken));
    *input = span_tail(*input, taken.len);
    if (is_whole) {
        size_t at = head->line_at;

        head->line_at = head->bytes.len;
        return strip_crlf(head, span_tail(buf_span(&head->bytes), at), ret_text);
    }
    if (have + taken.len == max) {
        return refuse_limit(head,
                            is_first ? HTTP1_FAULT_LINE_LENGTH : HTTP1_FAULT_FIELD_LENGTH);
    }
    if (head->bytes.len == head->limits.head_bytes) {
        return refuse_limit(head, HTTP1_FAULT_HEAD_LENGTH);
    }
    return ERR_AGAIN;
}

/* RFC 9112 2.3: HTTP-version = HTTP-name "/" DIGIT "." DIGIT, the name in capitals */
static enum http1_fault read_version(struct span text, uint8_t *ret_minor)
{
    if (text.len != VERSION_BYTES || !span_starts(text, SPAN("HTTP/")) ||
        !http1_char_is_digit(text.ptr[5]) || text.ptr[6] != '.' ||
        !http1_char_is_digit(text.ptr[7])) {
        return HTTP1_FAULT_VERSION;
    }
    if (text.ptr[5] != '1') {
        return HTTP1_FAULT_VERSION_MAJOR;
    }
    /* RFC 9110 2.5: a higher minor version is processed as the highest that we know */
    *ret_minor = text.ptr[7] == '0' ? 0 : 1;
    return HTTP1_FAULT_NONE;
}

/* RFC 9112 3: request-line = method SP request-target SP HTTP-version. A recipient MAY split at
 * any white space; we do not. */
static enum http1_fault read_request_line(struct http1_head *head, struct span line)
{
    size_t space = span_find(line, ' ');
    struct span rest = span_tail(line, space < line.len ? space + 1 : space);
    size_t second = span_find(rest, ' ');

    head->method = span_head(line, space);
    head->target = span_head(rest, second);
    if (head->method.len == 0 || !http1_char_are(head->method, http1_char_is_token)) {
        return HTTP1_FAULT_METHOD;
    }
    if (head->target.len == 0) {
        return HTTP1_FAULT_REQUEST_LINE;
    }
    if (!http1_char_are(head->target, http1_char_is_visible)) {
        return HTTP1_FAULT_TARGET_BYTE;
    }
    if (second == rest.len) { /* as HTTP/0.9 had it */
        return HTTP1_FAULT_NO_VERSION;
    }
    rest = span_tail(rest, second + 1);
    if (rest.len == 0 || span_find(rest, ' ') < rest.len) {
        return HTTP1_FAULT_REQUEST_LINE;
    }
    return read_version(rest, &head->version_minor);
}

/* RFC 9112 4: status-line = HTTP-version SP status-code SP [ reason-phrase ]. The second space
 * is often forgotten when there is no phrase, and nothing can be misread without it. */
static enum http1_fault read_status_line(struct http1_head *head, struct span line)
{
    enum http1_fault fault = read_version(span_head(line, VERSION_BYTES), &head->version_minor);
    const uint8_t *at;

    if (fault != HTTP1_FAULT_NONE) {
        return fault;
    }
    line = span_tail(line, VERSION_BYTES);
    at = line.ptr;
    if (line.len < 4 || at[0] != ' ' || (line.len > 4 && at[4] != ' ') ||
        !http1_char_are(span_of(at + 1, 3), http1_char_is_digit)) {
        return HTTP1_FAULT_STATUS_LINE;
    }
    head->status = (uint16_t)((at[1] - '0') * 100 + (at[2] - '0') * 10 + (at[3] - '0'));
    if (head->status < 100 || head->status > 599) {
        return HTTP1_FAULT_STATUS;
    }
    head->reason = span_tail(line, line.len > 4 ? 5 : 4);
    return http1_char_are(head->reason, http1_char_is_value) ? HTTP1_FAULT_NONE
                                                             : HTTP1_FAULT_STATUS_LINE;
}

static enum http1_fault read_first_line(struct http1_head *head, struct span line)
{
    return head->kind == HTTP1_REQUEST ? read_request_line(head, line)
                                       : read_status_line(head, line);
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t';
}

/* RFC 9112 5: field-line = field-name ":" OWS field-value OWS */
static enum http1_fault read_field(struct span line, bool is_first, struct http1_field *field)
{
    size_t colon = span_find(line, ':');

    if (is_blank(line.ptr[0])) {
        /* RFC 9112 2.2 and 5.2: a server MUST refuse either, or undo it; both have meant two
         * different things to two recipients. */
        return is_first ? HTTP1_FAULT_LEADING_SPACE : HTTP1_FAULT_OBS_FOLD;
    }
    if (colon == line.len) {
        return HTTP1_FAULT_NO_COLON;
    }
    if (colon == 0) {
        return HTTP1_FAULT_NO_NAME;
    }
    /* RFC 9112 5.1: a server MUST reject white space between name and colon with 400 */
    if (is_blank(line.ptr[colon - 1])) {
        return HTTP1_FAULT_SPACE_BEFORE_COLON;
    }
    field->name = span_head(line, colon);
    field->value = span_trim(span_tail(line, colon + 1));
    if (!http1_char_are(field->name, http1_char_is_token)) {
        return HTTP1_FAULT_NAME_BYTE;
    }
    /* RFC 9110 5.5: CR, LF and NUL are dangerous and MUST be refused or replaced; other control
     * bytes are no use to anybody either */
    return http1_char_are(field->value, http1_char_is_value) ? HTTP1_FAULT_NONE
                                                             : HTTP1_FAULT_VALUE_BYTE;
}

static enum err on_first_line(struct http1_head *head, struct span line)
{
    enum http1_fault fault;

    /* RFC 9112 2.2: a server SHOULD ignore at least one empty line before a request */
    if (line.len == 0 && head->kind == HTTP1_REQUEST) {
        if (head->has_skipped) {
            return refuse(head, HTTP1_FAULT_EMPTY_LINE);
        }
        head->has_skipped = true;
        buf_truncate(&head->bytes, 0);
        head->line_at = 0;
        return OK;
    }
    fault = read_first_line(head, line);
    if (fault != HTTP1_FAULT_NONE) {
        return refuse(head, fault);
    }
    head->first_len = head->bytes.len;
    head_move(head, HEAD_FIELDS);
    return OK;
}

static enum err on_field(struct http1_head *head, struct span line)
{
    struct http1_field field;
    enum http1_fault fault;

    if (head->field_count == head->limits.field_count) {
        return refuse_limit(head, HTTP1_FAULT_FIELD_COUNT);
    }
    fault = read_field(line, head->field_count == 0, &field);
    if (fault != HTTP1_FAULT_NONE) {
        return refuse(head, fault);
    }
    head->field_count++;
    return OK;
}

/* The bytes stay where they are from here on: let the spans point at them. */
static enum err cut_up(struct http1_head *head)
{
    struct span rest = span_tail(buf_span(&head->bytes), head->first_len);
    enum http1_fault fault;

    if (head->field_count > 0) {
        head->field_table = calloc(head->field_count, sizeof *head->field_table);
        if (head->field_table == NULL) {
            return ERR_NOMEM;
        }
    }
    fault = read_first_line(head, span_of(head->bytes.ptr, head->first_len - CRLF_BYTES));
    assert(fault == HTTP1_FAULT_NONE);
    for (size_t i = 0; i < head->field_count; i++) {
        size_t lf = span_find(rest, '\n');

        fault = read_field(span_head(rest, lf - 1), i == 0, &head->field_table[i]);
        assert(fault == HTTP1_FAULT_NONE);
        rest = span_tail(rest, lf + 1);
    }
    (void)fault;
    head->fields = (struct http1_fields){head->field_table, head->field_count};
    return OK;
}

static enum err on_line(struct http1_head *head, struct span line)
{
    if (head->state == HEAD_FIRST_LINE) {
        return on_first_line(head, line);
    }
    if (line.len > 0) {
        return on_field(head, line);
    }
    TRY(cut_up(head));
    head_move(head, HEAD_ENDED);
    return OK;
}

enum err http1_head_next(struct http1_head *head, struct span *input)
{
    while (head->state != HEAD_ENDED) {
        struct span line;
        enum err e = collect_line(head, input, &line);

        if (e == OK) {
            e = on_line(head, line);
        }
        if (e == ERR_AGAIN) {
            return e;
        }
        if (e != OK) {
            head->ended = e;
            head_move(head, HEAD_ENDED);
        }
    }
    return head->ended;
}

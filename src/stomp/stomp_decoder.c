/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Lines are checked as they arrive. When the head is complete its bytes move no more: then it
 * is cut into headers, and escapes are undone in place.
 */
#include "stomp/stomp_decoder.h"

#include "base/state.h"
#include "base/text.h"
#include "base/utf8.h"

#include <stdlib.h>

enum {
    EOL_BYTES_MAX = 2,  /* Augmented BNF: EOL = [CR] LF */
    KEEP_BYTES = 16384, /* what one large frame made the buffers grow beyond is given back */
};

enum decoder_state {
    DECODER_BETWEEN, /* no byte of a frame yet */
    DECODER_CR,      /* between frames, and a CR has come */
    DECODER_COMMAND,
    DECODER_HEADERS,
    DECODER_SIZED,     /* a body whose length is known */
    DECODER_UNTIL_NUL, /* a body that ends at the first NUL */
    DECODER_NUL,       /* nothing but the final NUL is left */
    DECODER_ENDED,
    DECODER_STATES,
};

#define TO(name) STATE_BIT(DECODER_##name)

/* clang-format off */
static const struct state_rule rules[DECODER_STATES] = {
    [DECODER_BETWEEN]   = {"between",   TO(CR) | TO(COMMAND) | TO(ENDED)},
    [DECODER_CR]        = {"cr",        TO(BETWEEN) | TO(ENDED)},
    [DECODER_COMMAND]   = {"command",   TO(HEADERS) | TO(ENDED)},
    [DECODER_HEADERS]   = {"headers",   TO(SIZED) | TO(UNTIL_NUL) | TO(NUL) | TO(ENDED)},
    [DECODER_SIZED]     = {"sized",     TO(NUL) | TO(ENDED)},
    [DECODER_UNTIL_NUL] = {"until nul", TO(BETWEEN) | TO(ENDED)},
    [DECODER_NUL]       = {"nul",       TO(BETWEEN) | TO(ENDED)},
    [DECODER_ENDED]     = {"ended",     0},
};
/* clang-format on */

static void decoder_move(struct stomp_decoder *decoder, enum decoder_state next)
{
    bool may_move = state_may_move(rules, decoder->state, next);

    assert(may_move);
    (void)may_move;
    decoder->state = next;
}

static enum err refuse(struct stomp_decoder *decoder, enum stomp_fault fault)
{
    decoder->fault = fault;
    return ERR_PROTO;
}

static enum err refuse_limit(struct stomp_decoder *decoder, enum stomp_fault fault)
{
    decoder->fault = fault;
    return ERR_LIMIT;
}

void stomp_decoder_init(struct stomp_decoder *decoder, const struct stomp_limits *limits)
{
    assert(limits->line_bytes < SIZE_MAX - EOL_BYTES_MAX && limits->body_bytes < SIZE_MAX);
    *decoder = (struct stomp_decoder){
        .limits = *limits, .state = DECODER_BETWEEN, .version = STOMP_VERSION_1_2};
    buf_init(&decoder->head, limits->head_bytes);
    buf_init(&decoder->body, limits->body_bytes);
}

void stomp_decoder_set_version(struct stomp_decoder *decoder, enum stomp_version version)
{
    assert(decoder->state == DECODER_BETWEEN);
    decoder->version = version;
}

void stomp_decoder_fini(struct stomp_decoder *decoder)
{
    buf_fini(&decoder->head);
    buf_fini(&decoder->body);
    free(decoder->table);
    decoder->table = NULL;
    decoder->table_cap = 0;
}

enum stomp_fault stomp_decoder_fault(const struct stomp_decoder *decoder)
{
    return decoder->fault;
}

const struct stomp_frame *stomp_decoder_refused(const struct stomp_decoder *decoder)
{
    bool has_head = decoder->frame.headers != NULL; /* set when it was cut up */

    return decoder->fault != STOMP_FAULT_NONE && has_head ? &decoder->frame : NULL;
}

static void empty(struct buf *buf)
{
    if (buf->cap > KEEP_BYTES) {
        buf_fini(buf);
    } else {
        buf_truncate(buf, 0);
    }
}

static void forget_frame(struct stomp_decoder *decoder)
{
    empty(&decoder->head);
    empty(&decoder->body);
    decoder->frame = (struct stomp_frame){0};
    decoder->line_at = 0;
    decoder->header_count = 0;
    decoder->is_shown = false;
}

/* Augmented BNF: EOL = [CR] LF, and no CR is part of a command or a header; before 1.2 it may
 * be part of one. */
static enum err strip_eol(struct stomp_decoder *decoder, struct span line,
                          struct span *ret_text)
{
    struct span text = span_head(line, line.len - 1);

    if (text.len > 0 && text.ptr[text.len - 1] == '\r') {
        text.len--;
    }
    if (decoder->version == STOMP_VERSION_1_2 && span_find(text, '\r') < text.len) {
        return refuse(decoder, STOMP_FAULT_CR);
    }
    if (text.len > decoder->limits.line_bytes) {
        return refuse_limit(decoder, STOMP_FAULT_LINE_LENGTH);
    }
    *ret_text = text;
    return OK;
}

/* Moves *input into decoder->head up to and with the next LF. */
static enum err collect_line(struct stomp_decoder *decoder, struct span *input,
                             struct span *ret_text)
{
    size_t max = decoder->limits.line_bytes + EOL_BYTES_MAX;
    size_t have = decoder->head.len - decoder->line_at;
    size_t left = decoder->limits.head_bytes - decoder->head.len;
    struct span window = span_head(*input, max - have < left ? max - have : left);
    size_t lf = span_find(window, '\n');
    struct span taken = span_head(window, lf + 1);

    /* A NUL is an octet that the grammar lets stand in a header; where one stands, the sender
     * has forgotten the empty line, and waiting for an LF would be waiting for the next frame.
     */
    if (span_find(taken, '\0') < taken.len) {
        return refuse(decoder, STOMP_FAULT_NUL);
    }
    TRY(buf_append(&decoder->head, taken));
    *input = span_tail(*input, taken.len);
    if (lf < window.len) {
        size_t at = decoder->line_at;

        decoder->line_at = decoder->head.len;
        return strip_eol(decoder, span_tail(buf_span(&decoder->head), at), ret_text);
    }
    if (have + taken.len == max) {
        return refuse_limit(decoder, STOMP_FAULT_LINE_LENGTH);
    }
    if (decoder->head.len == decoder->limits.head_bytes) {
        return refuse_limit(decoder, STOMP_FAULT_HEAD_LENGTH);
    }
    return ERR_AGAIN;
}

/* Value Encoding: undefined escape sequences such as \t MUST be treated as a fatal protocol
 * error */
static bool has_sound_escapes(enum stomp_version version, struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '\\') {
            i++;
            if (i == text.len || stomp_version_unescape(version, text.ptr[i]) == '\0') {
                return false;
            }
        }
    }
    return true;
}

/* In place: undoing an escape only makes the text shorter. */
static struct span unescape(enum stomp_version version, uint8_t *text, size_t len)
{
    size_t to = 0;

    for (size_t from = 0; from < len; from++) {
        uint8_t c = text[from];

        if (c == '\\') {
            from++;
            c = stomp_version_unescape(version, text[from]);
        }
        text[to++] = c;
    }
    return span_of(text, to);
}

/* Value Encoding: CONNECT and CONNECTED alone have none; in 1.0 no frame has. */
static bool has_escapes(const struct stomp_decoder *decoder)
{
    return decoder->version != STOMP_VERSION_1_0 &&
           stomp_command_has_escapes(decoder->frame.command);
}

/* Augmented BNF: header = header-name ":" header-value. The grammar keeps colons out of values,
 * but many clients do not escape them, and after the first colon there is no doubt. */
static enum err on_header(struct stomp_decoder *decoder, struct span line)
{
    size_t colon = span_find(line, ':');

    if (decoder->header_count == decoder->limits.header_count) {
        return refuse_limit(decoder, STOMP_FAULT_HEADER_COUNT);
    }
    if (colon == line.len) {
        return refuse(decoder, STOMP_FAULT_NO_COLON);
    }
    if (colon == 0) {
        return refuse(decoder, STOMP_FAULT_NO_NAME);
    }
    if (!utf8_is_valid(line)) {
        return refuse(decoder, STOMP_FAULT_UTF8);
    }
    if (has_escapes(decoder) && !has_sound_escapes(decoder->version, line)) {
        return refuse(decoder, STOMP_FAULT_ESCAPE);
    }
    decoder->header_count++;
    return OK;
}

static enum err reserve_table(struct stomp_decoder *decoder)
{
    struct stomp_header *table;

    if (decoder->header_count <= decoder->table_cap) {
        return OK;
    }
    table = realloc(decoder->table, decoder->header_count * sizeof *table);
    if (table == NULL) {
        return ERR_NOMEM;
    }
    decoder->table = table;
    decoder->table_cap = decoder->header_count;
    return OK;
}

/* 1.0's examples have a space behind the colon, and its clients followed them. Since 1.1
 * servers MUST never trim; a CONNECT without accept-version is of 1.0 (Protocol Negotiation).
 */
static void trim_values(struct stomp_decoder *decoder)
{
    bool is_old = decoder->version == STOMP_VERSION_1_0 ||
                  (decoder->frame.command == STOMP_CONNECT &&
                   stomp_frame_find(&decoder->frame, SPAN("accept-version")) == NULL);

    for (size_t i = 0; is_old && i < decoder->header_count; i++) {
        decoder->table[i].value = span_trim(decoder->table[i].value);
    }
}

/* All lines have been checked: there is an LF behind each and a colon in it. */
static enum err cut_up(struct stomp_decoder *decoder)
{
    bool is_escaped = has_escapes(decoder);
    uint8_t *at = decoder->head.ptr + decoder->command_len;

    TRY(reserve_table(decoder));
    for (size_t i = 0; i < decoder->header_count; i++) {
        struct stomp_header *header = &decoder->table[i];
        struct span rest = span_of(at, decoder->head.len - (size_t)(at - decoder->head.ptr));
        size_t lf = span_find(rest, '\n');
        size_t len = rest.ptr[lf - 1] == '\r' ? lf - 1 : lf;
        size_t colon = span_find(rest, ':');

        if (is_escaped) {
            header->name = unescape(decoder->version, at, colon);
            header->value = unescape(decoder->version, at + colon + 1, len - colon - 1);
        } else {
            header->name = span_of(at, colon);
            header->value = span_of(at + colon + 1, len - colon - 1);
        }
        at += lf + 1;
    }
    decoder->frame.headers = decoder->table;
    decoder->frame.header_count = decoder->header_count;
    trim_values(decoder);
    return OK;
}

/* Header content-length: that many octets MUST be read, NULs or not, and then a NUL. Body: only
 * SEND, MESSAGE and ERROR may have one, all others MUST NOT. */
static enum err begin_body(struct stomp_decoder *decoder)
{
    const struct stomp_header *header =
        stomp_frame_find(&decoder->frame, SPAN("content-length"));
    bool may_have = stomp_command_has_body(decoder->frame.command);
    uint64_t length = 0;

    if (header != NULL && !text_u64(header->value, UINT64_MAX, &length)) {
        return refuse(decoder, STOMP_FAULT_CONTENT_LENGTH);
    }
    if (!may_have && length > 0) {
        return refuse(decoder, STOMP_FAULT_BODY);
    }
    if (length > decoder->limits.body_bytes) {
        return refuse_limit(decoder, STOMP_FAULT_BODY_LENGTH);
    }
    decoder->body_left = (size_t)length;
    if (may_have && header == NULL) {
        decoder_move(decoder, DECODER_UNTIL_NUL);
    } else {
        decoder_move(decoder, length > 0 ? DECODER_SIZED : DECODER_NUL);
    }
    return OK;
}

static enum err take_line(struct stomp_decoder *decoder, struct span *input)
{
    struct span line;

    TRY(collect_line(decoder, input, &line));
    if (decoder->state == DECODER_COMMAND) {
        if (!stomp_command_find(line, &decoder->frame.command)) {
            return refuse(decoder, STOMP_FAULT_COMMAND);
        }
        decoder->command_len = decoder->head.len;
        decoder_move(decoder, DECODER_HEADERS);
        return OK;
    }
    if (line.len > 0) {
        return on_header(decoder, line);
    }
    TRY(cut_up(decoder));
    return begin_body(decoder);
}

static enum err take_sized(struct stomp_decoder *decoder, struct span *input)
{
    struct span taken = span_head(*input, decoder->body_left);

    TRY(buf_append(&decoder->body, taken));
    *input = span_tail(*input, taken.len);
    decoder->body_left -= taken.len;
    if (decoder->body_left == 0) {
        decoder_move(decoder, DECODER_NUL);
    }
    return OK;
}

static enum err show_frame(struct stomp_decoder *decoder, struct stomp_piece *ret_piece)
{
    decoder->frame.body = buf_span(&decoder->body);
    decoder->is_shown = true;
    *ret_piece = (struct stomp_piece){.type = STOMP_PIECE_FRAME, .frame = decoder->frame};
    decoder_move(decoder, DECODER_BETWEEN);
    return OK;
}

static enum err take_until_nul(struct stomp_decoder *decoder, struct span *input,
                               struct stomp_piece *ret_piece)
{
    size_t room = decoder->limits.body_bytes - decoder->body.len;
    struct span window = span_head(*input, room + 1);
    size_t nul = span_find(window, '\0');

    if (nul > room) {
        return refuse_limit(decoder, STOMP_FAULT_BODY_LENGTH);
    }
    TRY(buf_append(&decoder->body, span_head(window, nul)));
    if (nul == window.len) {
        *input = span_tail(*input, nul);
        return ERR_AGAIN;
    }
    *input = span_tail(*input, nul + 1);
    return show_frame(decoder, ret_piece);
}

static enum err take_nul(struct stomp_decoder *decoder, struct span *input,
                         struct stomp_piece *ret_piece)
{
    if (input->ptr[0] != '\0') {
        return refuse(decoder, stomp_command_has_body(decoder->frame.command)
                                   ? STOMP_FAULT_NO_NUL
                                   : STOMP_FAULT_BODY);
    }
    *input = span_tail(*input, 1);
    return show_frame(decoder, ret_piece);
}

/* Augmented BNF: any number of EOLs may stand behind a frame. Heart-beating: an EOL is also
 * what a sender without a frame to send shows that it is alive with. */
static enum err take_eol(struct stomp_decoder *decoder, struct span *input,
                         struct stomp_piece *ret_piece, bool *ret_has_piece)
{
    uint8_t c = input->ptr[0];

    if (c == '\n') {
        if (decoder->state == DECODER_CR) {
            decoder_move(decoder, DECODER_BETWEEN);
        }
        *ret_piece = (struct stomp_piece){.type = STOMP_PIECE_EOL};
        *ret_has_piece = true;
    } else if (decoder->state == DECODER_CR) {
        return refuse(decoder, STOMP_FAULT_CR);
    } else {
        decoder_move(decoder, c == '\r' ? DECODER_CR : DECODER_COMMAND);
        if (c != '\r') {
            return OK; /* the byte is the command's */
        }
    }
    *input = span_tail(*input, 1);
    return OK;
}

/* One step forward with at least one byte at hand. OK: look at *ret_has_piece, or go on. */
static enum err take(struct stomp_decoder *decoder, struct span *input,
                     struct stomp_piece *ret_piece, bool *ret_has_piece)
{
    switch ((enum decoder_state)decoder->state) {
    case DECODER_BETWEEN:
    case DECODER_CR: return take_eol(decoder, input, ret_piece, ret_has_piece);
    case DECODER_COMMAND:
    case DECODER_HEADERS: return take_line(decoder, input);
    case DECODER_SIZED: return take_sized(decoder, input);
    case DECODER_UNTIL_NUL:
        *ret_has_piece = true;
        return take_until_nul(decoder, input, ret_piece);
    case DECODER_NUL: *ret_has_piece = true; return take_nul(decoder, input, ret_piece);
    case DECODER_ENDED:
    case DECODER_STATES: break;
    }
    return decoder->ended;
}

enum err stomp_decoder_next(struct stomp_decoder *decoder, struct span *input,
                            struct stomp_piece *ret_piece)
{
    if (decoder->is_shown) {
        forget_frame(decoder);
    }
    while (decoder->state != DECODER_ENDED) {
        bool has_piece = false;
        enum err e = ERR_AGAIN;

        if (input->len > 0) {
            e = take(decoder, input, ret_piece, &has_piece);
        }
        if (e == ERR_AGAIN || (e == OK && has_piece)) {
            return e;
        }
        if (e != OK) {
            decoder->ended = e;
            decoder_move(decoder, DECODER_ENDED);
        }
    }
    return decoder->ended;
}

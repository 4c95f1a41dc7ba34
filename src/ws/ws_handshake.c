/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "ws/ws_handshake.h"

#include "base/digest.h"

enum {
    KEY_BYTES = 16
};

struct fault_row {
    unsigned status;
    const char *text;
};

#define X(name, status, section, did) [name] = {status, did " (RFC 6455 " section ")"},
static const struct fault_row rows[] = {WS_HANDSHAKE_FAULTS(X)};
#undef X

unsigned ws_handshake_fault_status(enum ws_handshake_fault fault)
{
    return rows[fault].status;
}

const char *ws_handshake_fault_text(enum ws_handshake_fault fault)
{
    return rows[fault].text;
}

/* RFC 6455 4.2.2: the key "concatenated with the string 258EAFA5-...", "taking the SHA-1 hash
 * of this concatenated value to obtain a 20-byte value and base64-encoding" it. */
enum err ws_handshake_accept_key(struct span key,
                                 char ret_accept[WS_HANDSHAKE_ACCEPT_CHARS + 1])
{
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    uint8_t text[WS_HANDSHAKE_KEY_CHARS + sizeof guid - 1];
    uint8_t sum[DIGEST_SHA1_BYTES];

    assert(key.len == WS_HANDSHAKE_KEY_CHARS);
    memcpy(text, key.ptr, key.len);
    memcpy(text + key.len, guid, sizeof guid - 1);
    TRY(digest_sha1(span_of(text, sizeof text), sum));
    digest_base64(span_of(sum, sizeof sum), ret_accept);
    return OK;
}

/* The next element of a comma-separated list, without white space around it; empty elements
 * are passed over (RFC 9110 5.6.1.2). False at the end. */
static bool next_element(struct span *list, struct span *ret_element)
{
    while (list->len > 0) {
        size_t comma = span_find(*list, ',');
        struct span element = span_trim(span_head(*list, comma));

        *list = span_tail(*list, comma < list->len ? comma + 1 : comma);
        if (element.len > 0) {
            *ret_element = element;
            return true;
        }
    }
    return false;
}

static bool list_has(struct span list, const char *word)
{
    struct span element;

    while (next_element(&list, &element)) {
        if (span_equals_nocase(element, word)) {
            return true;
        }
    }
    return false;
}

/* RFC 6455 4.1: subprotocols are "non-empty strings with characters in the range U+0021 to
 * U+007E not including separator characters as defined in [RFC2616]". */
static bool is_token(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];

        if (c < 0x21 || c > 0x7e || strchr("()<>@,;:\\\"/[]?={}", c) != NULL) {
            return false;
        }
    }
    return text.len > 0;
}

/* Ours, so that what is chosen outlives the message it was named in; empty when it is not in
 * the list. RFC 6455 gives subprotocols no case rule: they are compared as they are. */
static struct span find_protocol(struct ws_handshake_protocols list, struct span name)
{
    for (size_t i = 0; i < list.count; i++) {
        if (span_equal(list.ptr[i], name)) {
            return list.ptr[i];
        }
    }
    return SPAN("");
}

/* Remember a field that may come once. */
static void take_once(struct span *field, struct span value, bool *is_repeated)
{
    *is_repeated = *is_repeated || field->ptr != NULL;
    *field = value.ptr == NULL ? SPAN("") : value;
}

/*
 * The server's side.
 */

void ws_handshake_request_init(struct ws_handshake_request *request, struct span method,
                               bool is_http11, struct ws_handshake_protocols supported)
{
    *request = (struct ws_handshake_request){
        .supported = supported,
        .is_get = span_equals(method, "GET"),
        .is_http11 = is_http11,
    };
}

/* RFC 6455 4.2.2: the subprotocol is "derived from the client's handshake, specifically by
 * selecting one of the values from the |Sec-WebSocket-Protocol| field"; 4.1: they are "ordered
 * by preference". 11.3.4: the field "MAY appear multiple times in an HTTP request (which is
 * logically the same as a single ... header field that contains all values)". */
static void choose_protocol(struct ws_handshake_request *request, struct span list)
{
    struct span name = SPAN("");

    while (next_element(&list, &name)) {
        request->is_bad_list = request->is_bad_list || !is_token(name);
        if (request->protocol.len == 0) {
            request->protocol = find_protocol(request->supported, name);
        }
    }
    /* 4.3: "1#token", one at least. */
    request->is_bad_list = request->is_bad_list || name.len == 0;
}

void ws_handshake_request_field(struct ws_handshake_request *request, struct span name,
                                struct span value)
{
    value = span_trim(value);
    if (span_equals_nocase(name, "Upgrade")) {
        request->has_upgrade = request->has_upgrade || list_has(value, "websocket");
    } else if (span_equals_nocase(name, "Connection")) {
        request->has_connection = request->has_connection || list_has(value, "upgrade");
    } else if (span_equals_nocase(name, "Sec-WebSocket-Protocol")) {
        choose_protocol(request, value);
    } else if (span_equals_nocase(name, "Sec-WebSocket-Extensions") && request->takes_deflate) {
        /* RFC 6455 11.3.2: "MAY appear multiple times in an HTTP request (which is logically
         * the same as a single ... header field that contains all values". */
        ws_deflate_read_offers(value, &request->deflate);
    } else if (span_equals_nocase(name, "Host")) {
        take_once(&request->host, value, &request->is_repeated);
    } else if (span_equals_nocase(name, "Sec-WebSocket-Key")) {
        /* RFC 6455 11.3.1: "MUST NOT appear more than once in an HTTP request". */
        take_once(&request->key, value, &request->is_repeated);
    } else if (span_equals_nocase(name, "Sec-WebSocket-Version")) {
        /* RFC 6455 11.3.5: "MUST NOT appear more than once in an HTTP request". */
        take_once(&request->version, value, &request->is_repeated);
    }
}

/* RFC 6455 4.2.1: "If the server, while reading the handshake, finds that the client did not
 * send a handshake that matches the description below ... the server MUST stop processing the
 * client's handshake and return an HTTP response with an appropriate error code (such as 400
 * Bad Request)." */
enum ws_handshake_fault ws_handshake_request_check(const struct ws_handshake_request *request)
{
    if (!request->is_get) {
        return WS_HANDSHAKE_FAULT_METHOD;
    }
    if (!request->is_http11) { /* 4.2.1: "An HTTP/1.1 or higher GET request" */
        return WS_HANDSHAKE_FAULT_HTTP;
    }
    if (!request->has_upgrade) { /* 4.2.1: "containing the value "websocket", treated as an
                                    ASCII case-insensitive value" */
        return WS_HANDSHAKE_FAULT_UPGRADE;
    }
    if (!request->has_connection) { /* 4.2.1: "that includes the token "Upgrade", treated as an
                                       ASCII case-insensitive value" */
        return WS_HANDSHAKE_FAULT_CONNECTION;
    }
    if (request->is_repeated) {
        return WS_HANDSHAKE_FAULT_REPEATED;
    }
    if (request->host.len == 0) { /* 4.2.1: "containing the server's authority" */
        return WS_HANDSHAKE_FAULT_HOST;
    }
    if (!span_equals(request->version, "13")) { /* 4.2.1: "with a value of 13" */
        return WS_HANDSHAKE_FAULT_VERSION;
    }
    /* 4.2.1: "a base64-encoded value that, when decoded, is 16 bytes in length". */
    if (request->key.len != WS_HANDSHAKE_KEY_CHARS ||
        digest_base64_bytes(request->key) != KEY_BYTES) {
        return WS_HANDSHAKE_FAULT_KEY;
    }
    if (request->is_bad_list) {
        return WS_HANDSHAKE_FAULT_LIST;
    }
    return WS_HANDSHAKE_FAULT_NONE;
}

static bool is_header_lines(struct span lines)
{
    return lines.len == 0 ||
           (lines.len > 2 && span_equals(span_tail(lines, lines.len - 2), "\r\n"));
}

static enum err put_switch(const struct ws_handshake_request *request, const char *accept,
                           struct span extra, struct buf *out)
{
    /* RFC 6455 4.2.2: "If the server chooses to accept the incoming connection, it MUST reply
     * with a valid HTTP response indicating the following." */
    TRY(buf_printf(out,
                   "HTTP/1.1 101 Switching Protocols\r\n"
                   "Upgrade: websocket\r\n"
                   "Connection: Upgrade\r\n"
                   "Sec-WebSocket-Accept: %s\r\n",
                   accept));
    if (request->protocol.len > 0) {
        TRY(buf_printf(out, "Sec-WebSocket-Protocol: %.*s\r\n", SPAN_ARG(request->protocol)));
    }
    if (request->deflate.is_taken) {
        TRY(ws_deflate_put_answer(&request->deflate, out));
    }
    TRY(buf_append(out, extra));
    return buf_append(out, SPAN("\r\n"));
}

enum err ws_handshake_put_switch(const struct ws_handshake_request *request, struct span extra,
                                 struct buf *out)
{
    char accept[WS_HANDSHAKE_ACCEPT_CHARS + 1];
    size_t before = out->len;
    enum err e;

    assert(ws_handshake_request_check(request) == WS_HANDSHAKE_FAULT_NONE);
    assert(is_header_lines(extra));
    TRY(ws_handshake_accept_key(request->key, accept));
    e = put_switch(request, accept, extra, out);
    if (e != OK) {
        buf_truncate(out, before);
    }
    return e;
}

/* The status line and the fields that the status asks for. */
static const char *refusal_head(unsigned status)
{
    switch (status) {
    case 405: /* RFC 9110 15.5.6: "MUST generate an Allow header field" */
        return "HTTP/1.1 405 Method Not Allowed\r\n"
               "Allow: GET\r\n";
    case 426: /* RFC 9110 15.5.22: "MUST send an Upgrade header field"; RFC 6455 4.4: "it MUST
                 respond with a |Sec-WebSocket-Version| header field ... containing all versions
                 it is willing to use" */
        return "HTTP/1.1 426 Upgrade Required\r\n"
               "Upgrade: websocket\r\n"
               "Sec-WebSocket-Version: 13\r\n";
    default: return "HTTP/1.1 400 Bad Request\r\n";
    }
}

enum err ws_handshake_put_refusal(enum ws_handshake_fault fault, struct buf *out)
{
    unsigned status = ws_handshake_fault_status(fault);
    const char *text = ws_handshake_fault_text(fault);
    const char intro[] = "The client ";

    assert(status >= 400);
    return buf_printf(out,
                      "%s"
                      "Connection: %s\r\n"
                      "Content-Type: text/plain\r\n"
                      "Content-Length: %zu\r\n"
                      "\r\n"
                      "%s%s.\n",
                      refusal_head(status), status == 426 ? "Upgrade, close" : "close",
                      sizeof intro - 1 + strlen(text) + 2, intro, text);
}

/*
 * The client's side.
 */

/* Printable ASCII without spaces: what cannot end a line or a word of the request. */
static bool is_one_word(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < 0x21 || text.ptr[i] > 0x7e) {
            return false;
        }
    }
    return true;
}

static bool target_is_valid(const struct ws_handshake_target *target)
{
    /* RFC 6455 3: "Fragment identifiers are meaningless in the context of WebSocket URIs and
     * MUST NOT be used on these URIs." */
    if (target->host.len == 0 || !is_one_word(target->host) ||
        !span_starts(target->path, SPAN("/")) || !is_one_word(target->path) ||
        span_find(target->path, '#') != target->path.len || !is_one_word(target->origin)) {
        return false;
    }
    /* RFC 6455 4.1: "The elements that comprise this value MUST be non-empty strings ... and
     * MUST all be unique strings." */
    for (size_t i = 0; i < target->protocols.count; i++) {
        struct ws_handshake_protocols before = {target->protocols.ptr, i};

        if (!is_token(target->protocols.ptr[i]) ||
            find_protocol(before, target->protocols.ptr[i]).len > 0) {
            return false;
        }
    }
    return true;
}

/* RFC 6455 4.1, "The handshake consists of an HTTP Upgrade request": items 2 to 11. */
static enum err put_request(const struct ws_handshake_target *target, const char *key,
                            struct buf *out)
{
    TRY(buf_printf(out,
                   "GET %.*s HTTP/1.1\r\n"
                   "Host: %.*s\r\n"
                   "Upgrade: websocket\r\n"
                   "Connection: Upgrade\r\n"
                   "Sec-WebSocket-Key: %s\r\n"
                   "Sec-WebSocket-Version: 13\r\n",
                   SPAN_ARG(target->path), SPAN_ARG(target->host), key));
    if (target->origin.len > 0) {
        TRY(buf_printf(out, "Origin: %.*s\r\n", SPAN_ARG(target->origin)));
    }
    for (size_t i = 0; i < target->protocols.count; i++) {
        TRY(buf_printf(out, "%s%.*s", i == 0 ? "Sec-WebSocket-Protocol: " : ", ",
                       SPAN_ARG(target->protocols.ptr[i])));
    }
    if (target->protocols.count > 0) {
        TRY(buf_append(out, SPAN("\r\n")));
    }
    TRY(buf_append(out, target->extra));
    return buf_append(out, SPAN("\r\n"));
}

enum err ws_handshake_put_request(const struct ws_handshake_target *target, struct rng *rng,
                                  struct buf *out, struct ws_handshake_answer *ret_answer)
{
    struct ws_handshake_answer answer = {.offered = target->protocols};
    uint8_t nonce[KEY_BYTES];
    size_t before = out->len;
    enum err e;

    assert(is_header_lines(target->extra));
    if (!target_is_valid(target)) {
        return ERR_CONF;
    }
    /* RFC 6455 4.1: "a nonce consisting of a randomly selected 16-byte value that has been
     * base64-encoded ... The nonce MUST be selected randomly for each connection." */
    rng_fill(rng, mspan_of(nonce, sizeof nonce));
    digest_base64(span_of(nonce, sizeof nonce), answer.key);

    e = put_request(target, answer.key, out);
    if (e != OK) {
        buf_truncate(out, before);
        return e;
    }
    *ret_answer = answer;
    return OK;
}

void ws_handshake_answer_status(struct ws_handshake_answer *answer, unsigned status)
{
    answer->status = status;
}

void ws_handshake_answer_field(struct ws_handshake_answer *answer, struct span name,
                               struct span value)
{
    value = span_trim(value);
    if (span_equals_nocase(name, "Upgrade")) {
        answer->has_upgrade = span_equals_nocase(value, "websocket");
    } else if (span_equals_nocase(name, "Connection")) {
        answer->has_connection = answer->has_connection || list_has(value, "upgrade");
    } else if (span_equals_nocase(name, "Sec-WebSocket-Accept")) {
        /* RFC 6455 11.3.3: "MUST NOT appear more than once in an HTTP response". */
        take_once(&answer->accept, value, &answer->is_repeated);
    } else if (span_equals_nocase(name, "Sec-WebSocket-Extensions")) {
        answer->has_extension = answer->has_extension || value.len > 0;
    } else if (span_equals_nocase(name, "Sec-WebSocket-Protocol")) {
        /* RFC 6455 11.3.4: "MUST NOT appear more than once in an HTTP response". */
        answer->is_repeated = answer->is_repeated || answer->has_protocol;
        answer->has_protocol = true;
        answer->protocol = find_protocol(answer->offered, value);
    }
}

/* RFC 6455 4.1: "the client MUST validate the server's response as follows", items 1 to 6. */
enum err ws_handshake_answer_check(const struct ws_handshake_answer *answer,
                                   enum ws_handshake_fault *ret_fault)
{
    char accept[WS_HANDSHAKE_ACCEPT_CHARS + 1];

    TRY(ws_handshake_accept_key(span_str(answer->key), accept));
    if (answer->status != 101) { /* 1 */
        *ret_fault = WS_HANDSHAKE_FAULT_REFUSED;
    } else if (!answer->has_upgrade) { /* 2 */
        *ret_fault = WS_HANDSHAKE_FAULT_NO_UPGRADE;
    } else if (!answer->has_connection) { /* 3 */
        *ret_fault = WS_HANDSHAKE_FAULT_NO_CONNECT;
    } else if (answer->is_repeated) {
        *ret_fault = WS_HANDSHAKE_FAULT_TWICE;
    } else if (!span_equals(answer->accept, accept)) { /* 4 */
        *ret_fault = WS_HANDSHAKE_FAULT_ACCEPT;
    } else if (answer->has_extension) { /* 5: none was offered */
        *ret_fault = WS_HANDSHAKE_FAULT_EXTENSION;
    } else if (answer->has_protocol && answer->protocol.len == 0) { /* 6 */
        *ret_fault = WS_HANDSHAKE_FAULT_PROTOCOL;
    } else {
        *ret_fault = WS_HANDSHAKE_FAULT_NONE;
    }
    return OK;
}

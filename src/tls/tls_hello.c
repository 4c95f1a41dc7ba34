/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * First the records are taken off: their heads are judged byte by byte, so that a peer who does
 * not speak TLS need not be waited for. The message is read once, when it is whole.
 */
#include "tls/tls_hello.h"

enum {
    RECORD_HANDSHAKE = 22,    /* RFC 8446 5.1: ContentType */
    RECORD_BYTES_MAX = 16384, /* RFC 8446 5.1: "The length MUST NOT exceed 2^14 bytes" */
    VERSION_MAJOR = 3,
    VERSION_MINOR_MAX = 4,

    SSL2_LENGTH_BIT = 0x80, /* of a two-byte record header, RFC 5246 E.2 */
    SSL2_CLIENT_HELLO = 1,
    SSL2_BYTES = 3, /* the header, and the type of the message */

    MESSAGE_HEAD_BYTES = 4, /* RFC 8446 4: HandshakeType, uint24 length */
    MESSAGE_CLIENT_HELLO = 1,

    VERSION_BYTES = 2,
    RANDOM_BYTES = 32,
    SESSION_ID_MAX = 32,

    EXTENSION_SERVER_NAME = 0, /* RFC 6066 1.1 */
    EXTENSION_ALPN = 16,       /* RFC 7301 6 */
    EXTENSION_ECH = 0xfe0d,    /* RFC 9849 */
    NAME_TYPE_HOST = 0,
    LABEL_BYTES_MAX = 63, /* RFC 1035 2.3.4 */
    GREASE_BYTES = 2
};

const char *tls_hello_fault_text(enum tls_hello_fault fault)
{
#define X(name, alert, section, did) [name] = did " (" section ")",
    static const char *const texts[] = {TLS_HELLO_FAULTS(X)};
#undef X

    return fault == TLS_HELLO_FAULT_NONE ? "did nothing wrong" : texts[fault];
}

uint8_t tls_hello_fault_alert(enum tls_hello_fault fault)
{
#define X(name, alert, section, did) [name] = (alert),
    static const uint8_t alerts[] = {TLS_HELLO_FAULTS(X)};
#undef X

    return alerts[fault];
}

void tls_hello_init(struct tls_hello *hello)
{
    *hello = (struct tls_hello){.ended = OK};
    buf_init(&hello->message, MESSAGE_HEAD_BYTES + TLS_HELLO_BYTES_MAX);
}

void tls_hello_fini(struct tls_hello *hello)
{
    buf_fini(&hello->message);
    hello->sni = SPAN("");
    hello->alpn = SPAN("");
}

enum tls_hello_fault tls_hello_fault(const struct tls_hello *hello)
{
    return hello->fault;
}

static enum err refuse(struct tls_hello *hello, enum tls_hello_fault fault)
{
    hello->fault = fault;
    return ERR_PROTO;
}

/* ---- records ---- */

static enum err judge_record_type(struct tls_hello *hello, uint8_t type)
{
    if (type == RECORD_HANDSHAKE) {
        return OK;
    }
    /* RFC 8446 5.1: "If a handshake message is split over two or more records, there MUST NOT
     * be any other records between them." */
    if (hello->message.len > 0) {
        return refuse(hello, TLS_HELLO_FAULT_INTERLEAVED);
    }
    /* Two more bytes will tell an SSL 2.0 hello from what was never meant for us. */
    return (type & SSL2_LENGTH_BIT) != 0 ? OK : refuse(hello, TLS_HELLO_FAULT_NOT_TLS);
}

/* The byte that came last. RFC 8446 5.1: ContentType, legacy_record_version, length. The
 * version "MUST be ignored for all purposes", but one of another major version is no TLS. */
static enum err judge_record_byte(struct tls_hello *hello)
{
    const uint8_t *head = hello->record_head;
    bool is_record = head[0] == RECORD_HANDSHAKE;

    switch (hello->record_head_len) {
    case 1: return judge_record_type(hello, head[0]);
    case 2:
        return !is_record || head[1] == VERSION_MAJOR
                   ? OK
                   : refuse(hello, TLS_HELLO_FAULT_RECORD_VERSION);
    case SSL2_BYTES:
        if (!is_record) {
            return refuse(hello, head[2] == SSL2_CLIENT_HELLO ? TLS_HELLO_FAULT_SSL2
                                                              : TLS_HELLO_FAULT_NOT_TLS);
        }
        return head[2] <= VERSION_MINOR_MAX ? OK
                                            : refuse(hello, TLS_HELLO_FAULT_RECORD_VERSION);
    default: return OK;
    }
}

static enum err read_record_head(struct tls_hello *hello, struct span *input)
{
    unsigned length;

    while (hello->record_head_len < TLS_HELLO_RECORD_HEAD_BYTES) {
        if (input->len == 0) {
            return ERR_AGAIN;
        }
        hello->record_head[hello->record_head_len++] = input->ptr[0];
        *input = span_tail(*input, 1);
        TRY(judge_record_byte(hello));
    }
    length = (unsigned)hello->record_head[3] << 8 | hello->record_head[4];
    /* RFC 8446 5.1: "Implementations MUST NOT send zero-length fragments of Handshake types" */
    if (length == 0) {
        return refuse(hello, TLS_HELLO_FAULT_RECORD_EMPTY);
    }
    if (length > RECORD_BYTES_MAX) {
        return refuse(hello, TLS_HELLO_FAULT_RECORD_LENGTH);
    }
    hello->record_left = (uint16_t)length;
    hello->record_head_len = 0;
    return OK;
}

/* Bytes in the message behind its head, as far as the head says. */
static size_t message_length(const struct tls_hello *hello)
{
    const uint8_t *head = hello->message.ptr;

    return (size_t)head[1] << 16 | (size_t)head[2] << 8 | head[3];
}

/* How many bytes come next: first the head alone, as it says how many follow. */
static size_t message_missing(const struct tls_hello *hello)
{
    size_t have = hello->message.len;

    return have < MESSAGE_HEAD_BYTES ? MESSAGE_HEAD_BYTES - have
                                     : MESSAGE_HEAD_BYTES + message_length(hello) - have;
}

static enum err judge_message_head(struct tls_hello *hello)
{
    if (hello->message.ptr[0] != MESSAGE_CLIENT_HELLO) {
        return refuse(hello, TLS_HELLO_FAULT_MESSAGE);
    }
    if (hello->message.len >= MESSAGE_HEAD_BYTES &&
        message_length(hello) > TLS_HELLO_BYTES_MAX) {
        hello->fault = TLS_HELLO_FAULT_TOO_LONG;
        return ERR_LIMIT;
    }
    return OK;
}

/* OK: some of the message was taken out of the record. */
static enum err read_fragment(struct tls_hello *hello, struct span *input)
{
    struct span part = span_head(span_head(*input, hello->record_left), message_missing(hello));

    if (input->len == 0) {
        return ERR_AGAIN;
    }
    TRY(buf_append(&hello->message, part));
    *input = span_tail(*input, part.len);
    hello->record_left = (uint16_t)(hello->record_left - part.len);
    return judge_message_head(hello);
}

static bool is_whole(const struct tls_hello *hello)
{
    return hello->message.len >= MESSAGE_HEAD_BYTES && message_missing(hello) == 0;
}

static enum err collect_message(struct tls_hello *hello, struct span *input)
{
    while (!is_whole(hello)) {
        if (hello->record_left == 0) {
            TRY(read_record_head(hello, input));
        }
        TRY(read_fragment(hello, input));
    }
    /* RFC 8446 5.1: "because the ClientHello [...] messages can immediately precede a key
     * change, implementations MUST send these messages in alignment with a record boundary" */
    return hello->record_left == 0 ? OK : refuse(hello, TLS_HELLO_FAULT_TRAILING);
}

/* ---- the message ---- */

/* After the first part that is not there everything reads as empty, so that one look at the end
 * is enough. */
struct reader {
    struct span rest;
    bool is_short;
};

static struct span read_bytes(struct reader *in, size_t len)
{
    struct span bytes = span_head(in->rest, len);

    in->is_short = in->is_short || bytes.len < len;
    if (in->is_short) {
        in->rest = SPAN("");
        return in->rest;
    }
    in->rest = span_tail(in->rest, len);
    return bytes;
}

/* RFC 8446 3.3: numbers are in network order */
static size_t read_number(struct reader *in, size_t len)
{
    struct span bytes = read_bytes(in, len);
    size_t number = 0;

    for (size_t i = 0; i < bytes.len; i++) {
        number = number << 8 | bytes.ptr[i];
    }
    return number;
}

/* RFC 8446 3.4: a vector of variable length, behind its length in `len` bytes */
static struct span read_vector(struct reader *in, size_t len)
{
    return read_bytes(in, read_number(in, len));
}

static struct reader reader_of(struct span bytes)
{
    return (struct reader){.rest = bytes};
}

/* The same bytes of the message, to be written over. */
static uint8_t *writable(struct tls_hello *hello, struct span part)
{
    return hello->message.ptr + (part.ptr - hello->message.ptr);
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(uint8_t c)
{
    return span_lower(c) >= 'a' && span_lower(c) <= 'z';
}

static bool is_hex(uint8_t c)
{
    return is_digit(c) || (span_lower(c) >= 'a' && span_lower(c) <= 'f');
}

static bool is_name_byte(uint8_t c)
{
    return is_letter(c) || is_digit(c) || c == '-' || c == '.' || c == '_';
}

static bool are(struct span bytes, bool (*is)(uint8_t c))
{
    for (size_t i = 0; i < bytes.len; i++) {
        if (!is(bytes.ptr[i])) {
            return false;
        }
    }
    return true;
}

static bool is_ipv6_byte(uint8_t c)
{
    return is_hex(c) || c == ':' || c == '.';
}

/* What any reader could take for an address: "192.0.2.1", "2001:db8::1", and as browsers and
 * resolvers do, whatever ends in a number, "127.1" and "0x7f.1". (http1_authority.c refuses the
 * latter; here they are no name, as RFC 6066 section 3 does not permit literals, and clients
 * that send them all the same are better served without.) */
static bool is_literal(struct span name)
{
    size_t start = name.len;
    struct span label;

    if (span_find(name, ':') < name.len) {
        return are(name, is_ipv6_byte);
    }
    while (start > 0 && name.ptr[start - 1] != '.') {
        start--;
    }
    label = span_tail(name, start);
    if (label.len >= 2 && label.ptr[0] == '0' && span_lower(label.ptr[1]) == 'x') {
        return are(span_tail(label, 2), is_hex);
    }
    return label.len > 0 && are(label, is_digit);
}

static bool is_host_name(struct span name)
{
    if (name.len > TLS_HELLO_NAME_MAX || !are(name, is_name_byte)) {
        return false;
    }
    for (;;) {
        size_t dot = span_find(name, '.');

        if (dot == 0 || dot > LABEL_BYTES_MAX) {
            return false;
        }
        if (dot == name.len) {
            return true;
        }
        name = span_tail(name, dot + 1);
    }
}

static enum tls_hello_fault read_host_name(struct tls_hello *hello, struct span name)
{
    uint8_t *at = writable(hello, name);

    /* RFC 6066 3: "without a trailing dot"; one that is there changes nothing about the name */
    if (name.ptr[name.len - 1] == '.') {
        name.len--;
    }
    if (is_literal(name)) {
        return TLS_HELLO_FAULT_NONE;
    }
    if (!is_host_name(name)) {
        return TLS_HELLO_FAULT_SNI_NAME;
    }
    for (size_t i = 0; i < name.len; i++) {
        at[i] = span_lower(at[i]);
    }
    hello->sni = name;
    return TLS_HELLO_FAULT_NONE;
}

/* RFC 6066 3: ServerNameList */
static enum tls_hello_fault read_server_name(struct tls_hello *hello, struct span extension)
{
    struct reader outer = reader_of(extension);
    struct reader list = reader_of(read_vector(&outer, 2));
    struct span host = SPAN("");

    if (outer.is_short || outer.rest.len > 0 || list.rest.len == 0) {
        return TLS_HELLO_FAULT_SNI;
    }
    while (list.rest.len > 0) {
        size_t type = read_number(&list, 1);
        /* "all future data structures associated with new NameTypes MUST begin with a 16-bit
         * length field" */
        struct span name = read_vector(&list, 2);

        if (list.is_short || (type == NAME_TYPE_HOST && name.len == 0)) {
            return TLS_HELLO_FAULT_SNI;
        }
        if (type == NAME_TYPE_HOST) {
            /* "MUST NOT contain more than one name of the same name_type" */
            if (host.len > 0) {
                return TLS_HELLO_FAULT_SNI_TWICE;
            }
            host = name;
        }
    }
    return host.len == 0 ? TLS_HELLO_FAULT_NONE : read_host_name(hello, host);
}

/* RFC 8701 2: the names are {0x0A,0x0A} to {0xFA,0xFA}, the values 0x0A0A to 0xFAFA */
static bool is_grease(struct span name)
{
    return name.len == GREASE_BYTES && name.ptr[0] == name.ptr[1] &&
           (name.ptr[0] & 0x0f) == 0x0a;
}

/* A log line can show it, and a comma is one between two names. */
static uint8_t printable(uint8_t c)
{
    return c > ' ' && c < 0x7f && c != ',' && c != '"' && c != '\\' ? c : '?';
}

/* RFC 7301 3.1: ProtocolNameList. The text is written over the list: a name moves to the front
 * at most, as a comma takes the place of its length. */
static enum tls_hello_fault read_alpn(struct tls_hello *hello, struct span extension)
{
    struct reader outer = reader_of(extension);
    struct reader list = reader_of(read_vector(&outer, 2));
    uint8_t *text = writable(hello, extension);
    size_t len = 0;

    if (outer.is_short || outer.rest.len > 0 || list.rest.len == 0) {
        return TLS_HELLO_FAULT_ALPN;
    }
    while (list.rest.len > 0) {
        struct span name = read_vector(&list, 1);
        size_t comma = len == 0 ? 0 : 1;

        if (list.is_short || name.len == 0) {
            return TLS_HELLO_FAULT_ALPN;
        }
        if (is_grease(name) || len + comma + name.len > TLS_HELLO_ALPN_MAX) {
            continue;
        }
        if (comma > 0) {
            text[len++] = ',';
        }
        for (size_t i = 0; i < name.len; i++) {
            text[len++] = printable(name.ptr[i]);
        }
    }
    hello->alpn = span_of(text, len);
    return TLS_HELLO_FAULT_NONE;
}

/* RFC 8446 4.2: "There MUST NOT be more than one extension of the same type in a given
 * extension block." Of those that are read here, it matters which one the server believes. */
static enum tls_hello_fault read_extensions(struct tls_hello *hello, struct span extensions)
{
    struct reader in = reader_of(extensions);
    bool has_name = false;
    bool has_alpn = false;

    while (in.rest.len > 0) {
        enum tls_hello_fault fault = TLS_HELLO_FAULT_NONE;
        size_t type = read_number(&in, 2);
        struct span extension = read_vector(&in, 2);

        if (in.is_short) {
            return TLS_HELLO_FAULT_EXTENSIONS;
        }
        if ((type == EXTENSION_SERVER_NAME && has_name) ||
            (type == EXTENSION_ALPN && has_alpn) || (type == EXTENSION_ECH && hello->has_ech)) {
            return TLS_HELLO_FAULT_TWICE;
        }
        if (type == EXTENSION_SERVER_NAME) {
            has_name = true;
            fault = read_server_name(hello, extension);
        } else if (type == EXTENSION_ALPN) {
            has_alpn = true;
            fault = read_alpn(hello, extension);
        } else if (type == EXTENSION_ECH) {
            hello->has_ech = true;
        }
        if (fault != TLS_HELLO_FAULT_NONE) {
            return fault;
        }
    }
    return TLS_HELLO_FAULT_NONE;
}

/* RFC 8446 4.1.2: ClientHello. The versions, ciphers and compression methods are the server's.
 */
static enum tls_hello_fault read_message(struct tls_hello *hello)
{
    struct reader in = reader_of(span_tail(buf_span(&hello->message), MESSAGE_HEAD_BYTES));
    struct span session_id, ciphers, compressions, extensions;

    (void)read_bytes(&in, VERSION_BYTES); /* legacy_version */
    (void)read_bytes(&in, RANDOM_BYTES);
    session_id = read_vector(&in, 1);   /* legacy_session_id<0..32> */
    ciphers = read_vector(&in, 2);      /* cipher_suites<2..2^16-2>, of two bytes each */
    compressions = read_vector(&in, 1); /* legacy_compression_methods<1..2^8-1> */
    if (in.is_short || session_id.len > SESSION_ID_MAX || ciphers.len < 2 ||
        ciphers.len % 2 != 0 || compressions.len == 0) {
        return TLS_HELLO_FAULT_BODY;
    }
    /* RFC 5246 7.4.1.2: whether there are extensions is told by whether bytes are left */
    if (in.rest.len == 0) {
        return TLS_HELLO_FAULT_NONE;
    }
    extensions = read_vector(&in, 2);
    if (in.is_short || in.rest.len > 0) {
        return TLS_HELLO_FAULT_EXTENSIONS;
    }
    return read_extensions(hello, extensions);
}

static enum err read_on(struct tls_hello *hello, struct span *input)
{
    enum tls_hello_fault fault;

    TRY(collect_message(hello, input));
    fault = read_message(hello);
    return fault == TLS_HELLO_FAULT_NONE ? OK : refuse(hello, fault);
}

enum err tls_hello_next(struct tls_hello *hello, struct span *input)
{
    enum err e;

    if (hello->is_ended) {
        return hello->ended;
    }
    e = read_on(hello, input);
    if (e != ERR_AGAIN) {
        hello->is_ended = true;
        hello->ended = e;
    }
    return e;
}

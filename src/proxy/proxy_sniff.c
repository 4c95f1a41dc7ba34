/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "proxy/proxy_sniff.h"

#include <stdio.h>

enum {
    METHOD_MAX = 24,      /* bytes: the longest registered one has 17 */
    TLS_ALERT = 0x15,     /* RFC 8446 5.1: record types */
    TLS_HANDSHAKE = 0x16, /* of ClientHello and ServerHello */
    TLS_MAJOR = 0x03,
    TLS_MINOR_MAX = 0x04,
    TLS_CLIENT_HELLO = 0x01, /* RFC 8446 4: handshake type */
    TLS_BYTES = 6,           /* that are looked at */
};

static const char version[] = "HTTP/";
static const char ssh[] = "SSH-";

enum client_place {
    CLIENT_START,
    CLIENT_HELLO,  /* in what looks like a ClientHello */
    CLIENT_METHOD, /* in what looks like a request line */
    CLIENT_TARGET,
    CLIENT_VERSION,
    CLIENT_DONE,
};

enum server_place {
    SERVER_START,
    SERVER_RECORD, /* behind the type of a TLS record */
    SERVER_STATUS, /* in "HTTP/" */
    SERVER_DONE,
};

void proxy_sniff_init(struct proxy_sniff *sniff, unsigned allowed)
{
    *sniff = (struct proxy_sniff){
        .allowed = (uint8_t)(allowed == 0 ? PROXY_SNIFF_ALLOW_ANY : allowed),
    };
}

void proxy_sniff_init_websocket(struct proxy_sniff *sniff)
{
    *sniff = (struct proxy_sniff){
        .allowed = PROXY_SNIFF_ALLOW_ANY,
        .class = PROXY_SNIFF_WEBSOCKET,
        .client = CLIENT_DONE,
        .server = SERVER_DONE,
    };
}

static bool is_upper(uint8_t c)
{
    return c >= 'A' && c <= 'Z';
}

static void decide(struct proxy_sniff *sniff, enum proxy_sniff_class class)
{
    sniff->class = (uint8_t) class;
    sniff->client = CLIENT_DONE;
    if (class == PROXY_SNIFF_OTHER) {
        sniff->server = SERVER_DONE;
    }
}

/* ---- the client's bytes ---- */

static enum client_place after_start(uint8_t c)
{
    return c == TLS_HANDSHAKE ? CLIENT_HELLO : is_upper(c) ? CLIENT_METHOD : CLIENT_DONE;
}

/* RFC 8446 5.1: type, legacy_record_version, length; 4: the type of the handshake message. */
static bool belongs_to_hello(unsigned at, uint8_t c)
{
    return at == 1   ? c == TLS_MAJOR
           : at == 2 ? c <= TLS_MINOR_MAX
           : at == 5 ? c == TLS_CLIENT_HELLO
                     : true;
}

/* "HTTP/" digit "." digit, and the line ends: RFC 9112 2.3. True when `c` may stand there. */
static bool belongs_to_version(unsigned at, uint8_t c)
{
    if (at < sizeof version - 1) {
        return c == (uint8_t)version[at];
    }
    switch (at - (sizeof version - 1)) {
    case 0:
    case 2: return c >= '0' && c <= '9';
    case 1: return c == '.';
    default: return c == '\r' || c == '\n';
    }
}

static void on_client_byte(struct proxy_sniff *sniff, uint8_t c)
{
    bool fits = true;

    switch ((enum client_place)sniff->client) {
    case CLIENT_START:
        sniff->client = (uint8_t)after_start(c);
        sniff->match = 1;
        fits = sniff->client != CLIENT_DONE;
        break;
    case CLIENT_HELLO:
        fits = belongs_to_hello(sniff->match++, c);
        if (fits && sniff->match == TLS_BYTES) {
            decide(sniff, PROXY_SNIFF_TLS);
        }
        break;
    case CLIENT_METHOD:
        fits =
            (is_upper(c) || c == '-' || c == '_' || c == ' ') && sniff->line_len < METHOD_MAX;
        if (c == ' ') {
            sniff->client = CLIENT_TARGET;
        }
        break;
    case CLIENT_TARGET:
        fits = c >= ' ' && c < 0x7f && sniff->line_len < PROXY_SNIFF_LINE_MAX;
        if (c == ' ') {
            sniff->client = CLIENT_VERSION;
            sniff->match = 0;
        }
        break;
    case CLIENT_VERSION:
        fits = belongs_to_version(sniff->match++, c);
        if (fits && c == '\n') {
            sniff->is_request = true;
            sniff->client = CLIENT_DONE;
        } else if (sniff->match > sizeof version + 3) {
            fits = false; /* behind the version and a CR */
        }
        break;
    case CLIENT_DONE: break;
    }
    sniff->line_len++;
    if (!fits) {
        decide(sniff, PROXY_SNIFF_OTHER);
    }
}

/* ---- the server's ---- */

static void on_server_start(struct proxy_sniff *sniff, uint8_t c)
{
    if (sniff->class == PROXY_SNIFF_TLS && (c == TLS_HANDSHAKE || c == TLS_ALERT)) {
        sniff->server = SERVER_RECORD;
    } else if (sniff->is_request && c == (uint8_t)version[0]) {
        sniff->server = SERVER_STATUS;
        sniff->match = 1;
    } else {
        sniff->server_first = sniff->class == PROXY_SNIFF_UNKNOWN && !sniff->is_request;
        decide(sniff, PROXY_SNIFF_OTHER);
    }
}

static void on_server_byte(struct proxy_sniff *sniff, uint8_t c)
{
    switch ((enum server_place)sniff->server) {
    case SERVER_START: on_server_start(sniff, c); break;
    case SERVER_RECORD:
        sniff->server = SERVER_DONE;
        if (c != TLS_MAJOR) {
            decide(sniff, PROXY_SNIFF_OTHER);
        }
        break;
    case SERVER_STATUS:
        if (c != (uint8_t)version[sniff->match++]) {
            decide(sniff, PROXY_SNIFF_OTHER);
        } else if (sniff->match == sizeof version - 1) {
            sniff->server = SERVER_DONE;
        }
        break;
    case SERVER_DONE: break;
    }
}

/* For the sentence in the log alone: whether a side begins with "SSH-" (RFC 4253 4.2). */
static void look_for_ssh(uint8_t *matched, struct span bytes)
{
    for (size_t i = 0; i < bytes.len && *matched < sizeof ssh - 1; i++) {
        *matched = bytes.ptr[i] == (uint8_t)ssh[*matched] ? (uint8_t)(*matched + 1) : UINT8_MAX;
    }
}

void proxy_sniff_bytes(struct proxy_sniff *sniff, enum relay_side side, struct span bytes)
{
    look_for_ssh(&sniff->ssh[side], bytes);
    for (size_t i = 0; i < bytes.len; i++) {
        if (side == RELAY_CLIENT ? sniff->client == CLIENT_DONE
                                 : sniff->server == SERVER_DONE) {
            return;
        }
        if (side == RELAY_CLIENT) {
            on_client_byte(sniff, bytes.ptr[i]);
        } else {
            on_server_byte(sniff, bytes.ptr[i]);
        }
    }
}

void proxy_sniff_upgrade(struct proxy_sniff *sniff, bool is_websocket)
{
    if (!sniff->is_request || sniff->class == PROXY_SNIFF_OTHER) {
        return;
    }
    if (sniff->class == PROXY_SNIFF_WEBSOCKET && !is_websocket) {
        sniff->was_upgrade = true;
    }
    sniff->class = is_websocket ? PROXY_SNIFF_WEBSOCKET : PROXY_SNIFF_HTTP;
}

void proxy_sniff_end(struct proxy_sniff *sniff, enum relay_side side)
{
    if (sniff->class == PROXY_SNIFF_UNKNOWN) {
        decide(sniff, sniff->is_request ? PROXY_SNIFF_HTTP : PROXY_SNIFF_OTHER);
    }
    if (side == RELAY_SERVER && sniff->server != SERVER_DONE &&
        sniff->server != SERVER_START) { /* it said half of what it should */
        decide(sniff, PROXY_SNIFF_OTHER);
    }
}

bool proxy_sniff_may_be_http(const struct proxy_sniff *sniff)
{
    return sniff->class != PROXY_SNIFF_OTHER &&
           (sniff->is_request ||
            (sniff->client >= CLIENT_METHOD && sniff->client <= CLIENT_VERSION));
}

/* ---- what follows from it ---- */

static bool allows(const struct proxy_sniff *sniff, enum proxy_sniff_class class)
{
    return (sniff->allowed & 1u << class) != 0;
}

static enum err verdict_on_request(const struct proxy_sniff *sniff)
{
    const bool both = allows(sniff, PROXY_SNIFF_WEBSOCKET) && allows(sniff, PROXY_SNIFF_HTTP);
    const bool one = allows(sniff, PROXY_SNIFF_WEBSOCKET) || allows(sniff, PROXY_SNIFF_HTTP);

    return both ? OK : one ? ERR_AGAIN : ERR_LIMIT;
}

enum err proxy_sniff_verdict(const struct proxy_sniff *sniff, enum relay_side side)
{
    if (sniff->allowed == PROXY_SNIFF_ALLOW_ANY) {
        return OK;
    }
    if (sniff->class == PROXY_SNIFF_UNKNOWN) {
        return sniff->is_request ? verdict_on_request(sniff) : ERR_AGAIN;
    }
    if (!allows(sniff, sniff->class)) {
        /* The refusal of a handshake may be read by whoever asked; nothing may follow it. */
        return sniff->was_upgrade && side == RELAY_SERVER && sniff->server == SERVER_DONE
                   ? OK
                   : ERR_LIMIT;
    }
    return side == RELAY_SERVER && sniff->server != SERVER_DONE ? ERR_AGAIN : OK;
}

bool proxy_sniff_is_done(const struct proxy_sniff *sniff)
{
    return sniff->class != PROXY_SNIFF_UNKNOWN && sniff->server == SERVER_DONE;
}

static const char *name_what_it_carried(const struct proxy_sniff *sniff)
{
    switch ((enum proxy_sniff_class)sniff->class) {
    case PROXY_SNIFF_WEBSOCKET: return "WebSocket without TLS";
    case PROXY_SNIFF_TLS: return "TLS";
    case PROXY_SNIFF_HTTP: return "plain HTTP";
    case PROXY_SNIFF_OTHER:
        if (sniff->ssh[RELAY_CLIENT] == sizeof ssh - 1 ||
            sniff->ssh[RELAY_SERVER] == sizeof ssh - 1) {
            return "ssh-like bytes";
        }
        return sniff->server_first ? "bytes of a server that speaks first"
                                   : "bytes of an unknown protocol";
    case PROXY_SNIFF_UNKNOWN:
    case PROXY_SNIFF_CLASSES: break;
    }
    return sniff->is_request ? "plain HTTP" : "too little to be told";
}

const char *proxy_sniff_text(const struct proxy_sniff *sniff, char *room)
{
    snprintf(room, PROXY_SNIFF_TEXT_BYTES, "carried %s, TunnelAllow has%s%s%s",
             name_what_it_carried(sniff),
             allows(sniff, PROXY_SNIFF_WEBSOCKET) ? " websocket" : "",
             allows(sniff, PROXY_SNIFF_TLS) ? " tls" : "",
             allows(sniff, PROXY_SNIFF_HTTP) ? " http" : "");
    return room;
}

const char *proxy_sniff_class_name(enum proxy_sniff_class class)
{
    static const char *const names[PROXY_SNIFF_CLASSES] = {
        [PROXY_SNIFF_UNKNOWN] = "unknown", [PROXY_SNIFF_WEBSOCKET] = "websocket",
        [PROXY_SNIFF_TLS] = "tls",         [PROXY_SNIFF_HTTP] = "http",
        [PROXY_SNIFF_OTHER] = "other",
    };

    return names[class];
}

/* ---- TunnelAllow ---- */

static bool read_word(struct span word, unsigned *allowed)
{
    static const struct {
        const char *name;
        unsigned allowed;
    } words[] = {
        {"websocket", PROXY_SNIFF_ALLOW_WEBSOCKET},
        {"tls", PROXY_SNIFF_ALLOW_TLS},
        {"http", PROXY_SNIFF_ALLOW_HTTP},
        {"any", PROXY_SNIFF_ALLOW_ANY},
    };

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (span_equals_nocase(word, words[i].name)) {
            *allowed |= words[i].allowed;
            return true;
        }
    }
    return false;
}

enum err proxy_sniff_read_allow(const struct conf_node *node, const struct conf_apply *apply,
                                unsigned *ret_allowed)
{
    unsigned allowed = 0;

    for (size_t i = 0; i < node->word_count; i++) {
        if (!read_word(node->words[i], &allowed)) {
            diag_error(
                apply->diag, node->file, node->line,
                "TunnelAllow: \"%.*s\" is nothing that a tunnel is known to carry (write "
                "websocket, tls, http, several of them, or any)",
                SPAN_ARG(diag_word(node->words[i])));
            return OK;
        }
    }
    *ret_allowed = allowed;
    return OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "auth/auth_basic.h"

#include "base/digest.h"

enum {
    ROOM_BYTES = sizeof((struct auth_basic *)NULL)->room,
    BASE64_CHARS_MAX = ROOM_BYTES / 3 * 4, /* decoding fills whole groups of three */
};

_Static_assert(ROOM_BYTES % 3 == 0, "the longest credentials and their padding have room");

void auth_basic_wipe(struct auth_basic *basic)
{
    digest_wipe(basic, sizeof *basic);
}

/* RFC 7617 2: user-id and password MUST NOT contain any control characters. Other bytes are
 * as good as any: which charset they are in is not known. */
static bool has_control(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < 0x20 || text.ptr[i] == 0x7f) {
            return true;
        }
    }
    return false;
}

static enum err read_token(struct span token, struct auth_basic *basic)
{
    struct span text;
    size_t colon, len;

    if (token.len == 0 || token.len > BASE64_CHARS_MAX ||
        !digest_base64_decode(token, basic->room, &len)) {
        return ERR_PROTO;
    }
    text = span_of(basic->room, len);
    colon = span_find(text, ':');
    if (colon == len || has_control(text)) {
        return ERR_PROTO;
    }
    /* RFC 7617 2: a user-id containing a colon character is invalid; the first one ends it */
    basic->user = span_head(text, colon);
    basic->password = span_tail(text, colon + 1);
    if (basic->user.len == 0 || basic->user.len > AUTH_BASIC_USER_MAX ||
        basic->password.len > AUTH_BASIC_PASSWORD_MAX) {
        return ERR_PROTO;
    }
    return OK;
}

enum err auth_basic_read(struct span value, struct auth_basic *ret_basic)
{
    size_t space = span_find(value, ' ');
    struct span token = value;
    enum err e;

    if (!span_equals_nocase(span_head(value, space), "Basic")) {
        return ERR_AGAIN;
    }
    /* RFC 9110 11.4: credentials = auth-scheme 1*SP token68 */
    token = span_tail(value, space);
    while (token.len > 0 && token.ptr[0] == ' ') {
        token = span_tail(token, 1);
    }
    e = read_token(token, ret_basic);
    if (e != OK) {
        auth_basic_wipe(ret_basic);
    }
    return e;
}

enum err auth_basic_find(struct http1_fields fields, struct auth_basic *ret_basic)
{
    const struct http1_field *field = http1_fields_find(fields, SPAN("proxy-authorization"));

    if (field == NULL) {
        return ERR_AGAIN;
    }
    if (http1_fields_count(fields, SPAN("proxy-authorization")) > 1) {
        return ERR_PROTO; /* whose would count? */
    }
    return auth_basic_read(field->value, ret_basic);
}

enum err auth_basic_challenge(struct span realm, struct buf *out)
{
    size_t before = out->len;
    enum err e = buf_append(out, SPAN("Basic realm=\""));

    for (size_t i = 0; i < realm.len && e == OK; i++) {
        /* RFC 9110 5.6.4: quoted-pair */
        if (realm.ptr[i] == '"' || realm.ptr[i] == '\\') {
            e = buf_append_byte(out, '\\');
        }
        if (e == OK) {
            e = buf_append_byte(out, realm.ptr[i] < 0x20 ? ' ' : realm.ptr[i]);
        }
    }
    if (e == OK) {
        e = buf_append_byte(out, '"');
    }
    if (e != OK) {
        buf_truncate(out, before);
    }
    return e;
}

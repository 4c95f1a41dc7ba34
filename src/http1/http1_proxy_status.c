/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "http1/http1_proxy_status.h"

#include "http1/http1_char.h"

const char *http1_proxy_status_type(enum http1_proxy_status error)
{
#define X(name, type, status) [name] = type,
    static const char *const types[] = {HTTP1_PROXY_STATUS_TYPES(X)};
#undef X

    return types[error];
}

uint16_t http1_proxy_status_code(enum http1_proxy_status error)
{
#define X(name, type, status) [name] = (status),
    static const uint16_t codes[] = {HTTP1_PROXY_STATUS_TYPES(X)};
#undef X

    return codes[error];
}

/* RFC 8941 3.3.4: sf-token = ( ALPHA / "*" ) *( tchar / ":" / "/" ) */
static bool is_sf_token_byte(uint8_t c)
{
    return http1_char_is_token(c) || c == ':' || c == '/';
}

static bool is_sf_token(struct span text)
{
    return text.len > 0 && (http1_char_is_alpha(text.ptr[0]) || text.ptr[0] == '*') &&
           http1_char_are(text, is_sf_token_byte);
}

/* RFC 8941 3.3.3: printable ASCII in quotes; quote and backslash are escaped */
static enum err put_sf_string(struct buf *out, struct span text)
{
    TRY(buf_append_byte(out, '"'));
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];

        if (c == '"' || c == '\\') {
            TRY(buf_append_byte(out, '\\'));
        }
        TRY(buf_append_byte(out, c >= 0x20 && c < 0x7f ? c : '?'));
    }
    return buf_append_byte(out, '"');
}

/* RFC 9209 2: each member is a token or a string that names the proxy, with parameters */
static enum err put_value(struct buf *out, struct span proxy, enum http1_proxy_status error,
                          struct span details)
{
    TRY(is_sf_token(proxy) ? buf_append(out, proxy) : put_sf_string(out, proxy));
    TRY(buf_append(out, SPAN("; error=")));
    TRY(buf_append(out, span_str(http1_proxy_status_type(error))));
    if (details.len == 0) {
        return OK;
    }
    TRY(buf_append(out, SPAN("; details=")));
    return put_sf_string(out, details);
}

enum err http1_proxy_status_write(struct buf *out, struct span proxy,
                                  enum http1_proxy_status error, struct span details)
{
    size_t start = out->len;
    enum err e = put_value(out, proxy, error, details);

    if (e != OK) {
        buf_truncate(out, start);
    }
    return e;
}

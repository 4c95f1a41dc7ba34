/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "stomp/stomp_version.h"

static const char *const names[] = {
    [STOMP_VERSION_1_0] = "1.0",
    [STOMP_VERSION_1_1] = "1.1",
    [STOMP_VERSION_1_2] = "1.2",
};

const char *stomp_version_name(enum stomp_version version)
{
    return names[version];
}

static bool find(struct span name, enum stomp_version *ret_version)
{
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (span_equals(name, names[i])) {
            *ret_version = (enum stomp_version)i;
            return true;
        }
    }
    return false;
}

bool stomp_version_agree(struct span accepted, enum stomp_version *ret_version)
{
    bool has_one = false;

    while (accepted.len > 0) {
        struct span name = span_head(accepted, span_find(accepted, ','));
        enum stomp_version version;

        /* "the server will respond back with the highest version of the protocol" */
        if (find(span_trim(name), &version) && (!has_one || version > *ret_version)) {
            *ret_version = version;
            has_one = true;
        }
        accepted = span_tail(accepted, name.len + (name.len < accepted.len));
    }
    return has_one;
}

/* One row each: the byte, the letter, and the version that has it first. */
static const struct {
    uint8_t byte;
    uint8_t letter;
    enum stomp_version since;
    const char *text;
} escapes[] = {
    {'\n', 'n', STOMP_VERSION_1_1, "\\n"},
    {':', 'c', STOMP_VERSION_1_1, "\\c"},
    {'\\', '\\', STOMP_VERSION_1_1, "\\\\"},
    {'\r', 'r', STOMP_VERSION_1_2, "\\r"},
};

uint8_t stomp_version_unescape(enum stomp_version version, uint8_t c)
{
    for (size_t i = 0; i < sizeof escapes / sizeof escapes[0]; i++) {
        if (escapes[i].letter == c && version >= escapes[i].since) {
            return escapes[i].byte;
        }
    }
    return '\0';
}

const char *stomp_version_escape(enum stomp_version version, uint8_t c)
{
    for (size_t i = 0; i < sizeof escapes / sizeof escapes[0]; i++) {
        if (escapes[i].byte == c && version >= escapes[i].since) {
            return escapes[i].text;
        }
    }
    return NULL;
}

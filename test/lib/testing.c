/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "lib/testing.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

/* Freed at exit, so that LeakSanitizer speaks only of the code under test. */
static void *kept[4096];
static size_t kept_count;

static void free_kept(void)
{
    while (kept_count > 0) {
        free(kept[--kept_count]);
    }
}

static void *keep(size_t bytes)
{
    void *room = malloc(bytes);

    assert_non_null(room);
    assert_true(kept_count < sizeof kept / sizeof kept[0]);
    if (kept_count == 0) {
        atexit(free_kept);
    }
    kept[kept_count++] = room;
    return room;
}

static unsigned digit_of(char c)
{
    if (c >= '0' && c <= '9') {
        return (unsigned)(c - '0');
    }
    if (c >= 'a' && c <= 'f') {
        return (unsigned)(c - 'a') + 10;
    }
    fail_msg("'%c' in a hex string", c);
    return 0;
}

struct mspan testing_hex(const char *text)
{
    uint8_t *bytes = keep(strlen(text) + 1);
    size_t len = 0;

    while (*text != '\0') {
        if (isspace((unsigned char)*text)) {
            text++;
        } else if (*text == '\'') {
            for (text++; *text != '\''; text++) {
                assert_true(*text != '\0');
                bytes[len++] = (uint8_t)*text;
            }
            text++;
        } else {
            bytes[len++] = (uint8_t)(digit_of(text[0]) * 16 + digit_of(text[1]));
            text += 2;
        }
    }
    return mspan_of(bytes, len);
}

static void print_bytes(const char *label, struct span bytes)
{
    fprintf(stderr, "%s (%zu bytes):", label, bytes.len);
    for (size_t i = 0; i < bytes.len && i < 256; i++) {
        fprintf(stderr, " %02x", bytes.ptr[i]);
    }
    fprintf(stderr, "\n");
}

void testing_assert_bytes(struct span actual, struct span expected, const char *file, int line)
{
    if (!span_equal(actual, expected)) {
        print_bytes("actual", actual);
        print_bytes("expected", expected);
        _fail(file, line);
    }
}

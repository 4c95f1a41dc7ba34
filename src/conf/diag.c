/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "conf/diag.h"

#include "base/utf8.h"

#include <stdarg.h>
#include <stdio.h>

enum {
    MAX_BYTES = 512 * 1024, /* of all messages: more than the maximum number can need */
};

void diag_init(struct diag *diag)
{
    *diag = (struct diag){0};
    arena_init(&diag->arena, MAX_BYTES);
}

void diag_fini(struct diag *diag)
{
    arena_fini(&diag->arena);
    diag->first = NULL;
}

/* The first `max` bytes, without a character cut in two. */
static struct span cut_text(struct span text, size_t max)
{
    size_t len = max;

    if (text.len <= max) {
        return text;
    }
    while (len > 0 && (text.ptr[len] & 0xc0) == 0x80) {
        len--;
    }
    return span_head(text, len);
}

/* Text is for a terminal: no control characters, neither C0 nor C1, and nothing but UTF-8. */
static void make_printable(char *text, size_t len)
{
    bool is_utf8 = utf8_is_valid(span_of(text, len));

    for (size_t i = 0; i < len; i++) {
        uint8_t c = (uint8_t)text[i];
        bool is_c1 = c == 0xc2 && i + 1 < len && (uint8_t)text[i + 1] < 0xa0;

        if (c < 0x20 || c == 0x7f || (c >= 0x80 && !is_utf8)) {
            text[i] = '?';
        } else if (is_c1) {
            text[i] = '?';
            text[++i] = '?';
        }
    }
}

static bool is_same_file(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* The file's messages stand together, by line: find the link that a new one goes into. */
static struct diag_message **find_place(struct diag *diag, struct diag_message *message)
{
    struct diag_message **place = NULL;
    struct diag_message **link = &diag->first;

    for (; *link != NULL; link = &(*link)->next) {
        struct diag_message *other = *link;

        if (!is_same_file(other->file, message->file)) {
            continue;
        }
        if (other->line <= message->line) {
            place = &other->next;
        } else if (place == NULL) {
            place = link;
        }
    }
    return place == NULL ? link : place;
}

static enum err keep_string(struct diag *diag, const char *string, const char **ret_string)
{
    struct span copy;

    TRY(arena_copy(&diag->arena, span_str(string), &copy));
    *ret_string = (const char *)copy.ptr;
    return OK;
}

/* One copy of a file's name serves all its messages. */
static enum err keep_file(struct diag *diag, const char *file, const char **ret_file)
{
    if (file == NULL) {
        *ret_file = NULL;
        return OK;
    }
    for (struct diag_message *other = diag->first; other != NULL; other = other->next) {
        if (is_same_file(other->file, file)) {
            *ret_file = other->file;
            return OK;
        }
    }
    return keep_string(diag, file, ret_file);
}

static enum err keep(struct diag *diag, enum diag_severity severity, const char *file,
                     unsigned line, const char *text)
{
    void *room;
    struct diag_message *message;
    struct diag_message **place;

    TRY(arena_alloc(&diag->arena, sizeof *message, &room));
    message = room;
    message->severity = severity;
    message->line = line;
    TRY(keep_file(diag, file, &message->file));
    TRY(keep_string(diag, text, &message->text));

    place = find_place(diag, message);
    message->next = *place;
    *place = message;
    return OK;
}

static void say(struct diag *diag, enum diag_severity severity, const char *file, unsigned line,
                const char *format, va_list args) __attribute__((format(printf, 5, 0)));

static void say(struct diag *diag, enum diag_severity severity, const char *file, unsigned line,
                const char *format, va_list args)
{
    char text[DIAG_MAX_TEXT + 1];
    struct span whole;
    int len;

    if (diag == NULL) {
        return;
    }
    len = vsnprintf(text, sizeof text, format, args);
    whole = span_of(text, len < 0 ? 0 : strlen(text));
    if ((size_t)len >= sizeof text) {
        /* The last character may be cut: look for its beginning one byte before the end. */
        whole = cut_text(whole, whole.len - 1);
    }
    text[whole.len] = '\0';
    make_printable(text, whole.len);

    diag->counts[severity]++;
    if (diag->counts[severity] > DIAG_MAX_MESSAGES ||
        keep(diag, severity, file, line, text) != OK) {
        diag->is_lossy = true;
    }
}

void diag_error(struct diag *diag, const char *file, unsigned line, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    say(diag, DIAG_ERROR, file, line, format, args);
    va_end(args);
}

void diag_warn(struct diag *diag, const char *file, unsigned line, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    say(diag, DIAG_WARNING, file, line, format, args);
    va_end(args);
}

void diag_note(struct diag *diag, const char *file, unsigned line, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    say(diag, DIAG_NOTE, file, line, format, args);
    va_end(args);
}

size_t diag_count(const struct diag *diag, enum diag_severity severity)
{
    return diag->counts[severity];
}

const struct diag_message *diag_next(const struct diag *diag,
                                     const struct diag_message *message)
{
    return message == NULL ? diag->first : message->next;
}

const char *diag_format(const struct diag_message *message, char *room, size_t room_bytes)
{
    static const char *const words[DIAG_SEVERITIES] = {
        [DIAG_ERROR] = "",
        [DIAG_WARNING] = "warning: ",
        [DIAG_NOTE] = "note: ",
    };
    const char *word = words[message->severity];

    if (message->file == NULL) {
        snprintf(room, room_bytes, "%s%s", word, message->text);
    } else if (message->line == 0) {
        snprintf(room, room_bytes, "%s: %s%s", message->file, word, message->text);
    } else {
        snprintf(room, room_bytes, "%s:%u: %s%s", message->file, message->line, word,
                 message->text);
    }
    return room;
}

struct span diag_word(struct span word)
{
    return cut_text(word, DIAG_MAX_WORD);
}

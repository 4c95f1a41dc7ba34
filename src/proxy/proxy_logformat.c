/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "proxy/proxy_logformat.h"

#include "proxy/proxy_accesslog.h"
#include "proxy/proxy_logformat_items.h"
#include "proxy/proxy_logformat_json.h"
#include "proxy/proxy_logformat_out.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    ITEM_BYTES_MAX = 1024, /* what one item may write: one long field must not hide the rest */
};

#define COMMON   "%h %l %u %t \"%r\" %>s %b"
#define COMBINED COMMON " \"%{Referer}i\" \"%{User-Agent}i\""

const char proxy_logformat_default[] = COMBINED "%{known}x";

const char *proxy_logformat_builtin(struct span nickname)
{
    static const struct {
        const char *nickname;
        const char *text;
    } builtins[] = {
        {"common", COMMON},
        {"combined", COMBINED},
        {"wayleave", proxy_logformat_default},
        {"json", "json"},
    };

    for (size_t i = 0; i < sizeof builtins / sizeof builtins[0]; i++) {
        if (span_equals(nickname, builtins[i].nickname)) {
            return builtins[i].text;
        }
    }
    return NULL;
}

/* ---- compiling ---- */

static enum err add_item(struct proxy_logformat *format,
                         const struct proxy_logformat_item *item, char *fault)
{
    if (format->count == PROXY_LOGFORMAT_ITEMS_MAX) {
        snprintf(fault, PROXY_LOGFORMAT_FAULT_BYTES,
                 "the format has more than %d parts (use two CustomLogs)",
                 PROXY_LOGFORMAT_ITEMS_MAX);
        return ERR_CONF;
    }
    format->items[format->count++] = *item;
    return OK;
}

static enum err add_literal(struct proxy_logformat *format, struct span text, char *fault)
{
    const struct proxy_logformat_item item = {.put = proxy_logformat_items_literal,
                                              .arg = text};

    return text.len == 0 ? OK : add_item(format, &item, fault);
}

/* "400,501" or "!200,304" behind the percent sign. Moves *text behind it. */
static enum err read_statuses(struct span *text, struct proxy_logformat_item *item, char *fault)
{
    unsigned status = 0;

    while (text->len > 0) {
        const uint8_t c = text->ptr[0];

        if (c >= '0' && c <= '9' && status < 1000) {
            status = status * 10 + (unsigned)(c - '0');
        } else if (status != 0) {
            if (item->status_count == PROXY_LOGFORMAT_STATUSES_MAX || status < 100 ||
                status > 599) {
                snprintf(fault, PROXY_LOGFORMAT_FAULT_BYTES,
                         "behind %% stand at most %d statuses from 100 to 599",
                         PROXY_LOGFORMAT_STATUSES_MAX);
                return ERR_CONF;
            }
            item->statuses[item->status_count++] = (uint16_t)status;
            status = 0;
            continue; /* with the same byte */
        } else if (c == '!') {
            item->excludes = true;
        } else if (c != ',' && c != '<' && c != '>') {
            return OK;
        }
        *text = span_tail(*text, 1);
    }
    return OK;
}

/* What stands behind a percent sign; moves *text behind it. */
static enum err read_item(struct span *text, struct proxy_logformat *format, char *fault)
{
    struct proxy_logformat_item item = {.put = NULL};
    bool has_arg = false;

    TRY(read_statuses(text, &item, fault));
    if (text->len > 0 && text->ptr[0] == '{') {
        size_t end = span_find(*text, '}');

        has_arg = true;
        if (end == text->len) {
            snprintf(fault, PROXY_LOGFORMAT_FAULT_BYTES, "%%{ has no } behind it");
            return ERR_CONF;
        }
        item.arg = span_tail(span_head(*text, end), 1);
        *text = span_tail(*text, end + 1);
        TRY(read_statuses(text, &item, fault)); /* "%{Referer}>i", as httpd reads it */
    }
    if (text->len == 0) {
        snprintf(fault, PROXY_LOGFORMAT_FAULT_BYTES,
                 "%% stands at the end (write %%%% for a percent sign)");
        return ERR_CONF;
    }
    TRY(proxy_logformat_items_find(text->ptr[0], has_arg, &item, fault));
    *text = span_tail(*text, 1);
    return add_item(format, &item, fault);
}

/* httpd's \n, \r and \t; another backslash stands for itself. Moves *text behind it. */
static enum err read_backslash(struct span *text, struct proxy_logformat *format, char *fault)
{
    static const struct span lf = SPAN_INIT("\n");
    static const struct span cr = SPAN_INIT("\r");
    static const struct span tab = SPAN_INIT("\t");
    const uint8_t c = text->len > 1 ? text->ptr[1] : 0;
    struct span literal = c == 'n' ? lf : c == 'r' ? cr : c == 't' ? tab : span_head(*text, 1);

    *text = span_tail(*text, literal.ptr == text->ptr ? 1 : 2);
    return add_literal(format, literal, fault);
}

static size_t literal_len(struct span text)
{
    size_t percent = span_find(text, '%');
    size_t backslash = span_find(text, '\\');

    return percent < backslash ? percent : backslash;
}

enum err proxy_logformat_compile(struct span text, struct proxy_logformat *ret_format,
                                 char fault[PROXY_LOGFORMAT_FAULT_BYTES])
{
    static const struct proxy_logformat_item json = {.put = proxy_logformat_json_put};

    ret_format->count = 0;
    if (span_equals(text, "json")) {
        return add_item(ret_format, &json, fault);
    }
    while (text.len > 0) {
        size_t len = literal_len(text);

        TRY(add_literal(ret_format, span_head(text, len), fault));
        text = span_tail(text, len);
        if (text.len > 0 && text.ptr[0] == '%') {
            text = span_tail(text, 1);
            TRY(read_item(&text, ret_format, fault));
        } else if (text.len > 0) {
            TRY(read_backslash(&text, ret_format, fault));
        }
    }
    return OK;
}

/* ---- writing ---- */

static bool has_status(const struct proxy_logformat_item *item, uint16_t status)
{
    for (size_t i = 0; i < item->status_count; i++) {
        if (item->statuses[i] == status) {
            return true;
        }
    }
    return false;
}

size_t proxy_logformat_write(const struct proxy_logformat *format,
                             const struct proxy_logformat_line *line, struct mspan room)
{
    struct proxy_logformat_out out = {.ptr = room.ptr};
    const size_t max = room.len - 1; /* for the LF */

    assert(room.len >= 2);
    for (size_t i = 0; i < format->count; i++) {
        const struct proxy_logformat_item *item = &format->items[i];
        const bool is_whole = item->put == proxy_logformat_json_put;

        out.cap = is_whole || max - out.len < ITEM_BYTES_MAX ? max : out.len + ITEM_BYTES_MAX;
        out.is_cut = false;
        if (is_whole && max - out.len < 2) {
            break;
        }
        if (item->status_count > 0 && has_status(item, line->entry->status) == item->excludes) {
            proxy_logformat_out_text(&out, "-");
        } else {
            item->put(line, item, &out);
        }
    }
    out.ptr[out.len++] = '\n';
    return out.len;
}

/* ---- fields that outlive their head ---- */

static void add_name(struct proxy_logformat_names *names, struct span name)
{
    for (size_t i = 0; i < names->count; i++) {
        if (span_equal_nocase(names->names[i], name)) {
            return;
        }
    }
    if (names->count < PROXY_LOGFORMAT_NAMES_MAX) {
        names->names[names->count++] = name;
    }
}

void proxy_logformat_add_names(const struct proxy_logformat *format,
                               struct proxy_logformat_names *names)
{
    for (size_t i = 0; i < format->count; i++) {
        if (format->items[i].put == proxy_logformat_json_put) {
            add_name(names, SPAN("Referer"));
            add_name(names, SPAN("User-Agent"));
        } else if (proxy_logformat_items_is_request_field(&format->items[i])) {
            add_name(names, format->items[i].arg);
        }
    }
}

struct proxy_logformat_kept *proxy_logformat_keep(const struct proxy_logformat_names *names,
                                                  struct http1_fields fields)
{
    const struct http1_field *found[PROXY_LOGFORMAT_NAMES_MAX];
    struct proxy_logformat_kept *kept;
    struct http1_field *table;
    size_t count = 0;
    size_t bytes = 0;
    uint8_t *text;

    for (size_t i = 0; i < names->count; i++) {
        const struct http1_field *field = http1_fields_find(fields, names->names[i]);

        if (field != NULL) {
            found[count++] = field;
            bytes += field->name.len + span_head(field->value, PROXY_LOGFORMAT_VALUE_MAX).len;
        }
    }
    kept = count == 0 ? NULL : malloc(sizeof *kept + count * sizeof *table + bytes);
    if (kept == NULL) {
        return NULL;
    }
    table = (struct http1_field *)(void *)(kept + 1);
    text = (uint8_t *)(table + count);
    for (size_t i = 0; i < count; i++) {
        struct span value = span_head(found[i]->value, PROXY_LOGFORMAT_VALUE_MAX);

        table[i].name = span_of(text, found[i]->name.len);
        memcpy(text, found[i]->name.ptr, found[i]->name.len);
        text += found[i]->name.len;
        table[i].value = span_of(text, value.len);
        memcpy(text, value.ptr, value.len);
        text += value.len;
    }
    kept->fields = (struct http1_fields){table, count};
    return kept;
}

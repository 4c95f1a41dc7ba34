/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "conf/conf_manual.h"

#include "conf/conf_value.h"

#include <stdio.h>

enum {
    MAX_DEPTH = 4,  /* of sections in sections; some hold themselves */
    MAX_PLACES = 8, /* sections that one row may stand in */
};

/* A row that is printed once, however many sections hold it. */
struct entry {
    const struct directive *row;
    size_t chapter;
};

struct printer {
    const struct conf_manual *manual;
    const struct style *style;
    struct buf *out;
    struct entry entries[CONF_MANUAL_MAX_ROWS];
    size_t count;
};

/* What the two formats differ in. */
struct style {
    enum err (*begin)(struct printer *printer);
    enum err (*chapter)(struct printer *printer, const struct conf_manual_chapter *chapter);
    enum err (*row)(struct printer *printer, const struct directive *row);
    enum err (*excuse)(struct printer *printer, const struct directive *row, bool is_first);
    enum err (*text)(struct buf *out, struct span text);
};

/* ---- which rows ---- */

static bool is_excuse(const struct directive *row)
{
    return row->type >= CONF_IGNORED;
}

static bool is_taken(const struct printer *printer, const struct directive *row)
{
    for (size_t i = 0; i < printer->count; i++) {
        const struct directive *other = printer->entries[i].row;

        if (other == row || (is_excuse(row) && strcmp(other->name, row->name) == 0 &&
                             conf_schema_is_section(other) == conf_schema_is_section(row))) {
            return true;
        }
    }
    return false;
}

static enum err collect(struct printer *printer, const struct directive *rows, size_t chapter,
                        int depth)
{
    for (const struct directive *row = rows; row->name != NULL; row++) {
        if (!is_taken(printer, row)) {
            if (printer->count == CONF_MANUAL_MAX_ROWS) {
                return ERR_LIMIT;
            }
            printer->entries[printer->count++] = (struct entry){row, chapter};
        }
        if (row->inner != NULL && row->inner != rows && depth < MAX_DEPTH) {
            TRY(collect(printer, row->inner, chapter, depth + 1));
        }
    }
    return OK;
}

/* ---- what is said of a row ---- */

/* "ProxyTimeout duration", "<Proxy pattern>" */
static void print_syntax(const struct directive *row, char *room, size_t room_bytes)
{
    static const char *const forms[] = {
        [CONF_SWITCH] = "On|Off",
        [CONF_NUMBER] = "number",
        [CONF_DURATION] = "duration",
        [CONF_SIZE] = "size",
        [CONF_TEXT] = "text",
        [CONF_PATH] = "file",
        [CONF_PORTS] = "port[-port] ...",
        [CONF_REFUSED] = NULL,
    };
    const char *form = row->form != NULL ? row->form : forms[row->type];
    const char *open = conf_schema_is_section(row) ? "<" : "";
    const char *close = conf_schema_is_section(row) ? ">" : "";
    size_t used;

    if (row->type != CONF_CHOICE || row->form != NULL) {
        snprintf(room, room_bytes, "%s%s%s%s%s", open, row->name,
                 form == NULL || form[0] == '\0' ? "" : " ", form == NULL ? "" : form, close);
        return;
    }
    used = (size_t)snprintf(room, room_bytes, "%s ", row->name);
    for (const struct conf_choice *choice = row->choices;
         choice->name != NULL && used < room_bytes; choice++) {
        used += (size_t)snprintf(room + used, room_bytes - used, "%s%s",
                                 choice == row->choices ? "" : "|", choice->name);
    }
}

/* "server level and inside <Proxy>" */
static void print_places(const struct printer *printer, const struct directive *row, char *room,
                         size_t room_bytes)
{
    const char *places[MAX_PLACES];
    size_t count = 0;
    size_t used = 0;

    if (row->where == UINT32_MAX) {
        snprintf(room, room_bytes, "anywhere");
        return;
    }
    for (size_t i = 0; i < printer->count && count < MAX_PLACES; i++) {
        const struct directive *section = printer->entries[i].row;
        bool is_known = false;

        for (size_t j = 0; j < count; j++) {
            is_known = is_known || strcmp(places[j], section->name) == 0;
        }
        if (section->type == CONF_SECTION && (section->opens & row->where) != 0 && !is_known) {
            places[count++] = section->name;
        }
    }
    if ((row->where & printer->manual->server) != 0) {
        used += (size_t)snprintf(room, room_bytes, "server level%s", count > 0 ? ", " : "");
    }
    for (size_t i = 0; i < count && used < room_bytes; i++) {
        used += (size_t)snprintf(room + used, room_bytes - used, "%s<%s>", i == 0 ? "" : ", ",
                                 places[i]);
    }
}

struct facts {
    char syntax[CONF_VALUE_MAX_FORM];
    char bounds[CONF_VALUE_MAX_FORM];
    char places[CONF_VALUE_MAX_FORM];
    const char *initial; /* "none" when there is none to speak of */
    const char *owner;
};

static void gather(const struct printer *printer, const struct directive *row,
                   struct facts *ret_facts)
{
    bool has_value = row->type < CONF_CUSTOM;

    print_syntax(row, ret_facts->syntax, sizeof ret_facts->syntax);
    ret_facts->bounds[0] = '\0';
    if (has_value) {
        conf_value_bounds(row, ret_facts->bounds);
    }
    print_places(printer, row, ret_facts->places, sizeof ret_facts->places);
    ret_facts->initial = row->initial != NULL ? row->initial : has_value ? "none" : NULL;
    ret_facts->owner = row->ours ? "Wayleave's own" : "Apache httpd's";
}

/* A text in paragraphs, which empty lines part; each goes to `put`. */
static enum err put_paragraphs(struct printer *printer, const char *text, const char *gap)
{
    struct span rest = span_str(text);

    while (rest.len > 0) {
        const uint8_t *end = memmem(rest.ptr, rest.len, "\n\n", 2);
        size_t len = end == NULL ? rest.len : (size_t)(end - rest.ptr);

        TRY(buf_append(printer->out, span_str(gap)));
        TRY(printer->style->text(printer->out, span_head(rest, len)));
        TRY(buf_append_byte(printer->out, '\n'));
        rest = span_tail(rest, end == NULL ? len : len + 2);
    }
    return OK;
}

/* ---- Markdown ---- */

static enum err put_markdown(struct buf *out, struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (memchr("\\<>*_|`[]#", text.ptr[i], 10) != NULL) {
            TRY(buf_append_byte(out, '\\'));
        }
        TRY(buf_append_byte(out, text.ptr[i]));
    }
    return OK;
}

static enum err begin_markdown(struct printer *printer)
{
    return buf_append(printer->out,
                      SPAN("<!-- Printed by `wayleave config --manual markdown` from the rows "
                           "in the source; tool/manual.mjs writes it. -->\n\n# Directives\n"));
}

static enum err put_markdown_chapter(struct printer *printer,
                                     const struct conf_manual_chapter *chapter)
{
    TRY(buf_append(printer->out, SPAN("\n## ")));
    TRY(put_markdown(printer->out, span_str(chapter->title)));
    TRY(buf_append_byte(printer->out, '\n'));
    return put_paragraphs(printer, chapter->intro, "\n");
}

static enum err put_markdown_fact(struct buf *out, const char *label, const char *text)
{
    if (text == NULL || text[0] == '\0') {
        return OK;
    }
    TRY(buf_printf(out, "- %s: ", label));
    TRY(put_markdown(out, span_str(text)));
    return buf_append_byte(out, '\n');
}

static enum err put_markdown_row(struct printer *printer, const struct directive *row)
{
    struct buf *out = printer->out;
    struct facts facts;

    gather(printer, row, &facts);
    TRY(buf_append(out, SPAN("\n### ")));
    TRY(put_markdown(out, span_str(row->name)));
    TRY(buf_printf(out, "\n\n`%s`\n", facts.syntax));
    TRY(put_paragraphs(printer, row->help, "\n"));
    TRY(put_paragraphs(printer, row->more, "\n"));
    TRY(buf_append_byte(out, '\n'));
    TRY(put_markdown_fact(out, "Default", facts.initial));
    TRY(put_markdown_fact(out, "Bounds", facts.bounds));
    TRY(put_markdown_fact(out, "Where", facts.places));
    return put_markdown_fact(out, "Whose", facts.owner);
}

static enum err put_markdown_excuse(struct printer *printer, const struct directive *row,
                                    bool is_first)
{
    struct buf *out = printer->out;

    if (is_first) {
        TRY(buf_append(out, SPAN("\n| directive | | why, and what instead |\n"
                                 "| --- | --- | --- |\n")));
    }
    TRY(buf_printf(out, "| `%s%s%s` | %s | ", row->section ? "<" : "", row->name,
                   row->section ? ">" : "", row->type == CONF_REFUSED ? "refused" : "ignored"));
    TRY(put_markdown(out, span_str(row->help)));
    return buf_append(out, SPAN(" |\n"));
}

/* ---- man page ---- */

static enum err put_man(struct buf *out, struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        bool begins_line = i == 0 || text.ptr[i - 1] == '\n';

        if (begins_line && (c == '.' || c == '\'')) {
            TRY(buf_append(out, SPAN("\\&")));
        }
        if (c == '\\') {
            TRY(buf_append(out, SPAN("\\e")));
        } else if (c == '-') {
            TRY(buf_append(out, SPAN("\\-")));
        } else {
            TRY(buf_append_byte(out, c));
        }
    }
    return OK;
}

static enum err begin_man(struct printer *printer)
{
    return buf_append(
        printer->out,
        SPAN(
            ".\\\" Printed by `wayleave config --manual man` from the rows in the source.\n"
            ".TH WAYLEAVE\\-DIRECTIVES 5 \"\" \"Wayleave\" \"File formats\"\n"
            ".SH NAME\nwayleave\\-directives \\- the directives of a Wayleave configuration\n"));
}

/* In capitals, as man pages have it. */
static enum err put_man_chapter(struct printer *printer,
                                const struct conf_manual_chapter *chapter)
{
    TRY(buf_append(printer->out, SPAN(".SH \"")));
    for (const char *at = chapter->title; *at != '\0'; at++) {
        uint8_t c = (uint8_t)*at;
        bool is_small = c >= 'a' && c <= 'z';

        TRY(buf_append_byte(printer->out, is_small ? (uint8_t)(c - ('a' - 'A')) : c));
    }
    TRY(buf_append(printer->out, SPAN("\"\n")));
    return put_paragraphs(printer, chapter->intro, ".PP\n");
}

static enum err put_man_fact(struct buf *out, const char *label, const char *text)
{
    if (text == NULL || text[0] == '\0') {
        return OK;
    }
    TRY(buf_printf(out, ".br\n%s: ", label));
    TRY(put_man(out, span_str(text)));
    return buf_append_byte(out, '\n');
}

static enum err put_man_row(struct printer *printer, const struct directive *row)
{
    struct buf *out = printer->out;
    struct facts facts;

    gather(printer, row, &facts);
    TRY(buf_append(out, SPAN(".TP\n\\fB")));
    TRY(put_man(out, span_str(facts.syntax)));
    TRY(buf_append(out, SPAN("\\fR\n")));
    TRY(put_paragraphs(printer, row->help, ""));
    TRY(put_paragraphs(printer, row->more, ".IP\n"));
    TRY(put_man_fact(out, "Default", facts.initial));
    TRY(put_man_fact(out, "Bounds", facts.bounds));
    TRY(put_man_fact(out, "Where", facts.places));
    return put_man_fact(out, "Whose", facts.owner);
}

static enum err put_man_excuse(struct printer *printer, const struct directive *row,
                               bool is_first)
{
    struct buf *out = printer->out;

    (void)is_first;
    TRY(buf_printf(out, ".TP\n\\fB%s%s%s\\fR (%s)\n", row->section ? "<" : "", row->name,
                   row->section ? ">" : "", row->type == CONF_REFUSED ? "refused" : "ignored"));
    TRY(put_man(out, span_str(row->help)));
    return buf_append_byte(out, '\n');
}

/* ---- */

static const struct style styles[] = {
    [CONF_MANUAL_MARKDOWN] = {begin_markdown, put_markdown_chapter, put_markdown_row,
                              put_markdown_excuse, put_markdown},
    [CONF_MANUAL_MAN] = {begin_man, put_man_chapter, put_man_row, put_man_excuse, put_man},
};

static enum err print_chapter(struct printer *printer, size_t chapter)
{
    bool is_first = true;

    TRY(printer->style->chapter(printer, &printer->manual->chapters[chapter]));
    for (size_t i = 0; i < printer->count; i++) {
        const struct entry *entry = &printer->entries[i];

        if (entry->chapter == chapter && !is_excuse(entry->row)) {
            TRY(printer->style->row(printer, entry->row));
        }
    }
    for (size_t i = 0; i < printer->count; i++) {
        const struct entry *entry = &printer->entries[i];

        if (entry->chapter == chapter && is_excuse(entry->row)) {
            TRY(printer->style->excuse(printer, entry->row, is_first));
            is_first = false;
        }
    }
    return OK;
}

enum err conf_manual_print(const struct conf_manual *manual, enum conf_manual_format format,
                           struct buf *out)
{
    struct printer printer = {.manual = manual, .style = &styles[format], .out = out};

    for (size_t i = 0; i < manual->chapter_count; i++) {
        TRY(collect(&printer, manual->chapters[i].rows, i, 0));
    }
    TRY(printer.style->begin(&printer));
    for (size_t i = 0; i < manual->chapter_count; i++) {
        TRY(print_chapter(&printer, i));
    }
    return OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "conf/conf_lex.h"

enum {
    END = -1, /* of the logical line, or of what is readable in it */
};

void conf_lex_init(struct conf_lex *lex, struct span text, const char *file, struct diag *diag)
{
    const struct span mark = SPAN("\xef\xbb\xbf");

    /* Member by member: the two arrays need no clearing. */
    lex->text = text;
    lex->file = file;
    lex->diag = diag;
    lex->vars = NULL;
    lex->value = SPAN("");
    lex->literal_end = 0;
    lex->at = span_starts(text, mark) ? mark.len : 0;
    lex->line_start = lex->at;
    lex->line = 1;
}

/* How many bytes the line end at `at` takes; 0 when there is none. */
static size_t line_end_at(const struct conf_lex *lex, size_t at)
{
    const uint8_t *ptr = lex->text.ptr;
    size_t left = lex->text.len - at;

    if (left > 0 && ptr[at] == '\n') {
        return 1;
    }
    if (left > 0 && ptr[at] == '\r') {
        return left == 1 ? 1 : ptr[at + 1] == '\n' ? 2 : 0;
    }
    return 0;
}

static void next_physical_line(struct conf_lex *lex, size_t end_bytes)
{
    lex->at += end_bytes;
    lex->line++;
    lex->line_start = lex->at;
}

/* Step over backslashes at line ends: what follows belongs to the line in hand. */
static void join_lines(struct conf_lex *lex)
{
    while (lex->at < lex->text.len && lex->text.ptr[lex->at] == '\\') {
        size_t end = line_end_at(lex, lex->at + 1);

        if (end == 0) {
            return;
        }
        next_physical_line(lex, 1 + end);
    }
}

static bool is_control(uint8_t c)
{
    return (c < 0x20 && c != '\t') || c == 0x7f;
}

static void refuse_control(struct conf_lex *lex, uint8_t c)
{
    diag_error(lex->diag, lex->file, lex->line,
               "byte 0x%02x cannot stand in a configuration (remove it; is this a text file?)",
               c);
    lex->has_fault = true;
}

/* How many bytes "${NAME}" takes at `at`; 0 when there is none. It ends with its line. */
static size_t variable_at(const struct conf_lex *lex, size_t at)
{
    struct span rest = span_tail(lex->text, at);

    if (!span_starts(rest, SPAN("${"))) {
        return 0;
    }
    for (size_t i = 2; i < rest.len && line_end_at(lex, at + i) == 0; i++) {
        if (rest.ptr[i] == '}') {
            return i + 1;
        }
    }
    return 0;
}

/* At "${NAME}": its value comes next. Without one it is text, and is not searched again. */
static void expand_variable(struct conf_lex *lex)
{
    size_t len = variable_at(lex, lex->at);
    struct span name;

    if (len == 0) {
        return;
    }
    name = span_of(lex->text.ptr + lex->at + 2, len - 3);
    if (conf_vars_find(lex->vars, name, &lex->value)) {
        lex->at += len;
        return;
    }
    lex->value = SPAN("");
    lex->literal_end = lex->at + len;
    if (span_find(name, ':') == name.len) { /* else it is some directive's own, as in httpd */
        diag_warn(lex->diag, lex->file, lex->line,
                  "${%.*s} is not defined; understood as these very characters (write Define "
                  "%.*s and its value before it)",
                  SPAN_ARG(diag_word(name)), SPAN_ARG(diag_word(name)));
    }
}

/* The byte at hand, or END. Behind a fault there is nothing more to read in a line. */
static int peek(struct conf_lex *lex)
{
    size_t before;
    uint8_t c;

    if (lex->has_fault) {
        return END;
    }
    do {
        before = lex->at;
        if (lex->value.len > 0) {
            break;
        }
        join_lines(lex);
        if (lex->vars != NULL && lex->at >= lex->literal_end) {
            expand_variable(lex);
        }
    } while (lex->at != before); /* a value may be empty, and another variable behind it */

    if (lex->value.len == 0 && (lex->at == lex->text.len || line_end_at(lex, lex->at) > 0)) {
        return END;
    }
    c = lex->value.len > 0 ? lex->value.ptr[0] : lex->text.ptr[lex->at];
    if (is_control(c)) {
        refuse_control(lex, c);
        return END;
    }
    return c;
}

/* Past the byte that peek() has shown. */
static void step(struct conf_lex *lex)
{
    if (lex->value.len > 0) {
        lex->value = span_tail(lex->value, 1);
    } else {
        lex->at++;
    }
    lex->line_bytes++;
    if (lex->line_bytes > CONF_LEX_MAX_LINE_BYTES && !lex->has_fault) {
        diag_error(lex->diag, lex->file, lex->line,
                   "the line has more than %d bytes (split it into several directives)",
                   CONF_LEX_MAX_LINE_BYTES);
        lex->has_fault = true;
    }
}

static bool is_space(int c)
{
    return c == ' ' || c == '\t';
}

static void skip_spaces(struct conf_lex *lex)
{
    while (is_space(peek(lex))) {
        step(lex);
    }
}

/* A word is never longer than its line, which step() has measured. */
static void put(struct conf_lex *lex, int c)
{
    assert(lex->used < sizeof lex->room);
    lex->room[lex->used++] = (uint8_t)c;
}

/* The byte at hand goes into the word; a backslash may quote the one behind it. */
static void take_byte(struct conf_lex *lex, int quote)
{
    int c = peek(lex);

    step(lex);
    if (c == '\\') {
        int quoted = peek(lex);

        if (quoted == '\\' || (quote != END && quoted == quote)) {
            c = quoted;
            step(lex);
        }
    }
    if (!lex->has_fault) {
        put(lex, c);
    }
}

static void read_quoted(struct conf_lex *lex, int quote)
{
    size_t start = lex->used;
    unsigned line = lex->line;

    step(lex);
    while (peek(lex) != END && peek(lex) != quote) {
        take_byte(lex, quote);
    }
    if (peek(lex) == quote) {
        step(lex);
    } else if (!lex->has_fault) {
        struct span word = span_of(lex->room + start, lex->used - start);

        diag_error(lex->diag, lex->file, line,
                   "the quote before \"%.*s\" is never closed (write another %c where the "
                   "word ends)",
                   SPAN_ARG(diag_word(word)), quote);
        lex->has_fault = true;
    }
}

static void read_bare(struct conf_lex *lex)
{
    while (peek(lex) != END && !is_space(peek(lex))) {
        take_byte(lex, END);
    }
}

static void read_word(struct conf_lex *lex)
{
    size_t start = lex->used;
    int c = peek(lex);

    if (lex->word_count == CONF_LEX_MAX_WORDS) {
        diag_error(lex->diag, lex->file, lex->line,
                   "the line has more than %d words (split it into several directives)",
                   CONF_LEX_MAX_WORDS);
        lex->has_fault = true;
        return;
    }
    lex->is_quoted = c == '"' || c == '\'';
    if (lex->is_quoted) {
        read_quoted(lex, c);
    } else {
        read_bare(lex);
    }
    lex->words[lex->word_count++] = span_of(lex->room + start, lex->used - start);
}

/* A comment is raw: no quotes and no continuation. It leaves the line at its end. */
static void read_comment(struct conf_lex *lex)
{
    size_t start = lex->at + 1;

    while (lex->at < lex->text.len && line_end_at(lex, lex->at) == 0) {
        uint8_t c = lex->text.ptr[lex->at];

        if (is_control(c)) {
            refuse_control(lex, c);
            return;
        }
        lex->at++;
    }
    lex->comment = span_of(lex->text.ptr + start, lex->at - start);
    if (lex->comment.len > 0 && lex->text.ptr[lex->at - 1] == '\\') {
        diag_warn(lex->diag, lex->file, lex->line,
                  "the comment ends in a backslash; understood as ending with its line, though "
                  "httpd would add the next line to it (remove the backslash)");
    }
    lex->comment = span_trim(lex->comment);
}

static void read_words(struct conf_lex *lex)
{
    for (skip_spaces(lex); peek(lex) != END; skip_spaces(lex)) {
        if (peek(lex) == '#' && lex->value.len == 0) {
            read_comment(lex);
            return;
        }
        read_word(lex);
    }
}

/* "<", "</" or nothing: they decide what kind of line it is. */
static void read_type(struct conf_lex *lex)
{
    lex->type = CONF_LINE_DIRECTIVE;
    if (peek(lex) == '<') {
        lex->type = CONF_LINE_OPEN;
        step(lex);
        if (peek(lex) == '/') {
            lex->type = CONF_LINE_CLOSE;
            step(lex);
        }
    }
}

static void refuse(struct conf_lex *lex, unsigned line, const char *sentence)
{
    diag_error(lex->diag, lex->file, line, "%s", sentence);
    lex->has_fault = true;
}

/* The last word of a section's line ends in the ">" that closes the bracket. */
static void strip_bracket(struct conf_lex *lex, unsigned line)
{
    struct span *last = lex->word_count == 0 ? NULL : &lex->words[lex->word_count - 1];

    if (last == NULL || lex->is_quoted || last->len == 0 || last->ptr[last->len - 1] != '>') {
        refuse(lex, line, "a section's line must end with > (write <Name argument>)");
        return;
    }
    last->len--;
    if (last->len == 0) {
        lex->word_count--;
    }
    if (lex->type == CONF_LINE_CLOSE && lex->word_count > 1) {
        struct span name = diag_word(lex->words[0]);

        diag_error(lex->diag, lex->file, line, "</%.*s> takes no argument (write </%.*s>)",
                   SPAN_ARG(name), SPAN_ARG(name));
        lex->has_fault = true;
    }
}

/* Faulty or not, the line is over: past its end. */
static void leave_line(struct conf_lex *lex)
{
    size_t end = 0;

    lex->value = SPAN("");
    for (join_lines(lex); lex->at < lex->text.len; join_lines(lex)) {
        end = line_end_at(lex, lex->at);
        if (end > 0) {
            next_physical_line(lex, end);
            return;
        }
        lex->at++;
    }
}

/* One logical line; *ret_line is complete when it has words and no fault. */
static void read_line(struct conf_lex *lex, struct conf_line *ret_line)
{
    unsigned line;

    lex->used = 0;
    lex->line_bytes = 0;
    lex->word_count = 0;
    lex->has_fault = false;
    lex->comment = SPAN("");

    skip_spaces(lex);
    line = lex->line;
    read_type(lex);
    *ret_line = (struct conf_line){
        .type = lex->type,
        .line = line,
        .column = (unsigned)(lex->at - lex->line_start) + 1,
    };
    read_words(lex);
    if (lex->type != CONF_LINE_DIRECTIVE && !lex->has_fault) {
        strip_bracket(lex, line);
    }
    if (!lex->has_fault && lex->word_count == 0 && lex->type != CONF_LINE_DIRECTIVE) {
        refuse(lex, line, "a section needs a name (write <Name argument>)");
    }
    if (!lex->has_fault && lex->word_count > 0 && lex->words[0].len == 0) {
        refuse(lex, line, "the name of the directive is empty (write it without quotes)");
    }
    leave_line(lex);
}

enum err conf_lex_next(struct conf_lex *lex, struct conf_line *ret_line)
{
    if (lex->text.len > CONF_LEX_MAX_FILE_BYTES) {
        diag_error(lex->diag, lex->file, 0, "has more than %d bytes (is it the right file?)",
                   CONF_LEX_MAX_FILE_BYTES);
        lex->text = SPAN("");
        lex->at = 0;
        lex->type = CONF_LINE_DIRECTIVE;
        return ERR_CONF;
    }
    while (lex->at < lex->text.len) {
        struct conf_line line;

        read_line(lex, &line);
        if (lex->has_fault) {
            return ERR_CONF;
        }
        if (lex->word_count > 0) {
            line.name = lex->words[0];
            line.words = lex->words + 1;
            line.word_count = lex->word_count - 1;
            line.comment = lex->comment;
            *ret_line = line;
            return OK;
        }
    }
    return ERR_AGAIN;
}

/* Letters, digits and what never means anything to the reader. */
static bool is_plain(struct span word)
{
    static const char plain[] = "._:/*,=@+-%!?()[]";

    for (size_t i = 0; i < word.len; i++) {
        uint8_t c = word.ptr[i];
        bool is_word = span_lower(c) >= 'a' && span_lower(c) <= 'z';

        if (!is_word && !(c >= '0' && c <= '9') && memchr(plain, c, sizeof plain - 1) == NULL) {
            return false;
        }
    }
    return word.len > 0;
}

enum err conf_lex_put(struct span word, struct buf *out)
{
    if (is_plain(word)) {
        return buf_append(out, word);
    }
    TRY(buf_append_byte(out, '"'));
    for (size_t i = 0; i < word.len; i++) {
        uint8_t c = word.ptr[i];
        uint8_t next = i + 1 < word.len ? word.ptr[i + 1] : '"';

        if (c == '"' || (c == '\\' && (next == '\\' || next == '"'))) {
            TRY(buf_append_byte(out, '\\'));
        }
        if (c == '$' && next == '{') {
            TRY(buf_append(out, SPAN("${" CONF_LEX_DOLLAR "}")));
        } else {
            TRY(buf_append_byte(out, c));
        }
    }
    return buf_append_byte(out, '"');
}

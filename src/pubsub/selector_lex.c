/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "pubsub/selector_lex.h"

#include "base/text.h"
#include "pubsub/dict_number.h"

static enum err refuse(struct selector_fault *ret_fault, enum selector_fault_reason reason,
                       size_t at)
{
    *ret_fault = (struct selector_fault){reason, at};
    return ERR_PROTO;
}

/* The byte at `at`; 0, which is no word's, behind the end. */
static uint8_t byte_at(struct span text, size_t at)
{
    return at < text.len ? text.ptr[at] : 0;
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/* ---- names ---- */

/* Characters that look like a space or like nothing, and come along when text is copied from a
 * page: as part of a name they would make a selector that silently never matches. */
static bool is_blank_character(struct span rest)
{
    static const struct span blanks[] = {
        SPAN_INIT("\xc2\xa0"),     /* U+00A0 no-break space */
        SPAN_INIT("\xe2\x80\xa8"), /* U+2028 line separator */
        SPAN_INIT("\xe2\x80\xa9"), /* U+2029 paragraph separator */
        SPAN_INIT("\xe2\x80\xaf"), /* U+202F narrow no-break space */
        SPAN_INIT("\xe2\x81\xa0"), /* U+2060 word joiner */
        SPAN_INIT("\xe3\x80\x80"), /* U+3000 ideographic space */
        SPAN_INIT("\xef\xbb\xbf"), /* U+FEFF byte order mark */
    };

    for (size_t i = 0; i < sizeof blanks / sizeof blanks[0]; i++) {
        if (span_starts(rest, blanks[i])) {
            return true;
        }
    }
    /* U+2000 to U+200F: typographic spaces, joiners, directions */
    return span_starts(rest, SPAN("\xe2\x80")) && byte_at(rest, 2) <= 0x8f;
}

/* "an unlimited-length character sequence that must begin with a Java identifier start
 * character": letters, _ and $; beyond ASCII whatever can be seen is taken for a letter. */
static bool is_name_at(struct span text, size_t at)
{
    uint8_t c = byte_at(text, at);
    uint8_t lower = span_lower(c);

    if (c >= 0x80) {
        return !is_blank_character(span_tail(text, at));
    }
    return (lower >= 'a' && lower <= 'z') || c == '_' || c == '$';
}

static size_t name_end(struct span text, size_t at)
{
    while (is_name_at(text, at) || is_digit(byte_at(text, at))) {
        at++;
        while (byte_at(text, at) >= 0x80 && byte_at(text, at) < 0xc0) {
            at++; /* the rest of one character */
        }
    }
    return at;
}

/* "Identifiers cannot be NOT, AND, OR, BETWEEN, LIKE, IN, IS, or ESCAPE", nor NULL, TRUE,
 * FALSE. */
static enum selector_lex_type word_type(struct span word)
{
    static const struct {
        const char *word;
        enum selector_lex_type type;
    } reserved[] = {
        {"and", SELECTOR_LEX_AND},       {"between", SELECTOR_LEX_BETWEEN},
        {"escape", SELECTOR_LEX_ESCAPE}, {"false", SELECTOR_LEX_FALSE},
        {"in", SELECTOR_LEX_IN},         {"is", SELECTOR_LEX_IS},
        {"like", SELECTOR_LEX_LIKE},     {"not", SELECTOR_LEX_NOT},
        {"null", SELECTOR_LEX_NULL},     {"or", SELECTOR_LEX_OR},
        {"true", SELECTOR_LEX_TRUE},
    };

    for (size_t i = 0; i < sizeof reserved / sizeof reserved[0]; i++) {
        if (span_equals_nocase(word, reserved[i].word)) {
            return reserved[i].type;
        }
    }
    return SELECTOR_LEX_NAME;
}

/* ---- quotes ---- */

static enum err read_quoted(struct selector_lex *lex, struct selector_fault *ret_fault,
                            struct selector_lex_token *token)
{
    uint8_t quote = lex->text.ptr[token->at];
    bool is_name = quote == '"';
    size_t begin = token->at + 1;
    size_t at = begin;

    while (byte_at(lex->text, at) != quote || byte_at(lex->text, at + 1) == quote) {
        if (at == lex->text.len) {
            return refuse(ret_fault, is_name ? SELECTOR_FAULT_NAME : SELECTOR_FAULT_STRING,
                          token->at);
        }
        at += byte_at(lex->text, at) == quote ? 2 : 1;
    }
    if (is_name && at == begin) {
        return refuse(ret_fault, SELECTOR_FAULT_NAME, token->at);
    }
    token->type = is_name ? SELECTOR_LEX_QUOTED : SELECTOR_LEX_STRING;
    token->text = span_of(lex->text.ptr + begin, at - begin);
    lex->at = at + 1;
    return OK;
}

size_t selector_lex_unquote(const struct selector_lex_token *token, uint8_t *room)
{
    uint8_t quote = token->type == SELECTOR_LEX_QUOTED ? '"' : '\'';
    size_t len = 0;

    for (size_t at = 0; at < token->text.len; at++) {
        room[len++] = token->text.ptr[at];
        at += token->text.ptr[at] == quote;
    }
    return len;
}

/* ---- numbers ---- */

/* How far the number goes: digits and letters, a point, a sign behind an exponent's E. */
static size_t number_end(struct span text, size_t begin)
{
    bool is_hex = byte_at(text, begin) == '0' && span_lower(byte_at(text, begin + 1)) == 'x';
    size_t at = begin;

    while (is_digit(byte_at(text, at)) || is_name_at(text, at) || byte_at(text, at) == '.' ||
           (!is_hex && at > begin && span_lower(byte_at(text, at - 1)) == 'e' &&
            (byte_at(text, at) == '+' || byte_at(text, at) == '-'))) {
        at++;
    }
    return at;
}

/* In base 8 or 16. */
static enum selector_fault_reason read_digits(struct span digits, unsigned base,
                                              uint64_t *ret_number)
{
    uint64_t number = 0;

    for (size_t i = 0; i < digits.len; i++) {
        uint8_t c = span_lower(digits.ptr[i]);
        unsigned digit = is_digit(c) ? c - '0' + 0u : c >= 'a' && c <= 'f' ? c - 'a' + 10u : 99;

        if (digit >= base) {
            return is_digit(c) ? SELECTOR_FAULT_OCTAL : SELECTOR_FAULT_NUMBER;
        }
        if (number > (UINT64_MAX - digit) / base) {
            return SELECTOR_FAULT_RANGE;
        }
        number = number * base + digit;
    }
    *ret_number = number;
    return digits.len > 0 ? SELECTOR_FAULT_NONE : SELECTOR_FAULT_NUMBER;
}

static bool is_all_digits(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (!is_digit(text.ptr[i])) {
            return false;
        }
    }
    return text.len > 0;
}

static bool ends_in(struct span text, const char *letters)
{
    uint8_t last = text.len == 0 ? 0 : span_lower(text.ptr[text.len - 1]);

    return last != 0 && strchr(letters, last) != NULL;
}

/* "Exact numeric literals use the Java integer literal syntax": 0x1F, 017, 57, each also with
 * an L, which is gone here. */
static enum selector_fault_reason read_integer(struct span text, uint64_t *ret_number)
{
    enum selector_fault_reason reason;

    if (span_starts(text, SPAN("0x")) || span_starts(text, SPAN("0X"))) {
        reason = read_digits(span_tail(text, 2), 16, ret_number);
    } else if (text.len > 1 && text.ptr[0] == '0') {
        reason = read_digits(span_tail(text, 1), 8, ret_number);
    } else {
        reason =
            text_u64(text, UINT64_MAX, ret_number) ? SELECTOR_FAULT_NONE : SELECTOR_FAULT_RANGE;
    }
    if (reason == SELECTOR_FAULT_NONE && *ret_number > (uint64_t)INT64_MAX + 1) {
        return SELECTOR_FAULT_RANGE;
    }
    return reason;
}

/* "Approximate literals use the Java floating-point literal syntax": 7E3, -57.9E2, 7., .5,
 * 2f */
static enum selector_fault_reason read_real(struct span text, double *ret_number)
{
    text.len -= ends_in(text, "fd") ? 1 : 0;
    if (!dict_number_is_decimal(text)) {
        return SELECTOR_FAULT_NUMBER;
    }
    return dict_number_real(text, ret_number) ? SELECTOR_FAULT_NONE : SELECTOR_FAULT_RANGE;
}

static enum err read_number(struct selector_lex *lex, struct selector_fault *ret_fault,
                            struct selector_lex_token *token)
{
    size_t end = number_end(lex->text, token->at);
    struct span text = span_of(lex->text.ptr + token->at, end - token->at);
    struct span digits = text;
    enum selector_fault_reason reason;

    digits.len -= ends_in(digits, "l") ? 1 : 0;
    if (is_all_digits(digits) || span_starts(text, SPAN("0x")) ||
        span_starts(text, SPAN("0X"))) {
        token->type = SELECTOR_LEX_INTEGER;
        reason = read_integer(digits, &token->integer);
    } else {
        token->type = SELECTOR_LEX_REAL;
        reason = read_real(text, &token->real);
    }
    token->text = text;
    lex->at = end;
    return reason == SELECTOR_FAULT_NONE ? OK : refuse(ret_fault, reason, token->at);
}

/* ---- all of them ---- */

/* One or two characters that are an operator; 0 when they are none. */
static size_t operator_at(struct span text, size_t at, enum selector_lex_type *ret_type)
{
    static const struct {
        struct span text;
        enum selector_lex_type type;
    } operators[] = {
        /* the longer ones first */
        {SPAN_INIT("<>"), SELECTOR_LEX_DIFFERENT},
        {SPAN_INIT("<="), SELECTOR_LEX_AT_MOST},
        {SPAN_INIT(">="), SELECTOR_LEX_AT_LEAST},
        {SPAN_INIT("="), SELECTOR_LEX_EQUAL},
        {SPAN_INIT("<"), SELECTOR_LEX_LESS},
        {SPAN_INIT(">"), SELECTOR_LEX_MORE},
        {SPAN_INIT("."), SELECTOR_LEX_DOT},
        {SPAN_INIT(","), SELECTOR_LEX_COMMA},
        {SPAN_INIT("+"), SELECTOR_LEX_PLUS},
        {SPAN_INIT("-"), SELECTOR_LEX_MINUS},
        {SPAN_INIT("*"), SELECTOR_LEX_TIMES},
        {SPAN_INIT("/"), SELECTOR_LEX_DIVIDE},
        {SPAN_INIT("["), SELECTOR_LEX_BRACKET_OPEN},
        {SPAN_INIT("]"), SELECTOR_LEX_BRACKET_CLOSE},
        {SPAN_INIT("("), SELECTOR_LEX_PAREN_OPEN},
        {SPAN_INIT(")"), SELECTOR_LEX_PAREN_CLOSE},
    };
    struct span rest = span_tail(text, at);

    for (size_t i = 0; i < sizeof operators / sizeof operators[0]; i++) {
        if (span_starts(rest, operators[i].text)) {
            *ret_type = operators[i].type;
            return operators[i].text.len;
        }
    }
    return 0;
}

/* What neither begins a name, nor a number, nor a text. */
static enum err read_operator(struct selector_lex *lex, struct selector_fault *ret_fault,
                              struct selector_lex_token *token)
{
    struct span rest = span_tail(lex->text, token->at);
    size_t len = operator_at(lex->text, token->at, &token->type);

    if (span_starts(rest, SPAN("==")) || span_starts(rest, SPAN("!="))) {
        return refuse(ret_fault, SELECTOR_FAULT_EQUALS, token->at);
    }
    if (len == 0) {
        return refuse(ret_fault, SELECTOR_FAULT_CHARACTER, token->at);
    }
    token->text = span_head(rest, len);
    lex->at += len;
    return OK;
}

/* JMS 1.1 section 3.8.1.1: "space, horizontal tab, form feed and line terminator". */
static size_t skip_space(struct span text, size_t at)
{
    uint8_t c = byte_at(text, at);

    while (c == ' ' || c == '\t' || c == '\f' || c == '\n' || c == '\r') {
        c = byte_at(text, ++at);
    }
    return at;
}

enum err selector_lex_next(struct selector_lex *lex, struct selector_fault *ret_fault,
                           struct selector_lex_token *ret_token)
{
    size_t at = skip_space(lex->text, lex->at);
    struct selector_lex_token token = {.type = SELECTOR_LEX_END, .at = at};
    uint8_t c = byte_at(lex->text, at);

    lex->at = at;
    if (at == lex->text.len) {
        *ret_token = token;
        return OK;
    }
    if (c == '\'' || c == '"') {
        TRY(read_quoted(lex, ret_fault, &token));
    } else if (is_digit(c) || (c == '.' && is_digit(byte_at(lex->text, at + 1)))) {
        TRY(read_number(lex, ret_fault, &token));
    } else if (is_name_at(lex->text, at)) {
        lex->at = name_end(lex->text, at);
        token.text = span_of(lex->text.ptr + at, lex->at - at);
        token.type = word_type(token.text);
    } else {
        TRY(read_operator(lex, ret_fault, &token));
    }
    *ret_token = token;
    return OK;
}

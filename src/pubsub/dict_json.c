/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "pubsub/dict_json.h"

#include "base/utf8.h"
#include "pubsub/dict_lex.h"
#include "pubsub/dict_number.h"
#include "pubsub/dict_scalar.h"

#include <stdlib.h>

enum {
    MARK_BYTES_MAX = 128, /* as it is written: more than any needs, every character escaped */
    WAITING_FIRST = 16,
};

struct reader {
    struct dict_lex lex;
    struct dict_fault *fault;
    struct arena *arena; /* borrowed from the root */
    size_t values_left;
    unsigned depth_max;
    /* What all open dictionaries and arrays have so far, the innermost last. */
    struct dict_member *waiting; /* owned; elements have no name */
    size_t *waiting_at;          /* owned; where each begins in the text */
    size_t waiting_count;
    size_t waiting_cap;
};

static enum err read_value(struct reader *reader, const struct dict_lex_token *token,
                           unsigned depth, struct dict_value *ret_value);
static enum err read_bare(struct reader *reader, const struct dict_lex_token *token,
                          enum dict_type type, unsigned depth, struct dict_value *ret_value);

static enum err refuse(struct reader *reader, enum dict_fault_reason reason, size_t at)
{
    *reader->fault = (struct dict_fault){reason, at};
    return reason >= DICT_FAULT_DEPTH ? ERR_LIMIT : ERR_PROTO;
}

/* Something else was expected here. */
static enum err refuse_token(struct reader *reader, enum dict_fault_reason reason,
                             const struct dict_lex_token *token)
{
    return refuse(reader, token->type == DICT_LEX_END ? DICT_FAULT_END : reason, token->at);
}

static enum err next(struct reader *reader, struct dict_lex_token *ret_token)
{
    return dict_lex_next(&reader->lex, reader->fault, ret_token);
}

static enum err expect(struct reader *reader, enum dict_lex_type type,
                       enum dict_fault_reason reason)
{
    struct dict_lex_token token;

    TRY(next(reader, &token));
    return token.type == type ? OK : refuse_token(reader, reason, &token);
}

static enum err alloc(struct reader *reader, size_t bytes, void **ret_room)
{
    enum err e = arena_alloc(reader->arena, bytes, ret_room);

    return e == ERR_LIMIT ? refuse(reader, DICT_FAULT_BYTES, reader->lex.at) : e;
}

/* ---- what holds others ---- */

static enum err grow(struct reader *reader)
{
    size_t cap = reader->waiting_cap == 0 ? WAITING_FIRST : reader->waiting_cap * 2;
    struct dict_member *waiting = realloc(reader->waiting, cap * sizeof *waiting);
    size_t *at;

    if (waiting == NULL) {
        return ERR_NOMEM;
    }
    reader->waiting = waiting;
    at = realloc(reader->waiting_at, cap * sizeof *at);
    if (at == NULL) {
        return ERR_NOMEM;
    }
    reader->waiting_at = at;
    reader->waiting_cap = cap;
    return OK;
}

static enum err push(struct reader *reader, const struct dict_member *member, size_t at)
{
    if (reader->waiting_count == reader->waiting_cap) {
        TRY(grow(reader));
    }
    reader->waiting[reader->waiting_count] = *member;
    reader->waiting_at[reader->waiting_count++] = at;
    return OK;
}

/* Before a value is read, so that a text cannot cost more than its limit. */
static enum err count_value(struct reader *reader, size_t at)
{
    if (reader->values_left == 0) {
        return refuse(reader, DICT_FAULT_VALUES, at);
    }
    reader->values_left--;
    return OK;
}

/* Behind a value: whether there is another one. */
static enum err read_comma(struct reader *reader, enum dict_lex_type close, bool *ret_more)
{
    struct dict_lex_token token;

    TRY(next(reader, &token));
    if (token.type != DICT_LEX_COMMA && token.type != close) {
        return refuse_token(reader, DICT_FAULT_COMMA, &token);
    }
    *ret_more = token.type == DICT_LEX_COMMA;
    return OK;
}

static enum err read_member(struct reader *reader, const struct dict_lex_token *name,
                            unsigned depth)
{
    struct dict_member member;
    struct dict_lex_token token;

    if (name->type != DICT_LEX_STRING) {
        return refuse_token(reader, DICT_FAULT_NAME, name);
    }
    TRY(count_value(reader, name->at));
    TRY(dict_scalar_text(reader->arena, name, reader->fault, &member.name));
    TRY(expect(reader, DICT_LEX_COLON, DICT_FAULT_COLON));
    TRY(next(reader, &token));
    TRY(read_value(reader, &token, depth, &member.value));
    return push(reader, &member, name->at);
}

static enum err fill(struct reader *reader, size_t first, struct dict *dict)
{
    size_t twice = 0;
    enum err e = dict_fill(dict, reader->arena, reader->waiting + first,
                           reader->waiting_count - first, &twice);

    if (e == ERR_PROTO) {
        return refuse(reader, DICT_FAULT_TWICE, reader->waiting_at[first + twice]);
    }
    if (e == ERR_LIMIT) {
        return refuse(reader, DICT_FAULT_BYTES, reader->lex.at);
    }
    TRY(e);
    reader->waiting_count = first;
    return OK;
}

/* Behind the opening brace of a dictionary at `depth`. */
static enum err read_members(struct reader *reader, unsigned depth, struct dict *dict)
{
    size_t first = reader->waiting_count;
    struct dict_lex_token token;
    bool more = true;

    if (depth > reader->depth_max) {
        return refuse(reader, DICT_FAULT_DEPTH, reader->lex.at - 1);
    }
    TRY(next(reader, &token));
    if (token.type == DICT_LEX_BRACE_CLOSE) {
        return OK;
    }
    for (;;) {
        TRY(read_member(reader, &token, depth));
        TRY(read_comma(reader, DICT_LEX_BRACE_CLOSE, &more));
        if (!more) {
            return fill(reader, first, dict);
        }
        TRY(next(reader, &token));
    }
}

static enum err read_dict(struct reader *reader, unsigned depth, struct dict_value *ret_value)
{
    void *dict;

    TRY(alloc(reader, sizeof(struct dict), &dict));
    TRY(read_members(reader, depth, dict));
    *ret_value = (struct dict_value){.type = DICT_DICT, .dict = dict};
    return OK;
}

/* What the elements have in common: a type, or that they are numbers of JSON's, which become
 * the widest of them, if none loses by it. */
static enum dict_type common_type(const struct dict_member *elements, size_t count)
{
    enum dict_type type = count == 0 ? DICT_MIXED : elements[0].value.type;
    bool is_same = true, is_number = true, is_safe = true;

    for (size_t i = 0; i < count; i++) {
        const struct dict_value *value = &elements[i].value;
        bool is_integer = value->type == DICT_INT || value->type == DICT_LONG;

        is_same = is_same && value->type == elements[0].value.type;
        is_number = is_number && (is_integer || value->type == DICT_DOUBLE);
        is_safe = is_safe && (!is_integer || dict_number_is_safe((double)value->integer));
        type = value->type > type ? value->type : type;
    }
    return is_same || (is_number && (is_safe || type == DICT_LONG)) ? type : DICT_MIXED;
}

static enum err close_array(struct reader *reader, size_t first, enum dict_type of,
                            struct dict_value *ret_value)
{
    size_t count = reader->waiting_count - first;
    struct dict_array *array;
    struct dict_value *values;
    void *room;

    TRY(alloc(reader, sizeof *array, &room));
    array = room;
    TRY(alloc(reader, count * sizeof *values, &room));
    values = room;
    for (size_t i = 0; i < count; i++) {
        values[i] = reader->waiting[first + i].value;
        if (of == DICT_DOUBLE && values[i].type != DICT_DOUBLE) {
            values[i].real = (double)values[i].integer;
        }
        values[i].type = of == DICT_MIXED ? values[i].type : of;
    }
    *array = (struct dict_array){.of = of, .count = count, .values = values};
    *ret_value = (struct dict_value){.type = DICT_ARRAY, .array = array};
    reader->waiting_count = first;
    return OK;
}

/* Behind the opening bracket of an array at `depth`. `of`: its mark's type; DICT_MIXED: it has
 * none. */
static enum err read_elements(struct reader *reader, unsigned depth, enum dict_type of,
                              struct dict_value *ret_value)
{
    size_t first = reader->waiting_count;
    struct dict_member element = {.name = {NULL, 0}};
    struct dict_lex_token token;
    bool more = true;

    if (depth > reader->depth_max) {
        return refuse(reader, DICT_FAULT_DEPTH, reader->lex.at - 1);
    }
    TRY(next(reader, &token));
    if (token.type == DICT_LEX_BRACKET_CLOSE) {
        return close_array(reader, first, of, ret_value);
    }
    for (;;) {
        TRY(count_value(reader, token.at));
        TRY(of == DICT_MIXED ? read_value(reader, &token, depth, &element.value)
                             : read_bare(reader, &token, of, depth, &element.value));
        TRY(push(reader, &element, token.at));
        TRY(read_comma(reader, DICT_LEX_BRACKET_CLOSE, &more));
        if (!more) {
            break;
        }
        TRY(next(reader, &token));
    }
    if (of == DICT_MIXED) {
        of = common_type(reader->waiting + first, reader->waiting_count - first);
    }
    return close_array(reader, first, of, ret_value);
}

/* ---- marks ---- */

/* To behind a value; wrong ones are passed over too, and found when they are read. */
static enum err skip_value(struct dict_lex *lex, struct dict_fault *fault)
{
    size_t open = 0;
    struct dict_lex_token token;

    do {
        TRY(dict_lex_next(lex, fault, &token));
        if (token.type == DICT_LEX_BRACE_OPEN || token.type == DICT_LEX_BRACKET_OPEN) {
            open++;
        } else if (token.type == DICT_LEX_BRACE_CLOSE || token.type == DICT_LEX_BRACKET_CLOSE) {
            open -= open > 0;
        }
    } while (open > 0 && token.type != DICT_LEX_END);
    return OK;
}

static enum err look_for_mark(struct dict_lex *lex, struct dict_fault *fault, bool *ret_found)
{
    struct dict_lex_token token;

    *ret_found = false;
    TRY(dict_lex_next(lex, fault, &token));
    if (token.type != DICT_LEX_STRING ||
        (!span_starts(token.text, SPAN("$")) && !span_starts(token.text, SPAN("\\u0024")))) {
        return OK;
    }
    TRY(dict_lex_next(lex, fault, &token));
    if (token.type == DICT_LEX_COLON) {
        TRY(skip_value(lex, fault));
        TRY(dict_lex_next(lex, fault, &token));
        *ret_found = token.type == DICT_LEX_BRACE_CLOSE;
    }
    return OK;
}

/* Behind an opening brace: one member follows, and its name begins with "$". A text that is
 * wrong before this is certain is read as a dictionary, which says what is wrong. */
static bool has_mark(const struct reader *reader)
{
    struct dict_lex ahead = reader->lex;
    struct dict_fault fault;
    bool found;

    return look_for_mark(&ahead, &fault, &found) == OK && found;
}

/* "$long", "$long[]"; `escaped` as it is written. */
static bool find_mark(struct span escaped, enum dict_type *ret_type, bool *ret_is_array)
{
    uint8_t room[MARK_BYTES_MAX];
    struct span mark;

    if (escaped.len > sizeof room) {
        return false;
    }
    mark = span_tail(span_of(room, dict_lex_unescape(escaped, room)), 1);
    *ret_is_array = mark.len > 2 && memcmp(mark.ptr + mark.len - 2, "[]", 2) == 0;
    mark.len -= *ret_is_array ? 2 : 0;
    for (enum dict_type type = DICT_BOOLEAN; type <= DICT_DICT; type++) {
        if (span_equals(mark, dict_type_name(type))) {
            *ret_type = type;
            return true;
        }
    }
    return false;
}

/* The value under a mark. */
static enum err read_bare(struct reader *reader, const struct dict_lex_token *token,
                          enum dict_type type, unsigned depth, struct dict_value *ret_value)
{
    if (type != DICT_DICT) {
        return dict_scalar_marked(reader->arena, type, token, reader->fault, ret_value);
    }
    if (token->type != DICT_LEX_BRACE_OPEN) {
        return refuse_token(reader, DICT_FAULT_MARKED, token);
    }
    return read_dict(reader, depth + 1, ret_value);
}

/* Behind an opening brace, when has_mark(). */
static enum err read_marked(struct reader *reader, unsigned depth, struct dict_value *ret_value)
{
    struct dict_lex_token token;
    enum dict_type type;
    bool is_array;

    TRY(next(reader, &token));
    if (!find_mark(token.text, &type, &is_array)) {
        return refuse(reader, DICT_FAULT_MARK, token.at);
    }
    TRY(expect(reader, DICT_LEX_COLON, DICT_FAULT_COLON));
    TRY(next(reader, &token));
    if (!is_array) {
        TRY(read_bare(reader, &token, type, depth, ret_value));
    } else if (token.type == DICT_LEX_BRACKET_OPEN) {
        TRY(read_elements(reader, depth + 1, type, ret_value));
    } else {
        return refuse_token(reader, DICT_FAULT_MARKED, &token);
    }
    return expect(reader, DICT_LEX_BRACE_CLOSE, DICT_FAULT_COMMA);
}

/* `depth`: of what holds it; 0 for the outermost. */
static enum err read_value(struct reader *reader, const struct dict_lex_token *token,
                           unsigned depth, struct dict_value *ret_value)
{
    switch (token->type) {
    case DICT_LEX_BRACE_OPEN:
        return has_mark(reader) ? read_marked(reader, depth, ret_value)
                                : read_dict(reader, depth + 1, ret_value);
    case DICT_LEX_BRACKET_OPEN: return read_elements(reader, depth + 1, DICT_MIXED, ret_value);
    case DICT_LEX_STRING:
    case DICT_LEX_NUMBER:
    case DICT_LEX_TRUE:
    case DICT_LEX_FALSE:
    case DICT_LEX_NULL:
        return dict_scalar_plain(reader->arena, token, reader->fault, ret_value);
    case DICT_LEX_END:
    case DICT_LEX_BRACE_CLOSE:
    case DICT_LEX_BRACKET_CLOSE:
    case DICT_LEX_COLON:
    case DICT_LEX_COMMA:
    case DICT_LEX_OTHER: break;
    }
    return refuse_token(reader, DICT_FAULT_VALUE, token);
}

/* ---- the whole text ---- */

static enum err check_utf8(struct reader *reader, struct span text)
{
    return utf8_is_valid(text) ? OK : refuse(reader, DICT_FAULT_UTF8, utf8_wrong_at(text));
}

static enum err read_whole(struct reader *reader, struct dict *root)
{
    struct dict_lex_token token;
    struct dict_value value;

    TRY(check_utf8(reader, reader->lex.text));
    TRY(next(reader, &token));
    if (token.type != DICT_LEX_BRACE_OPEN) {
        return refuse_token(reader, DICT_FAULT_NOT_DICT, &token);
    }
    TRY(read_value(reader, &token, 0, &value));
    if (value.type != DICT_DICT) {
        return refuse(reader, DICT_FAULT_NOT_DICT, token.at);
    }
    TRY(expect(reader, DICT_LEX_END, DICT_FAULT_BEHIND));
    *root = *value.dict;
    return OK;
}

enum err dict_json_read(struct span text, const struct dict_limits *limits,
                        struct dict_fault *ret_fault, struct dict **ret_root)
{
    struct reader reader = {.lex = {.text = text},
                            .fault = ret_fault,
                            .values_left = limits->values,
                            .depth_max = DICT_DEPTH_MAX + limits->around};
    struct dict *root;
    enum err e;

    *ret_fault = (struct dict_fault){DICT_FAULT_NONE, 0};
    TRY(dict_new(limits, &root, &reader.arena));
    e = read_whole(&reader, root);
    free(reader.waiting);
    free(reader.waiting_at);
    if (e != OK) {
        dict_free(root);
        return e;
    }
    *ret_root = root;
    return OK;
}

/* ---- an event's body ---- */

enum err dict_json_event(const struct dict *root, struct dict_fault *ret_fault,
                         struct dict_json_event *ret_event)
{
    const struct dict_value *data = dict_find(root, SPAN("data"));
    const struct dict_value *tag = dict_find(root, SPAN("tag"));
    const struct dict_value *dict = dict_find(root, SPAN("dict"));
    struct dict_json_event event = {.data = {.type = DICT_NULL}};

    *ret_fault = (struct dict_fault){DICT_FAULT_NONE, 0};
    if (data != NULL && data->type != DICT_STRING && data->type != DICT_BYTES) {
        ret_fault->reason = DICT_FAULT_EVENT_DATA;
    } else if (tag != NULL && tag->type != DICT_STRING) {
        ret_fault->reason = DICT_FAULT_EVENT_TAG;
    } else if (dict != NULL && dict->type != DICT_DICT) {
        ret_fault->reason = DICT_FAULT_EVENT_DICT;
    }
    if (ret_fault->reason != DICT_FAULT_NONE) {
        return ERR_PROTO;
    }
    event.data = data != NULL ? *data : event.data;
    event.tag = tag != NULL ? tag->text : span_of(NULL, 0);
    event.dict = dict != NULL ? dict->dict : NULL;
    *ret_event = event;
    return OK;
}

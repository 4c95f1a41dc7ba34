/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "proxy/proxy_regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <stdio.h>

enum {
    MATCH_LIMIT = 200000,     /* steps of backtracking; some milliseconds */
    HEAP_LIMIT_KBYTES = 1024, /* of one match */
};

struct proxy_regex {
    pcre2_code *code; /* in the arena, as is the next */
    pcre2_match_context *limits;
};

/* PCRE2's memory for what lives as long as the configuration. */
static void *take_from_arena(size_t bytes, void *arena)
{
    void *room;

    return arena_alloc(arena, bytes, &room) == OK ? room : NULL;
}

static void leave_to_arena(void *room, void *arena)
{
    (void)room, (void)arena;
}

static enum err compile(struct proxy_regex *regex, struct span pattern, bool ignore_case,
                        struct mspan why, pcre2_general_context *memory)
{
    pcre2_compile_context *compiling = pcre2_compile_context_create(memory);
    size_t offset = 0;
    size_t len;
    int fault = 0;

    regex->limits = pcre2_match_context_create(memory);
    if (compiling == NULL || regex->limits == NULL) {
        return ERR_NOMEM;
    }
    pcre2_set_match_limit(regex->limits, MATCH_LIMIT);
    pcre2_set_heap_limit(regex->limits, HEAP_LIMIT_KBYTES);
    /* Bytes are matched, not characters, whatever the pattern says of itself. */
    regex->code = pcre2_compile(
        pattern.len > 0 ? pattern.ptr : (const uint8_t *)"", pattern.len,
        PCRE2_NEVER_BACKSLASH_C | PCRE2_NEVER_UTF | (ignore_case ? PCRE2_CASELESS : 0), &fault,
        &offset, compiling);
    if (regex->code != NULL) {
        return OK;
    }
    if (fault == PCRE2_ERROR_HEAP_FAILED) {
        return ERR_NOMEM;
    }
    if (pcre2_get_error_message(fault, why.ptr, why.len) < 0) {
        why.ptr[0] = '\0';
    }
    len = strlen((const char *)why.ptr);
    snprintf((char *)why.ptr + len, why.len - len, " at %zu", offset);
    return ERR_CONF;
}

enum err proxy_regex_compile(struct arena *arena, struct span pattern, bool ignore_case,
                             struct mspan why, const struct proxy_regex **ret_regex)
{
    pcre2_general_context *memory =
        pcre2_general_context_create(take_from_arena, leave_to_arena, arena);
    struct proxy_regex *regex;
    void *room;

    assert(why.len > 0);
    if (memory == NULL) {
        return ERR_NOMEM;
    }
    TRY(arena_alloc(arena, sizeof *regex, &room));
    regex = room;
    TRY(compile(regex, pattern, ignore_case, why, memory));
    *ret_regex = regex;
    return OK;
}

enum err proxy_regex_find(const struct proxy_regex *regex, struct span text, bool *ret_found)
{
    /* Of its own for each match: workers share the expression. Its memory is malloc's. */
    pcre2_match_data *found = pcre2_match_data_create(1, NULL);
    int result;

    if (found == NULL) {
        return ERR_NOMEM;
    }
    result = pcre2_match(regex->code, text.len > 0 ? text.ptr : (const uint8_t *)"", text.len,
                         0, 0, found, regex->limits);
    pcre2_match_data_free(found);
    if (result >= 0 || result == PCRE2_ERROR_NOMATCH) {
        *ret_found = result >= 0;
        return OK;
    }
    return result == PCRE2_ERROR_NOMEMORY ? ERR_NOMEM : ERR_LIMIT;
}

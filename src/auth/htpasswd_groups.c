/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "auth/htpasswd_groups.h"

#include <stdlib.h>

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static bool next_word(struct span *text, struct span *ret_word)
{
    size_t len = 0;

    while (text->len > 0 && is_space(text->ptr[0])) {
        *text = span_tail(*text, 1);
    }
    while (len < text->len && !is_space(text->ptr[len])) {
        len++;
    }
    *ret_word = span_head(*text, len);
    *text = span_tail(*text, len);
    return len > 0;
}

/* Every word may be a member, and every line a group without members. */
static size_t count_words(struct span text)
{
    size_t count = 1;

    for (size_t i = 0; i < text.len; i++) {
        count += is_space(text.ptr[i]) || text.ptr[i] == '\n' || text.ptr[i] == ':' ? 1 : 0;
    }
    return count + 1;
}

static struct span trimmed(struct span text)
{
    while (text.len > 0 && is_space(text.ptr[text.len - 1])) {
        text.len--;
    }
    return span_trim(text);
}

static const char *line_fault(struct span line, size_t colon)
{
    struct span name = trimmed(span_head(line, colon));

    if (colon == line.len) {
        return "there is no colon (write group: user user)";
    }
    if (name.len == 0) {
        return "there is no group in front of the colon (write group: user user)";
    }
    for (size_t i = 0; i < line.len; i++) {
        if (line.ptr[i] < 0x20 && !is_space(line.ptr[i])) {
            return "there is a control byte in the line (is this the right file?)";
        }
    }
    return NULL;
}

static int compare_spans(struct span a, struct span b)
{
    size_t len = a.len < b.len ? a.len : b.len;
    int order = len == 0 ? 0 : memcmp(a.ptr, b.ptr, len);

    return order != 0 ? order : a.len < b.len ? -1 : a.len > b.len ? 1 : 0;
}

static int compare_members(const void *left, const void *right)
{
    const struct htpasswd_member *a = left, *b = right;
    int order = compare_spans(a->group, b->group);

    return order != 0 ? order : compare_spans(a->user, b->user);
}

/* A group's own entry has no user: that is how an empty one is known. */
static size_t add_line(struct htpasswd_member *members, struct span line, size_t colon)
{
    struct span group = trimmed(span_head(line, colon));
    struct span rest = span_tail(line, colon + 1);
    struct span user;
    size_t count = 0;

    members[count++] = (struct htpasswd_member){.group = group};
    while (next_word(&rest, &user)) {
        members[count++] = (struct htpasswd_member){.group = group, .user = user};
    }
    return count;
}

static size_t add_lines(struct span text, const char *file, struct diag *diag,
                        struct htpasswd_member *members)
{
    unsigned number = 0;
    size_t count = 0;

    while (text.len > 0) {
        size_t len = span_find(text, '\n');
        struct span line = trimmed(span_head(text, len));
        size_t colon = span_find(line, ':');
        const char *fault;

        number++;
        text = span_tail(text, len < text.len ? len + 1 : len);
        if (line.len == 0 || line.ptr[0] == '#') {
            continue;
        }
        fault = line_fault(line, colon);
        if (fault != NULL) {
            diag_error(diag, file, number, "%s", fault);
        } else {
            count += add_line(members + count, line, colon);
        }
    }
    return count;
}

enum err htpasswd_groups_parse(struct span text, const char *file, struct arena *arena,
                               struct diag *diag, const struct htpasswd_groups **ret_groups)
{
    struct htpasswd_groups groups;
    struct htpasswd_member *members;
    struct span copy;
    void *room;

    TRY(arena_copy(arena, span_str(file), &copy));
    groups.file = (const char *)copy.ptr;
    TRY(arena_copy(arena, text, &text));
    TRY(arena_alloc(arena, count_words(text) * sizeof *members, &room));
    members = room;
    groups.count = add_lines(text, groups.file, diag, members);
    groups.members = members;
    qsort(members, groups.count, sizeof *members, compare_members);
    TRY(arena_alloc(arena, sizeof groups, &room));
    memcpy(room, &groups, sizeof groups);
    *ret_groups = room;
    return OK;
}

enum err htpasswd_groups_read(const char *file, struct arena *arena, struct diag *diag,
                              char *fault, const struct htpasswd_groups **ret_groups)
{
    struct span text;

    TRY(htpasswd_slurp(file, arena, fault, &text));
    return htpasswd_groups_parse(text, file, arena, diag, ret_groups);
}

bool htpasswd_groups_has(const struct htpasswd_groups *groups, struct span group,
                         struct span user)
{
    const struct htpasswd_member wanted = {.group = group, .user = user};

    return groups->count > 0 && bsearch(&wanted, groups->members, groups->count, sizeof wanted,
                                        compare_members) != NULL;
}

bool htpasswd_groups_knows(const struct htpasswd_groups *groups, struct span group)
{
    return htpasswd_groups_has(groups, group, SPAN(""));
}

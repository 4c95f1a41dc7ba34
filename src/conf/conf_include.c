/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "conf/conf_include.h"

#include "conf/conf_path.h"

#include <fnmatch.h>
#include <stdlib.h>

/* One conf_include_each(). */
struct search {
    const struct conf_include *how;
    bool is_optional;
    bool is_pattern; /* a path that leads nowhere is no fault by itself */
    bool has_found;
};

/* The names in one directory. */
struct name {
    struct span text;
    struct name *next;
};

struct names {
    struct arena *arena;
    struct name *first;
    size_t count;
};

static enum err join(const struct search *search, const char *directory, struct span name,
                     const char **ret_path)
{
    struct span path;

    TRY(conf_path_join(search->how->onread->arena, directory, name, &path));
    *ret_path = (const char *)path.ptr;
    return OK;
}

static const struct conf_source *source_of(const struct search *search)
{
    return search->how->onread->source;
}

#define FAULT(search, ...)                                             \
    diag_error((search)->how->onread->diag, (search)->how->node->file, \
               (search)->how->node->line, __VA_ARGS__)

/* ---- directories ---- */

static enum err keep_name(void *visitor, struct span text)
{
    struct names *names = visitor;
    struct name *name;
    void *room;

    if (names->count == CONF_INCLUDE_MAX_NAMES) {
        return ERR_CONF;
    }
    TRY(arena_alloc(names->arena, sizeof *name, &room));
    name = room;
    TRY(arena_copy(names->arena, text, &name->text));
    name->next = names->first;
    names->first = name;
    names->count++;
    return OK;
}

static int compare_names(const void *a, const void *b)
{
    const struct span *left = a, *right = b;

    return strcmp((const char *)left->ptr, (const char *)right->ptr);
}

/* In order; *ret_count is 0 after a fault, which was reported. */
static enum err list_names(const struct search *search, const char *directory,
                           struct span **ret_names, size_t *ret_count)
{
    struct names names = {.arena = search->how->onread->arena};
    const char *path = directory[0] == '\0' ? "." : directory;
    struct span *sorted;
    size_t count = 0;
    void *room;
    enum err e = source_of(search)->list(source_of(search)->ctx, path, keep_name, &names);

    *ret_count = 0;
    if (e == ERR_IO || e == ERR_CONF) {
        FAULT(search,
              e == ERR_IO ? "%.*s: the directory %s cannot be read (let the user who "
                            "starts Wayleave read it)"
                          : "%.*s: the directory %s holds more than 4000 names (is it "
                            "the right one?)",
              SPAN_ARG(search->how->node->name), path);
        return OK;
    }
    TRY(e);
    TRY(arena_alloc(names.arena, names.count * sizeof *sorted, &room));
    sorted = room;
    for (const struct name *name = names.first; name != NULL; name = name->next) {
        sorted[count++] = name->text;
    }
    if (count > 0) {
        qsort(sorted, count, sizeof *sorted, compare_names);
    }
    *ret_names = sorted;
    *ret_count = count;
    return OK;
}

/* ---- paths without a pattern ---- */

/* Whether the file may be taken in: it is not being read already, nor one too many. */
static bool may_read(const struct search *search, const char *path)
{
    const struct conf_include *how = search->how;

    for (const struct conf_include_file *file = how->file; file != NULL; file = file->outer) {
        if (strcmp(file->whole, path) != 0) {
            continue;
        }
        if (file == how->file) {
            FAULT(search, "%.*s: %s is this file itself (remove the line)",
                  SPAN_ARG(how->node->name), path);
        } else {
            FAULT(search,
                  "%.*s: %s is being read already, and has led here (remove one of the "
                  "two)",
                  SPAN_ARG(how->node->name), path);
        }
        return false;
    }
    if (how->file->depth == CONF_INCLUDE_MAX_DEPTH) {
        FAULT(search, "%.*s: files include files more than %d deep (do they go in a circle?)",
              SPAN_ARG(how->node->name), CONF_INCLUDE_MAX_DEPTH);
        return false;
    }
    if (*how->file_count == CONF_INCLUDE_MAX_FILES) {
        FAULT(search, "%.*s: more than %d files are included (name fewer)",
              SPAN_ARG(how->node->name), CONF_INCLUDE_MAX_FILES);
        (*how->file_count)++; /* said once */
    }
    return *how->file_count < CONF_INCLUDE_MAX_FILES;
}

static enum err read_path(struct search *search, const char *path, unsigned depth);

static enum err read_directory(struct search *search, const char *path, unsigned depth)
{
    struct span *names = NULL;
    size_t count;

    if (depth == CONF_INCLUDE_MAX_DIRECTORIES) {
        FAULT(search, "%.*s: %s is more than %d directories deep (name the files)",
              SPAN_ARG(search->how->node->name), path, CONF_INCLUDE_MAX_DIRECTORIES);
        return OK;
    }
    TRY(list_names(search, path, &names, &count));
    for (size_t i = 0; i < count; i++) {
        const char *inner;

        TRY(join(search, path, names[i], &inner));
        TRY(read_path(search, inner, depth + 1));
    }
    return OK;
}

/* What the path leads to is in hand. */
static enum err take_item(struct search *search, const char *path, unsigned depth,
                          const struct conf_source_item *item)
{
    const struct conf_include *how = search->how;

    switch (item->kind) {
    case CONF_SOURCE_FILE:
        search->has_found = true;
        if (!may_read(search, path)) {
            return OK;
        }
        (*how->file_count)++;
        return how->visit(how->visitor, path, item->text);
    case CONF_SOURCE_DIRECTORY:
        search->has_found = true;
        return read_directory(search, path, depth);
    case CONF_SOURCE_MISSING:
        if (!search->is_optional && !search->is_pattern) {
            FAULT(search,
                  "%.*s: there is no %s (correct the name, or write IncludeOptional if "
                  "it may be missing)",
                  SPAN_ARG(how->node->name), path);
        }
        return OK;
    case CONF_SOURCE_UNREADABLE:
        search->has_found = true;
        FAULT(search, "%.*s: %s cannot be read: %s (let the user who starts Wayleave read it)",
              SPAN_ARG(how->node->name), path, item->reason);
        return OK;
    }
    return OK;
}

static enum err read_path(struct search *search, const char *path, unsigned depth)
{
    const struct conf_source *source = source_of(search);
    struct conf_source_item item;
    enum err e;

    TRY(source->read(source->ctx, path, &item));
    e = take_item(search, path, depth, &item);
    source->release(source->ctx, &item);
    return e;
}

/* ---- patterns ---- */

static bool has_pattern(struct span part)
{
    return span_find(part, '*') < part.len || span_find(part, '?') < part.len ||
           span_find(part, '[') < part.len;
}

static enum err is_directory(const struct search *search, const char *path, bool *ret_is)
{
    const struct conf_source *source = source_of(search);
    struct conf_source_item item;

    TRY(source->read(source->ctx, path[0] == '\0' ? "." : path, &item));
    *ret_is = item.kind == CONF_SOURCE_DIRECTORY;
    source->release(source->ctx, &item);
    return OK;
}

static enum err match_path(struct search *search, const char *directory, struct span rest);

/* Every name in `directory` that the pattern fits, and behind each of them the rest. */
static enum err match_names(struct search *search, const char *directory, struct span part,
                            struct span rest)
{
    struct span pattern;
    struct span *names = NULL;
    size_t count;
    bool is_there;

    TRY(is_directory(search, directory, &is_there));
    if (!is_there) {
        return OK;
    }
    TRY(arena_copy(search->how->onread->arena, part, &pattern));
    TRY(list_names(search, directory, &names, &count));
    for (size_t i = 0; i < count; i++) {
        const char *path;

        if (fnmatch((const char *)pattern.ptr, (const char *)names[i].ptr, FNM_PERIOD) != 0) {
            continue;
        }
        TRY(join(search, directory, names[i], &path));
        TRY(match_path(search, path, rest));
    }
    return OK;
}

/* `rest` is what is still to be found below `directory`, a part of the path at a time. */
static enum err match_path(struct search *search, const char *directory, struct span rest)
{
    while (rest.len > 0) {
        size_t slash = span_find(rest, '/');
        struct span part = span_head(rest, slash);

        rest = span_tail(rest, slash < rest.len ? slash + 1 : slash);
        if (has_pattern(part)) {
            return match_names(search, directory, part, rest);
        }
        TRY(join(search, directory, part, &directory));
    }
    return read_path(search, directory, 0);
}

enum err conf_include_each(const struct conf_include *include)
{
    struct search search = {.how = include};
    struct span word = include->node->words[0];
    struct span path;
    bool is_absolute;

    search.is_optional = span_equals_nocase(include->node->name, "IncludeOptional");
    if (source_of(&search) == NULL || source_of(&search)->read == NULL) {
        FAULT(&search,
              "%.*s: other files cannot be read from here (put their lines into this "
              "one)",
              SPAN_ARG(include->node->name));
        return OK;
    }
    if (word.len == 0 || word.len + strlen(include->node->base) >= CONF_INCLUDE_MAX_PATH) {
        FAULT(&search, "%.*s: \"%.*s\" is no name of a file (it has 1 to 4095 bytes)",
              SPAN_ARG(include->node->name), SPAN_ARG(diag_word(word)));
        return OK;
    }
    search.is_pattern = has_pattern(word);
    TRY(conf_path_join(include->onread->arena, include->node->base, word, &path));
    if (!search.is_pattern) {
        return read_path(&search, (const char *)path.ptr, 0);
    }
    is_absolute = path.ptr[0] == '/';
    TRY(match_path(&search, is_absolute ? "/" : "", span_tail(path, is_absolute ? 1 : 0)));
    if (!search.has_found && !search.is_optional) {
        FAULT(&search,
              "%.*s: nothing matches %.*s (correct the pattern, or write "
              "IncludeOptional if there may be nothing)",
              SPAN_ARG(include->node->name), SPAN_ARG(path));
    }
    return OK;
}

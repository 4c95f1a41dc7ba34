/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "conf/conf_files.h"

#include "conf/conf_httpd.h"
#include "conf/conf_lex.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* Up to one byte more than a configuration may have, which conf_lex then refuses. */
static enum err read_text(FILE *file, struct conf_source_item *item)
{
    const size_t room_bytes = CONF_LEX_MAX_FILE_BYTES + 1;
    char *room = malloc(room_bytes);
    size_t len;

    if (room == NULL) {
        return ERR_NOMEM;
    }
    len = fread(room, 1, room_bytes, file);
    if (ferror(file)) {
        item->kind = CONF_SOURCE_UNREADABLE;
        item->reason = strerror(errno);
        free(room);
        return OK;
    }
    item->kind = CONF_SOURCE_FILE;
    item->owned = room;
    item->text = span_of(room, len);
    return OK;
}

static enum err read_item(void *ctx, const char *path, struct conf_source_item *ret_item)
{
    DIR *directory = opendir(path);
    FILE *file = NULL;
    enum err e;

    (void)ctx;
    *ret_item = (struct conf_source_item){.kind = CONF_SOURCE_DIRECTORY};
    if (directory != NULL) {
        closedir(directory);
        return OK;
    }
    if (errno == ENOTDIR) {
        file = fopen(path, "re");
    }
    if (file == NULL) {
        bool is_missing = errno == ENOENT || errno == ENOTDIR;

        ret_item->kind = is_missing ? CONF_SOURCE_MISSING : CONF_SOURCE_UNREADABLE;
        ret_item->reason = strerror(errno);
        return errno == ENOMEM ? ERR_NOMEM : OK;
    }
    e = read_text(file, ret_item);
    fclose(file);
    return e;
}

static void release_item(void *ctx, struct conf_source_item *item)
{
    (void)ctx;
    free(item->owned);
}

static enum err list_directory(void *ctx, const char *path, conf_source_visit *visit,
                               void *visitor)
{
    DIR *directory = opendir(path);
    const struct dirent *entry;
    enum err e = OK;

    (void)ctx;
    if (directory == NULL) {
        return errno == ENOMEM ? ERR_NOMEM : ERR_IO;
    }
    for (errno = 0; e == OK && (entry = readdir(directory)) != NULL; errno = 0) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            e = visit(visitor, span_str(entry->d_name));
        }
    }
    if (e == OK && errno != 0) {
        e = ERR_IO;
    }
    closedir(directory);
    return e;
}

static const char *read_environment(void *ctx, const char *name)
{
    (void)ctx;
    return getenv(name);
}

enum err conf_files_init(struct conf_files *files, const char *path, const char *const *defines)
{
    char *slash;

    *files = (struct conf_files){
        .source = {.read = read_item,
                   .release = release_item,
                   .list = list_directory,
                   .env = read_environment,
                   .defines = defines,
                   .modules = conf_httpd_modules},
        .directory = realpath(path, NULL),
    };
    if (files->directory == NULL) {
        return errno == ENOMEM ? ERR_NOMEM : OK; /* whoever opens it will say what is wrong */
    }
    slash = strrchr(files->directory, '/');
    slash[slash == files->directory ? 1 : 0] = '\0';
    files->source.directory = files->directory;
    return OK;
}

void conf_files_fini(struct conf_files *files)
{
    free(files->directory);
    *files = (struct conf_files){.directory = NULL};
}

/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * A source without a disk: files by path, directories by what lies in them. Texts are handed
 * out as copies on the heap of exactly their size, so that a
 * sanitizer sees whoever keeps them or reads over their end.
 */
#pragma once

#include "conf/conf_httpd.h"
#include "conf/conf_source.h"
#include "lib/testing.h"

#include <stdlib.h>

struct fake_file {
    const char *path; /* NULL ends the list */
    const char *text; /* NULL: it cannot be read */
};

static bool fake_is_below(const char *path, const char *directory)
{
    size_t len = strlen(directory);

    return strcmp(directory, ".") == 0 ||
           (strncmp(path, directory, len) == 0 && path[len] == '/');
}

static enum err fake_read(void *ctx, const char *path, struct conf_source_item *ret_item)
{
    *ret_item = (struct conf_source_item){.kind = CONF_SOURCE_MISSING};
    for (const struct fake_file *file = ctx; file->path != NULL; file++) {
        if (fake_is_below(file->path, path)) {
            ret_item->kind = CONF_SOURCE_DIRECTORY;
        }
        if (strcmp(file->path, path) != 0) {
            continue;
        }
        if (file->text == NULL) {
            ret_item->kind = CONF_SOURCE_UNREADABLE;
            ret_item->reason = "Permission denied";
            return OK;
        }
        ret_item->kind = CONF_SOURCE_FILE;
        ret_item->owned = malloc(strlen(file->text) + 1);
        if (ret_item->owned == NULL) {
            return ERR_NOMEM;
        }
        memcpy(ret_item->owned, file->text, strlen(file->text));
        ret_item->text = span_of(ret_item->owned, strlen(file->text));
        return OK;
    }
    return OK;
}

static void fake_release(void *ctx, struct conf_source_item *item)
{
    (void)ctx;
    free(item->owned);
}

/* Backwards, so that order is somebody else's work; a directory once for each file in it. */
static enum err fake_list(void *ctx, const char *path, conf_source_visit *visit, void *visitor)
{
    const struct fake_file *files = ctx;
    size_t count = 0;

    if (strcmp(path, "locked") == 0) {
        return ERR_IO;
    }
    while (files[count].path != NULL) {
        count++;
    }
    while (count-- > 0) {
        const char *name = files[count].path;
        bool is_again = false;

        if (!fake_is_below(name, path)) {
            continue;
        }
        name += strcmp(path, ".") == 0 ? 0 : strlen(path) + 1;
        for (size_t i = count + 1; files[i].path != NULL; i++) {
            size_t len = (size_t)(name - files[count].path) + strcspn(name, "/");

            is_again = is_again || (strncmp(files[i].path, files[count].path, len) == 0 &&
                                    files[i].path[len] == files[count].path[len]);
        }
        if (!is_again) {
            TRY(visit(visitor, span_of(name, strcspn(name, "/"))));
        }
    }
    return OK;
}

static const char *fake_env(void *ctx, const char *name)
{
    (void)ctx;
    return strcmp(name, "HOME") == 0 ? "/home/al" : NULL;
}

static struct conf_source fake_source(const struct fake_file *files)
{
    static const char *const defines[] = {"Given", NULL};

    return (struct conf_source){.ctx = (void *)(uintptr_t)files,
                                .read = fake_read,
                                .release = fake_release,
                                .list = fake_list,
                                .env = fake_env,
                                .defines = defines,
                                .modules = conf_httpd_modules};
}

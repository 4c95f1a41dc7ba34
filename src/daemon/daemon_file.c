/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "daemon/daemon_file.h"

#include "conf/conf_lex.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum err read_all(FILE *file, const char *path, struct diag *diag, char *room,
                         size_t room_bytes, size_t *ret_len)
{
    size_t len = fread(room, 1, room_bytes, file);

    if (ferror(file)) {
        diag_error(diag, path, 0, "cannot be read: %s", strerror(errno));
        return ERR_CONF;
    }
    if (len == room_bytes) {
        diag_error(diag, path, 0, "is larger than %d bytes (is this a configuration file?)",
                   CONF_LEX_MAX_FILE_BYTES);
        return ERR_CONF;
    }
    *ret_len = len;
    return OK;
}

enum err daemon_file_read(const char *path, struct diag *diag, char **ret_owned,
                          struct span *ret_text)
{
    const size_t room_bytes = CONF_LEX_MAX_FILE_BYTES + 1;
    FILE *file = fopen(path, "re");
    char *room = NULL;
    size_t len = 0;
    enum err e = ERR_NOMEM;

    if (file == NULL) {
        diag_error(diag, path, 0, "cannot be opened: %s (check the name behind -f)",
                   strerror(errno));
        return ERR_CONF;
    }
    room = malloc(room_bytes);
    if (room != NULL) {
        e = read_all(file, path, diag, room, room_bytes, &len);
    }
    fclose(file);
    if (e != OK) {
        free(room);
        return e;
    }
    *ret_owned = room;
    *ret_text = span_of(room, len);
    return OK;
}

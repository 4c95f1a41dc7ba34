/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "realm/realm_message.h"

#include <stdlib.h>

enum err realm_message_keep(struct buf **message, size_t bytes_max, struct span piece)
{
    if (*message == NULL) {
        *message = malloc(sizeof **message);
        if (*message == NULL) {
            return ERR_NOMEM;
        }
        buf_init(*message, bytes_max);
    }
    return buf_append(*message, piece);
}

void realm_message_forget(struct buf **message)
{
    if (*message != NULL) {
        buf_fini(*message);
        free(*message);
        *message = NULL;
    }
}

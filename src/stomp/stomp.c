/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "stomp/stomp.h"

struct row {
    const char *word;
    enum stomp_sender sender;
    bool has_body;
};

#define X(name, word, sender, has_body) [name] = {word, sender, has_body},
static const struct row rows[] = {STOMP_COMMANDS(X)};
#undef X

const char *stomp_command_name(enum stomp_command command)
{
    return rows[command].word;
}

enum stomp_sender stomp_command_sender(enum stomp_command command)
{
    return rows[command].sender;
}

bool stomp_command_has_body(enum stomp_command command)
{
    return rows[command].has_body;
}

bool stomp_command_has_escapes(enum stomp_command command)
{
    return command != STOMP_CONNECT && command != STOMP_CONNECTED;
}

bool stomp_command_find(struct span word, enum stomp_command *ret_command)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (span_equals(word, rows[i].word)) {
            *ret_command = (enum stomp_command)i;
            return true;
        }
    }
    return false;
}

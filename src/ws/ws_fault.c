/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "ws/ws_fault.h"

struct fault_row {
    uint16_t close_code;
    const char *text;
};

#define X(name, close, section, did) [name] = {close, did " (" section ")"},
static const struct fault_row rows[] = {WS_FAULTS(X)};
#undef X

uint16_t ws_fault_close_code(enum ws_fault fault)
{
    return rows[fault].close_code;
}

const char *ws_fault_text(enum ws_fault fault)
{
    return rows[fault].text;
}

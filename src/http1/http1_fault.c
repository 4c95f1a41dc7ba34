/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "http1/http1_fault.h"

uint16_t http1_fault_status(enum http1_fault fault)
{
#define X(name, status, section, did) [name] = (status),
    static const uint16_t statuses[] = {HTTP1_FAULTS(X)};
#undef X

    return statuses[fault];
}

const char *http1_fault_text(enum http1_fault fault)
{
#define X(name, status, section, did) [name] = did " (" section ")",
    static const char *const texts[] = {HTTP1_FAULTS(X)};
#undef X

    return fault == HTTP1_FAULT_NONE ? "did nothing wrong" : texts[fault];
}

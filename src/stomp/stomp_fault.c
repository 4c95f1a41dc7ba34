/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "stomp/stomp_fault.h"

const char *stomp_fault_word(enum stomp_fault fault)
{
#define X(name, word, heading, did) [name] = word,
    static const char *const words[] = {STOMP_FAULTS(X)};
#undef X

    return words[fault];
}

const char *stomp_fault_text(enum stomp_fault fault)
{
#define X(name, word, heading, did) [name] = did " (STOMP 1.2, " heading ")",
    static const char *const texts[] = {STOMP_FAULTS(X)};
#undef X

    return fault == STOMP_FAULT_NONE ? "did nothing wrong" : texts[fault];
}

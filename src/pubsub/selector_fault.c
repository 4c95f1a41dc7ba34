/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "pubsub/selector_fault.h"

#define X(name, sentence) [name] = sentence,
static const char *const sentences[] = {SELECTOR_FAULTS(X)};
#undef X

const char *selector_fault_text(enum selector_fault_reason reason)
{
    return sentences[reason];
}

/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "pubsub/dict_fault.h"

#define X(name, sentence) [name] = sentence,
static const char *const sentences[] = {DICT_FAULTS(X)};
#undef X

const char *dict_fault_text(enum dict_fault_reason reason)
{
    return sentences[reason];
}

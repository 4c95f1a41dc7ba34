/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "base/err.h"

const char *err_text(enum err e)
{
#define X(name, text) [name] = text,
    static const char *const texts[] = {ERR_LIST(X)};
#undef X

    return texts[e];
}

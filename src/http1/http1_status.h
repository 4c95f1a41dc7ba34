/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Status codes and their reason phrases (RFC 9110 section 15 and the IANA registry).
 */
#pragma once

#include <stdint.h>

/** The registered phrase, or "" for a code that has none. Static storage. */
const char *http1_status_reason(uint16_t status);

/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * A whole frame to look at. Nothing here owns.
 */
#pragma once

#include "stomp/stomp.h"

struct stomp_header {
    struct span name; /* escapes undone; case counts */
    struct span value;
};

struct stomp_frame {
    enum stomp_command command;
    const struct stomp_header *headers; /* in the order of arrival, repetitions included */
    size_t header_count;
    struct span body;
};

/** The first header of that name, which is the one that counts, or NULL. "Repeated Header
 *  Entries". */
const struct stomp_header *stomp_frame_find(const struct stomp_frame *frame, struct span name);

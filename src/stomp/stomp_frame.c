/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "stomp/stomp_frame.h"

/* Repeated Header Entries: only the first header entry SHOULD be used as the value */
const struct stomp_header *stomp_frame_find(const struct stomp_frame *frame, struct span name)
{
    for (size_t i = 0; i < frame->header_count; i++) {
        if (span_equal(frame->headers[i].name, name)) {
            return &frame->headers[i];
        }
    }
    return NULL;
}

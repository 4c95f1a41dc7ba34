/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "load_frame.h"

#include <string.h>

size_t load_frame_put(uint8_t *out, uint8_t opcode, const void *payload, size_t len)
{
    const uint8_t head[LOAD_FRAME_HEAD_BYTES] = {(uint8_t)(0x80 | opcode), 0x80 | 126,
                                                 (uint8_t)(len >> 8), (uint8_t)len};
    const uint8_t short_head[] = {(uint8_t)(0x80 | opcode), (uint8_t)(0x80 | len), 0, 0, 0, 0};
    size_t head_len = len < 126 ? sizeof short_head : sizeof head;

    memcpy(out, len < 126 ? short_head : head, head_len);
    memcpy(out + head_len, payload, len);
    return head_len + len;
}

size_t load_frame_take(const uint8_t *bytes, size_t len, struct load_frame *ret_frame)
{
    size_t payload_len = len < 2 ? 0 : bytes[1] & 0x7f;
    size_t head = payload_len == 126 ? 4 : payload_len == 127 ? 10 : 2;

    if (len < head) {
        return 0;
    }
    if (head > 2) {
        payload_len = 0;
        for (size_t i = 2; i < head; i++) {
            payload_len = payload_len << 8 | bytes[i];
        }
    }
    if (len - head < payload_len) {
        return 0;
    }
    *ret_frame = (struct load_frame){
        .opcode = bytes[0] & 0x0f, .payload = bytes + head, .len = payload_len};
    return head + payload_len;
}

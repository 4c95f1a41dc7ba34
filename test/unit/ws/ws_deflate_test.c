/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "ws/ws_deflate.h"

#include "base/rng.h"
#include "lib/cut.h"
#include "lib/oom.h"
#include "lib/testing.h"
#include "ws/ws_frame.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    ROOM = 1 << 22
};

/* ---- the agreement ---- */

/* What the 101 says to these fields ("|" between two); "" when no offer is taken. */
static void answers(const char *fields, const char *answer)
{
    struct ws_deflate_offer offer = {0};
    struct span rest = span_str(fields);
    struct buf out;

    while (rest.len > 0) {
        size_t bar = span_find(rest, '|');

        ws_deflate_read_offers(span_head(rest, bar), &offer);
        rest = span_tail(rest, bar < rest.len ? bar + 1 : bar);
    }
    assert_int_equal(offer.is_taken, answer[0] != '\0');
    if (!offer.is_taken) {
        return;
    }
    buf_init(&out, ROOM);
    assert_ok(ws_deflate_put_answer(&offer, &out));
    assert_bytes(buf_span(&out), span_str(answer));
    buf_fini(&out);
}

#define ACCEPTED                                                                 \
    "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; " \
    "client_no_context_takeover"

static void an_offer_is_taken_without_context(void **state)
{
    (void)state;
    answers("permessage-deflate", ACCEPTED "\r\n");
    answers("permessage-deflate; client_max_window_bits", ACCEPTED "\r\n"); /* Chromium's */
    answers("Permessage-Deflate ;\tclient_max_window_bits=10 ; client_no_context_takeover",
            ACCEPTED "\r\n");
    answers("permessage-deflate; server_no_context_takeover; client_max_window_bits=\"15\"",
            ACCEPTED "\r\n");
    answers("permessage-deflate; server_max_window_bits=15",
            ACCEPTED "; server_max_window_bits=15\r\n");
}

static void the_first_offer_that_can_be_met_is_taken(void **state)
{
    (void)state;
    answers("x-other; a=\"1, permessage-deflate\", permessage-deflate", ACCEPTED "\r\n");
    answers("permessage-deflate; server_max_window_bits=10, permessage-deflate",
            ACCEPTED "\r\n");
    answers("x-other|permessage-deflate; server_max_window_bits=15",
            ACCEPTED "; server_max_window_bits=15\r\n");
}

static void what_is_malformed_or_cannot_be_met_is_declined(void **state)
{
    static const char *const declined[] = {
        "",
        "x-webkit-deflate-frame",
        "permessage-deflate; server_max_window_bits=10",
        "permessage-deflate; server_max_window_bits",
        "permessage-deflate; server_max_window_bits=16",
        "permessage-deflate; client_max_window_bits=7",
        "permessage-deflate; client_max_window_bits=16",
        "permessage-deflate; client_max_window_bits=010",
        "permessage-deflate; client_max_window_bits=",
        "permessage-deflate; client_max_window_bits=\"\"",
        "permessage-deflate; client_max_window_bits=9x",
        "permessage-deflate; client_no_context_takeover=1",
        "permessage-deflate; server_no_context_takeover=",
        "permessage-deflate; client_max_window_bits; client_max_window_bits=12",
        "permessage-deflate; unknown",
        "permessage-deflate;; client_max_window_bits",
        "\"permessage-deflate\"",
        "x; a=\"permessage-deflate",
    };

    (void)state;
    for (size_t i = 0; i < sizeof declined / sizeof declined[0]; i++) {
        answers(declined[i], "");
    }
}

/* ---- in ---- */

static const char *expected; /* what is to come out, in hex */
static enum err expected_end;

static void inflate_cut(const struct cut *cut)
{
    struct span wanted = span_ro(hex(expected));
    struct ws_deflate_in *inflater;
    struct span output;
    struct mspan part;
    size_t at = 0;
    enum err e = ERR_AGAIN;
    struct buf seen;

    buf_init(&seen, ROOM);
    assert_ok(ws_deflate_in_new(&inflater));
    while (e == ERR_AGAIN && (part = cut_next(cut, &at)).ptr != NULL) {
        struct span input = span_ro(part);

        while ((e = ws_deflate_in_next(inflater, &input, &output)) == OK) {
            assert_true(output.len > 0);
            assert_ok(buf_append(&seen, output));
        }
        assert_true(e == ERR_PROTO || input.len == 0);
    }
    while (e == ERR_AGAIN && (e = ws_deflate_in_finish(inflater, &output)) == OK) {
        assert_ok(buf_append(&seen, output));
        e = ERR_AGAIN;
    }
    assert_int_equal(e, expected_end);
    if (e == ERR_AGAIN) {
        assert_bytes(buf_span(&seen), wanted);
    }
    ws_deflate_in_free(inflater);
    buf_fini(&seen);
}

static void inflates(const char *bytes, const char *to)
{
    expected = to;
    expected_end = ERR_AGAIN;
    every_cut(hex(bytes), inflate_cut);
}

static void cannot_be_read(const char *bytes)
{
    expected = "";
    expected_end = ERR_PROTO;
    every_cut(hex(bytes), inflate_cut);
}

static void the_examples_of_rfc_7692_7_2_3_come_out(void **state)
{
    (void)state;
    inflates("f2 48 cd c9 c9 07 00", "'Hello'");                   /* 7.2.3.1 */
    inflates("00 05 00 fa ff 'Hello' 00", "'Hello'");              /* 7.2.3.3 */
    inflates("f3 48 cd c9 c9 07 00 00", "'Hello'");                /* 7.2.3.4: BFINAL */
    inflates("f2 48 05 00 00 00 ff ff ca c9 c9 07 00", "'Hello'"); /* 7.2.3.5: two blocks */
    inflates("00", "");                                            /* 7.2.3.6: empty */
}

static void what_is_no_deflate_is_refused(void **state)
{
    (void)state;
    cannot_be_read("07");                     /* a block type that there is not */
    cannot_be_read("00 05 00 00 00 'Hello'"); /* lengths that do not agree */
    cannot_be_read("f2 48 cd c9");            /* ends inside a block */
    cannot_be_read("");                       /* not even an empty block */
    cannot_be_read("02 06 01");               /* looks back before the beginning */
}

static void a_bomb_comes_out_in_portions(void **state)
{
    const size_t total = 4 << 20;
    uint8_t *zeros = calloc(1, total);
    struct ws_deflate_out *deflater;
    struct ws_deflate_in *inflater;
    struct span input, output;
    size_t len = 0;
    struct buf frame;
    enum err e;

    (void)state;
    assert_non_null(zeros);
    buf_init(&frame, total + 100);
    assert_ok(ws_deflate_out_new(&deflater));
    assert_ok(ws_deflate_out_put(deflater, WS_OPCODE_BINARY, span_of(zeros, total), &frame));
    assert_true(frame.len < 8192);
    assert_ok(ws_deflate_in_new(&inflater));
    input = span_tail(buf_span(&frame), ws_frame_head_bytes(span_head(buf_span(&frame), 2)));
    while ((e = ws_deflate_in_next(inflater, &input, &output)) == OK) {
        assert_true(output.len <= 8192);
        len += output.len;
    }
    assert_int_equal(e, ERR_AGAIN);
    assert_int_equal(len, total);
    assert_int_equal(ws_deflate_in_finish(inflater, &output), ERR_AGAIN);
    ws_deflate_in_free(inflater);
    ws_deflate_out_free(deflater);
    buf_fini(&frame);
    free(zeros);
}

/* ---- out ---- */

/* Words of a small language, which compresses, or noise, which does not. */
static void fill(struct rng *rng, uint8_t *bytes, size_t len, bool is_noise)
{
    rng_fill(rng, mspan_of(bytes, len));
    for (size_t i = 0; i < len && !is_noise; i++) {
        bytes[i] = (uint8_t) "price:"[bytes[i] % 6];
    }
}

static void goes_out_and_comes_back(struct ws_deflate_out *deflater, struct span payload)
{
    struct ws_frame frame;
    struct ws_deflate_in *inflater;
    struct span input, output;
    struct buf out, again, seen;
    uint8_t head[WS_FRAME_HEAD_MAX];
    bool is_compressed;
    size_t head_len;

    buf_init(&out, ROOM);
    buf_init(&again, ROOM);
    buf_init(&seen, ROOM);
    assert_ok(ws_deflate_out_put(deflater, WS_OPCODE_TEXT, payload, &out));
    assert_ok(ws_deflate_out_put(deflater, WS_OPCODE_TEXT, payload, &again));
    assert_bytes(buf_span(&out), buf_span(&again)); /* nothing is remembered */
    is_compressed = (out.ptr[0] & 0x40) != 0;
    head_len = ws_frame_head_bytes(span_head(buf_span(&out), 2));
    memcpy(head, out.ptr, head_len);
    head[0] &= (uint8_t)~0x40;
    assert_int_equal(ws_frame_decode(span_of(head, head_len), WS_SERVER, &frame),
                     WS_FAULT_NONE);
    assert_int_equal(frame.payload_len, out.len - head_len);
    assert_true(out.len - head_len <= payload.len);
    assert_int_equal(is_compressed, out.len - head_len < payload.len);

    input = span_tail(buf_span(&out), head_len);
    if (is_compressed) {
        enum err e;

        assert_ok(ws_deflate_in_new(&inflater));
        while ((e = ws_deflate_in_next(inflater, &input, &output)) == OK) {
            assert_ok(buf_append(&seen, output));
        }
        assert_int_equal(e, ERR_AGAIN);
        assert_int_equal(ws_deflate_in_finish(inflater, &output), ERR_AGAIN);
        ws_deflate_in_free(inflater);
        input = buf_span(&seen);
    }
    assert_bytes(input, payload);
    buf_fini(&out);
    buf_fini(&again);
    buf_fini(&seen);
}

static void messages_of_any_size_come_back_as_they_were(void **state)
{
    static const size_t sizes[] = {0,     1,     125,    126,    127,    128,   129,
                                   1000,  8191,  8192,   8193,   65535,  65536, 65537,
                                   70000, 99999, 131072, 200000, 1 << 20};
    struct rng rng = rng_seeded(3);
    struct ws_deflate_out *deflater;
    uint8_t *bytes = malloc(1 << 20);

    (void)state;
    assert_non_null(bytes);
    assert_ok(ws_deflate_out_new(&deflater));
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        fill(&rng, bytes, sizes[i], false);
        goes_out_and_comes_back(deflater, span_of(bytes, sizes[i]));
        fill(&rng, bytes, sizes[i], true);
        goes_out_and_comes_back(deflater, span_of(bytes, sizes[i]));
    }
    ws_deflate_out_free(deflater);
    free(bytes);
}

static void without_room_for_both_the_message_goes_out_plain(void **state)
{
    static const uint8_t zeros[1000];
    struct ws_deflate_out *deflater;
    struct buf out;

    (void)state;
    assert_ok(ws_deflate_out_new(&deflater));
    buf_init(&out, sizeof zeros + 4);
    assert_ok(ws_deflate_out_put(deflater, WS_OPCODE_TEXT, span_of(zeros, sizeof zeros), &out));
    assert_int_equal(out.ptr[0], 0x81);
    assert_int_equal(out.len, sizeof zeros + 4);
    assert_int_equal(
        ws_deflate_out_put(deflater, WS_OPCODE_TEXT, span_of(zeros, sizeof zeros), &out),
        ERR_LIMIT);
    assert_int_equal(out.len, sizeof zeros + 4);
    buf_fini(&out);
    ws_deflate_out_free(deflater);
}

static void compress_and_read(void)
{
    static const uint8_t zeros[5000];
    static const uint8_t hello[] = {0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00};
    struct ws_deflate_offer offer = {.is_taken = true};
    struct ws_deflate_out *deflater;
    struct ws_deflate_in *inflater;
    struct span input = span_of(hello, sizeof hello);
    struct span output;
    struct buf out;

    buf_init(&out, ROOM);
    if (ws_deflate_put_answer(&offer, &out) != OK) {
        assert_int_equal(out.len, 0);
    }
    buf_fini(&out);
    if (ws_deflate_out_new(&deflater) == OK) {
        if (ws_deflate_out_put(deflater, WS_OPCODE_TEXT, span_of(zeros, sizeof zeros), &out) !=
            OK) {
            assert_int_equal(out.len, 0);
        }
        ws_deflate_out_free(deflater);
    }
    buf_fini(&out);
    if (ws_deflate_in_new(&inflater) == OK) {
        enum err e = ws_deflate_in_next(inflater, &input, &output);

        assert_true(e == OK || e == ERR_NOMEM);
        ws_deflate_in_free(inflater);
    }
}

static void running_out_of_memory_leaks_nothing(void **state)
{
    (void)state;
    every_oom(compress_and_read);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_offer_is_taken_without_context),
        cmocka_unit_test(the_first_offer_that_can_be_met_is_taken),
        cmocka_unit_test(what_is_malformed_or_cannot_be_met_is_declined),
        cmocka_unit_test(the_examples_of_rfc_7692_7_2_3_come_out),
        cmocka_unit_test(what_is_no_deflate_is_refused),
        cmocka_unit_test(a_bomb_comes_out_in_portions),
        cmocka_unit_test(messages_of_any_size_come_back_as_they_were),
        cmocka_unit_test(without_room_for_both_the_message_goes_out_plain),
        cmocka_unit_test(running_out_of_memory_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

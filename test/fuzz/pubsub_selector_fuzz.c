/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * A selector that is taken can be judged, and its negation means the opposite, unless a limit
 * is in the way. A refused one has a reason, and a place inside the text.
 */
#include "base/buf.h"
#include "pubsub/dict_json.h"
#include "pubsub/selector.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char dictionary[] =
    "{\"a\":1,\"b\":-2.5,\"c\":\"text\",\"d\":true,\"e\":null,\"f\":{\"$long\":\"9007199254740993\"},"
    "\"g\":[1,2,3],\"h\":[\"x\",null,\"aaaaaaaaaaaaaaaaaaaab\"],\"i\":[],"
    "\"j\":[{\"k\":[{\"l\":1},{\"l\":2}]},{\"k\":[]}],\"m\":{\"n\":{\"o\":4}}}";

static void check(bool holds)
{
    if (!holds) {
        abort();
    }
}

static bool find_header(void *ctx, struct span name, struct span *ret_value)
{
    (void)ctx;
    *ret_value = span_equals(name, "p") ? SPAN("12") : SPAN("head");
    return span_equals(name, "p") || span_equals(name, "q");
}

static struct dict *make_dict(void)
{
    static const struct dict_limits limits = {.bytes = 1 << 20, .values = 1000};
    struct dict_fault fault;
    struct dict *dict;

    check(dict_json_read(span_str(dictionary), &limits, &fault, &dict) == OK);
    return dict;
}

static void check_negation(struct span text, enum selector_truth truth,
                           const struct selector_source *source)
{
    struct selector_fault fault;
    struct selector *negated;
    struct buf out;
    enum err e;

    buf_init(&out, SELECTOR_TEXT_MAX + 100);
    check(buf_printf(&out, "NOT(") == OK && buf_append(&out, text) == OK &&
          buf_append_byte(&out, ')') == OK);
    e = selector_parse(buf_span(&out), &fault, &negated);
    check(e == OK || e == ERR_LIMIT);
    if (e == OK) {
        check((int)selector_judge(negated, source) == SELECTOR_TRUE - (int)truth ||
              truth == SELECTOR_UNKNOWN);
        selector_unref(negated);
    }
    buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct selector_source source = {.find_header = find_header, .eid = 7, .tag = SPAN("t")};
    struct span text = span_of(data, size);
    struct selector_fault fault;
    struct selector *selector;
    enum selector_truth truth;
    struct dict *dict;
    enum err e = selector_parse(text, &fault, &selector);

    if (e != OK) {
        check(e == ERR_PROTO || e == ERR_LIMIT);
        check(fault.reason != SELECTOR_FAULT_NONE && fault.at <= size);
        return 0;
    }
    check(span_equal(selector_text(selector), text));
    dict = make_dict();
    (void)selector_judge(selector, &source); /* without a dictionary */
    source.dict = dict;
    truth = selector_judge(selector, &source);
    check(selector_matches(selector, &source) == (truth == SELECTOR_TRUE));
    check_negation(text, truth, &source);
    selector_unref(selector);
    dict_free(dict);
    return 0;
}

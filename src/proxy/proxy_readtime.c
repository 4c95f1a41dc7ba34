/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "proxy/proxy_readtime.h"

#include "base/text.h"

enum {
    SECONDS_MAX = 86400,
};

static bool read_seconds(struct span text, msec *ret_time)
{
    uint64_t seconds;

    if (!text_u64(text, SECONDS_MAX, &seconds)) {
        return false;
    }
    *ret_time = seconds * 1000;
    return true;
}

/* "20", "20-40", "20,MinRate=500", "20-40,MinRate=500". */
static bool read_limit(struct span text, struct proxy_readtime *ret_limit)
{
    struct proxy_readtime limit = {.most = MSEC_NEVER};
    size_t comma = span_find(text, ',');
    struct span times = span_head(text, comma);
    size_t dash = span_find(times, '-');
    uint64_t rate = 0;

    if (!read_seconds(span_head(times, dash), &limit.first)) {
        return false;
    }
    if (dash < times.len &&
        (!read_seconds(span_tail(times, dash + 1), &limit.most) || limit.most < limit.first)) {
        return false;
    }
    if (comma < text.len) {
        struct span word = span_tail(text, comma + 1);

        if (word.len < 8 || !span_equals_nocase(span_head(word, 8), "minrate=") ||
            !text_u64(span_tail(word, 8), UINT32_MAX, &rate) || rate == 0) {
            return false;
        }
    }
    limit.min_rate = (uint32_t)rate;
    /* A maximum without a rate has nothing to extend: httpd takes the rate for 1 byte. */
    if (limit.min_rate == 0 && limit.most != MSEC_NEVER) {
        limit.min_rate = 1;
    }
    *ret_limit = limit;
    return true;
}

static bool read_word(struct proxy_readtime_conf *conf, struct span word)
{
    size_t equals = span_find(word, '=');
    struct span name = span_head(word, equals);

    if (equals == word.len) {
        return false;
    }
    if (span_equals_nocase(name, "header")) {
        conf->has_header = true;
        return read_limit(span_tail(word, equals + 1), &conf->header);
    }
    return span_equals_nocase(name, "body") &&
           read_limit(span_tail(word, equals + 1), &conf->body);
}

enum err proxy_readtime_read(struct proxy_readtime_conf *conf, const struct conf_node *node,
                             const struct conf_apply *apply)
{
    for (size_t i = 0; i < node->word_count; i++) {
        if (!read_word(conf, node->words[i])) {
            diag_error(apply->diag, node->file, node->line,
                       "RequestReadTimeout: \"%.*s\" cannot be understood (write "
                       "header=20-40,MinRate=500 or body=20,MinRate=500; seconds and bytes a "
                       "second)",
                       SPAN_ARG(diag_word(node->words[i])));
        }
    }
    return OK;
}

msec proxy_readtime_allowed(const struct proxy_readtime *limit, uint64_t bytes)
{
    msec allowed = limit->first;

    if (limit->first == 0) {
        return MSEC_NEVER;
    }
    if (limit->min_rate > 0 && bytes < UINT64_MAX / 1000) {
        allowed += bytes * 1000 / limit->min_rate;
    }
    return msec_min(allowed, limit->most);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Message selectors: the conditional expressions of JMS 1.1 section 3.8, with paths into nested
 * dictionaries and arrays as Universal Messaging has them (doc/selectors.md). Compiled once,
 * never changed, counted by its holders; evaluation allocates nothing and costs a bounded
 * number of steps.
 */
#pragma once

#include "base/err.h"
#include "base/span.h"
#include "pubsub/dict.h"
#include "pubsub/selector_fault.h"

enum {
    SELECTOR_TEXT_MAX = 4096,     /* bytes */
    SELECTOR_NODES_MAX = 1024,    /* operations, names and literals */
    SELECTOR_DEPTH_MAX = 32,      /* parentheses, NOT and signs inside each other */
    SELECTOR_ANY_MAX = 8,         /* [] in one comparison */
    SELECTOR_STEPS_MAX = 1 << 18, /* of one evaluation: about a byte or an element looked at */
};

struct selector;

/** SQL-92's three truth values. */
enum selector_truth {
    SELECTOR_FALSE,
    SELECTOR_UNKNOWN,
    SELECTOR_TRUE,
};

/** The event that is judged. All of it is borrowed for the call. */
struct selector_source {
    const struct dict *dict; /* NULL: it has none */

    /** The value of the header of that name, for names that are not in the dictionary; false
     * when there is none. NULL: there are no headers. It is asked for "message-id" too, which
     * the realm writes itself (JMSMessageID). */
    bool (*find_header)(void *ctx, struct span name, struct span *ret_value);
    void *ctx;

    uint64_t eid;          /* $eid; 0: none yet */
    int64_t time;          /* $time, JMSTimestamp: milliseconds since 1970; 0: not known */
    struct span tag;       /* $tag; empty: none */
    struct span publisher; /* $publisher; empty: none */
    const struct dict *attributes; /* what the publisher says of the event in one header, as our
                                      clients do; NULL: nothing */
};

/**
 * Compiles a text, which is copied.
 *
 * Returns OK         *ret_selector has one reference, the caller's
 *         ERR_PROTO  it is no selector: *ret_fault says why, and at which byte
 *         ERR_LIMIT  it is over one of the limits above: likewise
 *         ERR_NOMEM
 */
must_check enum err selector_parse(struct span text, struct selector_fault *ret_fault,
                                   struct selector **ret_selector);

/** One more holder. Any thread that holds a reference already. */
struct selector *selector_ref(struct selector *selector);

/** One fewer; the last one frees it. Takes NULL. */
void selector_unref(struct selector *selector);

/** As it was given to selector_parse(); borrowed. */
struct span selector_text(const struct selector *selector);

/** Whether the expression is true of the event. One that takes over SELECTOR_STEPS_MAX steps is
 *  not: it is broken off, also where it would have been negated. */
bool selector_matches(const struct selector *selector, const struct selector_source *source);

/** The same with the third value kept apart; a broken-off evaluation is unknown. */
enum selector_truth selector_judge(const struct selector *selector,
                                   const struct selector_source *source);

/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Dictionaries as JSON text (RFC 8259), with marks where JSON alone would lose a type:
 * doc/wire.md, "Events". Reading is strict: UTF-8, no name twice, nothing behind the end.
 */
#pragma once

#include "pubsub/dict.h"
#include "pubsub/dict_fault.h"

/** What an event's body of type application/vnd.wayleave.event+json holds. */
struct dict_json_event {
    struct dict_value data;  /* DICT_STRING, DICT_BYTES, or DICT_NULL when there is none */
    struct span tag;         /* empty: none */
    const struct dict *dict; /* NULL: none */
};

/**
 * Reads a text that is one dictionary, and nothing else but white space.
 *
 * Returns OK         *ret_root is the caller's, for dict_free(). The text is not needed any
 * more ERR_PROTO  *ret_fault says what is wrong, and at which byte ERR_LIMIT  likewise:
 * `limits`, or DICT_DEPTH_MAX ERR_NOMEM
 */
must_check enum err dict_json_read(struct span text, const struct dict_limits *limits,
                                   struct dict_fault *ret_fault, struct dict **ret_root);

/** The parts of an event whose body was read as a dictionary; borrowed from `root`. Members
 * that it does not know are passed over. ERR_PROTO: one of the three has a wrong type. */
must_check enum err dict_json_event(const struct dict *root, struct dict_fault *ret_fault,
                                    struct dict_json_event *ret_event);

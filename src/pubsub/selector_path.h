/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * A name in a selector, and where its value comes from: the dictionary, a header, or what the
 * realm knows of the event (doc/selectors.md, "Names").
 */
#pragma once

#include "pubsub/selector_value.h"

enum selector_path_step_type {
    SELECTOR_PATH_MEMBER, /* .name */
    SELECTOR_PATH_NTH,    /* [1] */
    SELECTOR_PATH_ANY,    /* [] */
};

struct selector_path_step {
    struct selector_path_step *next; /* NULL: the last one */
    enum selector_path_step_type type;
    struct span name; /* MEMBER */
    uint64_t nth;     /* NTH: from 0 */
    unsigned any;     /* ANY: which [] of its comparison this is, from 0 */
};

/* In the selector's arena, as all that it points to. */
struct selector_path {
    struct selector_path_step *first; /* never NULL, a MEMBER */
    struct span name; /* the whole of it with its dots, when it has no brackets; else empty */
};

/** Which element each [] of a comparison stands for just now. */
struct selector_path_choice {
    size_t index[SELECTOR_ANY_MAX];
    size_t count[SELECTOR_ANY_MAX]; /* set when it is reached: how many elements there are */
    bool is_empty;                  /* set when one of them has no elements at all */
};

/** Null when there is no such thing. Sets what it learns in *choice; takes off *steps, which it
 *  leaves at 0 when they do not suffice. */
struct selector_value selector_path_value(const struct selector_path *path,
                                          const struct selector_source *source,
                                          struct selector_path_choice *choice, size_t *steps);

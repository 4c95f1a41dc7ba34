/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * A network may cut a stream anywhere: every_cut() runs a check over the whole input, over the
 * input in two at every byte, and over the input byte by byte.
 */
#pragma once

#include "base/span.h"

struct cut {
    struct span whole; /* the original input */
    size_t first;      /* bytes in the first part; 0 = one byte at a time */
};

/**
 * The next part of the cut input, as a fresh copy on the heap of exactly its size (so that a
 * sanitizer sees any step over its end). *at counts from 0 and is moved; ptr is NULL at the
 * end. The part is valid until the next call.
 */
struct mspan cut_next(const struct cut *cut, size_t *at);

void cut_every(struct span input, void (*check)(const struct cut *cut));

#define every_cut(input, check) cut_every(span_ro(input), check)

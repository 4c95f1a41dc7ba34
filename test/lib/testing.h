/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * What every unit test includes: cmocka with the headers it wants, and the bytes of a hex
 * string.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/span.h"

/**
 * The bytes of "81 85 37 fa"; spaces are optional, 'text' in single quotes stands for itself.
 * Lives until the test program ends; anything malformed fails the test.
 */
struct mspan testing_hex(const char *text);

/** Fails with both sides in hex when the bytes differ. */
void testing_assert_bytes(struct span actual, struct span expected, const char *file, int line);

#define hex(text) testing_hex(text)
#define assert_bytes(actual, expected) \
    testing_assert_bytes(actual, expected, __FILE__, __LINE__)
#define assert_ok(call) assert_int_equal((call), OK)

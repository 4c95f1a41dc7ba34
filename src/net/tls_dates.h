/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * How long a certificate is valid, as its owner should hear of it. Two times go in and a
 * sentence comes out: no clock, no OpenSSL (tls_ctx_dates() reads them).
 */
#pragma once

#include <stdint.h>

enum {
    TLS_DATES_SOON_DAYS = 14,
    TLS_DATES_TEXT_BYTES = 200,
};

/* RFC 5280 section 4.1.2.5: "from notBefore through notAfter, inclusive". Seconds since 1970.
 */
struct tls_dates {
    int64_t not_before;
    int64_t not_after;
};

/** Whole days between two times, whichever is the later one. */
int64_t tls_dates_days(int64_t one, int64_t other);

/**
 * What is the matter at `now`, to stand behind the file's name: "expires on 2026-12-01, in 8
 * days (renew it and reload)" when that is within TLS_DATES_SOON_DAYS, or that it has expired,
 * or is not valid yet. Dates are UTC. NULL: nothing; else `room`.
 */
const char *tls_dates_fault(const struct tls_dates *dates, int64_t now,
                            char room[TLS_DATES_TEXT_BYTES]);

/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * The log hears of a certificate that has expired, is not valid yet or expires soon: when it
 * was loaded, and once a day from then on.
 */
#pragma once

#include "base/log.h"
#include "io/timer.h"
#include "net/tls_dates.h"

enum {
    REALM_CERTIFICATE_EVERY_MS = 24 * 60 * 60 * 1000
};

/* Zeroed before it begins; all of it is realm_certificate.c's own. */
struct realm_certificate {
    struct timer timer;
    const struct log *log; /* borrowed; NULL: not begun */
    struct span file;      /* borrowed, see below */
    struct tls_dates dates;
};

/** Nothing is watched yet. */
void realm_certificate_begin(struct realm_certificate *certificate, struct loop *loop,
                             const struct log *log);

/** Instead of what was watched before, if anything. `file` is borrowed until the next call for
 *  the same certificate. NULL `dates`: there is none. */
void realm_certificate_watch(struct realm_certificate *certificate, struct span file,
                             const struct tls_dates *dates);

/** Takes one that has not begun. */
void realm_certificate_end(struct realm_certificate *certificate);

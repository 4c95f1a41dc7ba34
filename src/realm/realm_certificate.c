/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "realm/realm_certificate.h"

#include "daemon/daemon_clock.h"

static void on_day(void *ctx)
{
    struct realm_certificate *certificate = ctx;
    const int64_t now = (int64_t)(daemon_clock_ms() / 1000);
    char room[TLS_DATES_TEXT_BYTES];
    const char *fault = tls_dates_fault(&certificate->dates, now, room);

    if (fault != NULL) {
        log_warn(certificate->log, "SSLCertificateFile: %.*s %s", SPAN_ARG(certificate->file),
                 fault);
    }
    if (timer_set(&certificate->timer,
                  loop_now(certificate->timer.loop) + REALM_CERTIFICATE_EVERY_MS) != OK) {
        log_warn(certificate->log, "SSLCertificateFile: its dates are next looked at when it "
                                   "is reloaded: out of memory");
    }
}

void realm_certificate_begin(struct realm_certificate *certificate, struct loop *loop,
                             const struct log *log)
{
    certificate->log = log;
    timer_init(&certificate->timer, loop, on_day, certificate);
}

void realm_certificate_watch(struct realm_certificate *certificate, struct span file,
                             const struct tls_dates *dates)
{
    timer_cancel(&certificate->timer);
    if (dates != NULL) {
        certificate->file = file;
        certificate->dates = *dates;
        on_day(certificate);
    }
}

void realm_certificate_end(struct realm_certificate *certificate)
{
    if (certificate->log != NULL) {
        timer_cancel(&certificate->timer);
    }
}

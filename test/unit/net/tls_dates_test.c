/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "net/tls_dates.h"

#include "net/tls_ctx.h"

#include "lib/scratch.h"
#include "lib/testing.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <time.h>

enum {
    DAY = 24 * 60 * 60
};

static const int64_t december = 1796083200; /* 2026-12-01T00:00:00Z */

static void assert_says(const struct tls_dates *dates, int64_t now, const char *sentence)
{
    char room[TLS_DATES_TEXT_BYTES];
    const char *fault = tls_dates_fault(dates, now, room);

    if (sentence == NULL) {
        assert_null(fault);
    } else {
        assert_non_null(fault);
        assert_string_equal(fault, sentence);
    }
}

static void days_are_whole_and_have_no_sign(void **state)
{
    (void)state;
    assert_int_equal(tls_dates_days(december, december + DAY - 1), 0);
    assert_int_equal(tls_dates_days(december, december + DAY), 1);
    assert_int_equal(tls_dates_days(december + 9 * DAY - 1, december), 8);
}

static void a_certificate_that_expires_soon_is_told_so(void **state)
{
    const struct tls_dates dates = {december - 90 * DAY, december};

    (void)state;
    assert_says(&dates, december - 14 * DAY - 1, NULL);
    assert_says(&dates, december - 14 * DAY,
                "expires on 2026-12-01, in 14 days (renew it and reload)");
    assert_says(&dates, december - 8 * DAY,
                "expires on 2026-12-01, in 8 days (renew it and reload)");
    assert_says(&dates, december - 2 * DAY + 1,
                "expires on 2026-12-01, in 1 day (renew it and reload)");
    assert_says(&dates, december,
                "expires on 2026-12-01, in less than a day (renew it and reload)");
}

static void a_certificate_that_has_expired_is_told_so(void **state)
{
    const struct tls_dates dates = {december - 90 * DAY, december};

    (void)state;
    assert_says(&dates, december + 1,
                "expired on 2026-12-01, less than a day ago (renew it and reload)");
    assert_says(&dates, december + 400 * DAY,
                "expired on 2026-12-01, 400 days ago (renew it and reload)");
}

static void a_certificate_that_is_not_valid_yet_is_told_so(void **state)
{
    const struct tls_dates dates = {december, december + 90 * DAY};

    (void)state;
    assert_says(&dates, december, NULL);
    assert_says(&dates, december - 3 * DAY,
                "is not valid before 2026-12-01, in 3 days (set this machine's clock if it is "
                "wrong; else use another one and reload)");
}

static void a_certificate_for_ever_is_fine(void **state)
{
    const struct tls_dates dates = {INT64_MIN, INT64_MAX};

    (void)state;
    assert_says(&dates, december, NULL);
}

/* ---- read from certificates ---- */

static void set_times(X509 *certificate, int64_t not_before, int64_t not_after)
{
    assert_non_null(ASN1_TIME_set(X509_getm_notBefore(certificate), (time_t)not_before));
    assert_non_null(ASN1_TIME_set(X509_getm_notAfter(certificate), (time_t)not_after));
}

static void save(const char *file, EVP_PKEY *key, X509 *certificate)
{
    FILE *out = fopen(file, "w");

    assert_non_null(out);
    assert_int_equal(certificate == NULL
                         ? PEM_write_PrivateKey(out, key, NULL, NULL, 0, NULL, NULL)
                         : PEM_write_X509(out, certificate),
                     1);
    fclose(out);
}

/* What a server knows of a certificate of which `set` has set the dates. */
static struct tls_dates dates_of(void (*set)(X509 *certificate))
{
    char dir[SCRATCH_DIR_BYTES];
    char certificate_file[SCRATCH_PATH_BYTES], key_file[SCRATCH_PATH_BYTES];
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = X509_new();
    struct tls_ctx *ctx = NULL;
    struct tls_dates dates;

    scratch_make(dir);
    scratch_path(dir, "a.crt", certificate_file);
    scratch_path(dir, "a.key", key_file);
    assert_non_null(key);
    assert_non_null(certificate);
    set(certificate);
    assert_int_equal(X509_set_pubkey(certificate, key), 1);
    assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);
    save(certificate_file, key, certificate);
    save(key_file, key, NULL);
    assert_ok(tls_ctx_server(certificate_file, key_file, mspan_of(NULL, 0), &ctx));
    tls_ctx_dates(ctx, &dates);
    tls_ctx_free(ctx);
    X509_free(certificate);
    EVP_PKEY_free(key);
    scratch_remove(dir, "a.crt a.key");
    return dates;
}

static void last_autumn(X509 *certificate)
{
    set_times(certificate, december - 90 * DAY, december);
}

static void from_2050_on(X509 *certificate)
{
    set_times(certificate, 2524608000, 2524608000 + DAY); /* GeneralizedTime */
}

static void with_nonsense(X509 *certificate)
{
    last_autumn(certificate); /* UTCTime */
    assert_int_equal(ASN1_STRING_set(X509_getm_notBefore(certificate), "soon", -1), 1);
    assert_int_equal(ASN1_STRING_set(X509_getm_notAfter(certificate), "later", -1), 1);
}

static void the_dates_are_those_of_the_certificate(void **state)
{
    struct tls_dates dates = dates_of(last_autumn);

    (void)state;
    assert_says(
        &dates, december - 90 * DAY - 1,
        "is not valid before 2026-09-02, in less than a day (set this machine's clock if "
        "it is wrong; else use another one and reload)");
    assert_says(&dates, december - 90 * DAY, NULL);
    assert_says(&dates, december - 8 * DAY,
                "expires on 2026-12-01, in 8 days (renew it and reload)");
    assert_says(&dates, december + DAY,
                "expired on 2026-12-01, 1 day ago (renew it and reload)");
}

static void dates_behind_2049_are_read_as_well(void **state)
{
    struct tls_dates dates = dates_of(from_2050_on);

    (void)state;
    assert_int_equal(dates.not_before, 2524608000);
    assert_int_equal(dates.not_after, 2524608000 + DAY);
}

static void dates_that_cannot_be_read_are_none(void **state)
{
    struct tls_dates dates = dates_of(with_nonsense);

    (void)state;
    assert_true(dates.not_before == INT64_MIN);
    assert_true(dates.not_after == INT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(days_are_whole_and_have_no_sign),
        cmocka_unit_test(a_certificate_that_expires_soon_is_told_so),
        cmocka_unit_test(a_certificate_that_has_expired_is_told_so),
        cmocka_unit_test(a_certificate_that_is_not_valid_yet_is_told_so),
        cmocka_unit_test(a_certificate_for_ever_is_fine),
        cmocka_unit_test(the_dates_are_those_of_the_certificate),
        cmocka_unit_test(dates_behind_2049_are_read_as_well),
        cmocka_unit_test(dates_that_cannot_be_read_are_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

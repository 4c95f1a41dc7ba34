/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "net/tls_ctx.h"

#include "lib/oom.h"
#include "lib/testing.h"

#include <ftw.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[] = "/tmp/wl-tls-ctx-XXXXXX";
static char certificate_file[64];
static char key_file[64];
static char why_text[512];
static const struct mspan why = {(uint8_t *)why_text, sizeof why_text};

static const char *in_dir(const char *name, char room[64])
{
    snprintf(room, 64, "%s/%s", dir, name);
    return room;
}

static int make_dir(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(dir));
    in_dir("localhost.crt", certificate_file);
    in_dir("localhost.key", key_file);
    assert_ok(tls_ctx_make_localhost(certificate_file, key_file, why));
    return 0;
}

static int remove_one(const char *path, const struct stat *found, int type, struct FTW *at)
{
    (void)found;
    (void)type;
    (void)at;
    return remove(path);
}

static int remove_dir(void **state)
{
    (void)state;
    return nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void write_file(const char *file, const char *text)
{
    FILE *out = fopen(file, "w");

    assert_non_null(out);
    fputs(text, out);
    fclose(out);
}

static void assert_says(const char *part)
{
    if (strstr(why_text, part) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", why_text, part);
    }
}

static void the_certificate_for_localhost_can_be_loaded(void **state)
{
    struct tls_ctx *ctx = NULL;

    (void)state;
    assert_ok(tls_ctx_server(certificate_file, key_file, why, &ctx));
    assert_non_null(tls_ctx_openssl(ctx));
    tls_ctx_free(ctx);
}

static void the_key_is_readable_by_its_owner_alone(void **state)
{
    struct stat found;

    (void)state;
    assert_return_code(stat(key_file, &found), 0);
    assert_int_equal(found.st_mode & 0777, 0600);
    assert_return_code(stat(certificate_file, &found), 0);
    assert_int_equal(found.st_mode & 0777, 0644);
}

static void files_that_exist_are_left_alone(void **state)
{
    struct stat before;
    struct stat after;

    (void)state;
    assert_return_code(stat(key_file, &before), 0);
    assert_ok(tls_ctx_make_localhost(certificate_file, key_file, why));
    assert_return_code(stat(key_file, &after), 0);
    assert_int_equal(before.st_ino, after.st_ino);
    assert_int_equal(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
}

static void half_a_pair_is_not_completed(void **state)
{
    char other[64];

    (void)state;
    in_dir("other.key", other);
    assert_int_equal(tls_ctx_make_localhost(certificate_file, other, why), ERR_IO);
    assert_says("localhost.crt exists without");
    assert_int_equal(access(other, F_OK), -1);
}

static void a_directory_that_is_not_there_is_named(void **state)
{
    (void)state;
    assert_int_equal(tls_ctx_make_localhost("/nowhere/a.crt", "/nowhere/a.key", why), ERR_IO);
    assert_string_equal(why_text, "cannot write /nowhere/a.key: No such file or directory");
}

static void nothing_is_left_behind_when_the_second_file_cannot_be_written(void **state)
{
    char other[64];

    (void)state;
    in_dir("alone.key", other);
    assert_int_equal(tls_ctx_make_localhost("/nowhere/a.crt", other, why), ERR_IO);
    assert_int_equal(access(other, F_OK), -1);
}

static void a_missing_file_is_named(void **state)
{
    struct tls_ctx *ctx = NULL;

    (void)state;
    assert_int_equal(tls_ctx_server("/nowhere/a.crt", key_file, why, &ctx), ERR_CONF);
    assert_string_equal(
        why_text, "cannot read the certificate /nowhere/a.crt: No such file or directory");
    assert_int_equal(tls_ctx_server(certificate_file, "/nowhere/a.key", why, &ctx), ERR_CONF);
    assert_string_equal(why_text,
                        "cannot read the key /nowhere/a.key: No such file or directory");
    assert_int_equal(tls_ctx_client("/nowhere/ca.pem", true, why, &ctx), ERR_CONF);
    assert_string_equal(why_text,
                        "cannot read the CA file /nowhere/ca.pem: No such file or directory");
    assert_null(ctx);
}

static void a_file_that_is_not_pem_is_named(void **state)
{
    struct tls_ctx *ctx = NULL;
    char text[64];

    (void)state;
    write_file(in_dir("text.pem", text), "not a certificate\n");
    assert_int_equal(tls_ctx_server(text, key_file, why, &ctx), ERR_CONF);
    assert_says("text.pem is not a certificate in PEM form");
    assert_int_equal(tls_ctx_server(certificate_file, text, why, &ctx), ERR_CONF);
    assert_says("text.pem is not a key in PEM form");
    assert_int_equal(tls_ctx_client(text, true, why, &ctx), ERR_CONF);
    assert_says("text.pem holds no certificate in PEM form");
}

static void a_key_of_another_certificate_is_named(void **state)
{
    struct tls_ctx *ctx = NULL;
    char other_certificate[64];
    char other_key[64];

    (void)state;
    in_dir("other.crt", other_certificate);
    in_dir("another.key", other_key);
    assert_ok(tls_ctx_make_localhost(other_certificate, other_key, why));
    assert_int_equal(tls_ctx_server(certificate_file, other_key, why, &ctx), ERR_CONF);
    assert_says("another.key does not belong to the certificate");
}

static void a_key_of_another_kind_than_the_certificates_is_named(void **state)
{
    EVP_PKEY *rsa = EVP_RSA_gen(1024);
    struct tls_ctx *ctx = NULL;
    char rsa_key[64];
    FILE *out;

    (void)state;
    assert_non_null(rsa);
    out = fopen(in_dir("rsa.key", rsa_key), "w");
    assert_non_null(out);
    assert_int_equal(PEM_write_PrivateKey(out, rsa, NULL, NULL, 0, NULL, NULL), 1);
    fclose(out);
    EVP_PKEY_free(rsa);
    assert_int_equal(tls_ctx_server(certificate_file, rsa_key, why, &ctx), ERR_CONF);
    assert_says("rsa.key does not belong to the certificate");
}

static void a_sentence_is_cut_to_its_room(void **state)
{
    struct tls_ctx *ctx = NULL;

    (void)state;
    assert_int_equal(tls_ctx_client("/nowhere", true, mspan_of((uint8_t *)why_text, 7), &ctx),
                     ERR_CONF);
    assert_string_equal(why_text, "cannot");
    assert_int_equal(tls_ctx_client("/nowhere", true, mspan_of(NULL, 0), &ctx), ERR_CONF);
}

static void make_contexts(void)
{
    struct tls_ctx *server = NULL;
    struct tls_ctx *client = NULL;

    if (tls_ctx_server(certificate_file, key_file, why, &server) == OK) {
        (void)!tls_ctx_client(certificate_file, true, why, &client);
    }
    tls_ctx_free(server);
    tls_ctx_free(client);
}

static void running_out_of_memory_leaks_nothing(void **state)
{
    (void)state;
    every_oom(make_contexts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_certificate_for_localhost_can_be_loaded),
        cmocka_unit_test(the_key_is_readable_by_its_owner_alone),
        cmocka_unit_test(files_that_exist_are_left_alone),
        cmocka_unit_test(half_a_pair_is_not_completed),
        cmocka_unit_test(a_directory_that_is_not_there_is_named),
        cmocka_unit_test(nothing_is_left_behind_when_the_second_file_cannot_be_written),
        cmocka_unit_test(a_missing_file_is_named),
        cmocka_unit_test(a_file_that_is_not_pem_is_named),
        cmocka_unit_test(a_key_of_another_certificate_is_named),
        cmocka_unit_test(a_key_of_another_kind_than_the_certificates_is_named),
        cmocka_unit_test(a_sentence_is_cut_to_its_room),
        cmocka_unit_test(running_out_of_memory_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}

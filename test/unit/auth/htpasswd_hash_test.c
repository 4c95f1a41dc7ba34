/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "auth/htpasswd_hash.h"

#include "auth/auth_basic.h"
#include "lib/testing.h"

#define LONG                                                                                       \
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" \
    "aaaaaaaa"

/* Made by htpasswd, openssl passwd and crypt(3). */
static const struct {
    const char *hash, *password;
} stored[] = {
    {"$2y$05$Mo1WNH9Avay.cUL0im8aFO.mX9iTeif65gEg6QkfXFiKlRwDIbT8y", "open sesame"},
    {"$2y$04$5FZE/xkLsRx.pCtujNZmS.rL39i9r/PwHZqtvvMGm9wVkZPcOEDp6", "open sesame"},
    {"$2a$04$abcdefghijklmnopqrstuu/LVz6MZlItEy42I2juLihZ66HnQx/cy", "open sesame"},
    {"$2b$04$abcdefghijklmnopqrstuu/LVz6MZlItEy42I2juLihZ66HnQx/cy", "open sesame"},
    {"$apr1$o9amBy9i$p6Dmeq.vWvbqWNk5rSqXp/", "open sesame"},
    {"$apr1$3Lxbq88q$a2Qkhsg9FkFOdDSRsiYqE.", ""},
    {"$apr1$Xoe7HLDo$8K69wNp/cW8Znf9osheCe1", "Gr\xc3\xbc\xc3\x9f"
                                              "e, W\xc3\xb6rld!"},
    {"$apr1$tQoz2bND$85sjuAnhKfwWudmTMPSNC0", LONG},
    {"{SHA}W8r/fyL/UzygmbNAjq2HbA67qac=", "open sesame"},
    {"$5$wcaknFoZlXBvHjFv$/DUEvBofvd7BYnN//JavsBxnwAYlRcVghE8HZ25U/m4", "open sesame"},
    {"$5$rounds=1000$abc$YfUpbOb1DthsfsHxCQrfwTuwysfDsVaL9/g52LvETD8", "open sesame"},
    {"$6$5GB95KeFaVqdbhBR$35I2JSfTW2gdxTUlq/"
     "iSgY9KPVDxPn5IrPtS2gLdb8y4UqIjI3e9Gg0so2qWQsqaQ/epzEJL2VIMU9pVnNn3O0",
     "open sesame"},
    {"$6$abc$FkpbNOIkHyAHIChK9SNUjbYaxCh7haw.ivbjpfUnH032hfvVOz.GO3vNNFSKOUMO9UqjP/"
     "pf.1ALLF/IHcoRd.",
     LONG},
    {"$y$j9T$abcdefghijklmnop$eGyjAiVfgW5OYCicb.sdOKKTHoUXqY6W9IY0nTUzXz7", "open sesame"},
};

static void every_kind_that_htpasswd_writes_is_verified(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof stored / sizeof stored[0]; i++) {
        struct span hash = span_str(stored[i].hash);

        assert_null(htpasswd_hash_fault(hash));
        if (!htpasswd_hash_verify(hash, span_str(stored[i].password)) ||
            htpasswd_hash_verify(hash, SPAN("open sesam")) ||
            htpasswd_hash_verify(hash, SPAN("Open sesame"))) {
            fail_msg("%s", stored[i].hash);
        }
    }
}

static void a_changed_hash_belongs_to_nobody(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof stored / sizeof stored[0]; i++) {
        char hash[256];
        size_t last = strlen(stored[i].hash) - 2; /* the last may hold bits to spare */

        memcpy(hash, stored[i].hash, last + 3);
        hash[last] = hash[last] == 'A' ? 'B' : 'A';
        assert_false(htpasswd_hash_verify(span_str(hash), span_str(stored[i].password)));
    }
}

static void what_no_hash_can_be_made_of_is_wrong(void **state)
{
    char text[AUTH_BASIC_PASSWORD_MAX + 2];

    (void)state;
    memset(text, 'a', sizeof text);
    assert_false(htpasswd_hash_verify(span_str(stored[0].hash), SPAN("a\0b")));
    assert_false(htpasswd_hash_verify(span_str(stored[4].hash), span_of(text, sizeof text)));
    assert_false(htpasswd_hash_verify(SPAN(""), SPAN("")));
    assert_false(htpasswd_hash_verify(SPAN("plain"), SPAN("plain")));
    /* the longest that there can be */
    assert_false(
        htpasswd_hash_verify(span_str(stored[4].hash), span_of(text, sizeof text - 1)));
    assert_int_equal(HTPASSWD_HASH_PASSWORD_MAX, AUTH_BASIC_PASSWORD_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_that_htpasswd_writes_is_verified),
        cmocka_unit_test(a_changed_hash_belongs_to_nobody),
        cmocka_unit_test(what_no_hash_can_be_made_of_is_wrong),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

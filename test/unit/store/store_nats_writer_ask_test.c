/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "store/store_nats_writer_ask.h"

#include "lib/testing.h"

static char inbox[] = "_INBOX.x";

static bool is_own(unsigned round, const char *subject)
{
    struct store_nats_writer writer = {.inbox = inbox, .round = round};
    natsMsg *msg;
    bool is_own;

    assert_int_equal(natsMsg_Create(&msg, subject, NULL, NULL, 0), NATS_OK);
    is_own = store_nats_writer_ask_is_own(&writer, msg);
    natsMsg_Destroy(msg);
    return is_own;
}

/* What a consumer brings has the event's subject: a channel may be called as a round is. */
static void an_answer_has_the_whole_name(void **state)
{
    (void)state;
    assert_true(is_own(10, "_INBOX.x.a"));
    assert_false(is_own(10, "_INBOX.x.b"));
    assert_false(is_own(10, "_INBOX.x.0a"));
    assert_false(is_own(10, "realm.events.fx.a"));
}

static enum err end_of(const char *status, const char *why)
{
    struct store_nats_writer_batch batch = {.step_count = 0};
    struct store_nats_writer writer = {.inbox = inbox, .batch = &batch};
    natsMsg *msg;
    enum err e;

    assert_int_equal(natsMsg_Create(&msg, "s", NULL, NULL, 0), NATS_OK);
    assert_int_equal(natsMsgHeader_Set(msg, "Status", status), NATS_OK);
    assert_int_equal(natsMsgHeader_Set(msg, "Description", "so"), NATS_OK);
    e = store_nats_writer_ask_end(&writer, msg);
    assert_string_equal(batch.why, why);
    natsMsg_Destroy(msg);
    return e;
}

/* Taken for the end, what is listed later would stay in the stream. */
static void a_consumer_that_is_ended_has_not_brought_all(void **state)
{
    (void)state;
    assert_ok(end_of("404", ""));
    assert_ok(end_of("408", ""));
    assert_int_equal(end_of("409", "the server does not say what is in it: 409 so"), ERR_AGAIN);
    assert_int_equal(end_of("503", "the server does not say what is in it: 503 so"), ERR_AGAIN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_has_the_whole_name),
        cmocka_unit_test(a_consumer_that_is_ended_has_not_brought_all),
    };
    int failed;

    assert_int_equal(nats_Open(-1), NATS_OK);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    nats_CloseAndWait(0); /* a thread of libnats' frees messages */
    return failed;
}

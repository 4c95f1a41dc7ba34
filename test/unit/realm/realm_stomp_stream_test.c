/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "realm/realm_stomp_stream.h"

#include "lib/oom.h"
#include "unit/realm/pair.h"

/* What a client begins its stream with, and what others call it then. */
static const char *open_stream(struct client *client, struct realm *realm)
{
    static char id[DATAGROUP_ID_BYTES];
    char answer[100];

    datagroup_stream_id(client->session.as.stomp.stream, id);
    snprintf(answer, sizeof answer, "RECEIPT\nreceipt-id:r\nstream:%s\n\n\n", id);
    assert_string_equal(client_hear(client, realm), answer);
    return id;
}

static void subscribe(struct client *client, const char *frame)
{
    client_say(client, span_of(frame, strlen(frame) + 1), 0);
    assert_non_null(client->session.as.stomp.stream);
}

static struct datagroup *group(struct realm *realm, const char *name)
{
    struct router_route *route;

    assert_int_equal(router_open(&realm->router, span_str(name), &route), ROUTER_FOUND);
    return datagroup_find(route);
}

static void a_data_stream_gets_what_comes_for_its_groups(void **state)
{
    struct realm realm;
    struct client a, b;

    (void)state;
    realm_begin(&realm);
    client_connect(&a, &realm);
    client_connect(&b, &realm);
    subscribe(&a, "SUBSCRIBE\nid:s\ndestination:/$data\nname:desk\\c7\nreceipt:r\n\n");
    open_stream(&a, &realm);
    assert_true(span_equals(datagroup_stream_name(a.session.as.stomp.stream), "desk:7"));
    assert_ok(datagroup_add(group(&realm, "/desk"), a.session.as.stomp.stream));
    assert_string_equal(
        client_ask(&b, &realm, "SEND\ndestination:/desk\nreceipt:p\nk:v\n\nhello"),
        "RECEIPT\nreceipt-id:p\neid:1\n\n\n");
    assert_string_equal(client_ask(&b, &realm, "SEND\ndestination:everybody\n\nall"), "");
    assert_string_equal(
        client_hear(&a, &realm),
        "MESSAGE\nsubscription:s\ndestination:/desk\nmessage-id:/desk@1\neid:1\n"
        "k:v\ncontent-length:5\n\nhello\n"
        "MESSAGE\nsubscription:s\ndestination:/everybody\n"
        "message-id:/everybody@1\neid:1\ncontent-length:3\n\nall\n");
    client_end(&a);
    assert_int_equal(group(&realm, "/desk")->member_count, 0);
    client_end(&b);
    realm_end(&realm);
}

static void an_unsubscribed_stream_gets_nothing_and_a_new_one_is_another(void **state)
{
    struct realm realm;
    struct client client;
    char first[DATAGROUP_ID_BYTES];

    (void)state;
    realm_begin(&realm);
    client_connect(&client, &realm);
    subscribe(&client, "SUBSCRIBE\nid:s\ndestination:/$data\nreceipt:r\n\n");
    strcpy(first, open_stream(&client, &realm));
    assert_ok(datagroup_add(group(&realm, "/desk"), client.session.as.stomp.stream));
    assert_string_equal(client_ask(&client, &realm, "UNSUBSCRIBE\nid:s\nreceipt:u\n\n"),
                        "RECEIPT\nreceipt-id:u\n\n\n");
    assert_null(client.session.as.stomp.stream);
    assert_string_equal(client_ask(&client, &realm, "SEND\ndestination:/desk\n\nx"), "");
    subscribe(&client, "SUBSCRIBE\nid:s\ndestination:$data\nreceipt:r\n\n");
    assert_string_not_equal(open_stream(&client, &realm), first);
    assert_string_equal(client_ask(&client, &realm, "SEND\ndestination:/desk\n\nx"), "");
    client_end(&client);
    realm_end(&realm);
}

static const struct {
    const char *frame;
    const char *refused;
} refusals[] = {
    {"SUBSCRIBE\nid:t\ndestination:/$data\nreceipt:r\n\n",
     "IllegalArgumentException\nmessage:this session has its data stream already"},
    {"SUBSCRIBE\nid:s\ndestination:/demo/a\nreceipt:r\n\n",
     "IllegalArgumentException\nmessage:a subscription with this id exists already"},
    {"SUBSCRIBE\nid:t\ndestination:/desk\nreceipt:r\n\n",
     "IllegalArgumentException\nmessage:/desk is a data group\\c subscribe to /$data, and who may "
     "manage the group adds your data stream"},
    {"SEND\ndestination:/$data\nreceipt:r\n\nx",
     "IllegalArgumentException\nmessage:\"/$data\" is not a channel's name (1 to 255 bytes of "
     "printable UTF-8, not /$...)"},
    {"SUBSCRIBE\nid:t\ndestination:/$other\nreceipt:r\n\n",
     "IllegalArgumentException\nmessage:\"/$other\" is not"},
};

static const struct {
    const char *frame;
    const char *refused;
} first_refusals[] = {
    {"SUBSCRIBE\nid:t\ndestination:/$data\nselector:a = 1\nreceipt:r\n\n",
     "UnsupportedOperationException\nmessage:a data stream has no selector, from, durable or ack"},
    {"SUBSCRIBE\nid:t\ndestination:/$data\nfrom:stored\nreceipt:r\n\n",
     "UnsupportedOperationException"},
    {"SUBSCRIBE\nid:t\ndestination:/$data\nack:client\nreceipt:r\n\n",
     "UnsupportedOperationException"},
    {"SUBSCRIBE\nid:t\ndestination:/$data\ndurable:d\nreceipt:r\n\n",
     "UnsupportedOperationException"},
};

static void what_a_data_stream_is_not_is_refused_in_a_sentence(void **state)
{
    struct realm realm;
    struct client client;

    (void)state;
    realm_begin(&realm);
    client_connect(&client, &realm);
    for (size_t i = 0; i < sizeof first_refusals / sizeof first_refusals[0]; i++) {
        assert_non_null(strstr(client_ask(&client, &realm, first_refusals[i].frame),
                               first_refusals[i].refused));
        assert_null(client.session.as.stomp.stream);
    }
    subscribe(&client,
              "SUBSCRIBE\nid:s\ndestination:/$data\nfrom:now\nack:auto\nreceipt:r\n\n");
    open_stream(&client, &realm);
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        assert_non_null(
            strstr(client_ask(&client, &realm, refusals[i].frame), refusals[i].refused));
    }
    client_end(&client);
    realm_end(&realm);
}

static void a_name_is_bounded_text(void **state)
{
    char frame[DATAGROUP_NAME_MAX + 100];
    struct realm realm;
    struct client client;
    int len =
        snprintf(frame, sizeof frame, "SUBSCRIBE\nid:s\ndestination:/$data\nreceipt:r\nname:");

    (void)state;
    realm_begin(&realm);
    client_connect(&client, &realm);
    memset(frame + len, 'n', DATAGROUP_NAME_MAX + 1);
    strcpy(frame + len + DATAGROUP_NAME_MAX + 1, "\n\n");
    assert_non_null(strstr(client_ask(&client, &realm, frame),
                           "LimitException\nmessage:name must be at most 255 bytes of UTF-8"));
    strcpy(frame + len + DATAGROUP_NAME_MAX, "\n\n");
    subscribe(&client, frame);
    client_end(&client);
    realm_end(&realm);
}

static void talk_without_memory(void)
{
    static const char *const frames[] = {
        "CONNECT\naccept-version:1.2\nerrors:receipt\n\n",
        "SUBSCRIBE\nid:s\ndestination:/$data\nname:n\nreceipt:r\n\n",
        "SEND\ndestination:/everybody\n\nx",
        "UNSUBSCRIBE\nid:s\nreceipt:u\n\n",
    };

    realm_without_memory(frames, sizeof frames / sizeof frames[0]);
}

static void running_out_of_memory_leaks_nothing(void **state)
{
    (void)state;
    every_oom(talk_without_memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_data_stream_gets_what_comes_for_its_groups),
        cmocka_unit_test(an_unsubscribed_stream_gets_nothing_and_a_new_one_is_another),
        cmocka_unit_test(what_a_data_stream_is_not_is_refused_in_a_sentence),
        cmocka_unit_test(a_name_is_bounded_text),
        cmocka_unit_test(running_out_of_memory_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

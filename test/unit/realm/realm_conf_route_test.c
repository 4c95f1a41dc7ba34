/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "realm/realm_conf_route.h"

#include "conf/conf_load.h"
#include "lib/oom.h"
#include "lib/testing.h"

#include <stdio.h>

struct loaded {
    struct realm_conf conf;
    struct arena arena;
    struct diag diag;
    enum err e;
};

static void load(struct loaded *loaded, const char *text)
{
    const struct conf_table table = {realm_conf_rows, &loaded->conf};
    const struct conf_apply apply = {
        .tables = &table,
        .table_count = 1,
        .place = SERVICE_IN_SERVER,
        .arena = &loaded->arena,
        .diag = &loaded->diag,
    };

    *loaded = (struct loaded){0};
    arena_init(&loaded->arena, 4 * 1024 * 1024);
    diag_init(&loaded->diag);
    loaded->e = conf_load(&apply, span_str(text), "r.conf");
    loaded->conf.access.allows_anonymous = true; /* who comes in is tested elsewhere */
    if (loaded->e == OK) {
        realm_conf_check(&loaded->conf, "r.conf", &loaded->diag);
    }
}

static void unload(struct loaded *loaded)
{
    arena_fini(&loaded->arena);
    diag_fini(&loaded->diag);
}

static const char *said(const struct loaded *loaded)
{
    static char text[4096];
    size_t len = 0;

    text[0] = '\0';
    for (const struct diag_message *message = diag_next(&loaded->diag, NULL); message != NULL;
         message = diag_next(&loaded->diag, message)) {
        char line[DIAG_MAX_LINE];

        len += (size_t)snprintf(text + len, sizeof text - len, "%s\n",
                                diag_format(message, line, sizeof line));
    }
    return text;
}

#define INTERFACE "Interface http://127.0.0.1:9000\n"

static void a_section_says_what_its_channels_are_like(void **state)
{
    struct loaded loaded;
    const struct router_rule *fx, *orders;

    (void)state;
    load(&loaded, INTERFACE "Store lmdb\n"
                            "StorePath /var/lib/wayleave\n"
                            "<Channel \"/fx/*\">\n"
                            "    Type persistent\n"
                            "    Capacity 0\n"
                            "    StoreBytes 1g\n"
                            "    TTL 1h\n"
                            "    PublishKey symbol\n"
                            "    PublishKey desk 5\n"
                            "    Join /orders \"size > 1000\"\n"
                            "    Join /all\n"
                            "    DeadEvents /dead\n"
                            "    CreateOnUse Off\n"
                            "</Channel>\n"
                            "<Queue \"/orders\">\n"
                            "    RedeliveryMax 3\n"
                            "</Queue>\n"
                            "<Channel \"/all\">\n"
                            "    Type transient\n"
                            "</Channel>\n"
                            "<Channel \"/dead\">\n"
                            "</Channel>\n");
    assert_string_equal(said(&loaded), "");
    assert_int_equal(loaded.conf.rule_count, 4);
    fx = &loaded.conf.rules[0];
    orders = &loaded.conf.rules[1];
    assert_int_equal(fx->kind, ROUTER_CHANNEL);
    assert_int_equal(fx->channel.type, CHANNEL_PERSISTENT);
    assert_int_equal(fx->channel.capacity, 0);
    assert_int_equal(fx->channel.store_bytes, 1024 * 1024 * 1024);
    assert_int_equal(fx->channel.memory_bytes, 1024 * 1024);
    assert_int_equal(fx->channel.ttl, 3600000);
    assert_true(fx->is_closed);
    assert_int_equal(fx->channel.key_count, 2);
    assert_string_equal(fx->channel.keys[1].name, "desk");
    assert_int_equal(fx->channel.keys[1].depth, 5);
    assert_int_equal(fx->join_count, 2);
    assert_bytes(fx->joins[0].selector, SPAN("size > 1000"));
    assert_bytes(fx->joins[1].to, SPAN("/all"));
    assert_bytes(fx->dead_events, SPAN("/dead"));
    assert_int_equal(orders->kind, ROUTER_QUEUE);
    assert_int_equal(orders->redelivery_max, 3);
    assert_int_equal(orders->channel.capacity, 1000);
    assert_int_equal(loaded.conf.rules[2].channel.type, CHANNEL_TRANSIENT);
    unload(&loaded);
}

static void a_section_says_what_its_groups_are_like(void **state)
{
    struct loaded loaded;
    const struct router_rule *desk, *all;

    (void)state;
    load(&loaded, INTERFACE "<DataGroup \"/desk/*\">\n"
                            "    Allow manage,publish *\n"
                            "    SlowReader skip\n"
                            "    TTL 5s\n"
                            "    CreateOnUse Off\n"
                            "    Join /all\n"
                            "</DataGroup>\n"
                            "<DataGroup \"/all\">\n"
                            "    Members all\n"
                            "</DataGroup>\n");
    assert_string_equal(said(&loaded), "");
    desk = &loaded.conf.rules[0];
    all = &loaded.conf.rules[1];
    assert_int_equal(desk->kind, ROUTER_GROUP);
    assert_int_equal(desk->channel.type, CHANNEL_TRANSIENT);
    assert_int_equal(desk->channel.slow, CHANNEL_SLOW_SKIP);
    assert_int_equal(desk->channel.ttl, 5000);
    assert_int_equal(desk->join_count, 1);
    assert_true(desk->is_closed);
    assert_false(desk->has_all_streams);
    assert_true(all->has_all_streams);
    assert_int_equal(all->channel.slow, CHANNEL_SLOW_DROP);
    assert_int_equal(all->channel.capacity, 1000);
    unload(&loaded);
}

static const struct {
    const char *text;
    const char *says;
} faults[] = {
    {"<Queue \"/a\">\nAllow publish *\nAllow subscribe *@::1\n</Queue>\n",
     "r.conf:4: warning: Allow subscribe: whoever came in may still look at all that is in the "
     "queue (write subscribe,peek; or Allow peek * if that is meant)\n"},
    {"<Queue \"/a\">\nDeny subscribe anonymous\nAllow peek *\n</Queue>\n", ""},
    {"<Channel \"/a/*\">\n</Channel>\n<Channel \"/b\">\n</Channel>\n<Queue \"/a/b/*\">\n"
     "Deny all *\n</Queue>\n<Channel \"/*\">\n</Channel>\n",
     "r.conf:6: warning: <Queue \"/a/b/*\"> counts for nothing: <Channel \"/a/*\"> in line 2 "
     "covers every such name, and the first section that fits counts (put this one above it)\n"},
    {"<Queue \"orders\">\n</Queue>\n",
     "r.conf:2: <Queue \"orders\">: a channel's name begins with / but not with /$, and has at most "
     "255 bytes (write <Queue \"/demo/*\">)\n"},
    {"<Channel \"/$data\">\n</Channel>\n",
     "r.conf:2: <Channel \"/$data\">: a channel's name begins with / but not with /$, and has at most "
     "255 bytes (write <Channel \"/demo/*\">)\n"},
    {"<DataGroup \"/a\">\nMembers some\n</DataGroup>\n",
     "r.conf:3: Members: \"some\" is neither all nor added\n"},
    {"<DataGroup \"/a/*\">\nMembers all\nCreateOnUse Off\n</DataGroup>\n", ""},
    {"<DataGroup \"/a/*\">\nMembers all\n</DataGroup>\n",
     "r.conf:2: <DataGroup \"/a/*\">: Members all with * in the name: each new name that somebody "
     "publishes to would take memory for every data stream (add CreateOnUse Off, or write a section for "
     "each name)\n"},
    {"<DataGroup \"/a\">\nCapacity 0\n</DataGroup>\n",
     "r.conf:3: Capacity: 0 is too small (write 1 to 1000000000 events)\n"},
    {"<DataGroup \"/a\">\nJoin /b\n</DataGroup>\n<DataGroup \"/b\">\nJoin /a\n</DataGroup>\n",
     "r.conf:2: <DataGroup \"/a\">: Join, DeadEvents: events of /b would come back to it: /b, /a, /b "
     "(remove one of the lines that lead from one to the next)\n"},
    {"<DataGroup \"/a\">\nType persistent\n</DataGroup>\n",
     "r.conf:3: Type may not stand inside <DataGroup> (put it inside <Channel>)\n"},
    {"<Channel \"/a\">\nType persistent\n</Channel>\n",
     "r.conf:2: <Channel \"/a\">: Type persistent needs a store (add Store lmdb and StorePath)\n"},
    {"Store lmdb\n<Channel \"/a\">\n</Channel>\n",
     "r.conf: Store lmdb has no place (add StorePath /var/lib/wayleave, a directory that the "
     "realm may write)\n"},
    {"Store redis\n<Channel \"/a\">\n</Channel>\n",
     "r.conf:2: Store: \"redis\" is neither memory nor lmdb, nor does it begin with nats:// or "
     "tls://\n"},
    {"Store nats://realm:word@\n<Channel \"/a\">\n</Channel>\n",
     "r.conf:2: Store: the URL has no host (write nats://host:4222)\n"},
    {"StoreRealm a/b\n<Channel \"/a\">\n</Channel>\n",
     "r.conf: StoreRealm: \"a/b\" is no name (write letters, digits, _ and -)\n"},
    {"Store NATS://host\n<Channel \"/a\">\n</Channel>\n",
     "r.conf:2: Store: \"NATS://host\" is neither memory nor lmdb, nor does it begin with "
     "nats:// or tls://\n"},
    {"Store LMDB\nStorePath /tmp\n<Channel \"/a\">\nType persistent\n</Channel>\n", ""},
    {"Store tls://a,b:4223\n<Channel \"/a\">\nType persistent\n</Channel>\n", ""},
    {"StorePath /tmp\n<Channel \"/a\">\n</Channel>\n",
     "r.conf: warning: StorePath is not used (add Store lmdb)\n"},
    {"<Channel \"/a\">\nPublishKey symbol 0\n</Channel>\n",
     "r.conf:3: PublishKey: \"0\" is not how many events stay, 1 to 1000000 (write PublishKey "
     "symbol 1)\n"},
    {"<Channel \"/a\">\nPublishKey a\nPublishKey b\nPublishKey c\nPublishKey d\n"
     "PublishKey e\n</Channel>\n",
     "r.conf:7: PublishKey: there are more than 4 (remove some)\n"},
    {"<Channel \"/a\">\nCreateOnUse Maybe\n</Channel>\n",
     "r.conf:3: CreateOnUse: \"Maybe\" is neither On nor Off\n"},
    {"<Channel \"/a\">\nJoin /b/*\n</Channel>\n",
     "r.conf:3: Join: \"/b/*\" is not a name (write Join /orders/large \"size > 1000\")\n"},
    {"<Channel \"/a\">\nDeadEvents \"/b*\"\n</Channel>\n<Channel \"/b*\">\n</Channel>\n",
     "r.conf:3: DeadEvents: \"/b*\" is not a name (write DeadEvents /dead)\n"},
    {"<Channel \"/a\">\nDeadEvents dead\n</Channel>\n",
     "r.conf:3: DeadEvents: \"dead\" is not a name (write DeadEvents /dead)\n"},
    {"<Queue \"/a\">\nDeadEvents /b\nDeadEvents /c\n</Queue>\n<Channel /b>\n</Channel>\n"
     "<Channel /c>\n</Channel>\n",
     "r.conf:4: DeadEvents stands already at r.conf:3 (write it once)\n"},
    {"<Channel \"/a\">\nJoin /b \"size >\"\n</Channel>\n<Channel \"/b\">\n</Channel>\n",
     "r.conf:3: Join: \"size >\" is no selector: at byte 6 the selector ends too early\n"},
    {"<Channel \"/a\">\nJoin /b\n</Channel>\n",
     "r.conf:2: <Channel \"/a\">: Join, DeadEvents: no section covers /b (add <Channel \"/b\"> or "
     "<Queue \"/b\">)\n"},
    {"<Channel \"/a\">\nJoin /b\n</Channel>\n<Channel \"/b\">\nJoin /c\n</Channel>\n"
     "<Channel \"/c\">\nJoin /a\n</Channel>\n",
     "r.conf:2: <Channel \"/a\">: Join, DeadEvents: events of /b would come back to it: /b, /c, /a, /b "
     "(remove one of the lines that lead from one to the next)\n"},
    {"<Channel \"/a\">\nJoin /b/x\n</Channel>\n<Channel \"/b/*\">\nCreateOnUse Off\n</Channel>\n",
     "r.conf:2: warning: <Channel \"/a\">: Join, DeadEvents: <Channel \"/b/*\"> has CreateOnUse Off, so "
     "what goes to /b/x is lost until an administrator has made it (write a section for that name)\n"},
    {"<Channel \"/a\">\nJoin /b/x\n</Channel>\n<Channel \"/b/x\">\nCreateOnUse Off\n</Channel>\n",
     ""},
    {"<Channel \"/a\">\nPublishKey symbol\nPublishKey symbol 2\n</Channel>\n",
     "r.conf:4: PublishKey: symbol stands there already (write it once)\n"},
    {"<Channel \"/a/*\">\nDeadEvents /a/dead\n</Channel>\n",
     "r.conf:2: <Channel \"/a/*\">: Join, DeadEvents: events of /a/dead would come back to it: /a/dead, "
     "/a/dead (remove one of the lines that lead from one to the next)\n"},
};

static void every_fault_has_its_sentence(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        struct loaded loaded;
        char text[1024];

        snprintf(text, sizeof text, INTERFACE "%s", faults[i].text);
        load(&loaded, text);
        assert_string_equal(said(&loaded), faults[i].says);
        unload(&loaded);
    }
}

static void a_long_way_is_not_called_a_ring(void **state)
{
    char text[4096];
    size_t len = (size_t)snprintf(text, sizeof text, "%s", INTERFACE);
    struct loaded loaded;

    (void)state;
    for (int i = 0; i < 20; i++) {
        len += (size_t)snprintf(text + len, sizeof text - len,
                                "<Channel \"/%d\">\nJoin /%d\n</Channel>\n", i, i + 1);
    }
    snprintf(text + len, sizeof text - len, "<Channel \"/20\">\n</Channel>\n");
    load(&loaded, text);
    assert_string_equal(
        said(&loaded),
        "r.conf:53: <Channel \"/17\">: Join, DeadEvents: on their way to /18 events would go through "
        "more than 16 channels (remove one of the joins between)\n");
    unload(&loaded);
}

static void load_all(void)
{
    struct loaded loaded;

    load(&loaded, INTERFACE "<Channel \"/a\">\nPublishKey x\nJoin /b \"x = 1\"\n</Channel>\n"
                            "<Queue \"/b\">\n</Queue>\n");
    unload(&loaded);
}

static void running_out_of_memory_leaks_nothing(void **state)
{
    (void)state;
    every_oom(load_all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_section_says_what_its_channels_are_like),
        cmocka_unit_test(a_section_says_what_its_groups_are_like),
        cmocka_unit_test(every_fault_has_its_sentence),
        cmocka_unit_test(a_long_way_is_not_called_a_ring),
        cmocka_unit_test(running_out_of_memory_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Data streams over HTTP without a network: one request, one answer. What a client sees of it
 * is tested in test/e2e/realm-datagroups.test.js.
 */
#include "realm/realm_http_group.h"

#include "lib/oom.h"
#include "unit/realm/pair.h"

/* Everybody may manage /desk; nobody has said that of /closed. */
static struct realm_acl_rule everybody = {.allows = true,
                                          .rights = UINT32_MAX,
                                          .name = BYTES("*"),
                                          .is_any_host = true};
static struct realm_acl_rule nobody = {.allows = false,
                                       .rights = UINT32_MAX,
                                       .name = BYTES("*"),
                                       .is_any_host = true};
static struct realm_acl open_acl = {.rules = &everybody, .count = 1};
static struct realm_acl closed_acl = {.rules = &nobody, .count = 1};

static struct router_rule rules[] = {
    {.pattern = BYTES("/desk/*"),
     .kind = ROUTER_GROUP,
     .channel = {.type = CHANNEL_TRANSIENT, .capacity = 5, .store_bytes = 1 << 16},
     .access = &open_acl},
    {.pattern = BYTES("/closed"),
     .kind = ROUTER_GROUP,
     .channel = {.type = CHANNEL_TRANSIENT, .capacity = 5, .store_bytes = 1 << 16},
     .access = &closed_acl},
    {.pattern = BYTES("/demo/*"),
     .channel = {.capacity = 5, .store_bytes = 1 << 16},
     .access = &open_acl},
};

static const struct realm_conf conf = {.line_bytes = 1000,
                                       .field_count = 20,
                                       .field_bytes = 300,
                                       .rules = rules,
                                       .rule_count = 3,
                                       .access = {.allows_anonymous = true, .has_rules = true}};

struct world {
    struct rng rng;
    struct router router;
    struct datagroup_set groups;
    struct realm_login_env login_env;
    struct addr host;
    struct realm_login login;
    struct realm_http_env env;
    struct realm_stomp stomps[2];
    struct session sessions[2];
    struct datagroup_stream *streams[2];
    char answer[16384];
};

static enum err encode(void *ctx, struct span channel, struct span id,
                       const struct event *event, struct buf *out)
{
    (void)ctx;
    (void)channel;
    (void)id;
    (void)event;
    return buf_append(out, SPAN("x"));
}

static const struct view_form form = {.tag = 'f', .encode = encode};

static enum err begin(struct world *world)
{
    const struct router_conf router_conf = {
        .rules = rules,
        .rule_count = 3,
        .limits = {.channels = 210, .store_bytes = 1 << 20, .ring_bytes = 1 << 20},
    };

    *world = (struct world){.rng = rng_seeded(4)};
    world->login_env = (struct realm_login_env){.conf = &conf};
    router_init(&world->router, &router_conf, &world->rng);
    datagroup_set_init(&world->groups, &world->router, realm_stomp_stream_may);
    realm_login_init(&world->login, &world->login_env, &world->host, NULL, NULL, NULL);
    (void)!realm_login_without(&world->login);
    world->env = (struct realm_http_env){.conf = &conf,
                                         .router = &world->router,
                                         .groups = &world->groups,
                                         .login = &world->login,
                                         .has_login = true};
    for (size_t i = 0; i < 2; i++) {
        const struct datagroup_stream_parts parts = {.session = &world->sessions[i],
                                                     .form = &form,
                                                     .owner = &world->stomps[i],
                                                     .id = SPAN("s"),
                                                     .name = SPAN("a \"desk\"")};

        session_init(&world->sessions[i], 3, NULL);
        world->stomps[i] = (struct realm_stomp){.id = 70 + i, .login = &world->login};
        TRY(datagroup_stream_begin(&world->groups, &parts, &world->streams[i]));
    }
    return OK;
}

static void end(struct world *world)
{
    for (size_t i = 0; i < 2; i++) {
        datagroup_stream_end(world->streams[i]);
        session_fini(&world->sessions[i]);
    }
    router_fini(&world->router);
    datagroup_set_fini(&world->groups);
}

/* "ID" in it is the id of a stream. */
static enum err ask_of(struct world *world, const char *line, const struct datagroup_stream *of)
{
    const struct http1_limits limits = realm_conf_limits(&conf);
    struct realm_http_verdict verdict;
    char id[DATAGROUP_ID_BYTES], request[500], filled[300];
    const char *hole = strstr(line, "ID");
    struct http1_head head;
    struct span input;
    struct buf out;
    enum err e;

    snprintf(filled, sizeof filled, "%.*s%s%s", hole == NULL ? 0 : (int)(hole - line), line,
             hole == NULL ? "" : datagroup_stream_id(of, id), hole == NULL ? line : hole + 2);
    snprintf(request, sizeof request, "%s HTTP/1.1\r\nHost: a\r\n\r\n", filled);
    input = span_str(request);
    buf_init(&out, 1 << 16);
    http1_head_init(&head, HTTP1_REQUEST, &limits);
    e = realm_http_next(&world->env, &head, &input, &out, &verdict);
    snprintf(world->answer, sizeof world->answer, "%.*s", SPAN_ARG(buf_span(&out)));
    http1_head_fini(&head);
    buf_fini(&out);
    return e;
}

static const char *ask(struct world *world, const char *line)
{
    assert_ok(ask_of(world, line, world->streams[0]));
    return world->answer;
}

#define assert_says(world, line, text)                      \
    do {                                                    \
        if (strstr(ask((world), (line)), (text)) == NULL) { \
            fail_msg("%s: %s", (line), (world)->answer);    \
        }                                                   \
    } while (0)

static void streams_are_listed_and_put_into_groups(void **state)
{
    struct world world;

    (void)state;
    begin(&world);
    assert_says(&world, "PUT /api/groups/desk/a/streams/ID", "{\"added\": \"1-");
    assert_says(&world, "PUT /api/groups/desk/a/streams/ID", "{\"added\": \"1-");
    assert_says(
        &world, "GET /api/streams",
        "\"session\": \"70\", \"name\": \"a \\\"desk\\\"\", \"user\": null, \"address\": ");
    assert_says(&world, "GET /api/streams", "\"groups\": [\"/desk/a\"]}");
    assert_says(&world, "GET /api/streams", "\"session\": \"71\"");
    assert_says(&world, "GET /api/streams", "\"groups\": []}],\n \"next\": null}\n");
    assert_says(&world, "GET /api/streams?max=1",
                "\"groups\": [\"/desk/a\"]}],\n \"next\": \"1-");
    assert_says(&world, "GET /api/streams?after=ID", "{\"streams\": [\n  {\"id\": \"2-");
    assert_says(&world, "GET /api/groups/desk/a/streams", "[\"/desk/a\"]}],\n \"next\": null}");
    assert_says(&world, "GET /api/groups/desk/a", "\"memberCount\": 1");
    assert_says(&world, "GET /api/groups/desk/a", "\"members\": \"added\"");
    assert_says(&world, "GET /api/groups", "\"kind\": \"group\", \"type\": \"transient\"");
    assert_says(&world, "DELETE /api/groups/desk/a/streams/ID", "{\"removed\": \"1-");
    assert_says(&world, "GET /api/groups/desk/a/streams",
                "{\"streams\": [],\n \"next\": null}");
    end(&world);
}

static void of_one_stream_a_hundred_groups_are_shown_and_all_are_counted(void **state)
{
    struct world world;
    char line[100];

    (void)state;
    begin(&world);
    for (int i = 1; i <= 101; i++) {
        snprintf(line, sizeof line, "PUT /api/groups/desk/%03d/streams/ID", i);
        assert_says(&world, line, "added");
    }
    assert_says(&world, "GET /api/streams",
                "\"groupCount\": 101, \"groups\": [\"/desk/001\", ");
    assert_non_null(strstr(world.answer, ", \"/desk/100\"]}"));
    assert_null(strstr(world.answer, "/desk/101"));
    assert_says(&world, "GET /api/groups/desk/101/streams", "\"groupCount\": 101, ");
    assert_says(&world, "GET /api/streams", "\"groupCount\": 0, \"groups\": []}");
    end(&world);
}

static const struct {
    const char *line;
    const char *says;
} refusals[] = {
    {"DELETE /api/groups/desk/a/streams/ID", "that data stream is not in the group"},
    {"PUT /api/groups/desk/a/streams/1-00000000",
     "no data stream of that id; it may have ended"},
    {"PUT /api/groups/desk/a/streams/x", "HTTP/1.1 404"},
    {"PUT /api/groups/closed/streams/ID", "HTTP/1.1 403"},
    {"GET /api/groups/closed/streams", "may not manage /closed"},
    {"PUT /api/groups/demo/a/streams/ID", "/demo/a is a channel (ask below /api/channels)"},
    {"PUT /api/groups/other/streams/ID", "HTTP/1.1 403"},
    {"GET /api/groups/desk/none/streams", "HTTP/1.1 404"},
    {"GET /api/groups/desk/a/events", "HTTP/1.1 405"},
    {"GET /api/groups/desk/a/events", "Allow: POST, OPTIONS"},
    {"GET /api/groups/desk/a/streams/ID", "Allow: PUT, DELETE, OPTIONS"},
    {"POST /api/streams", "HTTP/1.1 405"},
    {"GET /api/streams?max=0", "write ?max=1...1000&after=ID"},
    {"GET /api/streams?max=1001", "HTTP/1.1 400"},
    {"GET /api/groups/desk/a/streams?after=7", "HTTP/1.1 400"},
    {"GET /api/other", "/api/groups and what is below them, and /api/streams"},
};

static void what_cannot_be_is_refused_in_a_sentence(void **state)
{
    struct world world;
    struct router_route *route;

    (void)state;
    begin(&world);
    assert_int_equal(router_open(&world.router, SPAN("/desk/a"), &route), ROUTER_FOUND);
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        assert_says(&world, refusals[i].line, refusals[i].says);
    }
    assert_int_equal(datagroup_find(route)->member_count, 0);
    end(&world);
}

static void the_list_of_all_is_for_those_who_manage_a_group(void **state)
{
    struct world world;

    (void)state;
    begin(&world);
    rules[0].access = &closed_acl;
    assert_says(&world, "GET /api/streams", "HTTP/1.1 403");
    assert_says(&world, "GET /api/streams", "shown to those who may manage a data group");
    rules[0].access = &open_acl;
    assert_says(&world, "GET /api/streams", "HTTP/1.1 200");
    end(&world);
}

/* Who may not subscribe to a group is put into it by nobody. */
static void a_stream_whose_client_may_not_is_not_added(void **state)
{
    static struct realm_acl_rule mixed_rules[] = {
        {.allows = false,
         .rights = 1u << REALM_ACL_SUBSCRIBE,
         .name = BYTES("*"),
         .is_any_host = true},
        {.allows = true, .rights = UINT32_MAX, .name = BYTES("*"), .is_any_host = true},
    };
    static struct realm_acl mixed = {.rules = mixed_rules, .count = 2};
    struct world world;

    (void)state;
    begin(&world);
    rules[0].access = &mixed;
    assert_says(&world, "PUT /api/groups/desk/a/streams/ID",
                "the client of that data stream may not subscribe to /desk/a");
    assert_null(router_find(&world.router, SPAN("/desk/a")));
    rules[0].access = &open_acl;
    end(&world);
}

static void ask_without_memory(void)
{
    struct world world;

    if (begin(&world) == OK &&
        ask_of(&world, "PUT /api/groups/desk/a/streams/ID", world.streams[0]) == OK &&
        ask_of(&world, "GET /api/streams", world.streams[0]) == OK && !oom_has_struck()) {
        assert_non_null(strstr(world.answer, "[\"/desk/a\"]"));
    }
    end(&world);
}

static void running_out_of_memory_leaks_nothing(void **state)
{
    (void)state;
    every_oom(ask_without_memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(streams_are_listed_and_put_into_groups),
        cmocka_unit_test(of_one_stream_a_hundred_groups_are_shown_and_all_are_counted),
        cmocka_unit_test(what_cannot_be_is_refused_in_a_sentence),
        cmocka_unit_test(the_list_of_all_is_for_those_who_manage_a_group),
        cmocka_unit_test(a_stream_whose_client_may_not_is_not_added),
        cmocka_unit_test(running_out_of_memory_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

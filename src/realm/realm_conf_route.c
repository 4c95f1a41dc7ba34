/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "realm/realm_conf_route.h"

#include "base/text.h"
#include "pubsub/router_forward.h"
#include "realm/realm_acl_conf.h"
#include "realm/realm_conf_group.h"
#include "realm/realm_conf_ways.h"

enum {
    DEPTH_MAX = 1000000
};

enum err realm_conf_route_one_more(const struct conf_apply *apply, void **array, size_t count,
                                   size_t max, size_t bytes, void **ret_room)
{
    if (*array == NULL) {
        TRY(arena_alloc(apply->arena, max * bytes, array));
    }
    *ret_room = count < max ? (char *)*array + count * bytes : NULL;
    return OK;
}

/* ---- rows ---- */

static const struct conf_choice type_choices[] = {{"reliable", CHANNEL_RELIABLE},
                                                  {"transient", CHANNEL_TRANSIENT},
                                                  {"persistent", CHANNEL_PERSISTENT},
                                                  {NULL, 0}};
static const struct conf_choice queue_type_choices[] = {{"reliable", CHANNEL_RELIABLE},
                                                        {"persistent", CHANNEL_PERSISTENT},
                                                        {NULL, 0}};

static const struct conf_choice slow_choices[] = {{"drop", CHANNEL_SLOW_DROP},
                                                  {"skip", CHANNEL_SLOW_SKIP},
                                                  {NULL, 0}};

#define ROW(directive, kind, member)                                                    \
    .name = (directive), .type = (kind), CONF_SCHEMA_FIELD(struct router_rule, member), \
    .ours = true

/* What channels and queues have in common. */
#define COMMON_ROWS(place)                                                                         \
    {ROW("Capacity", CONF_NUMBER, channel.capacity),                                               \
     .min = 0,                                                                                     \
     .max = 1000000000,                                                                            \
     .initial = "1000",                                                                            \
     .unit = "events",                                                                             \
     .where = (place),                                                                             \
     .help =                                                                                       \
         "The most events that are stored, 0 for no such limit; the oldest makes room for the "    \
         "newest."},                                                                               \
        {ROW("StoreBytes", CONF_SIZE, channel.store_bytes),                                        \
         .min = 4096,                                                                              \
         .max = 1024ull * 1024 * 1024 * 1024 * 64,                                                 \
         .initial = "16m",                                                                         \
         .where = (place),                                                                         \
         .help =                                                                                   \
             "The most bytes of the events that are stored: memory, or with Type persistent "      \
             "disk."},                                                                             \
        {ROW("MemoryBytes", CONF_SIZE, channel.memory_bytes),                                      \
         .min = 0,                                                                                 \
         .max = 1024ull * 1024 * 1024 * 1024,                                                      \
         .initial = "1m",                                                                          \
         .where = (place),                                                                         \
         .help =                                                                                   \
             "With Type persistent: how many bytes of the newest events are in memory, too, so "   \
             "that readers who are a little behind need no disk."},                                \
        {ROW("TTL", CONF_DURATION, channel.ttl),                                                   \
         .min = 0,                                                                                 \
         .max = 1000ull * 3600 * 24 * 36500,                                                       \
         .initial = "0",                                                                           \
         .where = (place),                                                                         \
         .help =                                                                                   \
             "How long an event is worth delivering, 0 for ever; a publisher may say less."},      \
        {.name = "CreateOnUse",                                                                    \
         .type = CONF_CUSTOM,                                                                      \
         .min = 1,                                                                                 \
         .max = 1,                                                                                 \
         .set = realm_conf_route_set_create_on_use,                                                \
         .where = (place),                                                                         \
         .form = "On|Off",                                                                         \
         .once = true,                                                                             \
         .help =                                                                                   \
             "With * in the name: whether using a name that fits makes it (On, the default); Off " \
             "leaves that to administrators."},                                                    \
    {                                                                                              \
        .name = "DeadEvents", .type = CONF_CUSTOM, .min = 1, .max = 1, .set = set_dead_events,     \
        .ours = true, .where = (place), .once = true, .form = "/name",                             \
        .help =                                                                                    \
            "The channel or queue that gets what expired, had to make room or could not be "       \
            "delivered."                                                                           \
    }

/* Who may, in both. */
#define ACL_ROWS(place)                                                                                  \
    {.name = "Allow",                                                                                    \
     .type = CONF_CUSTOM,                                                                                \
     .min = 2,                                                                                           \
     .max = 65,                                                                                          \
     .set = realm_acl_conf_set_allow,                                                                    \
     .ours = true,                                                                                       \
     .where = (place),                                                                                   \
     .form = "RIGHT[,RIGHT...]|all NAME[@HOST] ...",                                                     \
     .help =                                                                                             \
         "Who may. Rights: subscribe, publish, peek, eid, durable, purge, manage. NAME: a user (* for "  \
         "any characters), group:NAME, valid-user, anonymous. HOST: an address, a network, *. Of Allow " \
         "and Deny the first that fits decides. Whom none fits may not, where an Allow speaks of the "   \
         "right; else everybody may, but purge and manage must be allowed."},                            \
    {                                                                                                    \
        .name = "Deny", .type = CONF_CUSTOM, .min = 2, .max = 65,                                        \
        .set = realm_acl_conf_set_deny, .ours = true, .where = (place),                                  \
        .form = "RIGHT[,RIGHT...]|all NAME[@HOST] ...",                                                  \
        .help = "Who may not: written as Allow is, and judged with it, line by line."                    \
    }

enum err realm_conf_route_set_create_on_use(void *opaque, const struct conf_node *node,
                                            const struct conf_apply *apply)
{
    struct router_rule *rule = opaque;

    if (span_equals_nocase(node->words[0], "on")) {
        rule->is_closed = false;
    } else if (span_equals_nocase(node->words[0], "off")) {
        rule->is_closed = true;
    } else {
        diag_error(apply->diag, node->file, node->line,
                   "CreateOnUse: \"%.*s\" is neither On nor Off",
                   SPAN_ARG(diag_word(node->words[0])));
    }
    return OK;
}

/* Of one channel or queue: where something is sent to. */
static bool is_name(struct span word)
{
    return word.len >= 2 && word.len <= ROUTER_NAME_MAX && word.ptr[0] == '/' &&
           span_find(word, '*') == word.len;
}

static enum err set_dead_events(void *opaque, const struct conf_node *node,
                                const struct conf_apply *apply)
{
    struct router_rule *rule = opaque;

    if (!is_name(node->words[0])) {
        diag_error(apply->diag, node->file, node->line,
                   "DeadEvents: \"%.*s\" is not a name (write DeadEvents /dead)",
                   SPAN_ARG(diag_word(node->words[0])));
        return OK;
    }
    rule->dead_events = node->words[0];
    return OK;
}

static enum err set_publish_key(void *opaque, const struct conf_node *node,
                                const struct conf_apply *apply)
{
    struct router_rule *rule = opaque;
    struct channel_keys_conf key = {.depth = 1};
    uint64_t depth = 1;

    if (node->words[0].len == 0 || node->words[0].len > CHANNEL_KEYS_NAME_MAX) {
        diag_error(apply->diag, node->file, node->line,
                   "PublishKey: \"%.*s\" is not a name of 1 to %d bytes (write PublishKey "
                   "symbol)",
                   SPAN_ARG(diag_word(node->words[0])), CHANNEL_KEYS_NAME_MAX);
        return OK;
    }
    if (node->word_count == 2 && (!text_u64(node->words[1], DEPTH_MAX, &depth) || depth == 0)) {
        diag_error(apply->diag, node->file, node->line,
                   "PublishKey: \"%.*s\" is not how many events stay, 1 to %d (write "
                   "PublishKey symbol 1)",
                   SPAN_ARG(diag_word(node->words[1])), DEPTH_MAX);
        return OK;
    }
    if (rule->channel.key_count == CHANNEL_KEYS_MAX) {
        diag_error(apply->diag, node->file, node->line,
                   "PublishKey: there are more than %d (remove some)", CHANNEL_KEYS_MAX);
        return OK;
    }
    for (size_t i = 0; i < rule->channel.key_count; i++) {
        if (span_equals(node->words[0], rule->channel.keys[i].name)) {
            diag_error(apply->diag, node->file, node->line,
                       "PublishKey: %s stands there already (write it once)",
                       rule->channel.keys[i].name);
            return OK;
        }
    }
    memcpy(key.name, node->words[0].ptr, node->words[0].len);
    key.depth = (size_t)depth;
    rule->channel.keys[rule->channel.key_count++] = key;
    return OK;
}

/* False when that was said. */
static bool read_join(const struct conf_node *node, struct diag *diag,
                      struct router_join *ret_join)
{
    struct router_join join = {.to = node->words[0]};
    struct selector_fault fault;
    struct selector *selector;

    if (!is_name(join.to)) {
        diag_error(diag, node->file, node->line,
                   "Join: \"%.*s\" is not a name (write Join /orders/large \"size > 1000\")",
                   SPAN_ARG(diag_word(join.to)));
        return false;
    }
    if (node->word_count == 2) {
        enum err e = selector_parse(node->words[1], &fault, &selector);

        if (e != OK && e != ERR_NOMEM) {
            diag_error(diag, node->file, node->line,
                       "Join: \"%.*s\" is no selector: at byte %zu %s",
                       SPAN_ARG(diag_word(node->words[1])), fault.at,
                       selector_fault_text(fault.reason));
            return false;
        }
        if (e == OK) {
            selector_unref(selector);
        }
        join.selector = node->words[1];
    }
    *ret_join = join;
    return true;
}

enum err realm_conf_route_set_join(void *opaque, const struct conf_node *node,
                                   const struct conf_apply *apply)
{
    struct router_rule *rule = opaque;
    void *array = (void *)(uintptr_t)rule->joins;
    struct router_join join;
    void *room;

    if (!read_join(node, apply->diag, &join)) {
        return OK;
    }
    TRY(realm_conf_route_one_more(apply, &array, rule->join_count, ROUTER_FORWARD_JOINS_MAX,
                                  sizeof join, &room));
    rule->joins = array;
    if (room == NULL) {
        diag_error(apply->diag, node->file, node->line,
                   "Join: there are more than %d (remove "
                   "some)",
                   ROUTER_FORWARD_JOINS_MAX);
        return OK;
    }
    memcpy(room, &join, sizeof join);
    rule->join_count++;
    return OK;
}

/* clang-format off */
const struct directive realm_conf_route_channel_rows[] = {
    {ROW("Type", CONF_CHOICE, channel.type), .initial = "reliable", .choices = type_choices,
     .where = REALM_CONF_IN_CHANNEL,
     .help = "How safe events are. persistent: an acknowledged event is on the disk. reliable: in "
             "memory, and with Store lmdb EIDs go on after a restart. transient: only for those "
             "who are subscribed; nothing is kept."},
    COMMON_ROWS(REALM_CONF_IN_CHANNEL),
    ACL_ROWS(REALM_CONF_IN_CHANNEL),
    {ROW("SlowReader", CONF_CHOICE, channel.slow), .initial = "drop", .choices = slow_choices,
     .where = REALM_CONF_IN_CHANNEL,
     .help = "What becomes of a reader so slow that the next event it needs had to make room: "
             "drop ends its session; skip lets it go on with the newest event, and it sees that "
             "EIDs are missing."},
    {.name = "PublishKey", .type = CONF_CUSTOM, .min = 1, .max = 2, .set = set_publish_key,
     .where = REALM_CONF_IN_CHANNEL, .form = "name [depth]",
     .help = "Of the events with the same value of this member of the dictionary (or header) the "
             "newest depth stay, by default 1. May be repeated: each key counts by itself."},
    {.name = "Join", .type = CONF_CUSTOM, .min = 1, .max = 2, .set = realm_conf_route_set_join,
     .where = REALM_CONF_IN_CHANNEL, .form = "/name [\"selector\"]",
     .help = "Each event, or each that the selector is true of, goes to that channel or queue, "
             "too. May be repeated."},
    {.name = NULL},
};

const struct directive realm_conf_route_queue_rows[] = {
    {ROW("Type", CONF_CHOICE, channel.type), .initial = "reliable", .choices = queue_type_choices,
     .where = REALM_CONF_IN_QUEUE,
     .help = "How safe events are. persistent: an acknowledged event is on the disk until a reader "
             "is done with it. reliable: in memory."},
    COMMON_ROWS(REALM_CONF_IN_QUEUE),
    ACL_ROWS(REALM_CONF_IN_QUEUE),
    {ROW("RedeliveryMax", CONF_NUMBER, redelivery_max), .min = 0, .max = 1000000, .initial = "0",
     .unit = "times", .where = REALM_CONF_IN_QUEUE,
     .help = "How often an event may come back from readers; then it is dead. 0: for ever."},
    {ROW("WindowMax", CONF_NUMBER, window_max), .min = 1, .max = 100000, .initial = "1000",
     .unit = "events", .where = REALM_CONF_IN_QUEUE,
     .help = "The most events that one reader may have at once and not be done with."},
    {.name = NULL},
};
/* clang-format on */

const struct realm_conf_route_kind *realm_conf_route_kind(enum router_kind kind)
{
    static const struct realm_conf_route_kind kinds[] = {
        [ROUTER_CHANNEL] = {"channel", "Channel", realm_conf_route_channel_rows,
                            REALM_CONF_IN_CHANNEL},
        [ROUTER_QUEUE] = {"queue", "Queue", realm_conf_route_queue_rows, REALM_CONF_IN_QUEUE},
        [ROUTER_GROUP] = {"group", "DataGroup", realm_conf_group_rows, REALM_CONF_IN_GROUP},
    };

    return &kinds[kind];
}

/* ---- sections ---- */

static enum err add_rule(struct realm_conf *conf, const struct router_rule *rule,
                         const struct conf_node *node, const struct conf_apply *apply)
{
    void *array = conf->rules;
    void *room;

    if (rule->pattern.len == 0 || rule->pattern.ptr[0] != '/' ||
        span_starts(rule->pattern, SPAN("/$")) || rule->pattern.len > ROUTER_NAME_MAX) {
        diag_error(
            apply->diag, node->file, node->line,
            "<%.*s \"%.*s\">: a channel's name begins with / but not with /$, and has at most "
            "%d bytes (write <%.*s \"/demo/*\">)",
            SPAN_ARG(node->name), SPAN_ARG(diag_word(rule->pattern)), ROUTER_NAME_MAX,
            SPAN_ARG(node->name));
        return OK;
    }
    TRY(realm_conf_route_one_more(apply, &array, conf->rule_count, REALM_CONF_CHANNELS_MAX,
                                  sizeof *rule, &room));
    conf->rules = array;
    if (room == NULL) {
        diag_error(apply->diag, node->file, node->line,
                   "<%.*s>: there are more than %d sections (use patterns with *)",
                   SPAN_ARG(node->name), REALM_CONF_CHANNELS_MAX);
        return OK;
    }
    memcpy(room, rule, sizeof *rule);
    conf->rule_count++;
    conf->access.has_rules |= ((const struct realm_acl *)rule->access)->count > 0;
    return OK;
}

static enum err set_route(struct realm_conf *conf, enum router_kind kind,
                          const struct conf_node *node, const struct conf_apply *apply)
{
    const struct realm_conf_route_kind *about = realm_conf_route_kind(kind);
    struct router_rule rule = {.pattern = node->words[0], .kind = kind};
    const struct conf_table table = {about->rows, &rule};
    const struct conf_apply inner = {
        .tables = &table,
        .table_count = 1,
        .place = about->place,
        .arena = apply->arena,
        .diag = apply->diag,
        .outer = apply,
    };

    conf_schema_defaults(about->rows, &rule);
    if (kind == ROUTER_GROUP) {
        realm_conf_group_begin(&rule);
    }
    TRY(realm_acl_conf_begin(&rule, node, apply));
    TRY(conf_schema_apply(&inner, node->children));
    return add_rule(conf, &rule, node, apply);
}

enum err realm_conf_route_channel(void *conf, const struct conf_node *node,
                                  const struct conf_apply *apply)
{
    return set_route(conf, ROUTER_CHANNEL, node, apply);
}

enum err realm_conf_route_queue(void *conf, const struct conf_node *node,
                                const struct conf_apply *apply)
{
    return set_route(conf, ROUTER_QUEUE, node, apply);
}

enum err realm_conf_route_group(void *conf, const struct conf_node *node,
                                const struct conf_apply *apply)
{
    return set_route(conf, ROUTER_GROUP, node, apply);
}

const struct router_rule *realm_conf_route_section(const void *opaque, struct span name)
{
    const struct realm_conf *conf = opaque;

    for (size_t i = 0; i < conf->rule_count; i++) {
        if (text_glob(conf->rules[i].pattern, name)) {
            return &conf->rules[i];
        }
    }
    return NULL;
}

const struct realm_acl *realm_conf_route_acl(const struct realm_conf *conf, struct span name)
{
    const struct router_rule *rule = realm_conf_route_section(conf, name);

    return rule == NULL ? NULL : rule->access;
}

/* ---- across sections ---- */

static const char *section_of(const struct router_rule *rule)
{
    return realm_conf_route_kind(rule->kind)->section;
}

/* What an administrator makes stands in no file: `file` is NULL. */
static void check_rule(const struct realm_conf *conf, const struct router_rule *rule,
                       const char *file, struct diag *diag)
{
    const struct realm_acl *place = rule->access;
    const unsigned line = file == NULL ? 0 : place->line;

    file = file == NULL ? NULL : place->file;
    if (rule->channel.store_bytes / 2 < conf->event_bytes) {
        diag_error(diag, file, line,
                   "<%s \"%.*s\">: StoreBytes %zu is less than twice EventBytesMax %zu: an "
                   "event with its headers might not fit (raise the one or lower the other)",
                   section_of(rule), SPAN_ARG(diag_word(rule->pattern)),
                   rule->channel.store_bytes, conf->event_bytes);
    }
    if (rule->has_all_streams && !rule->is_closed &&
        span_find(rule->pattern, '*') < rule->pattern.len) {
        diag_error(
            diag, file, line,
            "<%s \"%.*s\">: Members all with * in the name: each new name that somebody "
            "publishes to would take memory for every data stream (add CreateOnUse Off, or "
            "write a section for each name)",
            section_of(rule), SPAN_ARG(diag_word(rule->pattern)));
    }
    if (rule->channel.type == CHANNEL_PERSISTENT && conf->store == REALM_CONF_STORE_MEMORY) {
        diag_error(
            diag, file, line,
            "<%s \"%.*s\">: Type persistent needs a store (add Store lmdb and StorePath)",
            section_of(rule), SPAN_ARG(diag_word(rule->pattern)));
    }
}

/* A section that another one above covers is never asked: what it denies is not denied. A
 * pattern's own * is a character to the one that covers it. */
static void check_reached(const struct realm_conf *conf, size_t at, struct diag *diag)
{
    const struct router_rule *rule = &conf->rules[at];
    const struct realm_acl *place = rule->access;

    for (size_t i = 0; i < at; i++) {
        const struct router_rule *above = &conf->rules[i];

        if (text_glob(above->pattern, rule->pattern)) {
            diag_warn(
                diag, place->file, place->line,
                "<%s \"%.*s\"> counts for nothing: <%s \"%.*s\"> in line %u covers every "
                "such name, and the first section that fits counts (put this one above it)",
                section_of(rule), SPAN_ARG(diag_word(rule->pattern)), section_of(above),
                SPAN_ARG(diag_word(above->pattern)),
                ((const struct realm_acl *)above->access)->line);
            return;
        }
    }
}

void realm_conf_route_check_one(const struct realm_conf *conf, const struct router_rule *rule,
                                realm_conf_route_find *find, const void *ctx, struct diag *diag)
{
    check_rule(conf, rule, NULL, diag);
    realm_conf_ways_check_one(rule, find, ctx, diag);
}

void realm_conf_route_check(const struct realm_conf *conf, const char *file, struct diag *diag)
{
    for (size_t i = 0; i < conf->rule_count; i++) {
        check_rule(conf, &conf->rules[i], file, diag);
        check_reached(conf, i, diag);
        if (conf->rules[i].kind == ROUTER_QUEUE) {
            realm_acl_conf_check_queue(conf->rules[i].access, diag);
        }
        realm_acl_conf_check(conf->rules[i].access, conf->access.has_user_file,
                             conf->access.groups, diag);
    }
    realm_conf_ways_check(conf, file, diag);
}

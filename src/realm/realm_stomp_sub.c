/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "realm/realm_stomp_sub.h"

#include "base/text.h"
#include "realm/realm_share.h"
#include "realm/realm_stomp_stream.h"

enum {
    WINDOW = 5 /* events that a reader may have at once who says nothing about it */
};

/* ---- which ---- */

static bool is_on(const struct realm_stomp_inside *request, struct span name)
{
    struct span value;

    return realm_stomp_inside_find(request, name, &value) && span_equals(value, "true");
}

/* 1.0: "if no id is given, the destination is used"; its name with the "/" that it may lack. */
static bool name_as_id(struct span name, uint8_t room[ROUTER_NAME_MAX], struct span *ret_id)
{
    size_t slash = name.len > 0 && name.ptr[0] == '/' ? 0 : 1;

    if (name.len == 0 || name.len + slash > ROUTER_NAME_MAX) {
        return false;
    }
    room[0] = '/';
    memcpy(room + slash, name.ptr, name.len);
    *ret_id = span_of(room, name.len + slash);
    return true;
}

/* ret_id->ptr is NULL when the request was refused. */
static enum err find_id(struct realm_stomp *stomp, const struct realm_stomp_inside *request,
                        uint8_t room[ROUTER_NAME_MAX], struct span *ret_id)
{
    struct span name;
    bool has_id = realm_stomp_inside_find(request, SPAN("id"), ret_id);

    if (!has_id && stomp->version == STOMP_VERSION_1_0 &&
        realm_stomp_inside_find(request, SPAN("destination"), &name)) {
        has_id = name_as_id(name, room, ret_id);
    }
    if (has_id && ret_id->len <= VIEW_ID_MAX) {
        return OK;
    }
    *ret_id = span_of(NULL, 0);
    if (has_id) {
        return realm_stomp_inside_refuse(stomp, request, REALM_STOMP_INSIDE_LIMIT,
                                         "id is longer than %d bytes", VIEW_ID_MAX);
    }
    return realm_stomp_inside_refuse(stomp, request, REALM_STOMP_INSIDE_ILLEGAL,
                                     "id is missing");
}

/* What either kind is made of. */
struct wanted {
    struct span id;
    struct router_route *route;
    struct selector *selector; /* NULL: every event */
};

static enum err refuse_more(struct realm_stomp *stomp, const struct realm_stomp_inside *request,
                            enum err e)
{
    if (e == ERR_LIMIT) {
        return realm_stomp_inside_refuse(
            stomp, request, REALM_STOMP_INSIDE_LIMIT,
            "a session may have %zu subscriptions (SubscriptionsMax)",
            stomp->env->subscriptions_max);
    }
    return e;
}

/* *ret_selector is a reference, or NULL: there is none, or, with *ret_refused, it was refused.
 */
static enum err read_selector(struct realm_stomp *stomp,
                              const struct realm_stomp_inside *request,
                              struct selector **ret_selector, bool *ret_refused)
{
    struct selector_fault fault;
    struct span text;
    enum err e;

    *ret_selector = NULL;
    *ret_refused = false;
    if (!realm_stomp_inside_find(request, SPAN("selector"), &text) || text.len == 0) {
        return OK;
    }
    e = selector_parse(text, &fault, ret_selector);
    if (e == OK || e == ERR_NOMEM) {
        return e;
    }
    *ret_refused = true;
    return realm_stomp_inside_refuse(
        stomp, request, e == ERR_LIMIT ? REALM_STOMP_INSIDE_LIMIT : REALM_STOMP_INSIDE_ILLEGAL,
        "selector, at byte %zu: %s", fault.at, selector_fault_text(fault.reason));
}

/* ---- channels ---- */

static bool read_start(const struct realm_stomp_inside *request, const struct channel *channel,
                       struct channel_start *ret_start)
{
    char own_epoch[REALM_STOMP_REPLY_EPOCH_CHARS + 1];
    struct channel_start start = {.from = CHANNEL_FROM_NOW};
    struct span from, epoch;
    bool has_from = realm_stomp_inside_find(request, SPAN("from"), &from);

    if (has_from && span_equals(from, "stored")) {
        start.from = CHANNEL_FROM_STORED;
    } else if (has_from && !span_equals(from, "now")) {
        start.from = CHANNEL_FROM_EID;
        if (!text_u64(from, UINT64_MAX, &start.eid)) {
            return false;
        }
    }
    if (realm_stomp_inside_find(request, SPAN("epoch"), &epoch)) {
        /* opaque: only whether it is ours can be told */
        realm_stomp_reply_epoch(channel->epoch, own_epoch);
        start.has_epoch = true;
        start.epoch = span_equals(epoch, own_epoch) ? channel->epoch : ~channel->epoch;
    }
    *ret_start = start;
    return true;
}

/* The subscription's name, by ours or another server's header. False: it is not durable. */
static bool find_durable(const struct realm_stomp_inside *request, struct span *ret_name)
{
    return realm_stomp_inside_find(request, SPAN("durable"), ret_name) ||
           realm_stomp_inside_find(request, SPAN("durable-subscription-name"), ret_name) ||
           realm_stomp_inside_find(request, SPAN("activemq.subscriptionName"), ret_name);
}

/* *ret_durable is NULL when it is not to be durable; or, with *ret_refused, it was refused. */
static enum err open_durable(struct realm_stomp *stomp,
                             const struct realm_stomp_inside *request,
                             const struct router_route *route, struct durable **ret_durable,
                             bool *ret_refused)
{
    char room[REALM_STOMP_INSIDE_NAME_BYTES], sentence[REALM_SHARE_SENTENCE_BYTES];
    struct durable_set *set = &route->router->durables;
    struct span name;
    bool may;
    enum err e;

    *ret_durable = NULL;
    *ret_refused = false;
    if (!find_durable(request, &name)) {
        return OK;
    }
    TRY(realm_stomp_inside_may(stomp, request, REALM_ACL_DURABLE, route->channel.name, &may));
    if (!may) {
        *ret_refused = true;
        return OK;
    }
    if (!durable_is_known(set, route->channel.name, name) &&
        !realm_share_may_name(stomp->login, route->router, sentence)) {
        *ret_refused = true;
        return realm_stomp_inside_refuse(stomp, request, REALM_STOMP_INSIDE_LIMIT, "%s",
                                         sentence);
    }
    e = durable_open(set, route->channel.name, name, ret_durable);
    if (e == OK) {
        e = realm_share_own(stomp->login, *ret_durable);
        if (e != OK) {
            durable_close(*ret_durable);
        }
    }
    if (e == OK || e == ERR_NOMEM) {
        return e;
    }
    *ret_refused = true;
    if (e == ERR_AGAIN) {
        return realm_stomp_inside_refuse(stomp, request, REALM_STOMP_INSIDE_ILLEGAL,
                                         "the durable subscription %s has a reader already",
                                         realm_stomp_inside_text(name, room));
    }
    return realm_stomp_inside_refuse(
        stomp, request, REALM_STOMP_INSIDE_LIMIT,
        "durable must be a name of 1 to %d bytes, and a realm has %zu at most",
        DURABLE_NAME_MAX, route->router->conf.limits.durables);
}

/* A place is one EID: everything below it is done. So an acknowledgement is for all before,
 * too. */
static bool read_channel_ack(const struct realm_stomp_inside *request, bool *ret_by_ack)
{
    struct span ack = SPAN("auto");
    struct span name;

    realm_stomp_inside_find(request, SPAN("ack"), &ack);
    *ret_by_ack = span_equals(ack, "client");
    return span_equals(ack, "auto") || (*ret_by_ack && find_durable(request, &name));
}

/* Who gets only what has changed must have the event before of every key: from the start, or
 * from where it says that it was; and every event since. */
static bool may_follow_changes(const struct realm_stomp_inside *request,
                               const struct wanted *wanted,
                               const struct session_request *channel)
{
    const struct channel_conf *conf = &wanted->route->channel.conf;

    return is_on(request, SPAN("delta")) && wanted->selector == NULL &&
           channel->durable == NULL && channel->start.from != CHANNEL_FROM_NOW &&
           conf->key_count > 0 && conf->slow == CHANNEL_SLOW_DROP;
}

static enum err subscribe(struct realm_stomp *stomp, const struct realm_stomp_inside *request,
                          const struct wanted *wanted)
{
    struct session_request channel = {
        .id = wanted->id,
        .form = realm_stomp_forms_view(stomp->env->forms, stomp->carrier->kind, stomp->version),
        .route = wanted->route,
        .selector = wanted->selector};
    struct realm_stomp_reply reply = realm_stomp_inside_reply(stomp);
    bool is_refused, follows_changes;
    uint64_t next;
    enum err e;

    if (!read_channel_ack(request, &channel.moves_by_ack)) {
        return realm_stomp_inside_refuse(
            stomp, request, REALM_STOMP_INSIDE_UNSUPPORTED,
            "ack must be auto here, or client with durable: else only what comes from a queue "
            "is acknowledged");
    }
    if (channel.moves_by_ack) {
        channel.form =
            realm_stomp_forms_acked(stomp->env->forms, stomp->carrier->kind, stomp->version);
    }
    if (!read_start(request, &wanted->route->channel, &channel.start)) {
        return realm_stomp_inside_refuse(stomp, request, REALM_STOMP_INSIDE_ILLEGAL,
                                         "from must be now, stored or an EID");
    }
    TRY(open_durable(stomp, request, wanted->route, &channel.durable, &is_refused));
    if (is_refused) {
        return OK;
    }
    follows_changes = may_follow_changes(request, wanted, &channel);
    if (follows_changes) {
        channel.form =
            realm_stomp_forms_changes(stomp->env->forms, stomp->carrier->kind, stomp->version);
    }
    e = session_subscribe(&stomp->session, &channel, &next);
    if (e != OK) {
        durable_close(channel.durable);
        return refuse_more(stomp, request, e);
    }
    return realm_stomp_reply_subscribed(
        &reply, request->frame,
        &(struct realm_stomp_reply_start){wanted->route->channel.epoch, next, follows_changes});
}

/* ---- queues ---- */

/* False: it is none of the words. */
static bool read_ack(const struct realm_stomp_inside *request,
                     struct session_queue_request *wanted)
{
    struct span ack = SPAN("auto");

    realm_stomp_inside_find(request, SPAN("ack"), &ack);
    wanted->reader.is_plain = span_equals(ack, "auto");
    wanted->acks_one = span_equals(ack, "client-individual");
    return wanted->reader.is_plain || wanted->acks_one || span_equals(ack, "client");
}

/* False: it is no number over 0. What is more than the queue allows becomes that. */
static bool read_window(const struct realm_stomp_inside *request, size_t max,
                        size_t *ret_window)
{
    static const struct span names[] = {SPAN_INIT("window"), SPAN_INIT("prefetch-count"),
                                        SPAN_INIT("activemq.prefetchSize")};
    uint64_t window = WINDOW;

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct span value;

        if (realm_stomp_inside_find(request, names[i], &value)) {
            if (!text_u64(value, UINT64_MAX, &window) || window == 0) {
                return false;
            }
            break;
        }
    }
    *ret_window = window > max ? max : (size_t)window;
    return true;
}

static enum err read_queue(struct realm_stomp *stomp, const struct realm_stomp_inside *request,
                           const struct wanted *wanted)
{
    struct session_queue_request queue = {
        .id = wanted->id,
        .form = realm_stomp_forms_feed(stomp->env->forms, stomp->carrier->kind, stomp->version),
        .route = wanted->route,
        .is_browser = is_on(request, SPAN("browse")),
        .reader.selector = wanted->selector};
    struct realm_stomp_reply reply = realm_stomp_inside_reply(stomp);
    enum err e;

    if (!read_ack(request, &queue)) {
        return realm_stomp_inside_refuse(stomp, request, REALM_STOMP_INSIDE_ILLEGAL,
                                         "ack must be auto, client or client-individual");
    }
    if (!read_window(request, wanted->route->window_max, &queue.reader.window)) {
        return realm_stomp_inside_refuse(stomp, request, REALM_STOMP_INSIDE_ILLEGAL,
                                         "window must be a number of events, 1 or more");
    }
    TRY(queue_set_open(stomp->env->queues, wanted->route, &queue.queue));
    e = session_read_queue(&stomp->session, &queue);
    if (e != OK) {
        return refuse_more(stomp, request, e);
    }
    return realm_stomp_reply_reading(&reply, request->frame, queue.reader.window);
}

/* ---- either ---- */

/* What may be read. *ret_route is NULL when the request was refused. */
static enum err find_route(struct realm_stomp *stomp, const struct realm_stomp_inside *request,
                           struct router_route **ret_route)
{
    enum realm_acl_right right =
        is_on(request, SPAN("browse")) ? REALM_ACL_PEEK : REALM_ACL_SUBSCRIBE;
    bool may = true;

    TRY(realm_stomp_inside_route(stomp, request, right, ret_route));
    if (*ret_route != NULL && (*ret_route)->kind == ROUTER_CHANNEL && right == REALM_ACL_PEEK) {
        /* A channel has no other way to be read. */
        TRY(realm_stomp_inside_may(stomp, request, REALM_ACL_SUBSCRIBE,
                                   (*ret_route)->channel.name, &may));
    }
    *ret_route = may ? *ret_route : NULL;
    return OK;
}

static enum err refuse_group(struct realm_stomp *stomp,
                             const struct realm_stomp_inside *request, struct span name)
{
    char room[REALM_STOMP_INSIDE_NAME_BYTES];

    return realm_stomp_inside_refuse(stomp, request, REALM_STOMP_INSIDE_ILLEGAL,
                                     "%s is a data group: subscribe to /$data, and who may "
                                     "manage the group adds your data stream",
                                     realm_stomp_inside_text(name, room));
}

enum err realm_stomp_sub_begin(struct realm_stomp *stomp,
                               const struct realm_stomp_inside *request)
{
    uint8_t room[ROUTER_NAME_MAX];
    struct wanted wanted;
    bool is_refused;
    enum err e;

    TRY(find_id(stomp, request, room, &wanted.id));
    if (wanted.id.ptr == NULL) {
        return OK;
    }
    if (session_find(&stomp->session, wanted.id) != NULL ||
        realm_stomp_stream_has_id(stomp, wanted.id)) {
        return realm_stomp_inside_refuse(stomp, request, REALM_STOMP_INSIDE_ILLEGAL,
                                         "a subscription with this id exists already");
    }
    if (realm_stomp_stream_is_wanted(request)) {
        return realm_stomp_stream_begin(stomp, request, wanted.id);
    }
    TRY(find_route(stomp, request, &wanted.route));
    if (wanted.route == NULL) {
        return OK;
    }
    if (wanted.route->kind == ROUTER_GROUP) {
        return refuse_group(stomp, request, wanted.route->channel.name);
    }
    TRY(read_selector(stomp, request, &wanted.selector, &is_refused));
    if (is_refused) {
        return OK;
    }
    e = wanted.route->kind == ROUTER_QUEUE ? read_queue(stomp, request, &wanted)
                                           : subscribe(stomp, request, &wanted);
    selector_unref(wanted.selector);
    return e;
}

/* UNSUBSCRIBE with durable: the place is given up, too. */
static enum err forget_durable(struct realm_stomp *stomp,
                               const struct realm_stomp_inside *request,
                               struct router_route *route)
{
    struct realm_stomp_reply reply = realm_stomp_inside_reply(stomp);
    struct span name;
    bool may = true;
    enum err e;

    if (route == NULL) {
        TRY(realm_stomp_inside_route(stomp, request, REALM_ACL_DURABLE, &route));
    } else {
        TRY(realm_stomp_inside_may(stomp, request, REALM_ACL_DURABLE, route->channel.name,
                                   &may));
    }
    if (route == NULL || !may) {
        return OK;
    }
    find_durable(request, &name);
    e = durable_forget(&route->router->durables, route->channel.name, name);
    if (e == ERR_AGAIN) {
        return realm_stomp_inside_refuse(stomp, request, REALM_STOMP_INSIDE_ILLEGAL,
                                         "the durable subscription has a reader");
    }
    TRY(e);
    return realm_stomp_reply_receipt(&reply, request->frame);
}

enum err realm_stomp_sub_end(struct realm_stomp *stomp,
                             const struct realm_stomp_inside *request)
{
    struct realm_stomp_reply reply = realm_stomp_inside_reply(stomp);
    uint8_t room[ROUTER_NAME_MAX];
    struct router_route *route = NULL;
    struct session_sub *sub;
    struct span id, name;

    TRY(find_id(stomp, request, room, &id));
    if (id.ptr == NULL) {
        return OK;
    }
    if (realm_stomp_stream_has_id(stomp, id)) {
        realm_stomp_stream_end(stomp);
    }
    sub = session_find(&stomp->session, id);
    if (sub != NULL) {
        /* without one there is nothing to do: so a client may ask for a round trip */
        route = sub->route;
        TRY(session_unsubscribe(&stomp->session, sub));
    }
    if (find_durable(request, &name)) {
        return forget_durable(stomp, request, route);
    }
    return realm_stomp_reply_receipt(&reply, request->frame);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "realm/realm_stomp_stream.h"

#include "base/utf8.h"
#include "realm/realm_access.h"

bool realm_stomp_stream_is_wanted(const struct realm_stomp_inside *request)
{
    struct span name;

    return realm_stomp_inside_find(request, SPAN("destination"), &name) &&
           (span_equals(name, "/$data") || span_equals(name, "$data"));
}

bool realm_stomp_stream_has_id(const struct realm_stomp *stomp, struct span id)
{
    return stomp->stream != NULL && span_equal(datagroup_stream_sub_id(stomp->stream), id);
}

bool realm_stomp_stream_may(void *owner, struct span group)
{
    const struct realm_stomp *stomp = owner;

    return stomp->login != NULL && realm_access_has(stomp->login, REALM_ACL_SUBSCRIBE, group);
}

/* Of what other subscriptions may ask for it has nothing. */
static bool asks_for_more(const struct realm_stomp_inside *request)
{
    struct span value;

    return (realm_stomp_inside_find(request, SPAN("selector"), &value) && value.len > 0) ||
           (realm_stomp_inside_find(request, SPAN("from"), &value) &&
            !span_equals(value, "now")) ||
           (realm_stomp_inside_find(request, SPAN("ack"), &value) &&
            !span_equals(value, "auto")) ||
           realm_stomp_inside_find(request, SPAN("durable"), &value);
}

enum err realm_stomp_stream_begin(struct realm_stomp *stomp,
                                  const struct realm_stomp_inside *request, struct span id)
{
    struct datagroup_stream_parts parts = {
        .session = &stomp->session,
        .form = realm_stomp_forms_view(stomp->env->forms, stomp->carrier->kind, stomp->version),
        .owner = stomp,
        .id = id,
        .name = SPAN("")};
    struct realm_stomp_reply reply = realm_stomp_inside_reply(stomp);
    char room[DATAGROUP_ID_BYTES];

    if (stomp->stream != NULL) {
        return realm_stomp_inside_refuse(stomp, request, REALM_STOMP_INSIDE_ILLEGAL,
                                         "this session has its data stream already");
    }
    if (asks_for_more(request)) {
        return realm_stomp_inside_refuse(stomp, request, REALM_STOMP_INSIDE_UNSUPPORTED,
                                         "a data stream has no selector, from, durable or ack: "
                                         "it gets what comes for its groups");
    }
    realm_stomp_inside_find(request, SPAN("name"), &parts.name);
    if (parts.name.len > DATAGROUP_NAME_MAX || !utf8_is_valid(parts.name)) {
        return realm_stomp_inside_refuse(stomp, request, REALM_STOMP_INSIDE_LIMIT,
                                         "name must be at most %d bytes of UTF-8",
                                         DATAGROUP_NAME_MAX);
    }
    TRY(datagroup_stream_begin(stomp->env->groups, &parts, &stomp->stream));
    return realm_stomp_reply_stream(&reply, request->frame,
                                    datagroup_stream_id(stomp->stream, room));
}

void realm_stomp_stream_review(struct realm_stomp *stomp)
{
    if (stomp->stream == NULL) {
        return;
    }
    LIST_FOREACH (node, after, &stomp->stream->members) {
        struct datagroup *group =
            LIST_ENTRY(node, struct datagroup_member, in_stream)->of.group;

        if (!realm_stomp_stream_may(stomp, group->route->channel.name)) {
            datagroup_remove(group, stomp->stream);
        }
    }
}

void realm_stomp_stream_end(struct realm_stomp *stomp)
{
    datagroup_stream_end(stomp->stream);
    stomp->stream = NULL;
}

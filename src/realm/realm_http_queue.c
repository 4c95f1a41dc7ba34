/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "realm/realm_http_queue.h"

#include "pubsub/queue_browser.h"
#include "pubsub/queue_set.h"
#include "realm/realm_channels.h"
#include "realm/realm_http_api.h"

enum {
    EVENTS_DEFAULT = 100
};

static enum err write_seen(struct queue_browser *browser, uint64_t max, struct buf *body)
{
    const struct event *event;
    const char *comma = "";

    for (; max > 0 && body->len <= REALM_HTTP_API_PAGE_BYTES &&
           (event = queue_browser_next(browser)) != NULL;
         max--) {
        TRY(buf_printf(body, "%s\n  ", comma));
        TRY(realm_channels_write_event(event, body));
        queue_browser_pass(browser);
        comma = ",";
    }
    return OK;
}

static enum err write_events(const struct realm_http_question *question,
                             struct router_route *route, uint64_t max, struct buf *body)
{
    struct queue_browser browser;
    struct queue *queue;
    enum err e;

    TRY(queue_set_open(question->env->queues, route, &queue));
    TRY(buf_printf(body, "{\"queue\": "));
    TRY(realm_channels_write(route, body));
    TRY(buf_printf(body, ",\n \"events\": ["));
    queue_browser_begin(&browser, queue, NULL);
    e = write_seen(&browser, max, body);
    queue_browser_end(&browser);
    TRY(e);
    return buf_append(body, SPAN("]}\n"));
}

enum err realm_http_queue_peek(const struct realm_http_question *question,
                               const struct realm_http_place *place)
{
    struct realm_http_question_answer answer = {.status = 200};
    struct router_route *route;
    struct buf body;
    uint64_t max;

    if (!realm_http_question_number(question, "max", EVENTS_DEFAULT, REALM_HTTP_API_EVENTS_MAX,
                                    &max)) {
        return realm_http_question_refuse(question, 400, "write ?max=0...1000, or nothing");
    }
    TRY(realm_http_api_find(question, REALM_ACL_PEEK, place, &route));
    if (route == NULL) {
        return OK;
    }
    buf_init(&body, REALM_HTTP_QUESTION_BODY_MAX);
    return realm_http_question_give_json(question, write_events(question, route, max, &body),
                                         &answer, &body);
}

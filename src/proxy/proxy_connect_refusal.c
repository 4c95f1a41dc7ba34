/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "proxy/proxy_connect_refusal.h"

#include "base/text.h"

#include <errno.h>
#include <stdio.h>

enum {
    QUOTE_BYTES = 80, /* of the kinds of login that a parent offers */
};

void proxy_connect_refusal_no_memory(struct proxy_refusal *refusal)
{
    proxy_refusal_set(refusal, 503, HTTP1_PROXY_STATUS_CONNECTION_LIMIT_REACHED,
                      "this proxy is out of memory or file descriptors; try again later");
}

static void tell_direct(const struct proxy_connect_refusal_ask *ask,
                        const struct dial_result *result, struct proxy_refusal *refusal)
{
    char text[ADDR_TEXT_BYTES];

    switch (result->outcome) {
    case DIAL_CONNECTED: return;
    case DIAL_NO_NAME:
        proxy_refusal_set(refusal, 502, HTTP1_PROXY_STATUS_DNS_ERROR,
                          "the name %s does not exist, as far as this proxy can tell",
                          ask->host);
        return;
    case DIAL_DNS_FAILED:
        proxy_refusal_set(refusal, 502, HTTP1_PROXY_STATUS_DNS_ERROR,
                          "the name %s could not be looked up: this proxy's name servers did "
                          "not answer",
                          ask->host);
        return;
    case DIAL_FORBIDDEN:
        proxy_refusal_set(refusal, 403, HTTP1_PROXY_STATUS_DESTINATION_IP_PROHIBITED,
                          "%s, the address of %s, may not be reached through this proxy",
                          addr_text(&result->addr, text), ask->host);
        return;
    case DIAL_REFUSED:
        if (ask->has_source && result->error == EPERM) {
            proxy_refusal_set(
                refusal, 502, HTTP1_PROXY_STATUS_CONFIGURATION_ERROR,
                "no connection to %s: this proxy may not use the client's address "
                "(TransparentSource client needs CAP_NET_RAW)",
                ask->host);
            return;
        }
        proxy_refusal_set(refusal, 502, HTTP1_PROXY_STATUS_CONNECTION_REFUSED,
                          "no connection to %s: %s: %s (is a server listening on port %u?)",
                          ask->host, addr_text(&result->addr, text), strerror(result->error),
                          ask->port);
        return;
    case DIAL_TIMEOUT:
        proxy_refusal_set(refusal, 504, HTTP1_PROXY_STATUS_CONNECTION_TIMEOUT,
                          "no connection to %s port %u within %llu ms (ProxyTimeout)",
                          ask->host, ask->port, (unsigned long long)ask->timeout);
        return;
    case DIAL_NOMEM: proxy_connect_refusal_no_memory(refusal); return;
    }
}

static void tell_parent(const struct proxy_connect_refusal_ask *ask,
                        const struct dial_result *result, struct proxy_refusal *refusal)
{
    struct span parent = ask->parent->text;
    char text[ADDR_TEXT_BYTES];

    switch (result->outcome) {
    case DIAL_CONNECTED: return;
    case DIAL_NO_NAME:
        proxy_refusal_set(refusal, 502, HTTP1_PROXY_STATUS_DNS_ERROR,
                          "the name of the parent proxy %.*s does not exist", SPAN_ARG(parent));
        return;
    case DIAL_DNS_FAILED:
        proxy_refusal_set(refusal, 502, HTTP1_PROXY_STATUS_DNS_ERROR,
                          "the name of the parent proxy %.*s could not be looked up: this "
                          "proxy's name servers did not answer",
                          SPAN_ARG(parent));
        return;
    case DIAL_FORBIDDEN:
        proxy_refusal_set(refusal, 502, HTTP1_PROXY_STATUS_CONFIGURATION_ERROR,
                          "%s, the address of the parent proxy %.*s, may not be reached "
                          "(ProxyRemote, line %u)",
                          addr_text(&result->addr, text), SPAN_ARG(parent), ask->parent->line);
        return;
    case DIAL_REFUSED:
        proxy_refusal_set(refusal, 502, HTTP1_PROXY_STATUS_DESTINATION_UNAVAILABLE,
                          "no connection to the parent proxy %.*s: %s: %s", SPAN_ARG(parent),
                          addr_text(&result->addr, text), strerror(result->error));
        return;
    case DIAL_TIMEOUT:
        proxy_refusal_set(refusal, 504, HTTP1_PROXY_STATUS_CONNECTION_TIMEOUT,
                          "no connection to the parent proxy %.*s within %llu ms "
                          "(ProxyTimeout)",
                          SPAN_ARG(parent), (unsigned long long)ask->timeout);
        return;
    case DIAL_NOMEM: proxy_connect_refusal_no_memory(refusal); return;
    }
}

/* What the parent would take for a login: "Digest, Negotiate". */
static void list_schemes(const struct http1_head *answer, char *room, size_t room_bytes)
{
    size_t used = 0;

    room[0] = '\0';
    for (size_t i = 0; i < answer->fields.count; i++) {
        const struct http1_field *field = &answer->fields.ptr[i];
        char scheme[24];

        if (!span_equals_nocase(field->name, "proxy-authenticate") || field->value.len == 0 ||
            used + sizeof scheme + 2 > room_bytes) {
            continue;
        }
        text_printable(span_head(field->value, span_find(field->value, ' ')), scheme,
                       sizeof scheme);
        used += (size_t)snprintf(room + used, room_bytes - used, "%s%s", used > 0 ? ", " : "",
                                 scheme);
    }
}

/* RFC 9110 15.5.8: a 407 is an invitation, and to be passed on only to somebody who could take
 * it: a client whose logins reach the parent, when the parent says what it wants. */
static void tell_login(const struct proxy_connect_refusal_ask *ask,
                       const struct http1_head *answer, struct proxy_refusal *refusal)
{
    struct span parent = ask->parent->text;
    unsigned line = ask->parent->line;
    char schemes[QUOTE_BYTES];

    list_schemes(answer, schemes, sizeof schemes);
    if (schemes[0] == '\0') {
        proxy_refusal_set(refusal, 502, HTTP1_PROXY_STATUS_DESTINATION_UNAVAILABLE,
                          "the parent proxy %.*s asks for a login (407) and does not say of "
                          "which kind",
                          SPAN_ARG(parent));
    } else if (ask->parent->login.len > 0) {
        proxy_refusal_set(refusal, 502, HTTP1_PROXY_STATUS_CONFIGURATION_ERROR,
                          "the parent proxy %.*s does not take this proxy's login (407; it "
                          "wants %s, and Basic was sent: see ProxyRemote, line %u)",
                          SPAN_ARG(parent), schemes, line);
    } else if (ask->keeps_login) {
        proxy_refusal_set(refusal, 407, HTTP1_PROXY_STATUS_REQUEST_DENIED,
                          "the parent proxy %.*s asks for a login (%s)", SPAN_ARG(parent),
                          schemes);
    } else {
        proxy_refusal_set(refusal, 502, HTTP1_PROXY_STATUS_CONFIGURATION_ERROR,
                          "the parent proxy %.*s asks this proxy for a login (407, %s: write "
                          "user:password@ into ProxyRemote, line %u)",
                          SPAN_ARG(parent), schemes, line);
    }
}

/* The parent's own words, and its own status where the client can make sense of it. */
void proxy_connect_refusal_answered(const struct proxy_connect_refusal_ask *ask,
                                    const struct http1_head *answer, const char *why,
                                    struct proxy_refusal *refusal)
{
    uint16_t status = answer->status;
    enum http1_proxy_status error = HTTP1_PROXY_STATUS_DESTINATION_UNAVAILABLE;

    if (status == 407) {
        tell_login(ask, answer, refusal);
        return;
    }
    if (status == 408 || status == 504) {
        status = 504;
        error = HTTP1_PROXY_STATUS_CONNECTION_TIMEOUT;
    } else if (status < 400 || status == 401) { /* 401 would be the destination's to say */
        status = 502;
    } else if (status < 500) {
        error = HTTP1_PROXY_STATUS_REQUEST_DENIED;
    }
    proxy_refusal_set(refusal, status, error, "the parent %s (it is %.*s, asked for %s)", why,
                      SPAN_ARG(ask->parent->text), ask->authority);
}

void proxy_connect_refusal_undialled(const struct proxy_connect_refusal_ask *ask,
                                     const struct dial_result *dialled,
                                     struct proxy_refusal *refusal)
{
    if (ask->parent != NULL) {
        tell_parent(ask, dialled, refusal);
    } else {
        tell_direct(ask, dialled, refusal);
    }
}

void proxy_connect_refusal_broken(const struct proxy_connect_refusal_ask *ask, const char *why,
                                  struct proxy_refusal *refusal)
{
    proxy_refusal_set(refusal, 502, HTTP1_PROXY_STATUS_DESTINATION_UNAVAILABLE,
                      "the parent proxy %.*s did not do what was asked of it: %s",
                      SPAN_ARG(ask->parent->text), why);
}

void proxy_connect_refusal_late(const struct proxy_connect_refusal_ask *ask,
                                struct proxy_refusal *refusal)
{
    proxy_refusal_set(refusal, 504, HTTP1_PROXY_STATUS_CONNECTION_TIMEOUT,
                      "the parent proxy %.*s did not %s%s within %llu ms (ProxyTimeout)",
                      SPAN_ARG(ask->parent->text),
                      ask->is_tunnel ? "open a tunnel to " : "shake hands",
                      ask->is_tunnel ? ask->authority : "", (unsigned long long)ask->timeout);
}

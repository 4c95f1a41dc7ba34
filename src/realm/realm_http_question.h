/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * One request in hand, and the ways to answer it. For the realm_http files alone.
 */
#pragma once

#include "http1/http1_target.h"
#include "realm/realm_http.h"
#include "realm/realm_origin.h"

enum {
    REALM_HTTP_QUESTION_MORE_MAX = 10,
    REALM_HTTP_QUESTION_BODY_MAX = 16 * 1024 * 1024, /* bytes of an answer in JSON */
};

struct realm_http_question {
    const struct realm_http_env *env;
    const struct http1_head *head;
    struct http1_target target;
    struct http1_authority host;
    struct http1_body body;
    enum realm_host_verdict naming; /* of the host */
    enum realm_origin_verdict origin;
    bool is_head;
    bool is_api;    /* errors are JSON, and pages elsewhere may read the answers */
    bool is_sockjs; /* pages elsewhere may read the answers */
    enum {
        REALM_HTTP_QUESTION_STOMP, /* a WebSocket's subprotocol must be one of STOMP's */
        REALM_HTTP_QUESTION_RAW,   /* it may be */
        REALM_HTTP_QUESTION_SOCKJS /* it is nothing: STOMP comes in SockJS's frames */
    } dialect;
    struct buf *out;
    struct realm_http_verdict *verdict;
};

/* An answer of which the fields that all have are added. */
struct realm_http_question_answer {
    uint16_t status;
    const char *word;         /* of a refusal; NULL: what its status stands for */
    struct span content_type; /* empty: text/plain */
    struct span body;
    struct http1_field more[REALM_HTTP_QUESTION_MORE_MAX];
    size_t more_count;
};

/** Reads what stands in the head. HTTP1_FAULT_NONE, or what is wrong with it as a request to a
 *  server; the question can be refused then. */
enum http1_fault realm_http_question_read(struct realm_http_question *question);

void realm_http_question_add(struct realm_http_question_answer *answer, struct span name,
                             struct span value);

/** Fields that every answer has; what gives an answer below adds them itself. */
void realm_http_question_add_common(const struct realm_http_question *question,
                                    struct realm_http_question_answer *answer);

/** Whether the client has it already: If-None-Match names the tag. */
bool realm_http_question_knows(const struct realm_http_question *question, struct span tag);

/** Its body will be read: what the verdict says about that, and about what comes behind it. */
void realm_http_question_read_body(const struct realm_http_question *question);

/** Errors of all these as buf_append(): then `out` is as it was. */
must_check enum err realm_http_question_give(const struct realm_http_question *question,
                                             struct realm_http_question_answer *answer);

/** The same with JSON: `e` is what came of writing `body`, which is given back. One that is too
 *  long is refused. */
must_check enum err realm_http_question_give_json(const struct realm_http_question *question,
                                                  enum err e,
                                                  struct realm_http_question_answer *answer,
                                                  struct buf *body);

/** The sentence goes to the client and to the log. `answer` brings status and fields. */
must_check enum err realm_http_question_give_refusal(const struct realm_http_question *question,
                                                     struct realm_http_question_answer *answer,
                                                     const char *sentence);

must_check enum err realm_http_question_refuse(const struct realm_http_question *question,
                                               uint16_t status, const char *sentence);

/** 405 with the methods that there are: "GET, HEAD". */
must_check enum err realm_http_question_refuse_method(
    const struct realm_http_question *question, const char *methods);

/** 421: the host is no name of this realm's; with the line to add. */
must_check enum err realm_http_question_refuse_host(const struct realm_http_question *question);

/** 403, with the line to add. */
must_check enum err realm_http_question_refuse_origin(
    const struct realm_http_question *question);

/** A WebSocket, if it is asked for properly by a page that may: then the 101 is in `out` and
 *  the verdict has `action`. */
must_check enum err realm_http_question_upgrade(const struct realm_http_question *question,
                                                enum realm_http_action action);

/** Whether the request asks for that protocol in an Upgrade. */
bool realm_http_question_wants_upgrade(const struct realm_http_question *question,
                                       const char *protocol);

/** The first name in the query that is not in `known` ("from, max"); false when there is none.
 */
bool realm_http_question_unknown(const struct realm_http_question *question, const char *known,
                                 struct span *ret_name);

/** The number behind `name`= in the query; `initial` when it is not there. False when it is no
 *  number up to `max`. */
bool realm_http_question_number(const struct realm_http_question *question, const char *name,
                                uint64_t initial, uint64_t max, uint64_t *ret_number);

/** The text behind it, still percent-encoded; false when it is not there. */
bool realm_http_question_text(const struct realm_http_question *question, const char *name,
                              struct span *ret_text);

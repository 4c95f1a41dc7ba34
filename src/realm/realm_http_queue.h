/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * A look into a queue over HTTP, which takes nothing: GET /api/queues/NAME/events?max=N shows
 * the first events that no reader holds.
 */
#pragma once

#include "realm/realm_http_place.h"
#include "realm/realm_http_question.h"

/** Errors as realm_http_next(). */
must_check enum err realm_http_queue_peek(const struct realm_http_question *question,
                                          const struct realm_http_place *place);

/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Data streams over HTTP, and which groups they are in; doc/datagroups.md describes it.
 *
 *    GET     /api/streams?after=ID&max=N        those that there are
 *    GET     /api/groups/NAME/streams?...       those in a group
 *    PUT     /api/groups/NAME/streams/ID        add one
 *    DELETE  /api/groups/NAME/streams/ID        take one out
 *
 * Who may manage the group may; the list of all is for those who may manage some group. The
 * groups themselves are realm_http_api's and realm_http_admin's, as channels are.
 */
#pragma once

#include "realm/realm_http_place.h"
#include "realm/realm_http_question.h"

/** Errors of all these as realm_http_next(). */
must_check enum err realm_http_group_streams(const struct realm_http_question *question);
must_check enum err realm_http_group_members(const struct realm_http_question *question,
                                             const struct realm_http_place *place);

/** Whether that is for realm_http_group_change(). */
bool realm_http_group_has(const struct realm_http_place *place, struct span method);

must_check enum err realm_http_group_change(const struct realm_http_question *question,
                                            const struct realm_http_place *place);

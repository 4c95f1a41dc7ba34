/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * An event as STOMP subscribers on WebSocket get it: one unmasked message that holds one
 * MESSAGE frame. Text when all of it is UTF-8, else binary (doc/wire.md).
 */
#pragma once

#include "pubsub/view.h"

extern const struct view_form realm_stomp_view_form;

/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * The request's way: its head, then its content as the client sends it. Behind that it goes on
 * listening, so that a client that leaves is noticed, and keeps what it hears for the next
 * request as far as there is room.
 */
#pragma once

#include "proxy/proxy_forward_inside.h"

/** Puts the head into the lane. Errors as http1_write. */
must_check enum err proxy_forward_up_begin(struct proxy_forward *forward);

/** Moves what can be moved. True when it stopped only to be fair to others. */
bool proxy_forward_up_pump(struct proxy_forward *forward);

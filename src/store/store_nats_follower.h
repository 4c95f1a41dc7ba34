/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * The thread that follows the log: from link->next on, message by message, over every loss of
 * the connection or of what the server remembers of it. A message that is missing makes it
 * begin again; only when the server has it no longer it says so, and stays where it is.
 */
#pragma once

/** For pthread_create(): of a struct store_nats_link, until that is ending. */
void *store_nats_follower_run(void *opaque);

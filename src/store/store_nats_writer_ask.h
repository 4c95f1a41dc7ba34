/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Questions to the server that go out together, and whose answers come to one place, named by
 * rounds: who has sent one away may still get an answer, and who asks next must not take it for
 * its own. On the writer's thread.
 */
#pragma once

#include "store/store_nats_writer_inside.h"

/** Before the first round; later calls do nothing. ERR_NOMEM, ERR_CLOSED. */
must_check enum err store_nats_writer_ask_open(struct store_nats_writer *writer);

/** Another round. */
void store_nats_writer_ask_begin(struct store_nats_writer *writer);

/** Where answers of this round are to come to. */
void store_nats_writer_ask_name(const struct store_nats_writer *writer,
                                char reply[STORE_NATS_WRITER_REPLY_BYTES]);

/** Whether it came there. */
bool store_nats_writer_ask_is_own(const struct store_nats_writer *writer, natsMsg *msg);

/** What the server says behind the last of what it brings. ERR_AGAIN: it stops, and there may
 *  be more: `why`. */
must_check enum err store_nats_writer_ask_end(struct store_nats_writer *writer, natsMsg *msg);

/** ERR_CLOSED. */
must_check enum err store_nats_writer_ask_send(struct store_nats_writer *writer,
                                               natsMsg *take_msg);

/** The same of a text, answered to this round. ERR_CLOSED, ERR_NOMEM. */
must_check enum err store_nats_writer_ask_text(struct store_nats_writer *writer,
                                               const char *subject, const char *text);

/** Whatever comes next, the caller's. ERR_CLOSED: nothing before the deadline (nats_Now()). */
must_check enum err store_nats_writer_ask_next(struct store_nats_writer *writer,
                                               int64_t deadline, natsMsg **ret_msg);

/** As many answers of this round as there were questions; the first refusal counts, if anybody
 *  wants to know. ERR_CLOSED: not all came. ERR_AGAIN, ERR_LIMIT: as those of a batch. */
must_check enum err store_nats_writer_ask_await(struct store_nats_writer *writer, size_t count);

/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Sending on many connections at once, where the time of a fan-out goes: the system call for
 * each, and TLS. The worker gathers what each is to be sent, as references into what they share
 * or have of their own; its crew writes, each connection in one thread; the worker settles what
 * came of it. While the crew writes the worker does nothing but its share, so nothing that is
 * referred to can move, and there is nothing to lock.
 */
#pragma once

struct realm_worker;

/** Sends from the connections that are due, as many as one batch has; they are not due any
 *  more. realm_worker_published() is still to be called. */
void realm_conn_batch_flush(struct realm_worker *worker);

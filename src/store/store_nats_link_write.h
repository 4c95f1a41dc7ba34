/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Two threads send what publishers have said, over one connection. When one of them has cut
 * something short, as the server took nothing, neither may send more: the server would take it
 * for the rest, and what publishers have put into it, for commands.
 */
#pragma once

#include "store/store_nats_link.h"

enum {
    STORE_NATS_LINK_WRITE_STUCK = 10000, /* ms: by then libnats has given up a server that takes
                                          * nothing, or nothing of it had been sent */
};

/** Nobody else sends until store_nats_link_write_end(). False: something was cut short on this
 *  connection, and nothing is to be sent, nor ended. */
must_check bool store_nats_link_write_begin(struct store_nats_link *link);

/** The server took all of it, or it was cut short. */
void store_nats_link_write_end(struct store_nats_link *link, bool is_cut_short);

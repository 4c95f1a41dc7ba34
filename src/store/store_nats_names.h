/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * What a channel is called on the server. For the channel /fx/eur of the StoreRealm trading:
 *
 *     trading:fx:eur           the JetStream stream
 *     trading.events.fx.eur    the subject of its events
 *     trading.gone.fx.eur      that of messages which fill EIDs that are gone, for a moment
 *
 * Letters, digits, _ and - stand for themselves, a / for a colon or a dot, anything else for
 * =XX, its bytes in hexadecimal: so no two channels have one name. Sans-IO.
 */
#pragma once

#include "base/err.h"
#include "base/span.h"

enum {
    STORE_NATS_NAMES_REALM_MAX = 64, /* bytes of a StoreRealm */
    STORE_NATS_NAMES_CHANNEL_MAX = 255,
    STORE_NATS_NAMES_STREAM_BYTES = 256, /* the server takes no longer ones */
    STORE_NATS_NAMES_SUBJECT_BYTES =
        STORE_NATS_NAMES_REALM_MAX + 16 + 3 * STORE_NATS_NAMES_CHANNEL_MAX,
};

struct store_nats_names {
    char stream[STORE_NATS_NAMES_STREAM_BYTES]; /* a long name ends in ~ and a digest of it */
    char events[STORE_NATS_NAMES_SUBJECT_BYTES];
    char gone[STORE_NATS_NAMES_SUBJECT_BYTES];
};

/** ERR_NOMEM: no digest could be made. */
must_check enum err store_nats_names_make(struct span realm, struct span channel,
                                          struct store_nats_names *ret_names);

enum {
    STORE_NATS_NAMES_HEADER_ROOM = 16, /* bytes for what is put in front of a header's name */
};

/**
 * A header's name as NATS is to carry it: \r, \n, : and \ as STOMP 1.2 writes them, and what
 * the server, its clients or we would take for their own behind "Event-"; a - becomes \- where
 * what we say to the server could be hidden (Nats-Expected-Last-Sequence). The room is to have
 * 2 * name.len + STORE_NATS_NAMES_HEADER_ROOM bytes; a zero ends it.
 */
void store_nats_names_header(struct span name, char *room);

/** The same for its value, in 2 * value.len + 1 bytes; blanks at its ends, which NATS would
 *  drop, become \s. */
void store_nats_names_value(struct span value, char *room);

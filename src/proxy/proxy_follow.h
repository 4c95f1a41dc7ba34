/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * The judge of a tunnel's relay: shows the bytes to proxy_sniff and ws_follow, holds them while
 * TunnelAllow cannot tell, and knows which time-out holds. Changes no byte. When there is
 * nothing more to learn it takes itself off and the relay is as fast as without it.
 *
 *   relay_init(&relay, ...);
 *   proxy_follow_init(&follow, &conf->follow, now);
 *   proxy_follow_attach(&follow, &relay);            before or after relay_preload()
 *   relay_start(&relay);
 *   timer at proxy_follow_deadline(&follow); then proxy_follow_expire()
 *   on RELAY_JUDGED, or when expire says ERR_TIMEOUT: why = proxy_follow_why(...)
 *   proxy_follow_tell(&follow, &entry), log; proxy_follow_fini(&follow)
 */
#pragma once

#include "base/clock.h"
#include "net/relay.h"
#include "proxy/proxy_accesslog.h"
#include "proxy/proxy_sniff.h"
#include "ws/ws_follow.h"

/** The proxy's directives about what is in a tunnel; a member of struct proxy_conf. */
struct proxy_follow_conf {
    unsigned allowed;    /* TunnelAllow: enum proxy_sniff_allow; 0: any */
    msec handshake;      /* TunnelHandshakeTimeout; 0: never, like the others */
    msec websocket_idle; /* WebSocketIdleTimeout */
    msec idle;           /* TunnelIdleTimeout: for all that is no WebSocket */
    msec lifetime;       /* TunnelLifetime: in all */
};

enum {
    PROXY_FOLLOW_WHY_BYTES = PROXY_SNIFF_TEXT_BYTES
};

/** The class is known, or another; the deadline may be earlier than it was. Called while the
 * relay is at work: set a timer, count, but touch neither relay nor streams. */
typedef void proxy_follow_changed(void *ctx);

enum proxy_follow_expired {
    PROXY_FOLLOW_EXPIRED_NOT,
    PROXY_FOLLOW_EXPIRED_HANDSHAKE,
    PROXY_FOLLOW_EXPIRED_IDLE,
    PROXY_FOLLOW_EXPIRED_LIFETIME,
};

/* To be read by anyone, changed by proxy_follow.c alone. */
struct proxy_follow {
    const struct proxy_follow_conf *conf; /* borrowed until fini */
    struct relay *relay;                  /* borrowed until fini; NULL: not attached */
    struct ws_follow *ws;                 /* owned; NULL: no handshake was seen */
    proxy_follow_changed *changed;        /* or NULL */
    void *ctx;                            /* borrowed, for `changed` */
    msec began;
    msec opening_since; /* when the handshake began that is not over; MSEC_NEVER: none is */
    uint32_t held[2];   /* by side: bytes that were looked at and did not pass */
    struct proxy_sniff sniff;
    uint8_t expired; /* enum proxy_follow_expired */
};

/** Takes no memory. */
void proxy_follow_init(struct proxy_follow *follow, const struct proxy_follow_conf *conf,
                       msec now);

/** The same for a handshake that the proxy itself has passed on: `path`, and the fields of the
 *  101. Without memory it is not followed further. */
void proxy_follow_init_websocket(struct proxy_follow *follow,
                                 const struct proxy_follow_conf *conf, msec now,
                                 struct span path, struct http1_fields answer);

/** Becomes the relay's judge. */
void proxy_follow_attach(struct proxy_follow *follow, struct relay *relay);

/** Who is told. Without it, a deadline that moves forward is only met late. */
void proxy_follow_on_change(struct proxy_follow *follow, proxy_follow_changed *changed,
                            void *ctx);

/** Gives memory back, after relay_fini(). A zeroed one is fine too. */
void proxy_follow_fini(struct proxy_follow *follow);

enum proxy_sniff_class proxy_follow_class(const struct proxy_follow *follow);

/** When proxy_follow_expire() is to be called, as far as can be told now; MSEC_NEVER: no
 *  time-out is set. Attached only. */
msec proxy_follow_deadline(const struct proxy_follow *follow);

/** OK: the tunnel may go on; ask for the deadline again. ERR_TIMEOUT: it is to end, see
 *  proxy_follow_why(). */
must_check enum err proxy_follow_expire(struct proxy_follow *follow, msec now);

/** After ERR_TIMEOUT or RELAY_JUDGED: a sentence for the log. Returns room, which holds
 *  PROXY_FOLLOW_WHY_BYTES. */
const char *proxy_follow_why(const struct proxy_follow *follow, char *room);

/** Fills in what the log can say about what was in the tunnel, at its end or meanwhile; what is
 *  pointed at is borrowed from here. */
void proxy_follow_tell(const struct proxy_follow *follow, struct proxy_accesslog_entry *entry);

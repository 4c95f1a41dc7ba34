/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * The directives of the transparent proxy: where diverted connections arrive, and what becomes
 * of them.
 */
#pragma once

#include "base/clock.h"
#include "conf/conf_ports.h"
#include "proxy/proxy_listen.h"

enum proxy_divert_conf_source {
    PROXY_DIVERT_CONF_PROXY,  /* servers see the proxy's address */
    PROXY_DIVERT_CONF_CLIENT, /* servers see the client's */
};

enum proxy_divert_conf_other {
    PROXY_DIVERT_CONF_REFUSE,
    PROXY_DIVERT_CONF_TUNNEL,
};

/* A member of struct proxy_conf. */
struct proxy_divert_conf {
    struct proxy_listen_list listens; /* TransparentListen */
    enum proxy_divert_conf_source source;
    unsigned source_line;               /* 0: there is no TransparentSource */
    struct conf_ports server_first;     /* TransparentServerFirst */
    msec detect_timeout;                /* TransparentDetectTimeout */
    enum proxy_divert_conf_other other; /* TransparentOther: neither TLS nor HTTP */
    bool verifies;                      /* TransparentVerify */
};

/** They write to a struct proxy_divert_conf. */
extern const struct directive proxy_divert_conf_rows[];

/** Checks across rows; `listens` are those of Listen. Says what is wrong in the diag. */
void proxy_divert_conf_check(const struct proxy_divert_conf *conf,
                             const struct proxy_listen_list *listens, const char *file,
                             struct diag *diag);

/** Whether connections to servers are to leave with the client's address: CAP_NET_RAW. */
bool proxy_divert_conf_spoofs(const struct proxy_divert_conf *conf);

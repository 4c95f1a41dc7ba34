/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * A struct proxy_route_conf read from text, for the tests of routes and of what goes along
 * them.
 */
#pragma once

#include "conf/conf_load.h"
#include "daemon/service.h"
#include "lib/testing.h"
#include "proxy/proxy_route.h"

#include <stdio.h>

struct route_conf {
    struct proxy_route_conf conf;
    struct arena arena;
    struct diag diag;
};

static inline enum err route_conf_try(struct route_conf *read, const char *text)
{
    const struct conf_table table = {proxy_route_rows, &read->conf};
    const struct conf_apply apply = {.tables = &table,
                                     .table_count = 1,
                                     .place = SERVICE_IN_SERVER,
                                     .arena = &read->arena,
                                     .diag = &read->diag};

    *read = (struct route_conf){0};
    arena_init(&read->arena, 1024 * 1024);
    diag_init(&read->diag);
    return conf_load(&apply, span_str(text), "r.conf");
}

/* Fails the test, with the message, when the text has a fault. */
static inline void route_conf_read(struct route_conf *read, const char *text)
{
    assert_ok(route_conf_try(read, text));
    if (diag_count(&read->diag, DIAG_ERROR) > 0) {
        fail_msg("%s", diag_next(&read->diag, NULL)->text);
    }
}

static inline void route_conf_free(struct route_conf *read)
{
    diag_fini(&read->diag);
    arena_fini(&read->arena);
}

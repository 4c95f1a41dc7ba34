/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * <Proxy> sections from a text, and one question about them.
 */
#pragma once

#include "lib/testing.h"

#include "conf/conf_load.h"
#include "proxy/proxy_conf.h"
#include "proxy/proxy_policy_check.h"
#include "proxy/proxy_policy_read.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct policy_fixture {
    struct proxy_policy policy; /* first: the rows write to it */
    struct arena arena;
    struct diag diag;
};

/* clang-format off */
static const struct directive policy_fixture_rows[] = {
    {.name = "Proxy", .type = CONF_SECTION, .min = 1, .max = 255,
     .set = proxy_policy_read_proxy, .where = SERVICE_IN_SERVER, .opens = PROXY_CONF_IN_PROXY,
     .inner = proxy_policy_read_rows, .form = "pattern"},
    {.name = "ProxyMatch", .type = CONF_SECTION, .min = 1, .max = 255,
     .set = proxy_policy_read_match, .where = SERVICE_IN_SERVER, .opens = PROXY_CONF_IN_PROXY,
     .inner = proxy_policy_read_rows, .form = "expression"},
    {.name = NULL},
};
/* clang-format on */

/** policy_fixture_fini() is due whatever comes back. */
static inline enum err policy_fixture_init(struct policy_fixture *fixture, const char *text,
                                           const char *file)
{
    const struct conf_table table = {policy_fixture_rows, fixture};
    struct conf_apply apply = {.tables = &table,
                               .table_count = 1,
                               .place = SERVICE_IN_SERVER,
                               .arena = &fixture->arena,
                               .diag = &fixture->diag};
    enum err e;

    *fixture = (struct policy_fixture){0};
    arena_init(&fixture->arena, 8 * 1024 * 1024);
    diag_init(&fixture->diag);
    e = conf_load(&apply, span_str(text), file);
    if (e == OK) {
        proxy_policy_check(&fixture->policy, &fixture->diag);
        e = diag_count(&fixture->diag, DIAG_ERROR) > 0 ? ERR_CONF : OK;
    }
    return e;
}

static inline void policy_fixture_fini(struct policy_fixture *fixture)
{
    diag_fini(&fixture->diag);
    arena_fini(&fixture->arena);
}

/** All that was said, a line each. */
static inline void policy_fixture_said(const struct policy_fixture *fixture, char *room,
                                       size_t room_bytes)
{
    char line[DIAG_MAX_LINE];
    size_t used = 0;

    room[0] = '\0';
    for (const struct diag_message *message = diag_next(&fixture->diag, NULL);
         message != NULL && used < room_bytes; message = diag_next(&fixture->diag, message)) {
        used += (size_t)snprintf(room + used, room_bytes - used, "%s\n",
                                 diag_format(message, line, sizeof line));
    }
}

/** A file for this test program, which takes it away again. */
static inline const char *policy_fixture_file(const char *name, const char *text)
{
    static char path[4096];
    const char *dir = getenv("TMPDIR");
    FILE *file;

    snprintf(path, sizeof path, "%s/wayleave-%d-%s", dir == NULL ? "/tmp" : dir, (int)getpid(),
             name);
    file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    fclose(file);
    return path;
}

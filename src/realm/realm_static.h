/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Which file a URL path means, out of the table in the binary. No file system is involved.
 *
 *    /demo/        js/demo/index.html
 *    /demo/x       js/demo/x
 *    /lib/js/x     js/client/dist/x
 */
#pragma once

#include "realm/realm_assets.h"

struct realm_static {
    struct span bytes;        /* borrowed from the table */
    struct span content_type; /* static storage */
    struct span tag;          /* changes with the bytes */
    bool is_page;             /* HTML: wants a content security policy */
};

/** `path` begins with "/" and is without query. False when there is none. */
bool realm_static_find(const struct realm_asset *table, struct span path,
                       struct realm_static *ret_file);

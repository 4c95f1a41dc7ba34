/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Pages and scripts that are part of the binary. The table is made at build time by
 * tool/embed.cmake from js/client/dist and js/demo.
 */
#pragma once

#include "base/span.h"

struct realm_asset {
    const char
        *path; /* from the repository's root: "js/demo/index.html"; NULL ends the table */
    struct span bytes;
    const char *tag; /* changes with the bytes: for ETag */
};

extern const struct realm_asset realm_assets_data[];

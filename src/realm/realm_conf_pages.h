/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Which pages may use the realm: the names that it goes by, and the sites besides its own.
 */
#pragma once

#include "conf/conf_schema.h"

/** Readers for rows whose struct is a struct realm_conf. ServerName and ServerAlias: */
must_check enum err realm_conf_pages_set_hosts(void *conf, const struct conf_node *node,
                                               const struct conf_apply *apply);

/** AllowOrigin. */
must_check enum err realm_conf_pages_set_origins(void *conf, const struct conf_node *node,
                                                 const struct conf_apply *apply);

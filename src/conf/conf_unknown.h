/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * A name that no table has in this place: what to tell the operator. It may be known in another
 * place, be a section written as a directive or the reverse, or be nearly a name that exists.
 */
#pragma once

#include "conf/conf_schema.h"

/** Reports `node`, which none of apply's tables has a row for, as one error. */
void conf_unknown_name(const struct conf_apply *apply, const struct conf_node *node);

/** Reports `node`, whose row is `row`, as standing where it may not. */
void conf_unknown_place(const struct conf_apply *apply, const struct conf_node *node,
                        const struct directive *row);

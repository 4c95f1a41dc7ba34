/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * How a decision comes about, line by line, for a person.
 */
#pragma once

#include "base/buf.h"
#include "proxy/proxy_policy.h"

/** Appends the sections that apply, the rules of both families with what each says, and the
 * line that decides. Errors as buf_append(). */
must_check enum err proxy_policy_explain(const struct proxy_policy *policy,
                                         const struct proxy_policy_query *query,
                                         struct buf *out);

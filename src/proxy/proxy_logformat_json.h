/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * One JSON object with everything that is known, without a line end: LogFormat json. Part of
 * proxy_logformat. What does not fit is left out by whole members, so it is always an object.
 */
#pragma once

#include "proxy/proxy_logformat.h"

proxy_logformat_put proxy_logformat_json_put;

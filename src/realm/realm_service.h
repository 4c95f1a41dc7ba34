/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * The realm as a service of the daemon skeleton: certificate, interfaces, the worker,
 * reload, drain, the end.
 * There is one worker, whatever `Workers` says: a channel belongs to one loop, and passing
 * events between loops is not built yet.
 */
#pragma once

#include "daemon/service.h"

extern const struct service realm_service;

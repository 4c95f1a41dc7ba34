/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * The proxy as a service of the daemon skeleton: listeners, workers, the end.
 */
#pragma once

#include "daemon/service.h"

extern const struct service proxy_service;

/** `wayleave proxy`: the exit status. */
int proxy_service_main(int argc, char **argv);

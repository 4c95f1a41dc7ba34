/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "realm/realm_main.h"

#include "daemon/daemon.h"
#include "realm/realm_service.h"

int realm_main(int argc, char **argv)
{
    return daemon_main(&realm_service, argc, argv);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * A nats-server of Debian's for a test: on a free loopback port, with JetStream in a temporary
 * directory, ended by its pid.
 */
#pragma once

#include "base/span.h"

struct store_nats_rig {
    int pid;
    char dir[64];
    char url[64];
    unsigned port;
};

/** Fails the test when there is no nats-server. */
void store_nats_rig_start(struct store_nats_rig *rig);

/** As by kill -9; the directory and the port stay. */
void store_nats_rig_kill(struct store_nats_rig *rig);

/** It does nothing, and its connections stay: they are the kernel's. Until it goes on. */
void store_nats_rig_pause(struct store_nats_rig *rig);
void store_nats_rig_resume(struct store_nats_rig *rig);

/** The same again. */
void store_nats_rig_again(struct store_nats_rig *rig);

/** It ends, and its directory goes. */
void store_nats_rig_end(struct store_nats_rig *rig);

/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * The verb `wayleave realm`: the messaging server, as a declaration to the daemon skeleton.
 */
#pragma once

/** The exit status. */
int realm_main(int argc, char **argv);

/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * wayleave config: check a proxy's configuration and print what it comes to; print the manual.
 */
#pragma once

int config_main(int argc, char **argv);

/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * `wayleave sub`: prints the events of a channel.
 */
#pragma once

/** The exit status. */
int sub_main(int argc, char **argv);

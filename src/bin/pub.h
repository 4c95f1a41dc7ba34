/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * `wayleave pub`: publishes one text, or every line of standard input, to a channel.
 */
#pragma once

/** The exit status: 0 when the realm has acknowledged every event. */
int pub_main(int argc, char **argv);

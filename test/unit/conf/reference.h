/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/* The reference configuration of DESIGN.md section 1, whole and as it is found on the web. */
#pragma once

#define REFERENCE_HEAD                                           \
    "# Example Apache forward proxy configuration\n"             \
    "Listen 80\n"                                                \
    "LoadModule proxy_module path/to/mod_proxy\n"                \
    "ProxyRequests On\n"                                         \
    "ProxyVia On\n"                                              \
    "AllowCONNECT 9000 # Allow HTTP CONNECT on the realm port\n" \
    "<Proxy *>\n"                                                \
    "Order deny,allow\n"                                         \
    "Deny from all\n"

static const char reference_whole[] =
    REFERENCE_HEAD "Allow from 127.0.0.1 # Restrict to localhost only\n"
                   "</Proxy>\n";
static const char reference_mutilated[] =
    REFERENCE_HEAD "Allow from # Restrict to localhost only\n";

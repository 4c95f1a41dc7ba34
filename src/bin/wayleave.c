/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * main() and the verbs.
 */
#include "bin/config.h"
#include "bin/pub.h"
#include "bin/sub.h"
#include "proxy/proxy_service.h"
#include "realm/realm_main.h"

#include <stdio.h>
#include <string.h>

static const struct verb {
    const char *name;
    const char *summary;
    int (*run)(int argc, char **argv);
} verbs[] = {
    {"proxy", "forward proxy that understands WebSocket", proxy_service_main},
    {"realm", "messaging server: channels and events", realm_main},
    {"config", "check a configuration and print what it comes to", config_main},
    {"pub", "publish events to a channel", pub_main},
    {"sub", "print the events of a channel", sub_main},
};

enum {
    VERB_COUNT = sizeof verbs / sizeof verbs[0]
};

static void print_verbs(FILE *out)
{
    fprintf(out,
            "wayleave %s: WebSocket messaging through other people's proxies\n\n"
            "usage: wayleave VERB [options]   (wayleave VERB -h explains one)\n\n",
            WAYLEAVE_VERSION);
    for (size_t i = 0; i < VERB_COUNT; i++) {
        fprintf(out, "  %-6s %s\n", verbs[i].name, verbs[i].summary);
    }
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        print_verbs(stderr);
        return 2;
    }
    for (size_t i = 0; i < VERB_COUNT; i++) {
        if (strcmp(argv[1], verbs[i].name) == 0) {
            return verbs[i].run(argc - 1, argv + 1);
        }
    }
    if (strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "--help") == 0 ||
        strcmp(argv[1], "help") == 0) {
        print_verbs(stdout);
        return 0;
    }
    if (strcmp(argv[1], "-V") == 0 || strcmp(argv[1], "--version") == 0) {
        printf("wayleave %s\n", WAYLEAVE_VERSION);
        return 0;
    }
    fprintf(stderr, "wayleave: there is no verb \"%.40s\" (wayleave -h lists them)\n", argv[1]);
    return 2;
}

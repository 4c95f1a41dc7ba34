/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "bin/shell_options.h"

#include "base/digest.h"
#include "base/text.h"
#include "http1/http1_authority.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print_usage(const struct shell_options *options, FILE *out)
{
    bool is_sub = strcmp(options->verb, "sub") == 0;

    fprintf(
        out,
        "wayleave %s: %s\n\n"
        "usage: wayleave %s [options] URL CHANNEL%s\n\n"
        "  URL             ws://host:9000 or wss://host:9443, with user:password@ in front\n"
        "                  of the host for a login; otherwise WAYLEAVE_LOGIN=user:password\n"
        "  --proxy URL     http://[user:password@]host:port; otherwise http_proxy,\n"
        "                  https_proxy and no_proxy decide. A password here can be seen by\n"
        "                  others on this machine, in a variable not\n"
        "  --ca FILE       trust these certificates, besides the system's\n"
        "  --insecure      trust any certificate: for tests\n"
        "  --timeout TIME  for all of it: 500ms, 10s, 2m\n"
        "  --json          %s\n",
        options->verb, is_sub ? "print the events of a channel" : "publish events to a channel",
        options->verb, is_sub ? "" : " [TEXT]",
        is_sub ? "print each event as a line of JSON"
               : "TEXT and lines are JSON: data or base64, headers, publishId");
    if (is_sub) {
        fprintf(out,
                "  --from WHERE    now (the default), stored, or an EID\n"
                "  --selector TEXT only events that it selects, as \"price > 10\"\n"
                "  --count N       leave after N events\n\n"
                "status: 0 all events came; 1 a failure; 2 the options; 3 the time was up\n"
                "before --count\n");
    } else {
        fprintf(out,
                "  --header NAME:VALUE  of every event; may be repeated\n\n"
                "Without TEXT every line of standard input is an event, and for each its EID\n"
                "is printed once the realm has it.\n\n"
                "status: 0 the realm has every event; 1 a failure; 2 the options; 3 the time\n"
                "was up\n");
    }
}

static bool fail(const struct shell_options *options, int *ret_status, const char *what,
                 const char *word, const char *remedy)
{
    fprintf(stderr, "wayleave %s: %s%s%s%s (%s)\n", options->verb, what,
            word == NULL ? "" : " \"", word == NULL ? "" : word, word == NULL ? "" : "\"",
            remedy);
    *ret_status = 2;
    return false;
}

/* ---- URLs ---- */

static bool split_authority(struct span text, uint16_t default_port, struct span *ret_host,
                            uint16_t *ret_port)
{
    struct http1_authority authority;
    enum http1_fault fault;

    if (http1_authority_read(text, &authority, &fault) != OK) {
        return false;
    }
    *ret_host = authority.host;
    *ret_port = authority.port == 0 ? default_port : authority.port;
    return *ret_port != 0;
}

/* What is percent-encoded in a URL. False when it does not fit or is none. */
static bool decode(struct span text, char *room, size_t room_bytes, size_t *ret_len)
{
    size_t len = 0;

    if (text.len > room_bytes) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        unsigned code = text.ptr[i];

        if (code == '%') {
            char digits[3] = "";
            char *end;

            memcpy(digits, text.ptr + i + 1, text.len - i - 1 < 2 ? text.len - i - 1 : 2);
            code = (unsigned)strtoul(digits, &end, 16);
            if (end != digits + 2) {
                return false;
            }
            i += 2;
        }
        room[len++] = (char)code;
    }
    *ret_len = len;
    return true;
}

/* "user:password" as the value of the field. RFC 7617 section 2. */
static bool read_proxy_login(struct shell_options *options, struct span text)
{
    char plain[SHELL_OPTIONS_LOGIN_BYTES / 2];
    size_t len;

    if (!decode(text, plain, sizeof plain, &len)) {
        return false;
    }
    memcpy(options->proxy_login, "Basic ", sizeof "Basic ");
    digest_base64(span_of(plain, len), options->proxy_login + strlen("Basic "));
    return true;
}

/* The same for the realm. In a URL the user may have a colon, percent-encoded; as it is never.
 */
static bool read_login(struct shell_options *options, struct span text, bool is_encoded)
{
    size_t colon = span_find(text, ':');
    struct span password = span_tail(text, colon < text.len ? colon + 1 : colon);
    char *room = options->login;
    size_t user_len, password_len;

    text = span_head(text, colon);
    if (!is_encoded && text.len + password.len <= sizeof options->login) {
        options->user = text;
        options->password = password;
        return text.len > 0;
    }
    if (!is_encoded || !decode(text, room, sizeof options->login, &user_len) ||
        !decode(password, room + user_len, sizeof options->login - user_len, &password_len)) {
        return false;
    }
    options->user = span_of(room, user_len);
    options->password = span_of(room + user_len, password_len);
    return user_len > 0;
}

/* Behind the last "@": a password may have one of its own. 0: there is none. */
static size_t behind_at(struct span text)
{
    size_t at = 0;

    for (size_t i = 0; i < text.len; i++) {
        at = text.ptr[i] == '@' ? i + 1 : at;
    }
    return at;
}

static bool read_realm_url(struct shell_options *options, const char *text)
{
    struct span url = span_str(text);
    struct span rest;
    size_t slash, at;

    if (span_starts(url, SPAN("ws://"))) {
        rest = span_tail(url, 5);
    } else if (span_starts(url, SPAN("wss://"))) {
        rest = span_tail(url, 6);
        options->is_secure = true;
    } else {
        return false;
    }
    slash = span_find(rest, '/');
    at = behind_at(span_head(rest, slash));
    if (at > 0 && !read_login(options, span_head(rest, at - 1), true)) {
        return false;
    }
    rest = span_tail(rest, at);
    slash -= at;
    options->url = at > 0 ? rest : url; /* messages do not tell the password */
    options->authority = span_head(rest, slash);
    options->path = span_tail(rest, slash);
    if (options->path.len <= 1) {
        options->path = SPAN("/stomp");
    }
    return split_authority(options->authority, options->is_secure ? 443 : 80, &options->host,
                           &options->port);
}

static bool read_proxy_url(struct shell_options *options, const char *text)
{
    struct span rest = span_str(text);
    size_t at;

    if (span_starts(rest, SPAN("http://"))) {
        rest = span_tail(rest, 7);
    } else if (strstr(text, "://") != NULL) {
        return false; /* TLS or SOCKS to a proxy: "https" is not its host's name */
    }
    rest = span_head(rest, span_find(rest, '/'));
    at = behind_at(rest);
    if (at > 0 && !read_proxy_login(options, span_head(rest, at - 1))) {
        return false;
    }
    rest = span_tail(rest, at);
    options->has_proxy = split_authority(rest, 80, &options->proxy_host, &options->proxy_port);
    return options->has_proxy;
}

/* ---- the environment ---- */

static const char *variable(const char *lower, const char *upper)
{
    const char *value = getenv(lower);

    if (value == NULL || *value == '\0') {
        value = getenv(upper);
    }
    return value == NULL || *value == '\0' ? NULL : value;
}

static bool is_excepted(struct span host, const char *list)
{
    struct span rest = span_str(list);

    while (rest.len > 0) {
        size_t comma = span_find(rest, ',');
        struct span item = span_trim(span_head(rest, comma));

        rest = span_tail(rest, comma < rest.len ? comma + 1 : comma);
        if (span_equals(item, "*")) {
            return true;
        }
        if (item.len > 0 && item.ptr[0] == '.') {
            item = span_tail(item, 1);
        }
        if (item.len > 0 && host.len >= item.len &&
            span_equal_nocase(span_tail(host, host.len - item.len), item) &&
            (host.len == item.len || host.ptr[host.len - item.len - 1] == '.')) {
            return true;
        }
    }
    return false;
}

static bool read_own_login(struct shell_options *options, int *ret_status)
{
    const char *login = getenv("WAYLEAVE_LOGIN");

    if (options->user.len > 0 || login == NULL || *login == '\0') {
        return true;
    }
    /* Without a colon it is a slip, not a user with an empty password. */
    if (strchr(login, ':') != NULL && read_login(options, span_str(login), false)) {
        return true;
    }
    return fail(options, ret_status, "WAYLEAVE_LOGIN is no login", NULL, "write user:password");
}

static bool read_environment(struct shell_options *options, int *ret_status)
{
    const char *proxy = options->is_secure ? variable("https_proxy", "HTTPS_PROXY")
                                           : variable("http_proxy", "HTTP_PROXY");
    const char *except = variable("no_proxy", "NO_PROXY");

    if (proxy == NULL || (except != NULL && is_excepted(options->host, except))) {
        return true;
    }
    if (!read_proxy_url(options, proxy)) {
        return fail(options, ret_status,
                    options->is_secure ? "https_proxy names no proxy"
                                       : "http_proxy names no proxy",
                    NULL, "write http://host:port, or http://user:password@host:port");
    }
    return true;
}

/* ---- the command line ---- */

static bool read_words(struct shell_options *options, int argc, char **argv, int *ret_status)
{
    bool is_pub = strcmp(options->verb, "pub") == 0;

    if (argc < 2) {
        return fail(options, ret_status, "needs a URL and a channel", NULL,
                    "for example ws://localhost:9000 /demo/chat");
    }
    if (argc > (is_pub ? 3 : 2)) {
        return fail(options, ret_status, "one word too many:", argv[is_pub ? 3 : 2],
                    argv[is_pub ? 3 : 2][0] == '-' ? "options stand in front of the URL"
                                                   : "put a text with spaces in quotes");
    }
    if (!read_realm_url(options, argv[0])) {
        return fail(options, ret_status, "not a URL of a realm:", argv[0],
                    "write ws://host:9000 or wss://host:9443");
    }
    options->channel = argv[1];
    options->text = argc == 3 ? argv[2] : NULL;
    return true;
}

/* What pub says itself, and what would make a receipt mean another thing. */
static bool is_ours(struct span name)
{
    return span_equals(name, "destination") || span_equals(name, "receipt") ||
           span_equals(name, "transaction") || span_equals(name, "content-length");
}

static bool read_header(struct shell_options *options, int *ret_status)
{
    const char *colon = strchr(optarg, ':');

    if (colon != NULL && is_ours(span_of(optarg, (size_t)(colon - optarg)))) {
        return fail(options, ret_status, "--header: pub says that itself:", optarg,
                    "leave it out");
    }
    if (colon == NULL || colon == optarg ||
        options->header_count == SHELL_OPTIONS_HEADERS_MAX) {
        return fail(options, ret_status, "--header: not a header:", optarg,
                    "write --header colour:red, at most 32 of them");
    }
    options->headers[options->header_count++] = optarg;
    return true;
}

static bool read_option(struct shell_options *options, int option, const char **ret_proxy,
                        int *ret_status)
{
    switch (option) {
    case 'p': *ret_proxy = optarg; return true;
    case 'c': options->ca_file = optarg; return true;
    case 'k': options->insecure = true; return true;
    case 'f': options->from = optarg; return true;
    case 'n':
        return (text_u64(span_str(optarg), UINT32_MAX, &options->count) &&
                options->count > 0) ||
               fail(options, ret_status, "--count: not a number of events:", optarg,
                    "write --count 10");
    case 'j': options->is_json = true; return true;
    case 's': options->selector = optarg; return true;
    case 't':
        return (text_duration(span_str(optarg), 1000, &options->timeout) &&
                options->timeout > 0) ||
               fail(options, ret_status, "--timeout: not a time:", optarg,
                    "write --timeout 10s");
    case 'H': return read_header(options, ret_status);
    default: return false;
    }
}

bool shell_options_read(struct shell_options *options, const char *verb, int argc, char **argv,
                        int *ret_status)
{
    static const struct option names[] = {
        {"proxy", required_argument, NULL, 'p'},
        {"ca", required_argument, NULL, 'c'},
        {"insecure", no_argument, NULL, 'k'},
        {"from", required_argument, NULL, 'f'},
        {"count", required_argument, NULL, 'n'},
        {"json", no_argument, NULL, 'j'},
        {"selector", required_argument, NULL, 's'},
        {"timeout", required_argument, NULL, 't'},
        {"header", required_argument, NULL, 'H'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    const bool is_sub = strcmp(verb, "sub") == 0;
    const char *proxy = NULL;
    const char *word; /* of the command line, that the option stands in */
    int option;

    *options = (struct shell_options){.verb = verb, .from = "now"};
    optind = 1;
    opterr = 0;
    while (word = argv[optind], (option = getopt_long(argc, argv, "+:h", names, NULL)) != -1) {
        if (option == 'h') {
            print_usage(options, stdout);
            *ret_status = 0;
            return false;
        }
        if (option == '?' || (strchr(is_sub ? "H" : "sfn", option) != NULL)) {
            return fail(options, ret_status, "cannot do anything with", word,
                        "-h lists the options");
        }
        if (option == ':') {
            return fail(options, ret_status, "there is nothing behind", word,
                        "-h says what it wants");
        }
        if (!read_option(options, option, &proxy, ret_status)) {
            return false;
        }
    }
    if (!read_words(options, argc - optind, argv + optind, ret_status)) {
        return false;
    }
    if (proxy != NULL && !read_proxy_url(options, proxy)) {
        return fail(options, ret_status, "--proxy: not a proxy's URL", NULL,
                    "write http://host:port, or http://user:password@host:port");
    }
    return read_own_login(options, ret_status) &&
           (proxy != NULL || read_environment(options, ret_status));
}

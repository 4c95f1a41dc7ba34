/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "bin/config.h"

#include "conf/conf_dump.h"
#include "conf/conf_files.h"
#include "conf/conf_httpd.h"
#include "conf/conf_load.h"
#include "conf/conf_manual.h"
#include "conf/conf_onread.h"
#include "daemon/daemon_conf.h"
#include "daemon/daemon_snapshot.h"
#include "proxy/proxy_conf.h"
#include "proxy/proxy_explain.h"
#include "proxy/proxy_nft.h"
#include "proxy/proxy_service.h"
#include "realm/realm_conf.h"
#include "realm/realm_service.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ARENA_BYTES = 16 * 1024 * 1024, /* all that a configuration may take */
    OUTPUT_BYTES = 16 * 1024 * 1024,
    DEFINES_MAX = 64,
};

/* What is told of a configuration. */
enum tell {
    TELL_ALL,
    TELL_EXPLAIN,
    TELL_NFT,
    TELL_NFT_ROUTES
};

struct options {
    const char *file;
    const char *manual; /* "markdown" or "man"; NULL: a file is meant */
    const char *defines[DEFINES_MAX + 1];
    size_t define_count;
    enum tell tell;
    const char *request[3]; /* TELL_EXPLAIN: client, method, URL */
    struct proxy_nft nft;   /* TELL_NFT and TELL_NFT_ROUTES; without what the file says */
    bool is_realm;          /* the file is a realm's */
    bool has_nft_words;     /* --local, --from and so on were given */
};

enum {
    STATUS_OPTIONS = 2, /* they cannot be meant */
    STATUS_REFUSED = 3, /* of --explain: the proxy would refuse */
};

/* A configuration that was read, and all that it lives in. */
struct reading {
    struct arena arena;
    struct diag diag;
    struct conf_files files;
    struct daemon_conf core;
    struct proxy_conf proxy;
    struct realm_conf realm; /* of these two, one is read */
    bool is_allowed;         /* TELL_EXPLAIN */
};

static void print_usage(FILE *out)
{
    fprintf(
        out,
        "wayleave config: check a configuration and print what it comes to\n\n"
        "usage: wayleave config [-D NAME] FILE\n"
        "       wayleave config [-D NAME] --realm FILE\n"
        "       wayleave config [-D NAME] FILE --explain CLIENT METHOD URL\n"
        "       wayleave config [-D NAME] FILE --nft [--local] [-u NAME] [--ports LIST]\n"
        "                       [--from NETWORK] [--interface NAME]\n"
        "       wayleave config [-D NAME] FILE --nft-routes\n\n"
        "  -D NAME    as if Define NAME stood at the beginning\n"
        "  --realm    the file is a realm's; otherwise it is a proxy's\n"
        "  --explain  say whether that request would be allowed and which lines decide.\n"
        "             CLIENT is an address (10.1.2.3), perhaps with a user in front and a\n"
        "             host name behind it (alice@10.1.2.3=pc.example.test); the URL of a\n"
        "             CONNECT is host:port. Status 0: allowed, 3: refused\n"
        "  --nft      print rules for nft -f - that divert connections to TransparentListen\n"
        "    --local           those of clients on this machine, too\n"
        "    -u NAME           whom the proxy serves as: never diverted; goes before User\n"
        "    --ports LIST      of these ports (80,443,9000-9010); otherwise 80 and those of\n"
        "                      AllowCONNECT\n"
        "    --from NETWORK    of clients in it (10.0.0.0/8); may be repeated\n"
        "    --interface NAME  that come in there (eth1, lan*); may be repeated\n"
        "  --nft-routes        print the routes for TPROXY, a script for sh\n"
        "  -h         print this\n");
}

static bool complain(const char *word, const char *about)
{
    fprintf(stderr, "wayleave config: \"%s\" %s\n", word, about);
    return false;
}

/* What is told is one thing. */
static bool choose(struct options *options, enum tell tell)
{
    if (options->tell != TELL_ALL && options->tell != tell) {
        fprintf(
            stderr,
            "wayleave config: --explain, --nft and --nft-routes are asked for one by one\n");
        return false;
    }
    options->tell = tell;
    return true;
}

/* Options of --nft. */
static bool take_nft_word(struct options *options, int option, const char *word)
{
    struct span text = span_str(word);

    options->has_nft_words = true;
    switch (option) {
    case 'l': options->nft.is_local = true; return true;
    case 'u': options->nft.user = text; return true;
    case 'p':
        return proxy_nft_set_ports(&options->nft, text) ||
               complain(word, "is no list of ports (write --ports 80,443,9000-9010)");
    case 'f':
        return proxy_nft_add_from(&options->nft, text) ||
               complain(word, "is no network, or one too many (write --from 10.0.0.0/8)");
    default:
        return proxy_nft_add_interface(&options->nft, text) ||
               complain(word, "is no interface, or one too many (write --interface eth1)");
    }
}

static bool take_option(struct options *options, int option, const char *word, char **argv)
{
    switch (option) {
    case 'm': options->manual = word; return true;
    case 'e': return choose(options, TELL_EXPLAIN);
    case 'R': options->is_realm = true; return true;
    case 'n': return choose(options, TELL_NFT);
    case 'r': return choose(options, TELL_NFT_ROUTES);
    case 'D':
        if (options->define_count == DEFINES_MAX) {
            return complain(word, "is one -D too many");
        }
        options->defines[options->define_count++] = word;
        return true;
    case 'l':
    case 'u':
    case 'p':
    case 'f':
    case 'i': return take_nft_word(options, option, word);
    default: return complain(argv[optind - 1], "cannot be understood (-h explains)");
    }
}

/* The words that are no options. */
static bool take_operands(struct options *options, int count, char **words)
{
    bool is_explain = options->tell == TELL_EXPLAIN;

    if (options->has_nft_words && options->tell != TELL_NFT &&
        options->tell != TELL_NFT_ROUTES) {
        fprintf(stderr, "wayleave config: --local, -u, --ports, --from and --interface belong "
                        "to --nft\n");
        return false;
    }
    if (options->is_realm && options->tell != TELL_ALL) {
        fprintf(stderr, "wayleave config: --explain, --nft and --nft-routes are about a proxy, "
                        "and --realm is none\n");
        return false;
    }
    if (options->manual != NULL && count == 0) {
        return true;
    }
    if (options->manual == NULL && count == (is_explain ? 4 : 1)) {
        options->file = words[0];
        if (is_explain) {
            memcpy(options->request, words + 1, sizeof options->request);
        }
        return true;
    }
    fprintf(stderr, "wayleave config: needs one file%s\n",
            is_explain ? ", a client, a method and a URL (write wayleave config FILE "
                         "--explain 10.1.2.3 CONNECT realm:9000)"
                       : " (write wayleave config FILE)");
    return false;
}

/* True to go on; otherwise *ret_status is the exit status. */
static bool read_options(struct options *options, int argc, char **argv, int *ret_status)
{
    static const struct option long_options[] = {
        {"manual", required_argument, NULL, 'm'}, /* for tool/manual.mjs; not in the usage */
        {"explain", no_argument, NULL, 'e'},      {"realm", no_argument, NULL, 'R'},
        {"nft", no_argument, NULL, 'n'},          {"nft-routes", no_argument, NULL, 'r'},
        {"local", no_argument, NULL, 'l'},        {"ports", required_argument, NULL, 'p'},
        {"from", required_argument, NULL, 'f'},   {"interface", required_argument, NULL, 'i'},
        {"help", no_argument, NULL, 'h'},         {NULL, 0, NULL, 0},
    };
    int option;

    optind = 1;
    opterr = 0;
    *ret_status = 2;
    while ((option = getopt_long(argc, argv, ":D:u:h", long_options, NULL)) != -1) {
        if (option == 'h') {
            print_usage(stdout);
            *ret_status = 0;
            return false;
        }
        if (!take_option(options, option, optarg, argv)) {
            return false;
        }
    }
    return take_operands(options, argc - optind, argv + optind);
}

static void print_diag(const struct diag *diag)
{
    char line[DIAG_MAX_LINE];

    for (const struct diag_message *message = diag_next(diag, NULL); message != NULL;
         message = diag_next(diag, message)) {
        fprintf(stderr, "%s\n", diag_format(message, line, sizeof line));
    }
    if (diag->is_lossy) {
        fprintf(stderr, "there was more to say, but too much of it\n");
    }
}

static enum err tell_nft(const struct reading *reading, const struct options *options,
                         struct buf *out)
{
    const struct span user = reading->core.user.name;
    struct proxy_nft nft = options->nft;

    nft.file = options->file;
    nft.listens = reading->proxy.divert.listens;
    if (conf_ports_is_empty(&nft.ports)) {
        const struct conf_ports_range web = {PROXY_NFT_WEB_PORT, PROXY_NFT_WEB_PORT};

        nft.ports = reading->proxy.connect_ports;
        conf_ports_add(&nft.ports, web);
    }
    if (nft.user.len == 0) {
        nft.user = user.len > 0 ? user : SPAN("nobody"); /* as daemon/privileges.c does */
    }
    return options->tell == TELL_NFT ? proxy_nft_write(&nft, out)
                                     : proxy_nft_write_routes(&nft, out);
}

static enum err tell(struct reading *reading, const struct options *options,
                     const struct conf_apply *apply, const struct conf_node *nodes,
                     struct buf *out)
{
    switch (options->tell) {
    case TELL_EXPLAIN:
        return proxy_explain(&reading->proxy, span_str(options->request[0]),
                             span_str(options->request[1]), span_str(options->request[2]), out,
                             &reading->is_allowed);
    case TELL_NFT:
    case TELL_NFT_ROUTES: return tell_nft(reading, options, out);
    case TELL_ALL: break;
    }
    return conf_dump(apply, nodes, out);
}

/* OK: what was asked for is in `out`. ERR_CONF: the reason is in the diag, or a sentence about
 * the words of the command in `out`. */
static enum err tell_of_text(struct reading *reading, const struct options *options,
                             struct span text, struct buf *out)
{
    struct conf_table tables[DAEMON_SNAPSHOT_TABLES_MAX];
    const struct conf_apply apply = {
        .tables = tables,
        .table_count = options->is_realm
                           ? daemon_snapshot_tables(&realm_service, &reading->core,
                                                    &reading->realm, tables)
                           : daemon_snapshot_tables(&proxy_service, &reading->core,
                                                    &reading->proxy, tables),
        .place = SERVICE_IN_SERVER,
        .arena = &reading->arena,
        .diag = &reading->diag,
        .source = &reading->files.source,
    };
    struct conf_node *nodes;

    TRY(conf_load_tree(&apply, text, options->file, &nodes));
    daemon_conf_check(&reading->core, options->file, &reading->diag);
    if (options->is_realm) {
        realm_conf_check(&reading->realm, options->file, &reading->diag);
    } else {
        proxy_conf_check(&reading->proxy, options->file, &reading->diag);
    }
    if (diag_count(&reading->diag, DIAG_ERROR) > 0) {
        return ERR_CONF;
    }
    return tell(reading, options, &apply, nodes, out);
}

static enum err read_and_tell(struct reading *reading, const struct options *options,
                              struct buf *out)
{
    const struct conf_source *source = &reading->files.source;
    struct conf_source_item item;
    enum err e = ERR_CONF;

    TRY(conf_files_init(&reading->files, options->file, options->defines));
    TRY(source->read(source->ctx, options->file, &item));
    if (item.kind == CONF_SOURCE_FILE) {
        e = tell_of_text(reading, options, item.text, out);
    } else {
        diag_error(&reading->diag, options->file, 0, "cannot be read: %s (correct the name)",
                   item.kind == CONF_SOURCE_DIRECTORY ? "it is a directory" : item.reason);
    }
    source->release(source->ctx, &item);
    return e;
}

static enum err check_file(const struct options *options, struct buf *out, bool *ret_allowed)
{
    struct reading *reading = calloc(1, sizeof *reading);
    enum err e;

    if (reading == NULL) {
        return ERR_NOMEM;
    }
    arena_init(&reading->arena, ARENA_BYTES);
    diag_init(&reading->diag);
    e = read_and_tell(reading, options, out);
    print_diag(&reading->diag);
    *ret_allowed = reading->is_allowed;
    proxy_conf_fini(&reading->proxy);
    conf_files_fini(&reading->files);
    diag_fini(&reading->diag);
    arena_fini(&reading->arena);
    free(reading);
    return e;
}

static const struct conf_manual_chapter chapters[] = {
    {.title = "Files, names and conditions",
     .intro =
         "A configuration is written as for Apache httpd: one directive to a line, sections "
         "between <Name> and </Name>, words in quotes when they hold spaces, a backslash "
         "at the end of a line that goes on in the next. A # begins a comment wherever a "
         "word could begin, so also behind a directive. Where a directive of httpd means "
         "something else here, httpd-differences.md of the documentation says what and why.\n\n"
         "Durations are written 500ms, 10s, 2m or 1h; a number alone is in seconds. Sizes "
         "are written 512, 64k, 16m or 1g. A number out of its bounds is an error, never "
         "cut short. wayleave config FILE checks a file and prints what it comes to.\n\n"
         "The directives of this chapter act while the file is read, in order.",
     .rows = conf_onread_rows},
    {.title = "The daemon", .rows = daemon_conf_rows},
    {.title = "The proxy", .rows = proxy_conf_rows},
    {.title = "Parents, and what is blocked", .rows = proxy_route_rows},
    {.title = "Transparent proxy", .rows = proxy_divert_conf_rows},
    {.title = "The realm", .rows = realm_conf_rows},
    {.title = "What httpd has and Wayleave has not",
     .intro =
         "Refused is what would make the proxy do something else than its author believes; "
         "the file is then not loaded. Ignored is what has no meaning here, with a note.",
     .rows = conf_httpd_rows},
};

static enum err print_manual(const char *format, struct buf *out)
{
    const struct conf_manual manual = {.chapters = chapters,
                                       .chapter_count = sizeof chapters / sizeof chapters[0],
                                       .server = SERVICE_IN_SERVER};

    return conf_manual_print(
        &manual, strcmp(format, "man") == 0 ? CONF_MANUAL_MAN : CONF_MANUAL_MARKDOWN, out);
}

int config_main(int argc, char **argv)
{
    struct options options = {.file = NULL};
    struct buf out;
    bool is_allowed = true;
    bool is_misunderstood;
    int status;
    enum err e;

    if (!read_options(&options, argc, argv, &status)) {
        return status;
    }
    buf_init(&out, OUTPUT_BYTES);
    e = options.manual != NULL ? print_manual(options.manual, &out)
                               : check_file(&options, &out, &is_allowed);
    if ((e == OK || e == ERR_CONF) && out.len > 0) {
        fwrite(out.ptr, 1, out.len, e == OK ? stdout : stderr);
    } else if (e != OK && e != ERR_CONF) {
        fprintf(stderr, "wayleave config: could not do it: %s\n", err_text(e));
    }
    is_misunderstood = e == ERR_CONF && options.tell == TELL_EXPLAIN && out.len > 0;
    buf_fini(&out);
    if (is_misunderstood) {
        return STATUS_OPTIONS;
    }
    if (e != OK || fflush(stdout) != 0) {
        return 1;
    }
    return options.tell == TELL_EXPLAIN && !is_allowed ? STATUS_REFUSED : 0;
}

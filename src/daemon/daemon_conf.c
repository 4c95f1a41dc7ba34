/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "daemon/daemon_conf.h"

#include "base/text.h"
#include "conf/conf_path.h"
#include "daemon/service.h"

/* httpd's names; ours are fewer. */
static const struct conf_choice log_levels[] = {
    {"trace", LOG_TRACE},   {"debug", LOG_DEBUG},  {"info", LOG_INFO},
    {"notice", LOG_NOTICE}, {"warn", LOG_WARN},    {"error", LOG_ERROR},
    {"crit", LOG_ERROR},    {"alert", LOG_ERROR},  {"emerg", LOG_ERROR},
    {"trace1", LOG_TRACE},  {"trace2", LOG_TRACE}, {"trace3", LOG_TRACE},
    {"trace4", LOG_TRACE},  {"trace5", LOG_TRACE}, {"trace6", LOG_TRACE},
    {"trace7", LOG_TRACE},  {"trace8", LOG_TRACE}, {NULL, 0},
};

static enum err set_error_log(void *opaque, const struct conf_node *node,
                              const struct conf_apply *apply)
{
    struct daemon_conf *conf = opaque;
    struct span word = node->words[0];
    const char *why = NULL;

    if (span_equals_nocase(word, "syslog") ||
        (word.len > 7 && span_equal_nocase(span_head(word, 7), SPAN("syslog:")))) {
        why = "the log is not sent to syslog (write stderr and let journald or a container "
              "take it from there, or a file)";
    } else if (word.len > 0 && word.ptr[0] == '|') {
        why = "no program is started for the log (write a file and rotate it with SIGUSR1)";
    } else if (word.len == 0) {
        why = "there is no name (write stderr, or a file)";
    }
    if (why != NULL) {
        diag_error(apply->diag, node->file, node->line, "ErrorLog: %s", why);
        return OK;
    }
    conf->error_log = (struct span){NULL, 0};
    if (span_equals_nocase(word, "stderr") || span_equals(word, "/dev/stderr")) {
        return OK;
    }
    return conf_path_join(apply->arena, node->base, word, &conf->error_log);
}

static enum err set_who(struct daemon_conf_who *who, const struct conf_node *node,
                        const struct conf_apply *apply)
{
    if (node->words[0].len == 0) {
        diag_error(apply->diag, node->file, node->line, "%.*s: there is no name",
                   SPAN_ARG(node->name));
        return OK;
    }
    who->line = node->line;
    return arena_copy(apply->arena, node->words[0], &who->name);
}

static enum err set_user(void *opaque, const struct conf_node *node,
                         const struct conf_apply *apply)
{
    struct daemon_conf *conf = opaque;

    return set_who(&conf->user, node, apply);
}

static enum err set_group(void *opaque, const struct conf_node *node,
                          const struct conf_apply *apply)
{
    struct daemon_conf *conf = opaque;

    return set_who(&conf->group, node, apply);
}

/* ---- the admin listener ---- */

static bool read_address(struct span word, struct addr *ret_addr)
{
    size_t colon = word.len;
    uint64_t port;

    while (colon > 0 && word.ptr[colon - 1] != ':') {
        colon--;
    }
    if (!text_u64(span_tail(word, colon), UINT16_MAX, &port)) {
        return false;
    }
    if (colon == 0) {
        return addr_parse(SPAN("127.0.0.1"), (uint16_t)port, ret_addr);
    }
    return addr_parse(span_head(word, colon - 1), (uint16_t)port, ret_addr) &&
           (ret_addr->sa.any.sa_family == AF_INET || word.ptr[0] == '[');
}

static enum err set_admin_listen(void *opaque, const struct conf_node *node,
                                 const struct conf_apply *apply)
{
    struct daemon_conf_admin *admin = &((struct daemon_conf *)opaque)->admin;
    struct daemon_conf_listen listen = {.line = node->line};

    if (!read_address(node->words[0], &listen.addr)) {
        diag_error(apply->diag, node->file, node->line,
                   "AdminListen: \"%.*s\" is not a port, nor an address with one (write "
                   "127.0.0.1:9180 or [::1]:9180)",
                   SPAN_ARG(diag_word(node->words[0])));
    } else if (admin->listen_count == DAEMON_CONF_ADMIN_LISTENS_MAX) {
        diag_error(apply->diag, node->file, node->line, "AdminListen: there are more than %d",
                   DAEMON_CONF_ADMIN_LISTENS_MAX);
    } else {
        admin->listens[admin->listen_count++] = listen;
    }
    return OK;
}

static enum err set_admin_allow(void *opaque, const struct conf_node *node,
                                const struct conf_apply *apply)
{
    struct daemon_conf_admin *admin = &((struct daemon_conf *)opaque)->admin;

    for (size_t i = 0; i < node->word_count; i++) {
        struct span word = node->words[i];

        if (admin->allow_count == DAEMON_CONF_ADMIN_ALLOWS_MAX) {
            diag_error(apply->diag, node->file, node->line,
                       "AdminAllow: there are more than %d networks",
                       DAEMON_CONF_ADMIN_ALLOWS_MAX);
            return OK;
        }
        if (addr_net_parse(word, &admin->allows[admin->allow_count])) {
            admin->allow_count++;
        } else {
            diag_error(apply->diag, node->file, node->line,
                       "AdminAllow: \"%.*s\" is not an address or a network (write 10.0.0.7 or "
                       "10.0.0.0/8)",
                       SPAN_ARG(diag_word(word)));
        }
    }
    return OK;
}

static enum err set_admin_name(void *opaque, const struct conf_node *node,
                               const struct conf_apply *apply)
{
    struct daemon_conf_admin *admin = &((struct daemon_conf *)opaque)->admin;

    for (size_t i = 0; i < node->word_count; i++) {
        if (admin->name_count == DAEMON_CONF_ADMIN_NAMES_MAX) {
            diag_error(apply->diag, node->file, node->line,
                       "AdminName: there are more than %d names", DAEMON_CONF_ADMIN_NAMES_MAX);
            return OK;
        }
        TRY(arena_copy(apply->arena, node->words[i], &admin->names[admin->name_count]));
        admin->name_count++;
    }
    return OK;
}

#define ROW(directive, kind, member) \
    .name = (directive), .type = (kind), CONF_SCHEMA_FIELD(struct daemon_conf, member)
#define CUSTOM(directive, count, setter) \
    .name = (directive), .type = CONF_CUSTOM, .min = 1, .max = (count), .set = (setter)

/* clang-format off */
const struct directive daemon_conf_rows[] = {
    /* httpd's */
    {ROW("LogLevel", CONF_CHOICE, log_level),
     .initial = "info", .choices = log_levels, .where = SERVICE_IN_SERVER,
     .help = "The least severe lines that the error log shows."},
    {CUSTOM("ErrorLog", 1, set_error_log), .where = SERVICE_IN_SERVER, .form = "stderr or a file",
     .help = "Where the daemon says what happens to it. SIGUSR1 opens a file again, after it was "
             "renamed; it is opened as User."},
    {ROW("PidFile", CONF_PATH, pid_file), .min = 1, .max = 4095, .where = SERVICE_IN_SERVER,
     .help = "A file that has the process number while the daemon is ready. It is locked: a "
             "second daemon with the same file does not start."},
    {CUSTOM("User", 1, set_user), .where = SERVICE_IN_SERVER, .form = "name or number",
     .help = "Who serves, when the daemon was started by root: it becomes this user once its "
             "ports are bound, before it reads a byte from the network."},
    {CUSTOM("Group", 1, set_group), .where = SERVICE_IN_SERVER, .form = "name or number",
     .help = "The group that goes with User; without it, the user's own."},
    {ROW("GracefulShutdownTimeout", CONF_DURATION, graceful_timeout), .min = 0, .max = 604800000,
     .initial = "30s", .where = SERVICE_IN_SERVER,
     .help = "How long SIGTERM lets running work finish; 0 is without a limit. A second SIGTERM "
             "or SIGINT ends it at once."},
    /* ours */
    {ROW("Workers", CONF_NUMBER, workers),
     .min = 0, .max = 64, .initial = "0", .unit = "threads", .where = SERVICE_IN_SERVER, .ours = true,
     .help = "Threads that serve connections; 0 is one for each processor. Each worker of a proxy "
             "accepts connections and serves them alone. A realm has one that does all but writing "
             "to many connections at once, which it shares with the others."},
    {ROW("MemoryMax", CONF_SIZE, memory_max), .min = 0, .initial = "0",
     .where = SERVICE_IN_SERVER, .ours = true,
     .help = "Resident memory of the process above which new work is refused with 503; looked at "
             "once a second. 0 is no ceiling."},
    {CUSTOM("AdminListen", 1, set_admin_listen), .where = SERVICE_IN_SERVER, .ours = true,
     .form = "[address:]port",
     .help = "Where /metrics, /status and /healthz are served; a port alone is on 127.0.0.1. "
             "Without this line there is no admin listener."},
    {CUSTOM("AdminAllow", 0, set_admin_allow), .where = SERVICE_IN_SERVER, .ours = true,
     .form = "address or network ...",
     .help = "Who may ask the admin listener, besides this host."},
    {CUSTOM("AdminName", 0, set_admin_name), .where = SERVICE_IN_SERVER, .ours = true, .form = "name ...",
     .help = "Host names that the admin listener may be asked by, besides localhost and "
             "addresses; others are refused, so that no page can reach it by DNS rebinding."},
    {.name = NULL},
};
/* clang-format on */

void daemon_conf_check(const struct daemon_conf *conf, const char *file, struct diag *diag)
{
    for (size_t i = 0; i < conf->admin.listen_count; i++) {
        const struct daemon_conf_listen *listen = &conf->admin.listens[i];
        char text[ADDR_TEXT_BYTES];

        if (!addr_is_loopback(&listen->addr) && conf->admin.allow_count == 0) {
            diag_error(diag, file, listen->line,
                       "AdminListen: %s can be reached from other hosts, and nothing says who "
                       "may ask (add AdminAllow and their network, or listen on 127.0.0.1)",
                       addr_text(&listen->addr, text));
        }
    }
}

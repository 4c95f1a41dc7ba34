/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "proxy/proxy_accesslog_conf.h"

#include "conf/conf_path.h"
#include "proxy/proxy_logformat.h"

/* Nobody needs the items before the workers run; what counts here is that there are some. */
static bool is_format(struct span text, const struct conf_node *node,
                      const struct conf_apply *apply)
{
    struct proxy_logformat format;
    char fault[PROXY_LOGFORMAT_FAULT_BYTES];

    if (proxy_logformat_compile(text, &format, fault) == OK) {
        return true;
    }
    diag_error(apply->diag, node->file, node->line, "%.*s: %s", SPAN_ARG(node->name), fault);
    return false;
}

static const struct proxy_accesslog_conf_format *find_format(
    const struct proxy_accesslog_conf *conf, struct span nickname)
{
    for (size_t i = conf->format_count; i > 0; i--) { /* the last one counts, as in httpd */
        if (span_equal(conf->formats[i - 1].nickname, nickname)) {
            return &conf->formats[i - 1];
        }
    }
    return NULL;
}

enum err proxy_accesslog_conf_read_format(struct proxy_accesslog_conf *conf,
                                          const struct conf_node *node,
                                          const struct conf_apply *apply)
{
    struct span text = node->words[0];

    if (!is_format(text, node, apply)) {
        return OK;
    }
    if (node->word_count == 1) {
        conf->usual = text;
        return OK;
    }
    if (conf->format_count == PROXY_ACCESSLOG_CONF_FORMATS_MAX) {
        diag_error(apply->diag, node->file, node->line, "LogFormat: there are more than %d",
                   PROXY_ACCESSLOG_CONF_FORMATS_MAX);
        return OK;
    }
    conf->formats[conf->format_count++] =
        (struct proxy_accesslog_conf_format){.nickname = node->words[1], .text = text};
    return OK;
}

/* Says what is wrong with a CustomLog's words, if anything is. */
static bool check_words(const struct conf_node *node, const struct conf_apply *apply)
{
    struct span file = node->words[0];

    if (file.len == 0) {
        diag_error(apply->diag, node->file, node->line,
                   "CustomLog: the name of the file is empty (write /dev/stdout, or a path)");
        return false;
    }
    if (file.ptr[0] == '|') {
        diag_error(
            apply->diag, node->file, node->line,
            "CustomLog: this proxy starts no programs (write to a file and let logrotate "
            "send SIGUSR1, or to /dev/stdout and let the service manager take it)");
        return false;
    }
    if (node->word_count > 2) {
        diag_error(apply->diag, node->file, node->line,
                   "CustomLog: \"%.*s\": this proxy logs every request (leave the condition "
                   "out; %%400,501{...}i in the format leaves out single values)",
                   SPAN_ARG(diag_word(node->words[2])));
        return false;
    }
    return true;
}

enum err proxy_accesslog_conf_read_log(struct proxy_accesslog_conf *conf,
                                       const struct conf_node *node,
                                       const struct conf_apply *apply)
{
    struct proxy_accesslog_conf_log log = {
        .file = node->words[0], .said_in = node->file, .line = node->line};

    if (!check_words(node, apply)) {
        return OK;
    }
    if (node->word_count > 1) {
        log.format = node->words[1];
        if (span_find(log.format, '%') < log.format.len &&
            !is_format(log.format, node, apply)) {
            return OK;
        }
    }
    if (span_equals(log.file, "/dev/stdout")) {
        log.file = SPAN("");
    } else {
        TRY(conf_path_join(apply->arena, node->base, node->words[0], &log.file));
    }
    if (conf->count == PROXY_ACCESSLOG_CONF_LOGS_MAX) {
        diag_error(apply->diag, node->file, node->line, "CustomLog: there are more than %d",
                   PROXY_ACCESSLOG_CONF_LOGS_MAX);
        return OK;
    }
    conf->logs[conf->count++] = log;
    return OK;
}

/* From what was written to the text of a format. */
static void find_text(const struct proxy_accesslog_conf *conf,
                      struct proxy_accesslog_conf_log *log, struct diag *diag)
{
    const struct proxy_accesslog_conf_format *format = find_format(conf, log->format);
    const char *builtin = proxy_logformat_builtin(log->format);

    if (log->format.len == 0) {
        log->format = conf->usual.len > 0 ? conf->usual : span_str(proxy_logformat_default);
    } else if (format != NULL) {
        log->format = format->text;
    } else if (builtin != NULL) {
        log->format = span_str(builtin);
    } else if (span_find(log->format, '%') == log->format.len) {
        diag_error(diag, log->said_in, log->line,
                   "CustomLog: there is no LogFormat \"%.*s\" (write common, combined, "
                   "wayleave, json, or add LogFormat \"...\" %.*s)",
                   SPAN_ARG(diag_word(log->format)), SPAN_ARG(diag_word(log->format)));
    }
}

void proxy_accesslog_conf_check(struct proxy_accesslog_conf *conf, const char *file,
                                struct diag *diag)
{
    if (conf->count == 0) {
        conf->logs[conf->count++] =
            (struct proxy_accesslog_conf_log){.file = SPAN(""), .said_in = file};
    }
    for (size_t i = 0; i < conf->count; i++) {
        find_text(conf, &conf->logs[i], diag);
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "realm/realm_conf_access.h"

#include "base/text.h"
#include "conf/conf_path.h"
#include "realm/realm_conf.h"

/* ---- users ---- */

static enum err report_unread(enum err e, const char *fault, const struct conf_node *node,
                              const struct conf_apply *apply)
{
    if (e == ERR_CONF) {
        diag_error(apply->diag, node->file, node->line, "%.*s: %s", SPAN_ARG(node->name),
                   fault);
        return OK;
    }
    return e;
}

enum err realm_conf_access_set_user_file(void *opaque, const struct conf_node *node,
                                         const struct conf_apply *apply)
{
    struct realm_conf_access *access = &((struct realm_conf *)opaque)->access;
    char fault[DIAG_MAX_TEXT];
    struct span path;

    access->has_user_file = true;
    TRY(conf_path_join(apply->arena, node->base, node->words[0], &path));
    return report_unread(
        htpasswd_read((const char *)path.ptr, apply->arena, apply->diag, fault, &access->users),
        fault, node, apply);
}

enum err realm_conf_access_set_group_file(void *opaque, const struct conf_node *node,
                                          const struct conf_apply *apply)
{
    struct realm_conf_access *access = &((struct realm_conf *)opaque)->access;
    char fault[DIAG_MAX_TEXT];
    struct span path;

    access->has_group_file = true;
    TRY(conf_path_join(apply->arena, node->base, node->words[0], &path));
    return report_unread(htpasswd_groups_read((const char *)path.ptr, apply->arena, apply->diag,
                                              fault, &access->groups),
                         fault, node, apply);
}

/* ---- PublishRate ---- */

static bool read_rate(struct span word, uint64_t *ret_rate)
{
    const struct span suffix = SPAN("/s");

    return word.len > suffix.len &&
           span_equal(span_tail(word, word.len - suffix.len), suffix) &&
           text_u64(span_head(word, word.len - suffix.len), REALM_CONF_ACCESS_RATE_MAX,
                    ret_rate) &&
           *ret_rate > 0;
}

enum err realm_conf_access_set_publish_rate(void *opaque, const struct conf_node *node,
                                            const struct conf_apply *apply)
{
    struct realm_conf_access *access = &((struct realm_conf *)opaque)->access;
    uint64_t rate, burst;

    if (!read_rate(node->words[0], &rate)) {
        diag_error(apply->diag, node->file, node->line,
                   "PublishRate: \"%.*s\" is not a rate from 1/s to %d/s (write PublishRate "
                   "1000/s, or with what may come at once PublishRate 1000/s 5000)",
                   SPAN_ARG(diag_word(node->words[0])), REALM_CONF_ACCESS_RATE_MAX);
        return OK;
    }
    burst = rate;
    if (node->word_count > 1 &&
        (!text_u64(node->words[1], REALM_CONF_ACCESS_RATE_MAX, &burst) || burst == 0)) {
        diag_error(apply->diag, node->file, node->line,
                   "PublishRate: \"%.*s\" is not a number of events from 1 to %d (write "
                   "PublishRate 1000/s 5000)",
                   SPAN_ARG(diag_word(node->words[1])), REALM_CONF_ACCESS_RATE_MAX);
        return OK;
    }
    access->publish_rate = rate;
    access->publish_burst = burst;
    return OK;
}

/* ---- as a whole ---- */

void realm_conf_access_check(const struct realm_conf_access *access, const char *file,
                             struct diag *diag)
{
    if (!access->has_user_file && !access->allows_anonymous) {
        diag_error(diag, file, 0,
                   "nobody could come in: there are no users, and anonymous clients are not "
                   "let in (add AuthUserFile users.htpasswd; or Anonymous On, if everybody who "
                   "can connect may use this realm)");
    }
    if (access->has_group_file && !access->has_user_file) {
        diag_error(diag, file, 0, "AuthGroupFile has no users to be about (add AuthUserFile)");
    }
    if (access->users != NULL && access->users->count == 0 && !access->allows_anonymous) {
        diag_warn(diag, file, 0,
                  "%s has no users: nobody can log in (htpasswd -B %s NAME adds one)",
                  access->users->file, access->users->file);
    }
}

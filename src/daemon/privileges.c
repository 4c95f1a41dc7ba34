/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "daemon/privileges.h"

#include "base/text.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    LOOKUP_BYTES = 64 * 1024 /* one line of passwd or group; a large group is long */
};

/* "#1000" is httpd's way to write a number; "1000" is taken as well, as # begins a comment
 * unless it is quoted. */
static bool read_number(struct span name, uint32_t *ret_id)
{
    uint64_t number;

    if (name.len > 0 && name.ptr[0] == '#') {
        name = span_tail(name, 1);
    }
    if (!text_u64(name, UINT32_MAX - 1, &number)) {
        return false;
    }
    *ret_id = (uint32_t)number;
    return true;
}

static enum err find_user(const struct daemon_conf_who *who, const char *file,
                          struct diag *diag, struct privileges *plan)
{
    char *room = malloc(LOOKUP_BYTES);
    struct passwd entry;
    struct passwd *found = NULL;
    uint32_t number = 0;
    bool is_number = read_number(who->name, &number);

    if (room == NULL) {
        return ERR_NOMEM;
    }
    if (is_number) {
        getpwuid_r(number, &entry, room, LOOKUP_BYTES, &found);
        plan->uid = plan->gid = number;
    } else {
        getpwnam_r((const char *)who->name.ptr, &entry, room, LOOKUP_BYTES, &found);
    }
    if (found != NULL) {
        plan->uid = found->pw_uid;
        plan->gid = found->pw_gid;
        snprintf(plan->user, sizeof plan->user, "%s", found->pw_name);
    }
    free(room);
    if (found == NULL && !is_number) {
        diag_error(diag, file, who->line,
                   "User: there is no user \"%.*s\" on this host (useradd --system makes one)",
                   SPAN_ARG(diag_word(who->name)));
        return ERR_CONF;
    }
    return OK;
}

static enum err find_group(const struct daemon_conf_who *who, const char *file,
                           struct diag *diag, struct privileges *plan)
{
    char *room;
    struct group entry;
    struct group *found = NULL;

    if (read_number(who->name, &plan->gid)) {
        return OK;
    }
    room = malloc(LOOKUP_BYTES);
    if (room == NULL) {
        return ERR_NOMEM;
    }
    getgrnam_r((const char *)who->name.ptr, &entry, room, LOOKUP_BYTES, &found);
    if (found != NULL) {
        plan->gid = found->gr_gid;
    }
    free(room);
    if (found == NULL) {
        diag_error(diag, file, who->line,
                   "Group: there is no group \"%.*s\" on this host (groupadd makes one)",
                   SPAN_ARG(diag_word(who->name)));
        return ERR_CONF;
    }
    return OK;
}

/* Nobody said who is to serve, and we are root. */
static enum err plan_for_root(bool leaves_root, const char *file, struct diag *diag,
                              struct privileges *plan)
{
    const struct daemon_conf_who nobody = {.name = SPAN("nobody")};

    if (!leaves_root) {
        diag_warn(
            diag, file, 0,
            "this daemon was started as root and serves the network as root (add User and "
            "the name of an account that owns nothing; if it is meant, User root)");
        return OK;
    }
    diag_note(diag, file, 0,
              "started as root without User: the network is served as nobody (add User and the "
              "name of an account of its own, or User root if that is meant)");
    return find_user(&nobody, file, diag, plan);
}

enum err privileges_plan(const struct daemon_conf_who *user,
                         const struct daemon_conf_who *group, bool leaves_root,
                         const char *file, struct diag *diag, struct privileges *ret_plan)
{
    struct privileges plan = {.uid = geteuid(), .gid = getegid()};

    if (plan.uid == 0 && user->name.len == 0) {
        TRY(plan_for_root(leaves_root, file, diag, &plan));
    }
    if (user->name.len > 0) {
        TRY(find_user(user, file, diag, &plan));
    }
    if (group->name.len > 0) {
        TRY(find_group(group, file, diag, &plan));
    }
    plan.is_change = plan.uid != geteuid() || plan.gid != getegid();
    if (plan.is_change && geteuid() != 0) {
        diag_warn(diag, file, user->name.len > 0 ? user->line : group->line,
                  "User and Group have no effect: only root can become somebody else (start as "
                  "root, or remove them)");
        plan = (struct privileges){.uid = geteuid(), .gid = getegid()};
    }
    *ret_plan = plan;
    return OK;
}

void privileges_forgo(struct diag *diag)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        diag_warn(diag, NULL, 0, "the system could not rule out new privileges: %s",
                  strerror(errno));
    }
}

/* capset(2) by itself: a library for the one call would be one more to trust. */
static bool set_capabilities(uint64_t wanted)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {
        {.effective = (uint32_t)wanted, .permitted = (uint32_t)wanted},
        {.effective = (uint32_t)(wanted >> 32), .permitted = (uint32_t)(wanted >> 32)},
    };

    return syscall(SYS_capset, &head, data) == 0;
}

static bool become(const struct privileges *plan)
{
    if (plan->user[0] != '\0') {
        if (initgroups(plan->user, plan->gid) != 0) {
            return false;
        }
    } else if (setgroups(1, &plan->gid) != 0) {
        return false;
    }
    return setresgid(plan->gid, plan->gid, plan->gid) == 0 &&
           setresuid(plan->uid, plan->uid, plan->uid) == 0;
}

/* Whether there is a way back, which the calls above must have closed. */
static bool can_return(const struct privileges *plan)
{
    return plan->uid != 0 && (setuid(0) == 0 || seteuid(0) == 0);
}

/* The permitted set outlives the change of user with PR_SET_KEEPCAPS (capabilities(7)), and is
 * cut down before there is anything else. */
static bool become_keeping(const struct privileges *plan, uint64_t keep)
{
    if (keep == 0 || plan->uid == 0) {
        return become(plan);
    }
    return prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) == 0 && become(plan) && set_capabilities(keep) &&
           prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) == 0;
}

enum err privileges_drop(const struct privileges *plan, uint64_t keep, struct diag *diag)
{
    if (plan->is_change && (!become_keeping(plan, keep) || can_return(plan))) {
        diag_error(diag, NULL, 0,
                   "User: could not become user %lu, group %lu: %s (inside a container both "
                   "must exist there)",
                   (unsigned long)plan->uid, (unsigned long)plan->gid, strerror(errno));
        return ERR_CONF;
    }
    return OK;
}

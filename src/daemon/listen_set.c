/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "daemon/listen_set.h"

#include "daemon/inherited.h"
#include "io/sock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

enum {
    BACKLOG = 1024
};

struct entry {
    struct addr wanted; /* as configured */
    struct addr bound;  /* with a real port */
    uint64_t id;        /* the same as long as the socket stays open */
    bool is_dual;       /* an inherited IPv6 socket that takes IPv4 as well */
    bool is_covered;    /* by the dual socket with that id: nothing of its own */
    bool is_transparent;
    int *fds; /* owned; per worker, -1 once opened; NULL: workers have them already */
};

struct listen_set {
    struct entry entries[LISTEN_SET_MAX];
    size_t count;
    size_t workers;
    uint64_t last_id;
};

static void entry_fini(struct entry *entry, size_t workers)
{
    for (size_t w = 0; entry->fds != NULL && w < workers; w++) {
        sock_close(&entry->fds[w]);
    }
    free(entry->fds);
    entry->fds = NULL;
}

void listen_set_free(struct listen_set *set)
{
    if (set == NULL) {
        return;
    }
    for (size_t i = 0; i < set->count; i++) {
        entry_fini(&set->entries[i], set->workers);
    }
    free(set);
}

/* ---- binding ---- */

static void say_bind_failed(const struct listen_set_plan *plan,
                            const struct listen_set_want *want, const struct listen_set *old,
                            struct diag *diag)
{
    char text[ADDR_TEXT_BYTES];
    const char *remedy = "check the address";

    if (errno == EADDRINUSE) {
        remedy = "another program listens there: stop it, or choose another port";
        for (size_t i = 0; old != NULL && i < old->count; i++) {
            if (addr_port(&old->entries[i].bound) == addr_port(&want->addr)) {
                remedy = "we listen on that port ourselves until this file is in force: a "
                         "change of its address or kind alone needs a restart";
            }
        }
    } else if (errno == EACCES) {
        remedy = "ports below 1024 need root, or choose a port above";
    } else if (errno == EADDRNOTAVAIL) {
        remedy = "this host has no such address";
    } else if (errno == EPERM && want->is_transparent) {
        remedy = old == NULL
                     ? "tproxy needs the capability CAP_NET_RAW: start as root, or write "
                       "AmbientCapabilities=CAP_NET_RAW in the systemd unit; a socket of "
                       "systemd's needs Transparent=yes"
                     : "tproxy needs the capability CAP_NET_RAW, which is given up after "
                       "the start: a new tproxy line needs a restart";
    } else if (errno == ENOPROTOOPT && want->is_transparent) {
        remedy =
            "this system's kernel knows no IP_TRANSPARENT: write redirect instead of tproxy";
    }
    diag_error(diag, plan->file, want->line, "%s: %s cannot be listened on: %s (%s)",
               plan->directive, addr_text(&want->addr, text), strerror(errno), remedy);
}

static bool has_id(const struct listen_set *set, uint64_t id)
{
    for (size_t i = 0; i < set->count; i++) {
        if (set->entries[i].id == id) {
            return true;
        }
    }
    return false;
}

/* The same line as before: its socket stays. Several lines may ask for any free port. */
static bool keep_old(struct listen_set *set, const struct listen_set *old,
                     const struct listen_set_want *want)
{
    for (size_t i = 0; old != NULL && i < old->count; i++) {
        const struct entry *known = &old->entries[i];
        bool is_taken = has_id(set, known->id);

        if (addr_equal(&known->wanted, &want->addr) &&
            known->wanted.sa.any.sa_family == want->addr.sa.any.sa_family &&
            known->is_transparent == want->is_transparent && is_taken == known->is_covered) {
            set->entries[set->count] = *known;
            set->entries[set->count].fds = NULL;
            set->count++;
            return true;
        }
    }
    return false;
}

/* The IPv4 half of a port that systemd opened for both families. */
static bool is_covered_by_dual(const struct listen_set *set, const struct addr *addr,
                               uint64_t *ret_id)
{
    for (size_t i = 0; i < set->count; i++) {
        const struct entry *entry = &set->entries[i];

        if (entry->is_dual && addr->sa.any.sa_family == AF_INET &&
            addr_is_any(&entry->wanted) && addr_is_any(addr) &&
            addr_port(&entry->wanted) == addr_port(addr)) {
            *ret_id = entry->id;
            return true;
        }
    }
    return false;
}

/* One queue for all workers: whoever comes first takes the next connection. */
static enum err share_inherited(int fd, size_t workers, int *fds)
{
    fds[0] = fd;
    for (size_t w = 1; w < workers; w++) {
        fds[w] = fcntl(fd, F_DUPFD_CLOEXEC, 0);
        if (fds[w] < 0) {
            return ERR_IO;
        }
    }
    return OK;
}

/* On failure the entry has what is to be released. */
static enum err open_entry(struct entry *entry, const struct listen_set_plan *plan)
{
    int fd = -1;

    entry->fds = calloc(plan->workers, sizeof *entry->fds);
    if (entry->fds == NULL) {
        return ERR_NOMEM;
    }
    for (size_t w = 0; w < plan->workers; w++) {
        entry->fds[w] = -1;
    }
    if (plan->inherited != NULL) {
        fd = inherited_take(plan->inherited, &entry->wanted, &entry->is_dual);
    }
    if (fd != -1) {
        if (entry->is_transparent && !sock_is_transparent(fd)) {
            sock_close(&fd);
            errno = EPERM;
            return ERR_IO;
        }
        TRY(share_inherited(fd, plan->workers, entry->fds));
    } else {
        TRY(listener_bind(&entry->wanted, BACKLOG, entry->is_transparent, plan->workers,
                          entry->fds));
    }
    return sock_local_addr(entry->fds[0], &entry->bound);
}

static enum err add_new(struct listen_set *set, const struct listen_set_plan *plan,
                        const struct listen_set_want *want, const struct listen_set *old,
                        struct diag *diag)
{
    struct entry *entry = &set->entries[set->count];
    enum err e;

    *entry = (struct entry){.wanted = want->addr, .is_transparent = want->is_transparent};
    if (is_covered_by_dual(set, &want->addr, &entry->id)) {
        entry->is_covered = true;
        entry->bound = want->addr;
        set->count++;
        return OK;
    }
    e = open_entry(entry, plan);
    if (e == OK) {
        entry->id = ++set->last_id;
        set->count++;
        return OK;
    }
    if (e == ERR_IO && want->is_optional && (errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL)) {
        e = OK;
    } else if (e == ERR_IO) {
        say_bind_failed(plan, want, old, diag);
        e = ERR_CONF;
    }
    entry_fini(entry, plan->workers);
    return e;
}

enum err listen_set_bind(const struct listen_set_plan *plan, const struct listen_set *old,
                         struct diag *diag, struct listen_set **ret_set)
{
    struct listen_set *set = calloc(1, sizeof *set);
    enum err e = OK;

    assert(plan->count <= LISTEN_SET_MAX && plan->workers > 0);
    if (set == NULL) {
        return ERR_NOMEM;
    }
    set->workers = plan->workers;
    set->last_id = old == NULL ? 0 : old->last_id;
    for (size_t i = 0; i < plan->count && e == OK; i++) {
        if (!keep_old(set, old, &plan->wants[i])) {
            e = add_new(set, plan, &plan->wants[i], old, diag);
        }
    }
    if (e != OK) {
        listen_set_free(set);
        return e;
    }
    *ret_set = set;
    return OK;
}

size_t listen_set_count(const struct listen_set *set)
{
    return set->count;
}

const struct addr *listen_set_addr(const struct listen_set *set, size_t at)
{
    assert(at < set->count);
    return &set->entries[at].bound;
}

bool listen_set_is_transparent(const struct listen_set *set, size_t at)
{
    assert(at < set->count);
    return set->entries[at].is_transparent;
}

/* ---- a worker's ---- */

static bool has_door(const struct listen_set_doors *doors, uint64_t id)
{
    for (size_t i = 0; i < doors->count; i++) {
        if (doors->doors[i].id == id) {
            return true;
        }
    }
    return false;
}

static void close_others(struct listen_set_doors *doors, const struct listen_set *set)
{
    size_t kept = 0;

    for (size_t i = 0; i < doors->count; i++) {
        if (has_id(set, doors->doors[i].id)) {
            doors->doors[kept++] = doors->doors[i];
        } else {
            listener_close(doors->doors[i].listener);
        }
    }
    doors->count = kept;
}

enum err listen_set_serve(struct listen_set *set, size_t worker, struct loop *loop,
                          listener_accepted *accepted, void *ctx,
                          struct listen_set_doors *doors)
{
    enum err worst = OK;

    close_others(doors, set); /* first: so there is room for the new ones */
    for (size_t i = 0; i < set->count; i++) {
        struct entry *entry = &set->entries[i];
        enum err e;

        if (entry->fds == NULL || entry->fds[worker] == -1 || has_door(doors, entry->id)) {
            continue;
        }
        e = listener_open(&doors->doors[doors->count].listener, loop, &entry->fds[worker],
                          accepted, ctx);
        if (e == OK) {
            doors->doors[doors->count++].id = entry->id;
        } else {
            worst = e;
        }
    }
    return worst;
}

void listen_set_close(struct listen_set_doors *doors)
{
    for (size_t i = 0; i < doors->count; i++) {
        listener_close(doors->doors[i].listener);
    }
    doors->count = 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "daemon/daemon_snapshot.h"

#include "conf/conf_files.h"
#include "conf/conf_httpd.h"
#include "conf/conf_load.h"
#include "daemon/daemon_file.h"
#include "daemon/service.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
    ARENA_BYTES = 16 * 1024 * 1024, /* all that a configuration may take */
    LISTENING_BYTES = 512,
};

struct daemon_snapshot {
    atomic_uint refs;
    const struct service *service; /* borrowed */
    struct arena arena;
    struct daemon_conf core;
    void *conf; /* owned; service->conf_bytes */
    void *attached;
    int64_t loaded_at;
    char listening[LISTENING_BYTES];
};

static void release(struct daemon_snapshot *snapshot)
{
    if (snapshot->attached != NULL && snapshot->service->forget != NULL) {
        snapshot->service->forget(snapshot);
    }
    if (snapshot->conf != NULL && snapshot->service->conf_fini != NULL) {
        snapshot->service->conf_fini(snapshot->conf);
    }
    free(snapshot->conf);
    arena_fini(&snapshot->arena);
    free(snapshot);
}

size_t daemon_snapshot_tables(const struct service *service, struct daemon_conf *core,
                              void *conf, struct conf_table *tables)
{
    const struct service_rows *more = service->more_rows;
    size_t count = 0;

    tables[count++] = (struct conf_table){daemon_conf_rows, core};
    tables[count++] = (struct conf_table){service->rows, conf};
    for (size_t i = 0; more != NULL && more[i].rows != NULL; i++) {
        assert(i < SERVICE_ROWS_MAX);
        tables[count++] = (struct conf_table){more[i].rows, (char *)conf + more[i].offset};
    }
    tables[count++] = (struct conf_table){conf_httpd_rows, NULL}; /* last: ours go first */
    return count;
}

static enum err read_text(struct daemon_snapshot *snapshot, struct span text, const char *file,
                          const struct conf_source *source, struct diag *diag)
{
    const struct service *service = snapshot->service;
    struct conf_table tables[DAEMON_SNAPSHOT_TABLES_MAX];
    const struct conf_apply apply = {
        .tables = tables,
        .table_count = daemon_snapshot_tables(service, &snapshot->core, snapshot->conf, tables),
        .place = SERVICE_IN_SERVER,
        .arena = &snapshot->arena,
        .diag = diag,
        .source = source,
    };

    TRY(conf_load(&apply, text, file));
    daemon_conf_check(&snapshot->core, file, diag);
    if (!service->has_admin && snapshot->core.admin.listen_count > 0) {
        diag_error(diag, file, snapshot->core.admin.listens[0].line,
                   "AdminListen: %s has no admin listener (remove the line)", service->name);
    }
    service->check(snapshot->conf, file, diag);
    return diag_count(diag, DIAG_ERROR) > 0 ? ERR_CONF : OK;
}

static enum err read_file(struct daemon_snapshot *snapshot, const char *file,
                          const char *const *defines, struct diag *diag)
{
    struct conf_files files;
    struct span text;
    char *owned = NULL;
    enum err e;

    TRY(conf_files_init(&files, file, defines));
    e = daemon_file_read(file, diag, &owned, &text);
    if (e == OK) {
        e = read_text(snapshot, text, file, &files.source, diag);
    }
    free(owned);
    conf_files_fini(&files);
    return e;
}

static enum err read_any(struct daemon_snapshot *snapshot, const char *file,
                         const char *const *defines, struct diag *diag)
{
    if (file != NULL) {
        return read_file(snapshot, file, defines, diag);
    }
    return read_text(snapshot, span_str(snapshot->service->builtin_conf), "built-in", NULL,
                     diag);
}

enum err daemon_snapshot_load(const struct service *service, const char *file,
                              const char *const *defines, struct diag *diag,
                              struct daemon_snapshot **ret_snapshot)
{
    struct daemon_snapshot *snapshot = calloc(1, sizeof *snapshot);
    enum err e = ERR_NOMEM;

    if (snapshot == NULL) {
        return ERR_NOMEM;
    }
    atomic_init(&snapshot->refs, 1);
    snapshot->service = service;
    snapshot->loaded_at = (int64_t)time(NULL);
    arena_init(&snapshot->arena, ARENA_BYTES);
    snapshot->conf = calloc(1, service->conf_bytes);
    if (snapshot->conf != NULL) {
        e = read_any(snapshot, file, defines, diag);
    }
    if (e != OK) {
        release(snapshot);
        return e;
    }
    *ret_snapshot = snapshot;
    return OK;
}

struct daemon_snapshot *daemon_snapshot_ref(struct daemon_snapshot *snapshot)
{
    /* Relaxed is enough: whoever calls this already holds it. */
    atomic_fetch_add_explicit(&snapshot->refs, 1, memory_order_relaxed);
    return snapshot;
}

void daemon_snapshot_unref(struct daemon_snapshot *snapshot)
{
    /* The last one out must see every other holder's reads as finished. */
    if (snapshot != NULL &&
        atomic_fetch_sub_explicit(&snapshot->refs, 1, memory_order_acq_rel) == 1) {
        release(snapshot);
    }
}

const void *daemon_snapshot_conf(const struct daemon_snapshot *snapshot)
{
    return snapshot->conf;
}

const struct daemon_conf *daemon_snapshot_core(const struct daemon_snapshot *snapshot)
{
    return &snapshot->core;
}

int64_t daemon_snapshot_loaded_at(const struct daemon_snapshot *snapshot)
{
    return snapshot->loaded_at;
}

void daemon_snapshot_attach(struct daemon_snapshot *snapshot, void *attached)
{
    assert(snapshot->attached == NULL);
    snapshot->attached = attached;
}

void *daemon_snapshot_attached(const struct daemon_snapshot *snapshot)
{
    return snapshot->attached;
}

void daemon_snapshot_add_listening(struct daemon_snapshot *snapshot, const char *address)
{
    size_t used = strlen(snapshot->listening);

    snprintf(snapshot->listening + used, sizeof snapshot->listening - used, "%s%s",
             used == 0 ? "" : ", ", address);
}

const char *daemon_snapshot_listening(const struct daemon_snapshot *snapshot)
{
    return snapshot->listening;
}

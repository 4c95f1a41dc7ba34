/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "store/store_lmdb_env.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    FIRST_MAP_BYTES = 16 * 1024 * 1024,
    /* For removals when it is full: they write new pages before they give back old ones. */
    RESERVE_BYTES = 2 * 1024 * 1024,
    RESERVE_PART = 32, /* and this part of the whole */
    ORDER = 0x01020304,
};

/* In "mark", under "wayleave". */
struct mark {
    uint32_t version;
    uint32_t order; /* reads otherwise on a machine with the other order of bytes */
};

static void say(char fault[STORE_LMDB_ENV_FAULT_BYTES], const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void say(char fault[STORE_LMDB_ENV_FAULT_BYTES], const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vsnprintf(fault, STORE_LMDB_ENV_FAULT_BYTES, format, args);
    va_end(args);
}

/* ---- what is in it ---- */

static int open_databases(struct store_lmdb_env *env, MDB_txn *txn, unsigned flags)
{
    const struct {
        const char *name;
        MDB_dbi *dbi;
    } databases[] = {
        {"streams", &env->streams}, {"events", &env->events}, {"sweeps", &env->sweeps},
        {"state", &env->state},     {"mark", &env->mark},
    };

    for (size_t i = 0; i < sizeof databases / sizeof databases[0]; i++) {
        int code = mdb_dbi_open(txn, databases[i].name, flags, databases[i].dbi);

        if (code != 0) {
            return code;
        }
    }
    return 0;
}

static MDB_val mark_key(void)
{
    static char key[] = "wayleave";

    return (MDB_val){sizeof key - 1, key};
}

static int make_databases(struct store_lmdb_env *env)
{
    struct mark mark = {STORE_LMDB_ENV_VERSION, ORDER};
    MDB_val key = mark_key();
    MDB_val value = {sizeof mark, &mark};
    MDB_txn *txn;
    int code = mdb_txn_begin(env->mdb, NULL, 0, &txn);

    if (code != 0) {
        return code;
    }
    code = open_databases(env, txn, MDB_CREATE);
    if (code == 0) {
        code = mdb_put(txn, env->mark, &key, &value, 0);
    }
    if (code != 0) {
        mdb_txn_abort(txn);
        return code;
    }
    return mdb_txn_commit(txn);
}

static enum err check_mark(struct store_lmdb_env *env, MDB_txn *txn, char *fault)
{
    struct mark mark;
    MDB_val key = mark_key();
    MDB_val value;

    if (open_databases(env, txn, 0) != 0 || mdb_get(txn, env->mark, &key, &value) != 0 ||
        value.mv_size != sizeof mark) {
        say(fault, "\"%s/data.mdb\" is no store of a realm (give the realm an empty directory)",
            env->path);
        return ERR_CONF;
    }
    memcpy(&mark, value.mv_data, sizeof mark);
    if (mark.order != ORDER) {
        say(fault, "\"%s/data.mdb\" was written on another kind of machine", env->path);
        return ERR_CONF;
    }
    if (mark.version != STORE_LMDB_ENV_VERSION) {
        say(fault,
            "\"%s/data.mdb\" is of version %" PRIu32 ", and this program reads version %d",
            env->path, mark.version, STORE_LMDB_ENV_VERSION);
        return ERR_CONF;
    }
    return OK;
}

static enum err refuse(struct store_lmdb_env *env, int code, char *fault)
{
    if (code == MDB_INVALID || code == MDB_VERSION_MISMATCH) {
        say(fault, "\"%s/data.mdb\" is no store of a realm (give the realm an empty directory)",
            env->path);
        return ERR_CONF;
    }
    say(fault, "\"%s\" cannot be used as a store: %s", env->path, mdb_strerror(code));
    return code == ENOMEM ? ERR_NOMEM : code == EACCES ? ERR_CONF : ERR_IO;
}

static enum err check_databases(struct store_lmdb_env *env, char *fault)
{
    MDB_txn *txn;
    enum err e;
    int code = mdb_txn_begin(env->mdb, NULL, MDB_RDONLY, &txn);

    if (code != 0) {
        return refuse(env, code, fault);
    }
    e = check_mark(env, txn, fault);
    code = mdb_txn_commit(txn); /* the databases stay open */
    return e == OK && code != 0 ? refuse(env, code, fault) : e;
}

/*
 * How long it is. A file that ends before its last page would kill whoever looks there. LMDB
 * itself leaves the last pages unwritten when they are free; those of a file that was cut are
 * not, and read as zeros LMDB refuses them.
 */
static int measure(struct store_lmdb_env *env)
{
    struct stat status;
    MDB_envinfo info;
    MDB_stat stat;
    off_t wanted;
    int fd;
    int code = mdb_env_info(env->mdb, &info);

    if (code != 0 || (code = mdb_env_stat(env->mdb, &stat)) != 0 ||
        (code = mdb_env_get_fd(env->mdb, &fd)) != 0) {
        return code;
    }
    wanted = (off_t)((info.me_last_pgno + 1) * stat.ms_psize);
    if (fstat(fd, &status) != 0) {
        return errno;
    }
    /* With a maximum that was made smaller, removals need room behind what is there. */
    env->removal_bytes_max =
        (uint64_t)wanted > env->bytes_max ? (uint64_t)wanted : env->bytes_max;
    env->removal_bytes_max += RESERVE_BYTES + env->bytes_max / RESERVE_PART;
    return status.st_size < wanted && ftruncate(fd, wanted) != 0 ? errno : 0;
}

/* What is in data.mdb may be longer than the map is by default, or than it may be by now. */
static size_t first_map_bytes(const struct store_lmdb_env *env)
{
    return env->bytes_max < FIRST_MAP_BYTES ? (size_t)env->bytes_max : FIRST_MAP_BYTES;
}

static int open_in(struct store_lmdb_env *env, const char *path)
{
    int code = mdb_env_create(&env->mdb);

    if (code == 0) {
        code = mdb_env_set_maxdbs(env->mdb, 5);
    }
    if (code == 0) {
        code = mdb_env_set_mapsize(env->mdb, first_map_bytes(env));
    }
    if (code == 0) {
        /* Readers belong to their transaction, not to a thread. No other flag: what is
         * committed is synced, and a stray pointer cannot write into the map. */
        code = mdb_env_open(env->mdb, path, MDB_NOTLS, 0600);
    }
    return code;
}

static void close_environment(struct store_lmdb_env *env)
{
    if (env->reader != NULL) {
        mdb_txn_abort(env->reader);
        env->reader = NULL;
    }
    if (env->mdb != NULL) {
        mdb_env_close(env->mdb);
        env->mdb = NULL;
    }
}

static enum err make_environment(struct store_lmdb_env *env, char *fault)
{
    char name[STORE_LMDB_DIR_NAME_BYTES];
    int code;

    TRY(store_lmdb_dir_begin(env->path, name, fault));
    code = open_in(env, name);
    if (code == 0) {
        code = make_databases(env);
    }
    close_environment(env);
    return code != 0 ? refuse(env, code, fault) : store_lmdb_dir_end(env->path, fault);
}

static enum err open_environment(struct store_lmdb_env *env, char *fault)
{
    int code = open_in(env, env->path);

    if (code == 0) {
        code = measure(env);
    }
    return code != 0 ? refuse(env, code, fault) : check_databases(env, fault);
}

enum err store_lmdb_env_open(struct store_lmdb_env *env, const char *path, uint64_t bytes_max,
                             const struct log *log, char fault[STORE_LMDB_ENV_FAULT_BYTES])
{
    *env = (struct store_lmdb_env){.bytes_max = bytes_max, .log = log, .lock_fd = -1};
    pthread_mutex_init(&env->map_lock, NULL); /* cannot fail on Linux */
    env->has_lock = true;
    env->path = strdup(path);
    if (env->path == NULL) {
        say(fault, "out of memory");
        return ERR_NOMEM;
    }
    TRY(store_lmdb_dir_lock(path, log, &env->lock_fd, fault));
    if (!store_lmdb_dir_has_data(path)) {
        TRY(make_environment(env, fault));
    }
    return open_environment(env, fault);
}

void store_lmdb_env_close(struct store_lmdb_env *env)
{
    assert(env->reading == 0);
    close_environment(env);
    if (env->has_lock) {
        pthread_mutex_destroy(&env->map_lock);
        if (env->lock_fd >= 0) {
            close(env->lock_fd); /* and with it goes the lock; the file stays */
        }
    }
    free(env->path);
    *env = (struct store_lmdb_env){.lock_fd = -1};
}

/* ---- reading ---- */

enum err store_lmdb_env_read(struct store_lmdb_env *env, MDB_txn **ret_txn)
{
    int code = MDB_PANIC;

    if (env->reading == 0) {
        pthread_mutex_lock(&env->map_lock);
        if (env->mdb != NULL) {
            code = env->reader == NULL ? mdb_txn_begin(env->mdb, NULL, MDB_RDONLY, &env->reader)
                                       : mdb_txn_renew(env->reader);
        }
        if (code != 0) {
            pthread_mutex_unlock(&env->map_lock);
            return store_lmdb_env_err(env, code, "read");
        }
    }
    env->reading++;
    *ret_txn = env->reader;
    return OK;
}

void store_lmdb_env_read_end(struct store_lmdb_env *env)
{
    assert(env->reading > 0);
    if (--env->reading == 0) {
        mdb_txn_reset(env->reader); /* the pages it looked at can be used again */
        pthread_mutex_unlock(&env->map_lock);
    }
}

/* ---- growing ---- */

static size_t map_bytes(const struct store_lmdb_env *env)
{
    MDB_envinfo info;

    return mdb_env_info(env->mdb, &info) == 0 ? info.me_mapsize : 0;
}

/* LMDB gives up the map it has before it asks for the new one. */
static bool has_addresses_for(size_t bytes)
{
    void *probe =
        mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    return probe != MAP_FAILED && munmap(probe, bytes) == 0;
}

bool store_lmdb_env_grow(struct store_lmdb_env *env, bool for_removal)
{
    uint64_t most = for_removal ? env->removal_bytes_max : env->bytes_max;
    size_t present = map_bytes(env);
    size_t wanted;
    int code;

    if (present >= most) {
        return false;
    }
    wanted = present > most / 2 ? (size_t)most : present * 2;
    if (!has_addresses_for(wanted)) {
        return false;
    }
    pthread_mutex_lock(&env->map_lock);
    code = mdb_env_set_mapsize(env->mdb, wanted);
    pthread_mutex_unlock(&env->map_lock);
    if (code != 0) {
        (void)store_lmdb_env_err(env, code, "grow");
    }
    return code == 0;
}

void store_lmdb_env_settle(struct store_lmdb_env *env)
{
    int code;

    if (env->mdb == NULL || map_bytes(env) <= env->bytes_max) {
        return;
    }
    pthread_mutex_lock(&env->map_lock);
    code = mdb_env_set_mapsize(env->mdb, (size_t)env->bytes_max); /* or what is in use */
    pthread_mutex_unlock(&env->map_lock);
    if (code != 0) {
        (void)store_lmdb_env_err(env, code, "map");
    }
}

enum err store_lmdb_env_heal(struct store_lmdb_env *env)
{
    char fault[STORE_LMDB_ENV_FAULT_BYTES];
    enum err e;

    pthread_mutex_lock(&env->map_lock);
    close_environment(env);
    e = open_environment(env, fault);
    if (e != OK) {
        close_environment(env);
    }
    pthread_mutex_unlock(&env->map_lock);
    if (e != OK) {
        log_error(env->log, "store: %s", fault);
        return ERR_IO;
    }
    log_notice(env->log, "store: %s was opened again after a fault", env->path);
    return OK;
}

/* ---- errors ---- */

static bool disk_is_full(const struct store_lmdb_env *env)
{
    static const uint8_t page[4096];
    struct stat status;
    int fd;

    /* Behind the end: if this can be written, it is part of no page that is in use. */
    return mdb_env_get_fd(env->mdb, &fd) == 0 && fstat(fd, &status) == 0 &&
           pwrite(fd, page, sizeof page, status.st_size) < 0 &&
           (errno == ENOSPC || errno == EDQUOT || errno == EFBIG);
}

bool store_lmdb_env_is_full(const struct store_lmdb_env *env, int code)
{
    return code == MDB_MAP_FULL || code == MDB_TXN_FULL || code == ENOSPC || code == EDQUOT ||
           code == EFBIG || (code == EIO && env->mdb != NULL && disk_is_full(env));
}

enum err store_lmdb_env_err(struct store_lmdb_env *env, int code, const char *doing)
{
    if (code == ENOMEM || !store_lmdb_env_is_full(env, code)) {
        if (atomic_exchange(&env->said, code) != code) {
            log_error(env->log, "store: cannot %s %s: %s", doing, env->path,
                      mdb_strerror(code));
        }
        return code == ENOMEM ? ERR_NOMEM : ERR_IO;
    }
    if (!env->is_full) {
        env->is_full = true;
        log_warn(env->log,
                 "store: %s is full (%s): what is published there is refused until events are "
                 "consumed, expire or are purged, or there is more room",
                 env->path, code == MDB_MAP_FULL ? "StoreSize" : "its disk");
    }
    return ERR_LIMIT;
}

void store_lmdb_env_went_well(struct store_lmdb_env *env, bool with_room)
{
    atomic_store(&env->said, 0);
    if (with_room && env->is_full) {
        env->is_full = false;
        log_notice(env->log, "store: %s has room again", env->path);
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "realm/realm_store.h"

#include "store/store_lmdb.h"

enum {
    /* The stream of a channel that was removed stays open, and its EIDs go on should the name
     * be used again: so often all channels may be others before the realm is started again. */
    STREAMS_PER_CHANNEL = 16
};

enum err realm_store_open(struct realm_store *store, const struct realm_store_parts *parts)
{
    const struct realm_conf *conf = parts->conf;
    char fault[STORE_LMDB_FAULT_BYTES] = "";
    struct store_lmdb_conf lmdb = {
        .path = (const char *)conf->store_path.ptr,
        .bytes_max = conf->store_size,
        .streams_max = STREAMS_PER_CHANNEL * conf->channels_max,
        .pending_bytes_max = conf->store_pending_bytes,
        .log = parts->log,
        .rng = parts->rng,
    };
    enum err e;

    *store = (struct realm_store){.store = NULL};
    if (conf->store == REALM_CONF_STORE_MEMORY) {
        return OK;
    }
    TRY(mailbox_new(&store->mailbox, parts->loop));
    lmdb.mailbox = store->mailbox;
    e = store_lmdb_open(&lmdb, &store->store, fault);
    if (e != OK && parts->diag != NULL && fault[0] != '\0') {
        diag_error(parts->diag, parts->file, 0, "Store: %s", fault);
    }
    return e;
}

void realm_store_close(struct realm_store *store)
{
    store_close(store->store);
    mailbox_free(store->mailbox);
    *store = (struct realm_store){.store = NULL};
}

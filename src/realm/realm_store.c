/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "realm/realm_store.h"

#include "store/store_lmdb.h"
#include "store/store_nats.h"

enum {
    /* The stream of a channel that was removed stays open, and its EIDs go on should the name
     * be used again: so often all channels may be others before the realm is started again. */
    STREAMS_PER_CHANNEL = 16
};

static enum err open_lmdb(struct realm_store *store, const struct realm_store_parts *parts,
                          char *fault)
{
    const struct realm_conf *conf = parts->conf;
    const struct store_lmdb_conf lmdb = {
        .path = (const char *)conf->store_path.ptr,
        .bytes_max = conf->store_size,
        .streams_max = STREAMS_PER_CHANNEL * conf->channels_max,
        .pending_bytes_max = conf->store_pending_bytes,
        .mailbox = store->mailbox,
        .log = parts->log,
        .rng = parts->rng,
    };

    return store_lmdb_open(&lmdb, &store->store, fault);
}

static enum err open_nats(struct realm_store *store, const struct realm_store_parts *parts,
                          char *fault)
{
    const struct realm_conf *conf = parts->conf;
    const struct store_nats_conf nats = {
        .url = conf->store_url,
        .realm = conf->store_realm,
        .path = conf->store_path.len == 0 ? NULL : (const char *)conf->store_path.ptr,
        .bytes_max = conf->store_size,
        .streams_max = STREAMS_PER_CHANNEL * conf->channels_max,
        .pending_bytes_max = conf->store_pending_bytes,
        .replicas = (unsigned)conf->store_replicas,
        .has_streams = conf->store_streams,
        .timeout = conf->store_timeout,
        .loop = parts->loop,
        .mailbox = store->mailbox,
        .log = parts->log,
        .rng = parts->rng,
    };

    return store_nats_open(&nats, &store->store, fault);
}

enum err realm_store_open(struct realm_store *store, const struct realm_store_parts *parts)
{
    char fault[STORE_NATS_FAULT_BYTES] = "";
    enum err e;

    static_assert((int)STORE_NATS_FAULT_BYTES == (int)STORE_LMDB_FAULT_BYTES,
                  "a sentence fits, whoever says it");
    *store = (struct realm_store){.store = NULL};
    if (parts->conf->store == REALM_CONF_STORE_MEMORY) {
        return OK;
    }
    TRY(mailbox_new(&store->mailbox, parts->loop));
    e = parts->conf->store == REALM_CONF_STORE_NATS ? open_nats(store, parts, fault)
                                                    : open_lmdb(store, parts, fault);
    if (e != OK && parts->diag != NULL && fault[0] != '\0') {
        diag_error(parts->diag, parts->file, 0, "Store: %s", fault);
        return ERR_CONF; /* that is all there is to say */
    }
    return e;
}

void realm_store_close(struct realm_store *store)
{
    store_close(store->store);
    mailbox_free(store->mailbox);
    *store = (struct realm_store){.store = NULL};
}

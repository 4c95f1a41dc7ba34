/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "pubsub/account.h"

#include <stdlib.h>

void account_set_init(struct account_set *set)
{
    map_init(&set->map, SIZE_MAX); /* one for each thing at most, which others bound */
}

void account_set_fini(struct account_set *set)
{
    assert(map_count(&set->map) == 0);
    map_fini(&set->map);
}

size_t account_count(const struct account_set *set, struct span key, enum account_thing thing)
{
    const struct account *account = map_find(&set->map, key);

    return account == NULL ? 0 : account->counts[thing];
}

bool account_may(size_t count, size_t max, size_t free)
{
    return count < (max > 0 ? max : free);
}

static enum err account_new(struct account_set *set, struct span key,
                            struct account **ret_account)
{
    struct account *account = calloc(1, sizeof *account + key.len);
    enum err e;

    if (account == NULL) {
        return ERR_NOMEM;
    }
    account->set = set;
    account->key_len = key.len;
    if (key.len > 0) {
        memcpy(account->key, key.ptr, key.len);
    }
    e = map_insert(&set->map, span_of(account->key, key.len), account);
    if (e != OK) {
        free(account);
        return e;
    }
    *ret_account = account;
    return OK;
}

enum err account_take(struct account_set *set, struct span key, enum account_thing thing,
                      struct account **ret_account)
{
    struct account *account = map_find(&set->map, key);

    if (account == NULL) {
        TRY(account_new(set, key, &account));
    }
    account->counts[thing]++;
    *ret_account = account;
    return OK;
}

void account_give(struct account *account, enum account_thing thing)
{
    if (account == NULL) {
        return;
    }
    assert(account->counts[thing] > 0);
    account->counts[thing]--;
    for (size_t i = 0; i < ACCOUNT_THINGS; i++) {
        if (account->counts[i] > 0) {
            return;
        }
    }
    map_remove(&account->set->map, span_of(account->key, account->key_len));
    free(account);
}

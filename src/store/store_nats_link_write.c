/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "store/store_nats_link_write.h"

#include "store/store_nats_link_inside.h"

bool store_nats_link_write_begin(struct store_nats_link *link)
{
    pthread_mutex_lock(&link->writing);
    link->writing_number = store_nats_link_connection(link);
    if (link->cut_short_number == link->writing_number &&
        store_nats_link_clock() < link->cut_short_until) {
        pthread_mutex_unlock(&link->writing);
        return false;
    }
    return true;
}

void store_nats_link_write_end(struct store_nats_link *link, bool is_cut_short)
{
    if (is_cut_short) {
        link->cut_short_until = store_nats_link_clock() + STORE_NATS_LINK_WRITE_STUCK;
        link->cut_short_number = link->writing_number;
    }
    pthread_mutex_unlock(&link->writing);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "realm/realm_made_shared.h"

#include "base/text.h"

enum {
    NAME_TEXT_BYTES = 96
};

/* True also when nothing can be read in the value: nobody made it otherwise. */
static bool is_same(const struct realm_made_one *one, struct span value)
{
    struct realm_made_record record;
    bool is_same;

    if (realm_made_record_read(value, &record) != OK) {
        return true;
    }
    is_same = record.kind == one->record.kind &&
              span_equal(buf_span(&record.attributes), buf_span(&one->record.attributes));
    buf_fini(&record.attributes);
    return is_same;
}

static void make(struct realm_made *made, struct span name, struct span value)
{
    char shown[NAME_TEXT_BYTES];
    struct realm_made_one *one;
    enum err e = realm_made_read(made, name, value, &one);

    if (e == OK) {
        realm_made_build(one);
        realm_made_open_one(one);
    } else if (e == ERR_NOMEM) {
        log_warn(made->log,
                 "another realm has made %s; it is not used here before a restart: %s",
                 text_printable(name, shown, sizeof shown), err_text(e));
    }
}

void realm_made_shared_take(struct realm_made *made, struct span key, const struct span *value)
{
    struct span name = realm_made_record_name(key);
    struct realm_made_one *one = map_find(&made->map, name);

    if (one != NULL && (one->is_pending || (value != NULL && is_same(one, *value)))) {
        return; /* pending: ours is stored behind theirs */
    }
    /* A route that its first use has made here is to have the rule, too. */
    realm_made_drop_route(made->router, name);
    if (one != NULL) {
        realm_made_drop(one);
    }
    if (value != NULL) {
        make(made, name, *value);
    }
}

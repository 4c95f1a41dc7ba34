/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "contract/store_contract_seat.h"

#include "lib/scratch.h"

#include <fcntl.h>
#include <unistd.h>

enum err store_contract_seat_open(struct store_contract_seat *seat)
{
    if (seat->loop == NULL) {
        TRY(loop_new(&seat->loop));
    }
    return seat->mailbox == NULL ? mailbox_new(&seat->mailbox, seat->loop) : OK;
}

void store_contract_seat_close(struct store_contract_seat *seat)
{
    mailbox_free(seat->mailbox);
    loop_free(seat->loop);
}

void store_contract_seat_turn(const struct store_contract_seat *seat, const struct store *store)
{
    size_t before = store->pending_count;
    msec began = loop_now(seat->loop);

    while (store->pending_count == before) {
        assert_ok(loop_turn(seat->loop, STORE_CONTRACT_SEAT_PATIENCE));
        assert_true(loop_now(seat->loop) - began < STORE_CONTRACT_SEAT_PATIENCE);
    }
}

/* Pages that are no longer in use may have a copy, so all are spoilt. */
void store_contract_seat_spoil(const char *dir, uint64_t eid)
{
    static uint8_t file[16 * STORE_CONTRACT_BYTES_MAX];
    const uint8_t wanted[12] = {1, 1, 0, 0, (uint8_t)eid}; /* version, text, zero, EID */
    char name[SCRATCH_PATH_BYTES];
    unsigned found = 0;
    ssize_t len;
    int fd;

    fd = open(scratch_path(dir, "data.mdb", name), O_RDWR);
    len = pread(fd, file, sizeof file, 0);
    for (ssize_t at = 0; at + 56 < len; at++) {
        if (memcmp(file + at, wanted, sizeof wanted) == 0) {
            const uint8_t spoilt = file[at + 44] ^ 1;

            assert_int_equal(pwrite(fd, &spoilt, 1, at + 44), 1);
            found++;
        }
    }
    assert_true(found > 0);
    close(fd);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * Any bytes as a Proxy-Authorization field: what is taken for credentials has a name without a
 * colon, no control bytes, stays within the bounds, and written again is the same field. The
 * same bytes as a user file, a group file and a pattern of <Proxy>: what is read keeps what its
 * header promises, and a section's narrow answer is never without the generous one.
 */
#include "auth/auth_basic.h"
#include "auth/htpasswd.h"
#include "auth/htpasswd_groups.h"
#include "auth/htpasswd_hash.h"
#include "base/digest.h"
#include "proxy/proxy_section.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void check_text(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        check(text.ptr[i] >= 0x20 && text.ptr[i] != 0x7f);
    }
}

static void read_field(struct span value)
{
    struct auth_basic basic;
    uint8_t plain[1024];
    char again[2048];
    struct span token;

    if (auth_basic_read(value, &basic) != OK) {
        return;
    }
    check(basic.user.len > 0 && basic.user.len <= AUTH_BASIC_USER_MAX);
    check(basic.password.len <= AUTH_BASIC_PASSWORD_MAX);
    check(span_find(basic.user, ':') == basic.user.len);
    check_text(basic.user);
    check_text(basic.password);

    memcpy(plain, basic.user.ptr, basic.user.len);
    plain[basic.user.len] = ':';
    if (basic.password.len > 0) {
        memcpy(plain + basic.user.len + 1, basic.password.ptr, basic.password.len);
    }
    digest_base64(span_of(plain, basic.user.len + 1 + basic.password.len), again);
    token = span_tail(value, value.len - strlen(again));
    check(span_equals(token, again));
    auth_basic_wipe(&basic);
}

static void read_files(struct span text, struct arena *arena, struct diag *diag)
{
    const struct htpasswd *users;
    const struct htpasswd_groups *groups;

    if (htpasswd_parse(text, "users", arena, diag, &users) == OK) {
        for (size_t i = 0; i < users->count; i++) {
            const struct htpasswd_user *user = &users->users[i];

            check(htpasswd_find(users, user->name) == user);
            check(htpasswd_hash_fault(user->hash) == NULL);
            check(user->hash.len <= HTPASSWD_HASH_BYTES_MAX);
        }
    }
    if (htpasswd_groups_parse(text, "groups", arena, diag, &groups) == OK) {
        for (size_t i = 0; i < groups->count; i++) {
            check(htpasswd_groups_knows(groups, groups->members[i].group));
        }
    }
}

/* The first half is the pattern, the second the path. */
static void read_section(struct span text, struct arena *arena)
{
    struct span pattern = span_head(text, text.len / 2);
    struct span path = span_tail(text, text.len / 2);
    const struct proxy_section_url url = {
        .scheme = SPAN("ws"), .host = SPAN("LocalHost."), .port = 80, .path = path};
    char fault[PROXY_SECTION_FAULT_BYTES];
    struct proxy_section_target target;
    struct proxy_section section;
    struct proxy_section_match match;

    if ((path.len > 0 && path.ptr[0] != '/') ||
        proxy_section_read(pattern, false, arena, &section, fault) != OK ||
        proxy_section_target_init(&target, &url) != OK) {
        return;
    }
    match = proxy_section_matches(&section, &target);
    check(match.generous || !match.narrow);
    check(match.narrow || !match.names_host);
    proxy_section_target_fini(&target);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span text = span_of(data, size);
    struct arena arena;
    struct diag diag;

    arena_init(&arena, 8 * 1024 * 1024);
    diag_init(&diag);
    read_field(text);
    read_files(text, &arena, &diag);
    read_section(text, &arena);
    diag_fini(&diag);
    arena_fini(&arena);
    return 0;
}

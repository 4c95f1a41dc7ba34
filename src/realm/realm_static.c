/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "realm/realm_static.h"

static const struct {
    const char *url;
    const char *directory;
} places[] = {
    {"/demo/", "js/demo/"},
    {"/lib/js/", "js/client/dist/"},
};

static const struct {
    const char *suffix;
    const char *type;
} types[] = {
    {".html", "text/html; charset=utf-8"},
    {".js", "text/javascript; charset=utf-8"},
    {".mjs", "text/javascript; charset=utf-8"},
    {".css", "text/css; charset=utf-8"},
    {".json", "application/json"},
    {".map", "application/json"},
    {".svg", "image/svg+xml"},
    {".png", "image/png"},
    {".ico", "image/x-icon"},
    {".woff2", "font/woff2"},
    {".txt", "text/plain; charset=utf-8"},
    {".ts", "text/plain; charset=utf-8"},
};

static bool ends_with(const char *text, const char *suffix)
{
    size_t len = strlen(text), suffix_len = strlen(suffix);

    return len >= suffix_len && strcmp(text + len - suffix_len, suffix) == 0;
}

static void describe(const struct realm_asset *asset, struct realm_static *ret_file)
{
    *ret_file = (struct realm_static){
        .bytes = asset->bytes,
        .tag = span_str(asset->tag),
        .content_type = SPAN("application/octet-stream"),
        .is_page = ends_with(asset->path, ".html"),
    };
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (ends_with(asset->path, types[i].suffix)) {
            ret_file->content_type = span_str(types[i].type);
            return;
        }
    }
}

bool realm_static_find(const struct realm_asset *table, struct span path,
                       struct realm_static *ret_file)
{
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        struct span directory = span_str(places[i].directory);
        struct span name;

        if (!span_starts(path, span_str(places[i].url))) {
            continue;
        }
        name = span_tail(path, strlen(places[i].url));
        if (name.len == 0) {
            name = SPAN("index.html");
        }
        for (const struct realm_asset *asset = table; asset->path != NULL; asset++) {
            struct span full = span_str(asset->path);

            if (span_starts(full, directory) &&
                span_equal(span_tail(full, directory.len), name)) {
                describe(asset, ret_file);
                return true;
            }
        }
    }
    return false;
}

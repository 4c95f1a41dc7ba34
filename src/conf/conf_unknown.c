/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "conf/conf_unknown.h"

#include "conf/conf_onread.h"

#include <stdio.h>

enum {
    MAX_NAME = 48,      /* bytes of a name that a suggestion is sought for */
    MAX_DEPTH = 4,      /* of sections inside sections; some hold themselves */
    MAX_PLACES = 4,     /* that a message lists */
    PLACES_BYTES = 256, /* of such a list */
};

/* A walk over every row that could be meant: what may stand here, around it, and in sections.
 */
struct walk {
    bool (*visit)(struct walk *walk, const struct directive *row); /* true ends it */
    struct span name;
    bool is_section;
    uint32_t where;
    const struct directive *found[MAX_PLACES];
    size_t found_count;
    size_t distance;
};

static bool walk_rows(struct walk *walk, const struct directive *rows, int depth)
{
    for (const struct directive *row = rows; row->name != NULL; row++) {
        if (walk->visit(walk, row)) {
            return true;
        }
        if (row->inner != NULL && row->inner != rows && depth < MAX_DEPTH &&
            walk_rows(walk, row->inner, depth + 1)) {
            return true;
        }
    }
    return false;
}

static void walk_all(struct walk *walk, const struct conf_apply *apply)
{
    for (; apply != NULL; apply = apply->outer) {
        for (size_t i = 0; i < apply->table_count; i++) {
            if (walk_rows(walk, apply->tables[i].rows, 0)) {
                return;
            }
        }
    }
    walk_rows(walk, conf_onread_rows, 0);
}

static bool take_namesake(struct walk *walk, const struct directive *row)
{
    if (conf_schema_is_section(row) != walk->is_section ||
        !span_equals_nocase(walk->name, row->name)) {
        return false;
    }
    walk->found[0] = row;
    walk->found_count = 1;
    return true;
}

static const struct directive *find_namesake(const struct conf_apply *apply, struct span name,
                                             bool is_section)
{
    struct walk walk = {.visit = take_namesake, .name = name, .is_section = is_section};

    walk_all(&walk, apply);
    return walk.found[0];
}

static bool take_opener(struct walk *walk, const struct directive *row)
{
    if (!conf_schema_is_section(row) || (row->opens & walk->where) == 0) {
        return false;
    }
    for (size_t i = 0; i < walk->found_count; i++) {
        if (strcmp(walk->found[i]->name, row->name) == 0) {
            return false;
        }
    }
    walk->found[walk->found_count++] = row;
    return walk->found_count == MAX_PLACES;
}

static size_t min3(size_t a, size_t b, size_t c)
{
    size_t less = a < b ? a : b;

    return less < c ? less : c;
}

/* Letters to add, drop, change or swap with their neighbour; case is free. */
static size_t edit_distance(struct span a, struct span b)
{
    size_t rows[3][MAX_NAME + 1]; /* the last three lines of the table, in turn */

    for (size_t j = 0; j <= b.len; j++) {
        rows[0][j] = j;
    }
    for (size_t i = 1; i <= a.len; i++) {
        size_t *row = rows[i % 3], *above = rows[(i + 2) % 3], *second = rows[(i + 1) % 3];

        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            uint8_t x = span_lower(a.ptr[i - 1]), y = span_lower(b.ptr[j - 1]);

            row[j] = min3(above[j] + 1, row[j - 1] + 1, above[j - 1] + (x == y ? 0 : 1));
            if (i > 1 && j > 1 && x == span_lower(b.ptr[j - 2]) &&
                y == span_lower(a.ptr[i - 2]) && second[j - 2] + 1 < row[j]) {
                row[j] = second[j - 2] + 1;
            }
        }
    }
    return rows[a.len % 3][b.len];
}

static bool take_nearest(struct walk *walk, const struct directive *row)
{
    struct span name = span_str(row->name);
    size_t distance;

    if (name.len > MAX_NAME || row->type >= CONF_IGNORED) {
        return false; /* to be sent to a name that is refused helps nobody */
    }
    distance = edit_distance(walk->name, name);
    if (distance < walk->distance) {
        walk->distance = distance;
        walk->found[0] = row;
    }
    return false;
}

/* Near enough is a third of the letters, three at most: "Deny" is no slip for "Listen". */
static const struct directive *find_nearest(const struct conf_apply *apply, struct span name)
{
    size_t limit = name.len < 3 ? 1 : name.len > 9 ? 3 : name.len / 3;
    struct walk walk = {.visit = take_nearest, .name = name, .distance = limit + 1};

    if (name.len <= MAX_NAME) {
        walk_all(&walk, apply);
    }
    return walk.found[0];
}

static void report_unknown(const struct conf_apply *apply, const struct conf_node *node)
{
    const struct directive *near = find_nearest(apply, node->name);
    const char *what = node->is_section ? "section <" : "directive \"";
    const char *end = node->is_section ? ">" : "\"";

    if (near == NULL) {
        diag_error(apply->diag, node->file, node->line,
                   "unknown %s%.*s%s (no name is like it; the manual has a list of directives)",
                   what, SPAN_ARG(diag_word(node->name)), end);
        return;
    }
    diag_error(apply->diag, node->file, node->line, "unknown %s%.*s%s (did you mean %s%s%s?)",
               what, SPAN_ARG(diag_word(node->name)), end,
               conf_schema_is_section(near) ? "<" : "", near->name,
               conf_schema_is_section(near) ? ">" : "");
}

void conf_unknown_name(const struct conf_apply *apply, const struct conf_node *node)
{
    const struct directive *row = find_namesake(apply, node->name, node->is_section);

    if (row != NULL) {
        conf_unknown_place(apply, node, row);
        return;
    }
    row = find_namesake(apply, node->name, !node->is_section);
    if (row == NULL) {
        report_unknown(apply, node);
    } else if (node->is_section) {
        diag_error(apply->diag, node->file, node->line,
                   "%s is a directive, not a section (write it without < and >)", row->name);
    } else {
        diag_error(apply->diag, node->file, node->line,
                   "%s is a section (write <%s ...>, its content, and </%s>)", row->name,
                   row->name, row->name);
    }
}

static void list_places(const struct walk *walk, char *room, size_t room_bytes)
{
    size_t used = 0;

    for (size_t i = 0; i < walk->found_count; i++) {
        const char *gap = i == 0 ? "" : i + 1 == walk->found_count ? " or " : ", ";
        int len = snprintf(room + used, room_bytes - used, "%s<%s>", gap, walk->found[i]->name);

        used += (size_t)len < room_bytes - used ? (size_t)len : room_bytes - used - 1;
    }
}

/* "put it outside of every section, or inside <Proxy>"; empty where no place is known. */
static void write_remedy(const struct walk *walk, bool stands_outside, char *room,
                         size_t room_bytes)
{
    char places[PLACES_BYTES] = "";

    list_places(walk, places, sizeof places);
    snprintf(room, room_bytes, "%s%s%s%s%s", stands_outside || *places ? " (put it " : "",
             stands_outside ? "outside of every section" : "",
             stands_outside && *places ? ", or " : "", *places ? "inside " : "", places);
    if (*room != '\0') {
        snprintf(room + strlen(room), room_bytes - strlen(room), ")");
    }
}

static const struct conf_apply *outermost(const struct conf_apply *apply)
{
    while (apply->outer != NULL) {
        apply = apply->outer;
    }
    return apply;
}

void conf_unknown_place(const struct conf_apply *apply, const struct conf_node *node,
                        const struct directive *row)
{
    bool is_inside = node->parent != NULL;
    /* A namesake may stand here: that is no help. */
    struct walk walk = {.visit = take_opener,
                        .where = row->where & ~(is_inside ? apply->place : 0)};
    const char *open = conf_schema_is_section(row) ? "<" : "";
    const char *close = conf_schema_is_section(row) ? ">" : "";
    char room[PLACES_BYTES + sizeof " (put it outside of every section, or inside )"] = "";

    walk_all(&walk, apply);
    if (is_inside) {
        write_remedy(&walk, (row->where & outermost(apply)->place) != 0, room, sizeof room);
        diag_error(apply->diag, node->file, node->line, "%s%s%s may not stand inside <%.*s>%s",
                   open, row->name, close, SPAN_ARG(diag_word(node->parent->name)), room);
        return;
    }
    list_places(&walk, room, sizeof room);
    diag_error(apply->diag, node->file, node->line, "%s%s%s may stand only inside %s", open,
               row->name, close, walk.found_count == 0 ? "certain sections" : room);
}

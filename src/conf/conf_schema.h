/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * A directive is a row: what it is called, what it takes, where it is stored, what it is when
 * nobody says, where it may stand, and a sentence of help. A module's rows stand beside its
 * struct; from them a tree is checked and written into the struct.
 *
 *   #define ROW(directive, kind, member) \
 *       .name = (directive), .type = (kind), CONF_SCHEMA_FIELD(struct proxy_conf, member)
 *
 *   static const struct directive proxy_directives[] = {
 *       {ROW("ProxyTimeout", CONF_DURATION, timeout),
 *        .min = 1000, .max = 3600000, .initial = "60s", .where = IN_SERVER,
 *        .help = "Silence, in both directions, after which a tunnel is closed."},
 *       {.name = NULL},
 *   };
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/span.h"
#include "conf/conf_tree.h"
#include "conf/diag.h"

enum conf_type {
    CONF_SWITCH,   /* On or Off; the member is a bool */
    CONF_NUMBER,   /* decimal; any unsigned member, min and max fit into it */
    CONF_DURATION, /* 500ms, 10s, 2m, 1h, or seconds; the member is msec, as are min and max */
    CONF_SIZE,     /* 512, 64k, 16m, 1g; any unsigned member, in bytes, as are min and max */
    CONF_CHOICE,   /* one of `choices`, case ignored; the member is an enum */
    CONF_TEXT,     /* one word; a struct span in the arena, a zero follows; min, max: bytes */
    CONF_PATH,     /* a file: as TEXT, seen from ServerRoot or the directory of the file where
                      it stands (conf_node.base) */
    CONF_PORTS,    /* ports and ranges; a struct conf_ports. The first line replaces the
                      default, further lines add to it. min, max: ports */
    CONF_CUSTOM,   /* `set` reads the words; min, max: how many words it takes */
    CONF_SECTION,  /* <Name>: `set` reads the words and the children; min, max as CUSTOM */
    CONF_IGNORED,  /* accepted with a note; `help` says why it has no effect here */
    CONF_REFUSED,  /* httpd has it and we do not: an error; `help` says our way to the end */
};

struct conf_choice {
    const char *name; /* NULL ends the list */
    int value;
};

struct conf_apply;

/**
 * Reads one directive or section into `conf`, the struct of the row's table. Faults go to
 * apply->diag, with node->file and node->line; what must live as long as `conf` comes out of
 * apply->arena (the node itself lives there too).
 *
 * Returns OK, also after a fault was reported; ERR_CONF is the same. ERR_NOMEM and ERR_LIMIT
 * end the whole reading.
 */
typedef enum err conf_schema_set(void *conf, const struct conf_node *node,
                                 const struct conf_apply *apply);

struct directive {
    const char *name; /* as it is to be written; case is ignored. NULL ends the rows */
    enum conf_type type;
    size_t field;       /* with field_bytes: CONF_SCHEMA_FIELD */
    size_t field_bytes; /* 0 when there is no member */
    uint64_t min;
    uint64_t max;                      /* 0: no upper bound */
    const char *initial;               /* the default, as an operator would write it; NULL:
                                          none, the member stays zero. Not for set */
    uint32_t where;                    /* flags of the caller: the places where it may stand */
    bool once;                         /* CUSTOM and SECTION: may not be repeated */
    const struct conf_choice *choices; /* CHOICE */
    conf_schema_set *set;              /* CUSTOM, SECTION */
    uint32_t opens;                    /* SECTION: the place that its content is in */
    const struct directive *inner; /* SECTION: rows for its content, for messages; or NULL */
    const char *form; /* what is written behind the name: "[address:]port"; NULL: by type */
    const char *unit; /* NUMBER: what is counted, "connections"; or NULL */
    bool section;     /* IGNORED, REFUSED: it is written <Name>, and its content is skipped */
    bool ours;        /* httpd does not have it, or not in this meaning */
    const char *help; /* a sentence; the manual is printed from it */
    const char *more; /* for the manual: what a sentence cannot hold. An empty line parts
                         paragraphs, which are plain text. Or NULL */
};

/** In a row: where the member is and how large. */
#define CONF_SCHEMA_FIELD(type, member) \
    .field = offsetof(type, member), .field_bytes = sizeof(((type *)NULL)->member)

/** Rows, and the struct that they write to. */
struct conf_table {
    const struct directive *rows; /* borrowed; ends with a name of NULL */
    void *conf;                   /* borrowed */
};

/** One reading: of a file at server level, or of a section's content. */
struct conf_apply {
    const struct conf_table *tables; /* borrowed; a name is looked up in their order */
    size_t table_count;
    uint32_t place;                   /* one flag: where the nodes stand */
    struct arena *arena;              /* borrowed */
    struct diag *diag;                /* borrowed */
    const struct conf_apply *outer;   /* in a section: what its `set` was given. Else NULL */
    const struct conf_source *source; /* borrowed; for conf_load(): what lies outside the text.
                                         NULL: nothing */
};

/** Writes each row's `initial` to its member. */
void conf_schema_defaults(const struct directive *rows, void *conf);

/**
 * Writes `nodes`, a list, into the tables' structs. Goes on behind a fault, so that all are
 * found; each is reported with file, line, word and a way out.
 *
 * Returns OK         also with faults: diag_count(diag, DIAG_ERROR) says whether the structs
 *                    may be used
 *         ERR_NOMEM, ERR_LIMIT  the arena is exhausted
 */
must_check enum err conf_schema_apply(const struct conf_apply *apply,
                                      const struct conf_node *nodes);

/** Whether the number of a node's words is right for the row; if not, that is reported. */
bool conf_schema_check_count(const struct directive *row, const struct conf_node *node,
                             struct diag *diag);

/** Whether it is written <Name>. */
bool conf_schema_is_section(const struct directive *row);

/** The row for a name, of that kind; NULL when there is none. */
const struct directive *conf_schema_find(const struct directive *rows, struct span name,
                                         bool is_section);

/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "conf/conf_value.h"

#include "base/text.h"
#include "conf/conf_lex.h"
#include "conf/conf_ports.h"

#include <stdio.h>

enum {
    MAX_NUMBER = 32, /* bytes of a number with its unit */
};

/* One half of conf_value_form(): what may be written where. */
struct form {
    char *room; /* CONF_VALUE_MAX_FORM bytes */
    size_t used;
};

static void add(struct form *form, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void add(struct form *form, const char *format, ...)
{
    size_t left = CONF_VALUE_MAX_FORM - form->used;
    va_list args;
    int len;

    va_start(args, format);
    len = vsnprintf(form->room + form->used, left, format, args);
    va_end(args);
    form->used += (size_t)len < left ? (size_t)len : left - 1;
}

/* The largest unit that leaves no rest: 3600000 is 1h, 90000 is 90s. */
static const char *print_number(enum conf_type type, uint64_t number, char room[MAX_NUMBER])
{
    static const struct unit {
        enum conf_type type;
        uint64_t factor;
        const char *name;
    } units[] = {
        {CONF_DURATION, 3600000, "h"},
        {CONF_DURATION, 60000, "m"},
        {CONF_DURATION, 1000, "s"},
        {CONF_DURATION, 1, "ms"},
        {CONF_SIZE, 1024 * 1024 * 1024, "g"},
        {CONF_SIZE, 1024 * 1024, "m"},
        {CONF_SIZE, 1024, "k"},
    };

    for (size_t i = 0; i < sizeof units / sizeof units[0] && number > 0; i++) {
        if (units[i].type == type && number % units[i].factor == 0) {
            snprintf(room, MAX_NUMBER, "%llu%s", (unsigned long long)(number / units[i].factor),
                     units[i].name);
            return room;
        }
    }
    snprintf(room, MAX_NUMBER, "%llu", (unsigned long long)number);
    return room;
}

/* "1 to 64 workers", "1s or more"; without bounds an example, where there is one. */
static void add_bounds(struct form *form, const struct directive *row, const char *example)
{
    char low[MAX_NUMBER], high[MAX_NUMBER];

    print_number(row->type, row->min, low);
    print_number(row->type, row->max, high);
    if (row->max != 0) {
        add(form, "%s to %s", low, high);
    } else if (row->min != 0) {
        add(form, "%s or more", low);
    } else {
        add(form, "%s", example);
    }
    if (row->unit != NULL) {
        add(form, " %s", row->unit);
    }
}

static void add_choices(struct form *form, const struct conf_choice *choices)
{
    for (const struct conf_choice *choice = choices; choice->name != NULL; choice++) {
        bool is_last = choice[1].name == NULL;

        add(form, "%s%s", choice == choices ? "" : is_last ? " or " : ", ", choice->name);
    }
}

static uint64_t max_port(const struct directive *row)
{
    return row->max == 0 ? CONF_PORTS_MAX : row->max;
}

const char *conf_value_form(const struct directive *row, char room[CONF_VALUE_MAX_FORM])
{
    struct form form = {.room = room};

    room[0] = '\0';
    if (row->form != NULL) {
        add(&form, "%s", row->form);
        return room;
    }
    switch (row->type) {
    case CONF_SWITCH: add(&form, "On or Off"); break;
    case CONF_NUMBER: add_bounds(&form, row, "a number"); break;
    case CONF_DURATION: add(&form, "500ms, 10s or 2m"); break;
    case CONF_SIZE: add(&form, "512, 64k or 16m"); break;
    case CONF_CHOICE: add_choices(&form, row->choices); break;
    case CONF_TEXT: add(&form, "one word, or several in quotes"); break;
    case CONF_PATH: add(&form, "the name of a file"); break;
    case CONF_PORTS:
        add(&form, "%llu to %llu, or a range like 9000-9010",
            (unsigned long long)(row->min == 0 ? 1 : row->min),
            (unsigned long long)max_port(row));
        break;
    case CONF_CUSTOM:
    case CONF_SECTION:
    case CONF_IGNORED:
    case CONF_REFUSED: break;
    }
    return room;
}

/* Numbers are clear without quotes; anything else is shown exactly. */
static bool needs_quotes(struct span word)
{
    for (size_t i = 0; i < word.len; i++) {
        if ((word.ptr[i] < '0' || word.ptr[i] > '9') && word.ptr[i] != '-') {
            return true;
        }
    }
    return word.len == 0;
}

static bool refuse(char fault[DIAG_MAX_TEXT], struct span word, const char *what,
                   const char *remedy)
{
    const char *quote = needs_quotes(word) ? "\"" : "";

    snprintf(fault, DIAG_MAX_TEXT, "%s%.*s%s %s (%s)", quote, SPAN_ARG(diag_word(word)), quote,
             what, remedy);
    return false;
}

static bool refuse_form(char fault[DIAG_MAX_TEXT], const struct directive *row,
                        struct span word, const char *what)
{
    char form[CONF_VALUE_MAX_FORM];
    char remedy[CONF_VALUE_MAX_FORM + sizeof "write "];

    snprintf(remedy, sizeof remedy, "write %s", conf_value_form(row, form));
    return refuse(fault, word, what, remedy);
}

static void *member_of(const struct directive *row, void *conf, size_t bytes)
{
    assert(row->field_bytes == bytes);
    return (char *)conf + row->field;
}

static bool store_switch(const struct directive *row, struct span word, void *conf, char *fault)
{
    bool *member = member_of(row, conf, sizeof *member);
    bool is_on = span_equals_nocase(word, "On");

    if (!is_on && !span_equals_nocase(word, "Off")) {
        return refuse_form(fault, row, word, "is neither On nor Off");
    }
    *member = is_on;
    return true;
}

static void put_unsigned(const struct directive *row, void *conf, uint64_t number)
{
    void *member = (char *)conf + row->field;

    switch (row->field_bytes) {
    case sizeof(uint8_t): *(uint8_t *)member = (uint8_t)number; break;
    case sizeof(uint16_t): *(uint16_t *)member = (uint16_t)number; break;
    case sizeof(uint32_t): *(uint32_t *)member = (uint32_t)number; break;
    case sizeof(uint64_t): *(uint64_t *)member = number; break;
    default: assert(false && "an unsigned member");
    }
}

/* What fits into the member bounds the value too: never a number cut short. */
static uint64_t max_number(const struct directive *row)
{
    uint64_t fits = UINT64_MAX;

    if (row->field_bytes < sizeof fits) {
        fits = (UINT64_C(1) << (8 * row->field_bytes)) - 1;
    }
    assert(row->max <= fits);
    return row->max == 0 ? fits : row->max;
}

static bool refuse_bound(const struct directive *row, struct span word, const char *what,
                         char *fault)
{
    char room[CONF_VALUE_MAX_FORM] = "";
    char remedy[CONF_VALUE_MAX_FORM + sizeof "write "];
    char high[MAX_NUMBER];
    char less[MAX_NUMBER + sizeof "at most "];
    struct form form = {.room = room};

    snprintf(less, sizeof less, "at most %s", print_number(row->type, max_number(row), high));
    add_bounds(&form, row, less);
    snprintf(remedy, sizeof remedy, "write %s", room);
    snprintf(fault, DIAG_MAX_TEXT, "%.*s %s (%s)", SPAN_ARG(diag_word(word)), what, remedy);
    return false;
}

static bool is_digits(struct span word)
{
    return !needs_quotes(word) && span_find(word, '-') == word.len;
}

static bool store_number(const struct directive *row, struct span word, void *conf, char *fault)
{
    bool is_duration = row->type == CONF_DURATION;
    const char *small = is_duration ? "is too short" : "is too small";
    const char *large = is_duration ? "is too long" : "is too large";
    uint64_t number = UINT64_MAX;
    bool is_read = false;

    if (row->type == CONF_NUMBER) {
        is_read = text_u64(word, UINT64_MAX, &number);
    } else if (row->type == CONF_SIZE) {
        is_read = text_size(word, &number);
    } else {
        assert(row->field_bytes == sizeof(msec));
        is_read = text_duration(word, 1000, &number);
    }
    if (!is_read && is_digits(word)) {
        return refuse_bound(row, word, large, fault); /* 2^64 or more */
    }
    if (!is_read) {
        return refuse_form(fault, row, word,
                           row->type == CONF_NUMBER ? "is not a number"
                           : is_duration            ? "is not a duration"
                                                    : "is not a size");
    }
    if (number < row->min) {
        return refuse_bound(row, word, small, fault);
    }
    if (number > max_number(row)) {
        return refuse_bound(row, word, large, fault);
    }
    put_unsigned(row, conf, number);
    return true;
}

static bool store_choice(const struct directive *row, struct span word, void *conf, char *fault)
{
    int *member = member_of(row, conf, sizeof *member);

    for (const struct conf_choice *choice = row->choices; choice->name != NULL; choice++) {
        if (span_equals_nocase(word, choice->name)) {
            memcpy(member, &choice->value, sizeof *member); /* it is some enum */
            return true;
        }
    }
    return refuse_form(fault, row, word, "is none of the words it knows");
}

static bool store_text(const struct directive *row, struct span word, void *conf, char *fault)
{
    struct span *member = member_of(row, conf, sizeof *member);
    char remedy[80];

    if (word.len < row->min || (row->max != 0 && word.len > row->max)) {
        bool is_short = word.len < row->min;

        snprintf(remedy, sizeof remedy, "write %s %llu bytes",
                 is_short ? "at least" : "at most",
                 (unsigned long long)(is_short ? row->min : row->max));
        return refuse(fault, word, is_short ? "is too short" : "is too long", remedy);
    }
    *member = word;
    return true;
}

static bool store_ports(const struct directive *row, struct span word, void *conf, char *fault)
{
    struct conf_ports *member = member_of(row, conf, sizeof *member);
    struct conf_ports_range range;
    char form[CONF_VALUE_MAX_FORM];

    if (!conf_ports_read(word, &range) || range.first < row->min || range.last < row->min ||
        range.first > max_port(row) || range.last > max_port(row)) {
        return refuse(fault, word, "is not a port", conf_value_form(row, form));
    }
    if (range.first > range.last) {
        char remedy[40];

        snprintf(remedy, sizeof remedy, "write %u-%u", range.last, range.first);
        return refuse(fault, word, "runs backwards", remedy);
    }
    conf_ports_add(member, range);
    return true;
}

bool conf_value_store(const struct directive *row, struct span word, void *conf,
                      char fault[DIAG_MAX_TEXT])
{
    switch (row->type) {
    case CONF_SWITCH: return store_switch(row, word, conf, fault);
    case CONF_NUMBER:
    case CONF_DURATION:
    case CONF_SIZE: return store_number(row, word, conf, fault);
    case CONF_CHOICE: return store_choice(row, word, conf, fault);
    case CONF_TEXT:
    case CONF_PATH: return store_text(row, word, conf, fault);
    case CONF_PORTS: return store_ports(row, word, conf, fault);
    case CONF_CUSTOM:
    case CONF_SECTION:
    case CONF_IGNORED:
    case CONF_REFUSED: break;
    }
    assert(false && "a row with a value");
    return false;
}

const char *conf_value_bounds(const struct directive *row, char room[CONF_VALUE_MAX_FORM])
{
    struct form form = {.room = room};
    bool is_number =
        row->type == CONF_NUMBER || row->type == CONF_DURATION || row->type == CONF_SIZE;

    room[0] = '\0';
    if (is_number && (row->max != 0 || row->min != 0 || row->unit != NULL)) {
        add_bounds(&form, row, "any number of");
    } else if (row->type == CONF_PORTS) {
        add(&form, "%llu to %llu", (unsigned long long)(row->min == 0 ? 1 : row->min),
            (unsigned long long)max_port(row));
    } else if ((row->type == CONF_TEXT || row->type == CONF_PATH) && row->max != 0) {
        add(&form, "at most %llu bytes", (unsigned long long)row->max);
    }
    return room;
}

static uint64_t get_unsigned(const struct directive *row, const void *member)
{
    switch (row->field_bytes) {
    case sizeof(uint8_t): return *(const uint8_t *)member;
    case sizeof(uint16_t): return *(const uint16_t *)member;
    case sizeof(uint32_t): return *(const uint32_t *)member;
    case sizeof(uint64_t): return *(const uint64_t *)member;
    default: assert(false && "an unsigned member"); return 0;
    }
}

static const char *choice_name(const struct directive *row, const void *member)
{
    int value;

    memcpy(&value, member, sizeof value); /* it is some enum */
    for (const struct conf_choice *choice = row->choices; choice->name != NULL; choice++) {
        if (choice->value == value) {
            return choice->name;
        }
    }
    assert(false && "one of the choices");
    return "";
}

enum err conf_value_print(const struct directive *row, const void *conf, struct buf *out)
{
    const void *member = (const char *)conf + row->field;
    char room[MAX_NUMBER];

    switch (row->type) {
    case CONF_SWITCH: return buf_printf(out, "%s", *(const bool *)member ? "On" : "Off");
    case CONF_NUMBER:
    case CONF_DURATION:
    case CONF_SIZE:
        return buf_printf(out, "%s", print_number(row->type, get_unsigned(row, member), room));
    case CONF_CHOICE: return buf_printf(out, "%s", choice_name(row, member));
    case CONF_TEXT:
    case CONF_PATH: return conf_lex_put(*(const struct span *)member, out);
    case CONF_PORTS: return conf_ports_print(member, out);
    case CONF_CUSTOM:
    case CONF_SECTION:
    case CONF_IGNORED:
    case CONF_REFUSED: break;
    }
    assert(false && "a row with a value");
    return ERR_CONF;
}

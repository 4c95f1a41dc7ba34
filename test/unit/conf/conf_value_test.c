/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "conf/conf_value.h"

#include "base/clock.h"
#include "conf/conf_ports.h"
#include "lib/testing.h"

enum taste {
    TASTE_SWEET,
    TASTE_SOUR = 7,
    TASTE_BITTER = -3,
};

struct meal {
    bool is_hot;
    uint8_t plates;
    uint16_t guests;
    unsigned chairs;
    uint64_t grains;
    msec cooking;
    uint64_t pot_bytes;
    enum taste taste;
    struct span cook;
    struct conf_ports doors;
};

static const struct conf_choice tastes[] = {{"Sweet", TASTE_SWEET},
                                            {"Sour", TASTE_SOUR},
                                            {"Bitter", TASTE_BITTER},
                                            {NULL, 0}};

#define ROW(kind, member) .name = "X", .type = (kind), CONF_SCHEMA_FIELD(struct meal, member)

static const struct directive is_hot = {ROW(CONF_SWITCH, is_hot)};
static const struct directive plates = {ROW(CONF_NUMBER, plates)};
static const struct directive guests = {ROW(CONF_NUMBER, guests), .max = 500};
static const struct directive chairs = {ROW(CONF_NUMBER, chairs), .min = 2, .max = 64,
                                        .unit = "chairs"};
static const struct directive grains = {ROW(CONF_NUMBER, grains), .min = 1};
static const struct directive cooking = {ROW(CONF_DURATION, cooking), .min = 1000,
                                         .max = 3600000};
static const struct directive pot = {ROW(CONF_SIZE, pot_bytes), .min = 512, .max = 16u << 20};
static const struct directive taste = {ROW(CONF_CHOICE, taste), .choices = tastes};
static const struct directive cook = {ROW(CONF_TEXT, cook), .min = 2, .max = 5};
static const struct directive doors = {ROW(CONF_PORTS, doors)};
static const struct directive high_doors = {ROW(CONF_PORTS, doors), .min = 1024, .max = 2000};

static struct meal store(const struct directive *row, const char *word)
{
    struct meal meal = {.is_hot = true};
    char fault[DIAG_MAX_TEXT] = "";

    if (!conf_value_store(row, span_str(word), &meal, fault)) {
        fail_msg("%s", fault);
    }
    return meal;
}

static void a_word_is_stored_by_its_type(void **state)
{
    struct meal meal;

    (void)state;
    assert_true(store(&is_hot, "ON").is_hot);
    assert_false(store(&is_hot, "off").is_hot);
    assert_int_equal(store(&plates, "255").plates, 255);
    assert_int_equal(store(&guests, "500").guests, 500);
    assert_int_equal(store(&chairs, "64").chairs, 64);
    assert_true(store(&grains, "18446744073709551615").grains == UINT64_MAX);
    assert_int_equal(store(&cooking, "10").cooking, 10000);
    assert_int_equal(store(&cooking, "1500ms").cooking, 1500);
    assert_int_equal(store(&cooking, "1h").cooking, 3600000);
    assert_int_equal(store(&pot, "64K").pot_bytes, 65536);
    assert_int_equal(store(&taste, "sour").taste, TASTE_SOUR);
    assert_int_equal(store(&taste, "Bitter").taste, TASTE_BITTER);
    assert_bytes(store(&cook, "Vera").cook, SPAN("Vera"));
    meal = store(&doors, "9000-9002");
    assert_true(conf_ports_has(&meal.doors, 9001));
}

static void a_word_that_will_not_do_is_named_with_a_way_out(void **state)
{
    static const struct {
        const struct directive *row;
        const char *word;
        const char *fault;
    } rows[] = {
        {&is_hot, "Yes", "\"Yes\" is neither On nor Off (write On or Off)"},
        {&is_hot, "", "\"\" is neither On nor Off (write On or Off)"},
        {&plates, "256", "256 is too large (write at most 255)"},
        {&plates, "-1", "-1 is not a number (write a number)"},
        {&guests, "501", "501 is too large (write 0 to 500)"},
        {&chairs, "1", "1 is too small (write 2 to 64 chairs)"},
        {&chairs, "99999999999999999999",
         "99999999999999999999 is too large (write 2 to 64 "
         "chairs)"},
        {&chairs, "4x", "\"4x\" is not a number (write 2 to 64 chairs)"},
        {&grains, "0", "0 is too small (write 1 or more)"},
        {&cooking, "10q", "\"10q\" is not a duration (write 500ms, 10s or 2m)"},
        {&cooking, "2h", "2h is too long (write 1s to 1h)"},
        {&cooking, "999ms", "999ms is too short (write 1s to 1h)"},
        {&cooking, "18446744073709551616", "18446744073709551616 is too long (write 1s to 1h)"},
        {&pot, "1x", "\"1x\" is not a size (write 512, 64k or 16m)"},
        {&pot, "511", "511 is too small (write 512 to 16m)"},
        {&pot, "1g", "1g is too large (write 512 to 16m)"},
        {&taste, "Salty",
         "\"Salty\" is none of the words it knows (write Sweet, Sour or "
         "Bitter)"},
        {&cook, "", "\"\" is too short (write at least 2 bytes)"},
        {&cook, "Veronica", "\"Veronica\" is too long (write at most 5 bytes)"},
        {&doors, "90000", "90000 is not a port (1 to 65535, or a range like 9000-9010)"},
        {&doors, "9000-70000",
         "9000-70000 is not a port (1 to 65535, or a range like "
         "9000-9010)"},
        {&doors, "9000x", "\"9000x\" is not a port (1 to 65535, or a range like 9000-9010)"},
        {&doors, "9443-9000", "9443-9000 runs backwards (write 9000-9443)"},
        {&high_doors, "80", "80 is not a port (1024 to 2000, or a range like 9000-9010)"},
        {&high_doors, "1500-2001",
         "1500-2001 is not a port (1024 to 2000, or a range like "
         "9000-9010)"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        static const struct meal untouched;
        static struct meal meal;
        char fault[DIAG_MAX_TEXT] = "";

        assert_false(conf_value_store(rows[i].row, span_str(rows[i].word), &meal, fault));
        assert_string_equal(fault, rows[i].fault);
        assert_memory_equal(&meal, &untouched, sizeof meal);
    }
}

static void a_very_long_word_is_shown_in_part(void **state)
{
    struct meal meal;
    char word[1001];
    char fault[DIAG_MAX_TEXT];

    (void)state;
    memset(word, 'x', 1000);
    word[1000] = '\0';
    assert_false(conf_value_store(&cooking, span_str(word), &meal, fault));
    assert_non_null(strstr(fault, "x\" is not a duration (write 500ms, 10s or 2m)"));
    assert_true(strlen(fault) < DIAG_MAX_WORD + 60);
}

static void a_form_may_be_the_rows_own(void **state)
{
    const struct directive own = {ROW(CONF_TEXT, cook), .form = "first-name"};
    char room[CONF_VALUE_MAX_FORM];

    (void)state;
    assert_string_equal(conf_value_form(&own, room), "first-name");
    assert_string_equal(conf_value_form(&cook, room), "one word, or several in quotes");
    assert_string_equal(conf_value_form(&(struct directive){.type = CONF_CUSTOM}, room), "");
}

static void a_value_is_printed_as_it_would_be_written(void **state)
{
    static const struct {
        const struct directive *row;
        const char *word, *printed;
    } rows[] = {
        {&is_hot, "on", "On"},
        {&is_hot, "OFF", "Off"},
        {&plates, "255", "255"},
        {&guests, "500", "500"},
        {&chairs, "2", "2"},
        {&grains, "18446744073709551615", "18446744073709551615"},
        {&cooking, "90", "90s"},
        {&cooking, "1500ms", "1500ms"},
        {&cooking, "3600", "1h"},
        {&pot, "1024", "1k"},
        {&pot, "1025", "1025"},
        {&taste, "bitter", "Bitter"},
        {&cook, "a \"b", "\"a \\\"b\""},
        {&cook, "#ab", "\"#ab\""},
        {&cook, "a-b.c", "a-b.c"},
        {&doors, "80-90", "80-90"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct meal meal = store(rows[i].row, rows[i].word);
        struct buf out;

        buf_init(&out, 1000);
        assert_ok(conf_value_print(rows[i].row, &meal, &out));
        assert_bytes(buf_span(&out), span_str(rows[i].printed));
        buf_fini(&out);
    }
}

static void bounds_are_said_where_there_are_any(void **state)
{
    char room[CONF_VALUE_MAX_FORM];

    (void)state;
    assert_string_equal(conf_value_bounds(&is_hot, room), "");
    assert_string_equal(conf_value_bounds(&plates, room), "");
    assert_string_equal(conf_value_bounds(&guests, room), "0 to 500");
    assert_string_equal(conf_value_bounds(&chairs, room), "2 to 64 chairs");
    assert_string_equal(conf_value_bounds(&grains, room), "1 or more");
    assert_string_equal(conf_value_bounds(&cooking, room), "1s to 1h");
    assert_string_equal(conf_value_bounds(&cook, room), "at most 5 bytes");
    assert_string_equal(conf_value_bounds(&doors, room), "1 to 65535");
    assert_string_equal(conf_value_bounds(&high_doors, room), "1024 to 2000");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_word_is_stored_by_its_type),
        cmocka_unit_test(a_word_that_will_not_do_is_named_with_a_way_out),
        cmocka_unit_test(a_very_long_word_is_shown_in_part),
        cmocka_unit_test(a_form_may_be_the_rows_own),
        cmocka_unit_test(a_value_is_printed_as_it_would_be_written),
        cmocka_unit_test(bounds_are_said_where_there_are_any),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * The promise to the operator, as a table: each wrong file and the exact sentences it gets. The
 * rows are those of a small proxy; the real ones have their own tests.
 */
#include "conf/conf_load.h"

#include "base/clock.h"
#include "conf/conf_ports.h"
#include "lib/oom.h"
#include "lib/testing.h"
#include "unit/conf/reference.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    IN_SERVER = 1u << 0,
    IN_PROXY = 1u << 1,
};

enum via {
    VIA_OFF,
    VIA_ON,
};

struct proxy_conf {
    bool requests;
    enum via via;
    msec timeout;
    struct conf_ports ports;
    unsigned listens;
    unsigned sections;
    unsigned allowed; /* addresses, in all sections */
};

static enum err count_listen(void *conf, const struct conf_node *node,
                             const struct conf_apply *apply)
{
    struct proxy_conf *proxy = conf;

    (void)node;
    (void)apply;
    proxy->listens++;
    return OK;
}

/* What an access rule should do with the mutilated page: allow nobody, and say so. */
static enum err count_allowed(void *conf, const struct conf_node *node,
                              const struct conf_apply *apply)
{
    struct proxy_conf *proxy = conf;

    if (node->word_count == 1) {
        diag_warn(apply->diag, node->file, node->line,
                  "Allow from: no address is left; understood as allowing nobody (write Allow "
                  "from 127.0.0.1)");
    }
    proxy->allowed += (unsigned)node->word_count - 1;
    return OK;
}

static enum err take_any(void *conf, const struct conf_node *node,
                         const struct conf_apply *apply)
{
    (void)conf;
    (void)node;
    (void)apply;
    return OK;
}

/* clang-format off */
static const struct directive section_rows[] = {
    {.name = "Order", .type = CONF_CUSTOM, .set = take_any, .min = 1, .max = 1,
     .form = "deny,allow", .where = IN_PROXY},
    {.name = "Deny", .type = CONF_CUSTOM, .set = take_any, .min = 2,
     .form = "from all", .where = IN_PROXY},
    {.name = "Allow", .type = CONF_CUSTOM, .set = count_allowed, .min = 1,
     .form = "from 127.0.0.1", .where = IN_PROXY},
    {.name = NULL},
};
/* clang-format on */

static enum err read_section(void *conf, const struct conf_node *node,
                             const struct conf_apply *apply)
{
    struct proxy_conf *proxy = conf;
    const struct conf_table table = {section_rows, proxy};
    const struct conf_apply inside = {.tables = &table,
                                      .table_count = 1,
                                      .place = IN_PROXY,
                                      .arena = apply->arena,
                                      .diag = apply->diag,
                                      .outer = apply};

    proxy->sections++;
    return conf_schema_apply(&inside, node->children);
}

static const struct conf_choice vias[] = {{"Off", VIA_OFF}, {"On", VIA_ON}, {NULL, 0}};

#define ROW(directive, kind, member) \
    .name = (directive), .type = (kind), CONF_SCHEMA_FIELD(struct proxy_conf, member)

/* clang-format off */
static const struct directive proxy_rows[] = {
    {ROW("ProxyRequests", CONF_SWITCH, requests), .initial = "Off", .where = IN_SERVER},
    {ROW("ProxyVia", CONF_CHOICE, via), .choices = vias, .initial = "Off", .where = IN_SERVER},
    {ROW("ProxyTimeout", CONF_DURATION, timeout), .min = 1000, .max = 3600000, .initial = "60s",
     .where = IN_SERVER},
    {ROW("AllowCONNECT", CONF_PORTS, ports), .initial = "443 563", .where = IN_SERVER},
    {.name = "Listen", .type = CONF_CUSTOM, .set = count_listen, .min = 1, .max = 1,
     .form = "[address:]port", .where = IN_SERVER},
    {.name = "Proxy", .type = CONF_SECTION, .set = read_section, .min = 1, .max = 1,
     .form = "pattern", .where = IN_SERVER, .opens = IN_PROXY, .inner = section_rows},
    {.name = "LoadModule", .type = CONF_IGNORED, .where = IN_SERVER,
     .help = "Wayleave has no modules to load."},
    {.name = NULL},
};
/* clang-format on */

static const char module_note[] =
    "wayleave.conf:3: note: LoadModule is ignored (Wayleave has no modules to load)\n";

struct fixture {
    struct arena arena;
    struct diag diag;
    struct proxy_conf conf;
    enum err e;
    char said[65536]; /* every message, each with a line end */
};

static void begin(struct fixture *it, struct span text, size_t arena_bytes)
{
    const struct conf_table table = {proxy_rows, &it->conf};
    const struct conf_apply apply = {.tables = &table,
                                     .table_count = 1,
                                     .place = IN_SERVER,
                                     .arena = &it->arena,
                                     .diag = &it->diag};
    const struct diag_message *message = NULL;
    size_t used = 0;

    *it = (struct fixture){.e = OK};
    arena_init(&it->arena, arena_bytes);
    diag_init(&it->diag);
    it->e = conf_load(&apply, text, "wayleave.conf");
    while ((message = diag_next(&it->diag, message)) != NULL) {
        char line[DIAG_MAX_LINE];

        used += (size_t)snprintf(it->said + used, sizeof it->said - used, "%s\n",
                                 diag_format(message, line, sizeof line));
        assert_true(used < sizeof it->said);
    }
}

static void end(struct fixture *it)
{
    arena_fini(&it->arena);
    diag_fini(&it->diag);
}

static void the_reference_configuration_loads_unchanged(void **state)
{
    static struct fixture it;

    (void)state;
    begin(&it, span_str(reference_whole), 100000);
    assert_ok(it.e);
    assert_string_equal(it.said, module_note);
    assert_true(it.conf.requests);
    assert_int_equal(it.conf.via, VIA_ON);
    assert_int_equal(it.conf.timeout, 60000);
    assert_true(conf_ports_has(&it.conf.ports, 9000));
    assert_false(conf_ports_has(&it.conf.ports, 443));
    assert_int_equal(it.conf.listens, 1);
    assert_int_equal(it.conf.sections, 1);
    assert_int_equal(it.conf.allowed, 1);
    end(&it);
}

static void the_mutilated_one_loads_and_says_one_thing_per_fault(void **state)
{
    static struct fixture it;
    char expected[1024];

    (void)state;
    begin(&it, span_str(reference_mutilated), 100000);
    assert_ok(it.e);
    snprintf(
        expected, sizeof expected, "%s%s", module_note,
        "wayleave.conf:7: warning: <Proxy *> is never closed; understood as ending at the "
        "end of the file (write </Proxy> on a line of its own)\n"
        "wayleave.conf:10: warning: Allow from: no address is left; understood as allowing "
        "nobody (write Allow from 127.0.0.1)\n");
    assert_string_equal(it.said, expected);
    assert_true(it.conf.requests);
    assert_int_equal(it.conf.sections, 1);
    assert_int_equal(it.conf.allowed, 0);
    end(&it);
}

static void each_wrong_file_gets_its_sentence(void **state)
{
    static const struct {
        const char *text;
        const char *said;
    } rows[] = {
        {"ProxyTimeout 10q",
         "wayleave.conf:1: ProxyTimeout: \"10q\" is not a duration (write 500ms, 10s or 2m)\n"},
        {"AllowCONNECT 90000",
         "wayleave.conf:1: AllowCONNECT: 90000 is not a port (1 to 65535, or a range like "
         "9000-9010)\n"},
        {"AllowCONNECT 9000,9443",
         "wayleave.conf:1: AllowCONNECT: \"9000,9443\" is not a port (1 to 65535, or a range "
         "like 9000-9010)\n"},
        {"AllowCONNECT 9443-9000",
         "wayleave.conf:1: AllowCONNECT: 9443-9000 runs backwards (write 9000-9443)\n"},
        {"ProxyRequests On\n\nProxyRequests Off",
         "wayleave.conf:3: ProxyRequests is already On, at wayleave.conf:1\n"},
        {"<Proxy *>\nProxyRequests On\n</Proxy>",
         "wayleave.conf:2: ProxyRequests may not stand inside <Proxy> (put it outside of every section)\n"},
        {"Deny from all", "wayleave.conf:1: Deny may stand only inside <Proxy>\n"},
        {"ProxyRequest On",
         "wayleave.conf:1: unknown directive \"ProxyRequest\" (did you mean ProxyRequests?)\n"},
        {"Include other.conf",
         "wayleave.conf:1: Include: other files cannot be read from here (put their lines into "
         "this one)\n"},
        {"Inculde other.conf",
         "wayleave.conf:1: unknown directive \"Inculde\" (did you mean Include?)\n"},
        {"<IfDefine x>\nListen 80",
         "wayleave.conf:1: <IfDefine x> is never closed, so nothing behind it counts (write "
         "</IfDefine> on a line of its own)\n"},
        {"IfModule mod_proxy.c",
         "wayleave.conf:1: IfModule is a section (write <IfModule ...>, its content, and "
         "</IfModule>)\n"},
        {"ProxyRequests Maybe",
         "wayleave.conf:1: ProxyRequests: \"Maybe\" is neither On nor Off (write On or Off)\n"},
        {"ProxyVia Ful",
         "wayleave.conf:1: ProxyVia: \"Ful\" is none of the words it knows (write "
         "Off or On)\n"},
        {"ProxyTimeout 0", "wayleave.conf:1: ProxyTimeout: 0 is too short (write 1s to 1h)\n"},
        {"Listen # where?", "wayleave.conf:1: Listen: there is nothing behind it (write Listen "
                            "[address:]port)\n"},
        {"ProxyRequests On Off",
         "wayleave.conf:1: ProxyRequests: \"Off\" is one word too many (write On or Off)\n"},
        {"<Proxy \"*>\nDeny from all\n</Proxy>",
         "wayleave.conf:1: the quote before \"*>\" is never closed (write another \" where the "
         "word ends)\n"},
        {"<Proxy *>\nDeny from all\n</Prox>",
         "wayleave.conf:3: </Prox> cannot close <Proxy *> of wayleave.conf:1 (write </Proxy>)\n"},
        {"</Proxy>",
         "wayleave.conf:1: </Proxy> closes nothing (write <Proxy ...> before it, or "
         "remove it)\n"},
        {"Proxy *",
         "wayleave.conf:1: Proxy is a section (write <Proxy ...>, its content, and </Proxy>)\n"},
        {"<Proxy *>\n<Proxy x>\n</Proxy>\n</Proxy>",
         "wayleave.conf:2: <Proxy> may not stand inside <Proxy> (put it outside of every section)\n"},
        {"ProxyTimeout 10q\nLisetn 80\n</X>\nAllowCONNECT 0",
         "wayleave.conf:1: ProxyTimeout: \"10q\" is not a duration (write 500ms, 10s or 2m)\n"
         "wayleave.conf:2: unknown directive \"Lisetn\" (did you mean Listen?)\n"
         "wayleave.conf:3: </X> closes nothing (write <X ...> before it, or remove it)\n"
         "wayleave.conf:4: AllowCONNECT: 0 is not a port (1 to 65535, or a range like "
         "9000-9010)\n"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        static struct fixture it;

        begin(&it, span_str(rows[i].text), 100000);
        assert_string_equal(it.said, rows[i].said);
        assert_int_equal(it.e, ERR_CONF);
        end(&it);
    }
}

static void a_file_too_large_for_its_arena_is_refused_by_name(void **state)
{
    static struct fixture it;

    (void)state;
    begin(&it, span_str(reference_whole), 1000);
    assert_int_equal(it.e, ERR_CONF);
    assert_string_equal(it.said, "wayleave.conf: takes more than the 1000 bytes that a "
                                 "configuration may have (split it)\n");
    end(&it);
}

static void what_is_not_text_is_refused_whatever_its_length(void **state)
{
    static struct fixture it;
    uint32_t seed = 1;
    size_t len = 100000;
    uint8_t *bytes = malloc(len);

    (void)state;
    assert_non_null(bytes);
    for (size_t i = 0; i < len; i++) {
        seed = seed * 1103515245 + 12345;
        bytes[i] = (uint8_t)(seed >> 16);
    }
    begin(&it, span_of(bytes, len), 1000000);
    assert_int_equal(it.e, ERR_CONF);
    assert_true(diag_count(&it.diag, DIAG_ERROR) > DIAG_MAX_MESSAGES);
    assert_true(it.diag.is_lossy);
    end(&it);
    free(bytes);
}

static void load_with_little_memory(void)
{
    static struct fixture it;

    begin(&it, span_str(reference_mutilated), 100000);
    assert_true(it.e == OK || it.e == ERR_NOMEM);
    assert_int_equal(diag_count(&it.diag, DIAG_ERROR), it.e == OK ? 0 : 1);
    end(&it);
}

static void running_out_of_memory_leaks_nothing_and_is_said(void **state)
{
    (void)state;
    every_oom(load_with_little_memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_reference_configuration_loads_unchanged),
        cmocka_unit_test(the_mutilated_one_loads_and_says_one_thing_per_fault),
        cmocka_unit_test(each_wrong_file_gets_its_sentence),
        cmocka_unit_test(a_file_too_large_for_its_arena_is_refused_by_name),
        cmocka_unit_test(what_is_not_text_is_refused_whatever_its_length),
        cmocka_unit_test(running_out_of_memory_leaks_nothing_and_is_said),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

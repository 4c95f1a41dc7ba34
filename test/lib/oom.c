/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "lib/oom.h"

#include "lib/testing.h"

#include <stdlib.h>
#include <string.h>

static bool armed;
static bool struck;
static unsigned long countdown;

/* The linker routes the calls of our objects here: --wrap in test/CMakeLists.txt. */
void *__real_malloc(size_t bytes);
void *__real_calloc(size_t count, size_t bytes);
void *__real_realloc(void *ptr, size_t bytes);
void *__wrap_malloc(size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);
void *__wrap_realloc(void *ptr, size_t bytes);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t len);

static bool fails_now(void)
{
    if (!armed || struck) {
        return false;
    }
    struck = countdown-- == 0;
    return struck;
}

void *__wrap_malloc(size_t bytes)
{
    return fails_now() ? NULL : __real_malloc(bytes);
}

void *__wrap_calloc(size_t count, size_t bytes)
{
    return fails_now() ? NULL : __real_calloc(count, bytes);
}

void *__wrap_realloc(void *ptr, size_t bytes)
{
    return fails_now() ? NULL : __real_realloc(ptr, bytes);
}

char *__wrap_strndup(const char *text, size_t len)
{
    size_t used = strnlen(text, len);
    char *copy = __wrap_malloc(used + 1);

    if (copy != NULL) {
        memcpy(copy, text, used);
        copy[used] = '\0';
    }
    return copy;
}

char *__wrap_strdup(const char *text)
{
    return __wrap_strndup(text, strlen(text));
}

bool oom_has_struck(void)
{
    return struck;
}

void oom_every(void (*scenario)(void))
{
    for (unsigned long nth = 0; nth < 100000; nth++) {
        countdown = nth;
        struck = false;
        armed = true;
        scenario();
        armed = false;
        if (!struck) {
            assert_true(nth > 0); /* a scenario that allocates nothing proves nothing */
            return;
        }
    }
    fail_msg("the scenario still allocates after 100000 runs");
}

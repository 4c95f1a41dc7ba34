/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "load_measure.h"

#include <dirent.h>
#include <stdio.h>
#include <time.h>

double load_measure_now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* CPU seconds of all threads of the realm so far. */
static double realm_cpu(size_t pid)
{
    char path[300];
    double sum = 0;
    DIR *dir;

    snprintf(path, sizeof path, "/proc/%zu/task", pid);
    dir = pid == 0 ? NULL : opendir(path);
    for (struct dirent *task; dir != NULL && (task = readdir(dir)) != NULL;) {
        unsigned long long nanoseconds;
        FILE *file;

        snprintf(path, sizeof path, "/proc/%zu/task/%.20s/schedstat", pid, task->d_name);
        file = fopen(path, "re");
        if (file != NULL && fscanf(file, "%llu", &nanoseconds) == 1) {
            sum += (double)nanoseconds / 1e9;
        }
        if (file != NULL) {
            fclose(file);
        }
    }
    if (dir != NULL) {
        closedir(dir);
    }
    return sum;
}

/* Its memory without what it shares or has mapped from files, in bytes. */
static double realm_memory(size_t pid)
{
    char line[200];
    unsigned long long kib = 0;
    FILE *file;

    snprintf(line, sizeof line, "/proc/%zu/smaps_rollup", pid);
    file = pid == 0 ? NULL : fopen(line, "re");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        if (sscanf(line, "Anonymous: %llu kB", &kib) == 1) {
            break;
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    return (double)kib * 1024;
}

void load_measure_begin(struct load_measure *measure, size_t pid)
{
    *measure =
        (struct load_measure){pid, load_measure_now(), realm_cpu(pid), realm_memory(pid)};
}

void load_measure_tell(const struct load_measure *measure, const char *what, size_t count,
                       size_t refused)
{
    double seconds = load_measure_now() - measure->at;
    double each = count == 0 ? 0 : 1 / (double)count;

    printf("{\"what\": \"%s\", \"count\": %zu, \"refused\": %zu, \"seconds\": %.3f, "
           "\"perSecond\": %.0f",
           what, count, refused, seconds, seconds > 0 ? (double)count / seconds : 0);
    if (measure->pid != 0) {
        printf(", \"cpuMicrosecondsEach\": %.3f, \"bytesEach\": %.0f",
               (realm_cpu(measure->pid) - measure->cpu) * 1e6 * each,
               (realm_memory(measure->pid) - measure->memory) * each);
    }
    puts("}");
    fflush(stdout);
}

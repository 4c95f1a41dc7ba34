/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "contract/store_nats_rig.h"

#include "lib/testing.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    TRIES = 400, /* of 50 ms, until it listens */
};

static struct sockaddr_in address(unsigned port)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};

    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return addr;
}

/* Nobody has it now; it is asked for by a number, so that the server is found there again. */
static unsigned free_port(void)
{
    struct sockaddr_in addr = address(0);
    socklen_t len = sizeof addr;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(bind(fd, (const struct sockaddr *)&addr, len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&addr, &len), 0);
    close(fd);
    return ntohs(addr.sin_port);
}

static bool listens(unsigned port)
{
    struct sockaddr_in addr = address(port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool is_there = connect(fd, (const struct sockaddr *)&addr, sizeof addr) == 0;

    close(fd);
    return is_there;
}

void store_nats_rig_again(struct store_nats_rig *rig)
{
    char port[16];
    int tries = 0;

    (void)snprintf(port, sizeof port, "%u", rig->port);
    rig->pid = fork();
    assert_true(rig->pid >= 0);
    if (rig->pid == 0) {
        int null = open("/dev/null", O_RDWR);

        (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* it does not outlive a test that crashes */
        (void)dup2(null, STDOUT_FILENO);
        (void)dup2(null, STDERR_FILENO);
        (void)execlp("nats-server", "nats-server", "-a", "127.0.0.1", "-p", port, "-js", "-sd",
                     rig->dir, (char *)NULL);
        _exit(127);
    }
    while (!listens(rig->port)) {
        int status;

        if (waitpid(rig->pid, &status, WNOHANG) != 0 || ++tries == TRIES) {
            fail_msg("nats-server does not start (tool/deps build test installs it)");
        }
        (void)poll(NULL, 0, 50);
    }
}

void store_nats_rig_start(struct store_nats_rig *rig)
{
    *rig = (struct store_nats_rig){.dir = "/tmp/wl-nats-XXXXXX"};
    assert_non_null(mkdtemp(rig->dir));
    rig->port = free_port();
    (void)snprintf(rig->url, sizeof rig->url, "nats://127.0.0.1:%u", rig->port);
    store_nats_rig_again(rig);
}

void store_nats_rig_pause(struct store_nats_rig *rig)
{
    int status;

    assert_int_equal(kill(rig->pid, SIGSTOP), 0);
    assert_int_equal(waitpid(rig->pid, &status, WUNTRACED), rig->pid);
}

void store_nats_rig_resume(struct store_nats_rig *rig)
{
    assert_int_equal(kill(rig->pid, SIGCONT), 0);
}

void store_nats_rig_kill(struct store_nats_rig *rig)
{
    int status;

    assert_int_equal(kill(rig->pid, SIGKILL), 0);
    assert_int_equal(waitpid(rig->pid, &status, 0), rig->pid);
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *where)
{
    (void)status, (void)type, (void)where;
    return remove(path);
}

void store_nats_rig_end(struct store_nats_rig *rig)
{
    store_nats_rig_kill(rig);
    assert_int_equal(nftw(rig->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

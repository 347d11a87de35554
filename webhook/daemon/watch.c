/*
 * One loop over three descriptors. A change is looked at a moment after its first event: files come in more than one
 * step, and looking once is enough. Whatever an event should have missed is found by the look of every minute, which
 * is also when a certificate of our own is renewed.
 */
#include "daemon/watch.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/signalfd.h>
#include <time.h>

#include "daemon/keypair.h"
#include "daemon/policies.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/log.h"

#define SETTLE_MS 20
#define LOOK_EVERY_MS 60000

static void fill_signals(sigset_t *signals)
{
        sigemptyset(signals);
        sigaddset(signals, SIGTERM);
        sigaddset(signals, SIGINT);
        sigaddset(signals, SIGHUP);
}

int watch_block_signals(struct error *error)
{
        sigset_t signals;
        int r;

        fill_signals(&signals);
        signal(SIGPIPE, SIG_IGN);
        r = pthread_sigmask(SIG_BLOCK, &signals, NULL);
        return r ? error_set_errno(error, r, "cannot block signals") : 0;
}

/* The signal that came, or 0. */
static int next_signal(int fd)
{
        struct signalfd_siginfo info;

        return read(fd, &info, sizeof(info)) == sizeof(info) ? (int)info.ssi_signo : 0;
}

static void settle(void)
{
        const struct timespec time = {.tv_nsec = SETTLE_MS * NS_PER_MS};

        nanosleep(&time, NULL);
}

/* False where the process is to stop. */
static bool turn(const struct pollfd *fds, int ready, struct policies *policies, struct keypair *keypair)
{
        int number = fds[0].revents ? next_signal(fds[0].fd) : 0;
        bool look = ready == 0 || number == SIGHUP;

        if (number == SIGTERM || number == SIGINT) {
                log_info("stopping", log_string("signal", number == SIGTERM ? "SIGTERM" : "SIGINT"));
                return false;
        }
        if (ready > 0 && (fds[1].revents || fds[2].revents))
                settle();
        if (policies && (look || fds[1].revents))
                policies_refresh(policies);
        if (look || fds[2].revents)
                keypair_refresh(keypair);
        return true;
}

/* For poll(2): until it is time to look at everything again, or nothing of `left` (ns) is left. */
static int patience(int64_t left)
{
        return left < LOOK_EVERY_MS * NS_PER_MS ? (int)(left / NS_PER_MS) + 1 : LOOK_EVERY_MS;
}

int watch_until_stopped(struct policies *policies, struct keypair *keypair, int64_t longest, struct error *error)
{
        _cleanup_(closep) int signal_fd = -1;
        int64_t start = clock_monotonic(), passed;
        sigset_t signals;

        fill_signals(&signals);
        signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
        if (signal_fd < 0)
                return error_set_errno(error, errno, "cannot wait for signals");
        while ((passed = clock_monotonic() - start) < longest) {
                struct pollfd fds[] = {
                        {.fd = signal_fd, .events = POLLIN},
                        {.fd = policies ? policies_fd(policies) : -1, .events = POLLIN},
                        {.fd = keypair_fd(keypair), .events = POLLIN},
                };
                int ready = poll(fds, sizeof(fds) / sizeof(fds[0]), patience(longest - passed));

                if (ready < 0 && errno != EINTR)
                        return error_set_errno(error, errno, "cannot wait for changes");
                if (ready >= 0 && !turn(fds, ready, policies, keypair))
                        return 0;
        }
        return 0;
}

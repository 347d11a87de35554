/*
 * The program may print without end, never end, or leave others behind that keep its pipes open; so pipes are read
 * without blocking, and what counts is that the program itself has ended. Its process group goes with it.
 */
#include "kube/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>

#include "kube/patience.h"
#include "util/cleanup.h"
#include "util/error.h"

#define OUTPUT_MAX (1024 * 1024)
#define ERRORS_MAX 4096
#define TICK (20 * NS_PER_MS)

/* What comes from one pipe. */
struct stream {
        int fd;     /* owned; -1: ended */
        char *text; /* owned, `most` bytes and a NUL */
        size_t size;
        size_t most;
        bool overflow; /* there was more */
};

struct child {
        pid_t pid; /* 0: not running */
        bool group;
        struct stream output, errors;
};

static void stream_clear(struct stream *stream)
{
        closep(&stream->fd);
        if (stream->text)
                explicit_bzero(stream->text, stream->size);
        free(stream->text);
}

/* Whoever is left is killed. */
static void child_clear(struct child *child)
{
        if (child->group && child->pid)
                kill(-child->pid, SIGKILL);
        if (child->pid) {
                kill(child->pid, SIGKILL);
                waitpid(child->pid, NULL, 0);
        }
        stream_clear(&child->output);
        stream_clear(&child->errors);
}

void child_output_clear(struct child_output *output)
{
        if (output->text)
                explicit_bzero(output->text, strlen(output->text));
        free(output->text);
        free(output->last);
        *output = CHILD_OUTPUT_INIT;
}

/* The end to write to goes to *ret_fd. */
static int stream_open(struct stream *stream, size_t most, int *ret_fd, struct error *error)
{
        int ends[2];

        stream->most = most;
        stream->text = calloc(1, most + 1);
        if (!stream->text)
                return error_oom(error);
        if (pipe2(ends, O_CLOEXEC) < 0)
                return error_set_errno(error, errno, "cannot make a pipe");
        stream->fd = ends[0];
        *ret_fd = ends[1];
        if (fcntl(stream->fd, F_SETFL, O_NONBLOCK) < 0)
                return error_set_errno(error, errno, "cannot prepare a pipe");
        return 0;
}

/* Reads what is there. What is more than fits is read and dropped, so that the program does not block. */
static void stream_read(struct stream *stream)
{
        char rest[4096];
        ssize_t n;

        while (stream->fd >= 0) {
                bool full = stream->size == stream->most;

                if (full)
                        n = read(stream->fd, rest, sizeof(rest));
                else
                        n = read(stream->fd, stream->text + stream->size, stream->most - stream->size);
                if (n < 0 && (errno == EAGAIN || errno == EINTR))
                        return;
                if (n <= 0) {
                        close(steal_fd(&stream->fd));
                        return;
                }
                stream->overflow |= full;
                if (!full)
                        stream->size += (size_t)n;
                else
                        return;
        }
}

static int prepare_files(posix_spawn_file_actions_t *files, bool terminal, int output, int errors)
{
        int r = 0;

        if (!terminal)
                r = posix_spawn_file_actions_addopen(files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
        if (!r)
                r = posix_spawn_file_actions_adddup2(files, output, STDOUT_FILENO);
        if (!r && !terminal)
                r = posix_spawn_file_actions_adddup2(files, errors, STDERR_FILENO);
        return r;
}

/* Signals are blocked in our threads, and SIGPIPE is ignored: neither is for others to inherit. */
static int prepare_attributes(posix_spawnattr_t *attributes, bool terminal)
{
        short flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
        sigset_t none, broken_pipe;
        int r;

        sigemptyset(&none);
        sigemptyset(&broken_pipe);
        sigaddset(&broken_pipe, SIGPIPE);
        r = posix_spawnattr_setflags(attributes, (short)(terminal ? flags : flags | POSIX_SPAWN_SETPGROUP));
        if (!r)
                r = posix_spawnattr_setsigmask(attributes, &none);
        if (!r)
                r = posix_spawnattr_setsigdefault(attributes, &broken_pipe);
        return r;
}

static int spawn(struct child *child, char *const *arguments, char *const *environment, bool terminal, int output,
                 int errors, struct error *error)
{
        posix_spawn_file_actions_t files;
        posix_spawnattr_t attributes;
        int r = posix_spawn_file_actions_init(&files);

        if (r)
                return error_oom(error);
        r = posix_spawnattr_init(&attributes);
        if (r) {
                posix_spawn_file_actions_destroy(&files);
                return error_oom(error);
        }
        r = prepare_files(&files, terminal, output, errors);
        if (!r)
                r = prepare_attributes(&attributes, terminal);
        if (!r)
                r = posix_spawnp(&child->pid, arguments[0], &files, &attributes, arguments, environment);
        posix_spawnattr_destroy(&attributes);
        posix_spawn_file_actions_destroy(&files);
        if (r)
                child->pid = 0;
        child->group = !terminal;
        return r ? error_set_errno(error, r, "cannot run %s", arguments[0]) : 0;
}

static int start(struct child *child, char *const *arguments, char *const *environment, bool terminal,
                 struct error *error)
{
        _cleanup_(closep) int output = -1, errors = -1;
        int r = stream_open(&child->output, OUTPUT_MAX, &output, error);

        if (r >= 0)
                r = stream_open(&child->errors, ERRORS_MAX, &errors, error);
        return r < 0 ? r : spawn(child, arguments, environment, terminal, output, errors, error);
}

/* 1 once it has ended. */
static int step(struct child *child, int *ret_status, const struct patience *patience)
{
        struct pollfd files[] = {
                {.fd = child->output.fd, .events = POLLIN},
                {.fd = child->errors.fd, .events = POLLIN},
        };
        pid_t pid;

        poll(files, 2, patience_wait_ms(patience, TICK));
        pid = waitpid(child->pid, ret_status, WNOHANG);
        stream_read(&child->output);
        stream_read(&child->errors);
        return pid == child->pid;
}

/* The last line that is not blank; a new string. */
static char *last_line(const char *text)
{
        size_t size = strlen(text), begin;

        while (size && strchr(" \t\r\n", text[size - 1]))
                size--;
        begin = size;
        while (begin && text[begin - 1] != '\n')
                begin--;
        return strndup(text + begin, size - begin);
}

static int finish(struct child *child, struct child_output *ret, struct error *error)
{
        if (child->group)
                kill(-child->pid, SIGKILL);
        child->pid = 0;
        if (child->output.overflow)
                return error_set(error, EFBIG, "it printed more than 1 MiB");
        ret->text = strdup(child->output.text);
        ret->last = last_line(child->errors.text);
        return ret->text && ret->last ? 0 : error_oom(error);
}

int child_run(struct child_output *ret, char *const *arguments, char *const *environment, bool terminal,
              const struct patience *patience, struct error *error)
{
        _cleanup_(child_clear) struct child child = {.output.fd = -1, .errors.fd = -1};
        int r = start(&child, arguments, environment, terminal, error);

        while (r >= 0) {
                r = patience_check(patience);
                if (r < 0)
                        return error_set(error, -r, "%s", r == -ECANCELED ? "canceled" : "it did not end in time");
                if (step(&child, &ret->status, patience))
                        return finish(&child, ret, error);
        }
        return r;
}

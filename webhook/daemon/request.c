/*
 * libmicrohttpd calls request_handle() for the headers, for each part of the body, and once more at its end. There
 * the review is answered at once, or the connection is suspended until what was reserved is durable, holding no
 * thread; then it is called again.
 *
 * What was decided may have to be decided again: the ledger of a cluster has other writers, and its view may be
 * behind. Then the review is handled once more from its start, within the deadline that it has had all along.
 *
 * A request passes through a few states, and each change of state has one owner. Until it waits, all that happens is
 * the connection's own thread; the only other one is the timer, which may shut down the socket of a body that takes
 * too long. While it waits, either the ledger says that it is durable or the timer takes the waiter back from the
 * ledger: ledger_cancel() decides which, and that one resumes the connection. The deadline is set only after the
 * waiter is in place, so that the timer never finds a request that nobody would wake.
 */
#include "daemon/request.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "admission/admission.h"
#include "daemon/body.h"
#include "daemon/deadline.h"
#include "daemon/query.h"
#include "daemon/readiness.h"
#include "daemon/route.h"
#include "daemon/transport.h"
#include "quota/ledger.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/log.h"

enum state {
        STATE_READING, /* the body */
        STATE_WAITING, /* for the answer to be durable; suspended */
        STATE_DURABLE, /* the answer may be sent */
        STATE_AGAIN,   /* what was decided does not hold, or nothing could be decided yet: decide again */
        STATE_FAILED,  /* it could not be made durable */
        STATE_EXPIRED, /* time is up */
};

struct request {
        struct request_context *context;   /* borrowed */
        struct MHD_Connection *connection; /* borrowed */
        enum route route;
        enum state state; /* atomic; changed by one thread at a time, see above */
        struct body body;
        uint64_t announced; /* length of the body; 0: unknown, or none */
        bool too_long;      /* the body is; the rest of it is read and dropped */
        bool answered;      /* a response has been queued */
        bool head_only;     /* none of them is to have a body */
        int64_t started;    /* monotonic; 0: refused for its headers */
        struct deadline deadline;
        struct commit_waiter waiter;
        struct admission_answer answer;
        bool behind;      /* WAITING: for more to be known, with nothing reserved */
        char reason[256]; /* FAILED: why */
};

#define container_of(pointer, type, member) ((type *)((char *)(pointer)-offsetof(type, member)))

static enum state state_of(const struct request *request)
{
        return __atomic_load_n(&request->state, __ATOMIC_ACQUIRE);
}

static void set_state(struct request *request, enum state state)
{
        __atomic_store_n(&request->state, state, __ATOMIC_RELEASE);
}

static bool is_draining(const struct request_context *context)
{
        return __atomic_load_n(&context->draining, __ATOMIC_RELAXED);
}

/* An API server keeps its connections to a replica that has become unready. Who could not answer sends it elsewhere.
 */
static bool is_failure(unsigned status)
{
        return status >= MHD_HTTP_INTERNAL_SERVER_ERROR;
}

static bool is_probe(const struct request *request)
{
        return request->route == ROUTE_LIVEZ || request->route == ROUTE_READYZ;
}

/* Before the answer is sent: who has it finds it counted. */
static void count_response(const struct request *request, unsigned status)
{
        struct metrics *metrics = &request->context->metrics;

        if (is_probe(request))
                return;
        metrics_count_response(metrics, status);
        if (request->started)
                metrics_observe_duration(metrics, clock_monotonic() - request->started);
}

/* What comes after the head is the body, in one piece. */
static void join_head_and_body(struct request *request)
{
        const union MHD_ConnectionInfo *info =
                MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

        if (!request->head_only && info && info->socket_context)
                transport_join_next(info->socket_context);
}

static ssize_t copy_body(void *body, uint64_t at, char *to, size_t size)
{
        memcpy(to, (const char *)body + at, size);
        return (ssize_t)size;
}

/*
 * Where libmicrohttpd has a short body in a buffer, it corks the socket and needs one more system call for each
 * answer to let it go. What it must ask for, it sends without.
 */
static struct MHD_Response *response_new(size_t size, char *body)
{
        struct MHD_Response *response = MHD_create_response_from_callback(size, size, copy_body, body, free);

        if (!response)
                free(body);
        return response;
}

/* Takes the body over. */
static enum MHD_Result queue_response(struct request *request, unsigned status, const char *type, const char *allow,
                                      size_t size, char *body)
{
        struct request_context *context = request->context;
        struct MHD_Response *response = response_new(size, body);
        enum MHD_Result result;

        request->answered = true;
        if (!response)
                return MHD_NO;
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
        if (allow)
                MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, allow);
        if (is_draining(context) || is_failure(status))
                MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
        count_response(request, status);
        result = MHD_queue_response(request->connection, status, response);
        if (result == MHD_YES)
                join_head_and_body(request);
        MHD_destroy_response(response);
        return result;
}

static enum MHD_Result respond_text(struct request *request, unsigned status, const char *allow, const char *text)
{
        char *line;
        int n = asprintf(&line, "%s\n", text);

        if (n < 0)
                return MHD_NO;
        return queue_response(request, status, "text/plain; charset=utf-8", allow, (size_t)n, line);
}

/* Hands the body over to the response. */
static enum MHD_Result respond_review(struct request *request)
{
        size_t size = request->answer.size;
        char *body = steal_pointer(&request->answer.body);

        if (request->answer.decided)
                metrics_count_decision(&request->context->metrics, request->answer.outcome, request->answer.dry_run);
        return queue_response(request, MHD_HTTP_OK, "application/json", NULL, size, body);
}

/* 400 for what the caller did wrong, 503 for what passes, 500 for the rest. */
static enum MHD_Result respond_error(struct request *request, int r, const char *reason)
{
        unsigned status = r == -EINVAL                                      ? MHD_HTTP_BAD_REQUEST
                          : r == -EAGAIN || r == -ETIMEDOUT || r == -ENOMEM ? MHD_HTTP_SERVICE_UNAVAILABLE
                                                                            : MHD_HTTP_INTERNAL_SERVER_ERROR;

        log_warn("a review was not answered", log_integer("status", status), log_string("reason", reason));
        return respond_text(request, status, NULL, reason);
}

/* The timer's thread: time is up. */
static void deadline_passed(struct deadline *deadline)
{
        struct request *request = container_of(deadline, struct request, deadline);
        const union MHD_ConnectionInfo *info;

        if (state_of(request) == STATE_READING) {
                info = MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
                if (info)
                        shutdown(info->connect_fd, SHUT_RDWR);
        } else if (state_of(request) == STATE_WAITING && ledger_cancel(request->context->ledger, &request->waiter)) {
                set_state(request, STATE_EXPIRED);
                MHD_resume_connection(request->connection);
        }
}

/* What a wait has come to; `result` is a waiter's. */
static enum state wait_result(const struct request *request, int result)
{
        if (result == -ESTALE)
                return STATE_AGAIN;
        if (result < 0)
                return STATE_FAILED;
        return request->behind ? STATE_AGAIN : STATE_DURABLE;
}

/* The ledger's thread: it is durable, or cannot be made so, or is to be decided again. */
static void commit_done(struct commit_waiter *waiter, int result, const char *reason)
{
        struct request *request = container_of(waiter, struct request, waiter);

        if (result < 0)
                snprintf(request->reason, sizeof(request->reason), "%s", reason);
        set_state(request, wait_result(request, result));
        MHD_resume_connection(request->connection);
}

static struct request *request_new(struct request_context *context, struct MHD_Connection *connection)
{
        struct request *request = calloc(1, sizeof(*request));

        if (!request)
                return NULL;
        request->context = context;
        request->connection = connection;
        request->deadline.passed = deadline_passed;
        request->waiter.done = commit_done;
        metrics_count_begun(&context->metrics);
        return request;
}

/* What Content-Length says; 0: nothing. */
static uint64_t announced_length(struct MHD_Connection *connection)
{
        const char *length = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);

        return length ? strtoull(length, NULL, 10) : 0;
}

/* Looks at the headers. What is wrong with them is answered at once. */
static enum MHD_Result begin(struct request *request, const char *url, const char *method)
{
        const char *allow = NULL, *reason = NULL;
        int64_t timeout = request->context->timeout;
        unsigned status;

        request->head_only = !strcmp(method, MHD_HTTP_METHOD_HEAD);
        request->announced = announced_length(request->connection);
        status = route_find(request->connection, url, method, request->announced, &request->route, &allow, &reason);
        if (status)
                return respond_text(request, status, allow, reason);
        if (query_timeout(request->connection, &timeout) < 0)
                return respond_text(request, MHD_HTTP_BAD_REQUEST, NULL,
                                    "the parameter timeout must be a duration such as 10s");
        request->started = clock_monotonic();
        request->deadline.at = request->started + timeout;
        deadlines_add(request->context->deadlines, &request->deadline);
        return MHD_YES;
}

/* libmicrohttpd takes no answer in the middle of a body: what is too long is read to its end, or to the deadline. */
static enum MHD_Result read_part(struct request *request, const char *part, size_t size)
{
        struct body *body = &request->body;

        if (request->too_long || request->answered)
                return MHD_YES;
        if (body->size + size > REQUEST_BODY_MAX) {
                request->too_long = true;
                return MHD_YES;
        }
        return body_append(body, part, size, request->announced) ? MHD_YES : MHD_NO;
}

/* Suspends the connection until the answer is durable, or until it is worth deciding again. */
static enum MHD_Result wait_for_ledger(struct request *request, bool behind)
{
        struct ledger *ledger = request->context->ledger;
        int r;

        request->behind = behind;
        set_state(request, STATE_WAITING);
        MHD_suspend_connection(request->connection);
        r = behind ? ledger_wait_current(ledger, &request->waiter)
                   : ledger_wait(ledger, &request->waiter, request->answer.commit);
        if (r == 0) {
                deadlines_add(request->context->deadlines, &request->deadline);
                return MHD_YES;
        }
        snprintf(request->reason, sizeof(request->reason), "the ledger could not be written");
        set_state(request, wait_result(request, r));
        MHD_resume_connection(request->connection);
        return MHD_YES;
}

static enum MHD_Result mutate(struct request *request)
{
        _cleanup_error_ struct error error = ERROR_INIT;
        int r;

        if (request->too_long)
                return respond_text(request, MHD_HTTP_CONTENT_TOO_LARGE, NULL,
                                    "the body must not be longer than 7 MiB");
        r = admission_handle(request->context->admission, request->body.bytes ? request->body.bytes : "",
                             request->body.size, &request->answer, &error);
        if (r == -EINPROGRESS)
                return wait_for_ledger(request, true);
        if (r < 0)
                return respond_error(request, r, error_message(&error));
        return request->answer.commit ? wait_for_ledger(request, false) : respond_review(request);
}

/* Handles the review once more, within the same deadline. */
static enum MHD_Result mutate_again(struct request *request)
{
        admission_answer_clear(&request->answer);
        set_state(request, STATE_READING);
        return mutate(request);
}

static enum MHD_Result live(struct request *request)
{
        return respond_text(request, MHD_HTTP_OK, NULL, "ok");
}

static enum MHD_Result ready(struct request *request)
{
        _cleanup_(freep) char *text = NULL;
        bool good = readiness(request->context, &text);

        if (!text)
                return respond_text(request, MHD_HTTP_SERVICE_UNAVAILABLE, NULL, "out of memory");
        if (good && !query_has(request->connection, "verbose"))
                return respond_text(request, MHD_HTTP_OK, NULL, "ok");
        return respond_text(request, good ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE, NULL, text);
}

/* The whole request is here. */
static enum MHD_Result answer(struct request *request)
{
        static enum MHD_Result (*const handlers[])(struct request *) = {
                [ROUTE_MUTATE] = mutate,
                [ROUTE_LIVEZ] = live,
                [ROUTE_READYZ] = ready,
        };

        return handlers[request->route](request);
}

/* What was promised cannot be told any more. */
static void abandon(struct request *request)
{
        admission_abandon(request->context->admission, &request->answer);
}

/* Says what was waited for. */
static enum MHD_Result respond_late(struct request *request)
{
        int64_t since = 0;
        const char *obstacle = request->behind ? ledger_obstacle(request->context->ledger, &since) : NULL;

        snprintf(request->reason, sizeof(request->reason), "%s in time%s%s; nothing has been reserved",
                 request->behind ? "what pods hold was not known" : "the ledger was not written",
                 obstacle ? ": " : "", obstacle ? obstacle : "");
        return respond_error(request, -ETIMEDOUT, request->reason);
}

/* Called again after the wait. */
static enum MHD_Result resume(struct request *request)
{
        switch (state_of(request)) {
        case STATE_DURABLE:
                return respond_review(request);
        case STATE_AGAIN:
                return mutate_again(request);
        case STATE_FAILED:
                return respond_error(request, -EIO, request->reason);
        default:
                abandon(request);
                return respond_late(request);
        }
}

enum MHD_Result request_handle(void *userdata, struct MHD_Connection *connection, const char *url, const char *method,
                               const char *version, const char *upload, size_t *upload_size, void **data)
{
        struct request *request = *data;

        (void)version;
        if (!request) {
                request = *data = request_new(userdata, connection);
                return request ? begin(request, url, method) : MHD_NO;
        }
        if (*upload_size) {
                size_t size = *upload_size;

                *upload_size = 0;
                return read_part(request, upload, size);
        }
        deadlines_remove(request->context->deadlines, &request->deadline);
        return state_of(request) == STATE_READING ? answer(request) : resume(request);
}

void request_completed(void *userdata, struct MHD_Connection *connection, void **data,
                       enum MHD_RequestTerminationCode code)
{
        struct request_context *context = userdata;
        struct request *request = *data;

        (void)connection, (void)code;
        if (!request)
                return;
        deadlines_remove(context->deadlines, &request->deadline);
        /* The client went away while the answer was being made durable: nobody has been told. */
        if (!request->answered && state_of(request) != STATE_FAILED)
                abandon(request);
        if (!request->answered && !is_probe(request))
                metrics_count_unanswered(&context->metrics);
        admission_answer_clear(&request->answer);
        body_clear(&request->body);
        free(request);
        *data = NULL;
        metrics_count_ended(&context->metrics);
}

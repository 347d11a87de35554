-- What wrk sends: the requests of a file, in turn, until the time or the number is reached. Then it waits for the
-- answers that are still due, so that nothing is given up half-way, and ends wrk by SIGINT, which prints done().
--
--     wrk -s requests.lua ... -- FILE SECONDS NUMBER
--
-- The file's first line is a bearer token, or empty; each other line is a path, a tab, and the body to POST. ID in a
-- body stands for 32 hexadecimal digits, different ones each time. Only what is answered in time counts for the rate.
local ffi = require("ffi")
ffi.cdef [[
struct timespec { long seconds, nanoseconds; };
int clock_gettime(int clock, struct timespec *time);
int getpid(void);
int kill(int pid, int signal);
]]
local MONOTONIC, SIGINT, FOREVER = 1, 2, 1000000
local ID = "IDIDIDIDIDIDIDIDIDIDIDIDIDIDIDID"

local threads = {}
local time = ffi.new("struct timespec")
local requests, turn, number, ids = {}, 0, 0, 0

local function now()
    ffi.C.clock_gettime(MONOTONIC, time)
    return tonumber(time.seconds) + tonumber(time.nanoseconds) / 1e9
end

function setup(thread)
    table.insert(threads, thread)
end

function init(args)
    local file = assert(io.open(args[1]))
    local token = file:read("*l")
    wrk.headers["Content-Type"] = "application/json"
    if token ~= "" then
        wrk.headers["Authorization"] = "Bearer " .. token
    end
    for line in file:lines() do
        local path, body = line:match("^(%S+)\t(.*)$")
        table.insert(requests, wrk.format("POST", path, nil, body))
    end
    file:close()
    seconds, number = tonumber(args[2]), tonumber(args[3])
end

-- wrk has called request() once before, to see what it makes, and calls delay() before each that it sends.
local function start()
    sent, answered, in_time, accepted, refused, failed, failure = 0, 0, 0, 0, 0, 0, ""
    started, last = now(), now()
end

local function finished()
    return sent >= number or now() - started >= seconds
end

function delay()
    if not started then
        start()
    end
    if finished() then
        return FOREVER
    end
    sent = sent + 1
    return 0
end

function request()
    local one = requests[turn + 1]
    turn = (turn + 1) % #requests
    ids = ids + 1
    return (one:gsub(ID, function() return ("%032x"):format(ids) end))
end

-- A creation is refused with 403, a review with "allowed": false.
local function judge(status, body)
    local denied = body:find('"allowed"%s*:%s*false')
    if (status == 200 or status == 201) and not denied then
        accepted = accepted + 1
        return true
    end
    failure = status .. " " .. body:sub(1, 600):gsub("%s+", " ")
    if status == 403 or denied then
        refused = refused + 1
    else
        failed = failed + 1
    end
    return false
end

function response(status, headers, body)
    last = now()
    answered = answered + 1
    if judge(status, body) and last - started < seconds then
        in_time = in_time + 1
    end
    if finished() and answered == sent then
        ffi.C.kill(ffi.C.getpid(), SIGINT)
    end
end

function done(summary, latency, _)
    local thread = threads[1]
    local elapsed = math.min(thread:get("last") - thread:get("started"), thread:get("seconds"))
    local unanswered = thread:get("sent") - thread:get("answered")
    print(("result %d %d %d %f %f %f %f"):format(
        thread:get("accepted"), thread:get("refused"), thread:get("failed") + unanswered,
        thread:get("in_time") / elapsed, elapsed, latency:percentile(50) / 1000, latency:percentile(99) / 1000))
    print("failure " .. thread:get("failure"))
end

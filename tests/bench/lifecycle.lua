-- What wrk sends: pods that come and go. What a creation was promised is given back by the next request that wrk
-- makes, so that as many pods are there at any time as wrk has connections, and a few more. In the end none is: no
-- more are created when SECONDS have passed, and wrk is to go on a little longer than that.
--
--     wrk -s lifecycle.lua ... -- CREATION DELETION SECONDS
--
-- The files have a review each; ID in the deletion stands for the reservation of the pod.
local ffi = require("ffi")
ffi.cdef [[
struct timespec { long seconds, nanoseconds; };
int clock_gettime(int clock, struct timespec *time);
]]
local MONOTONIC, FOREVER = 1, 1000000
local ID = "IDIDIDIDIDIDIDIDIDIDIDIDIDIDIDID"
local MARK = '"regionfit.io/reservation":"'
local ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

local threads, values = {}, {}
local time = ffi.new("struct timespec")
local creation, deletion, ending, first, last
promised = {}
refused, failed, failure = 0, 0, ""

for i = 1, #ALPHABET do
    values[ALPHABET:sub(i, i)] = i - 1
end

local function now()
    ffi.C.clock_gettime(MONOTONIC, time)
    return tonumber(time.seconds) + tonumber(time.nanoseconds) / 1e9
end

local function quad(a, b, c, d)
    local bits = values[a] * 262144 + values[b] * 4096 + (values[c] or 0) * 64 + (values[d] or 0)
    return string.char(math.floor(bits / 65536), math.floor(bits / 256) % 256, bits % 256)
end

local function decode(text)
    return (text:gsub("(.)(.)(.)(.)", quad))
end

-- Reservations are as long as each other and the pods are the same, so that all are in the place where the first was.
local function reservation_of(patch)
    if not first then
        local start = decode(patch):find(MARK, 1, true)
        first, last = math.floor((start - 1) / 3) * 4 + 1, math.ceil((start + #MARK + #ID) / 3) * 4
    end
    return decode(patch:sub(first, last)):match(MARK .. "(%x+)")
end

local function read(path)
    local file = assert(io.open(path, "rb"))
    local text = file:read("*a")
    file:close()
    return text
end

function setup(thread)
    table.insert(threads, thread)
end

function init(args)
    wrk.headers["Content-Type"] = "application/json"
    creation = wrk.format("POST", nil, nil, read(args[1]))
    deletion = wrk.format("POST", nil, nil, read(args[2]))
    ending = now() + tonumber(args[3])
end

-- wrk asks before each request.
function delay()
    return #promised == 0 and now() > ending and FOREVER or 0
end

function request()
    local id = table.remove(promised)
    return id and (deletion:gsub(ID, id)) or creation
end

function response(status, headers, body)
    local patch = body:match('"patch":"([^"]+)"')
    if patch then
        table.insert(promised, assert(reservation_of(patch)))
    elseif status ~= 200 then
        failed, failure = failed + 1, status .. " " .. body:sub(1, 600):gsub("%s+", " ")
    elseif body:find('"allowed":false', 1, true) then
        refused, failure = refused + 1, body:sub(1, 600)
    end
end

function done(summary, latency, _)
    local counts, errors = {refused = 0, failed = 0}, summary.errors
    for _, thread in ipairs(threads) do
        for name in pairs(counts) do
            counts[name] = counts[name] + thread:get(name)
        end
        failure = failure .. thread:get("failure")
    end
    for _, thread in ipairs(threads) do
        counts.failed = counts.failed + #thread:get("promised")
    end
    print(("repeated %d %d %f %d %d %f %f"):format(
        summary.requests, summary.bytes, summary.duration / 1e6, counts.refused,
        counts.failed + errors.connect + errors.read + errors.write + errors.timeout,
        latency:percentile(50) / 1000, latency:percentile(99) / 1000))
    print("failure " .. failure)
end

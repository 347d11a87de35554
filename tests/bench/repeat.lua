-- What wrk sends: one body, over and over. wrk makes the request once and calls nothing here until the end, so that
-- the client costs as little as it can.
--
--     wrk -s repeat.lua ... -- FILE keep|close
--
-- With `close` each request is on a connection of its own.
function init(args)
    local file = assert(io.open(args[1], "rb"))
    wrk.method = "POST"
    wrk.body = file:read("*a")
    file:close()
    wrk.headers["Content-Type"] = "application/json"
    if args[2] == "close" then
        wrk.headers["Connection"] = "close"
    end
end

function done(summary, latency, _)
    local errors = summary.errors
    print(("repeated %d %d %f %d %d %f %f"):format(
        summary.requests, summary.bytes, summary.duration / 1e6, errors.status,
        errors.connect + errors.read + errors.write + errors.timeout,
        latency:percentile(50) / 1000, latency:percentile(99) / 1000))
end

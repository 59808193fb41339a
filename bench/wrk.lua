-- What wrk sends, and how it reports what came back.  The environment says:
--
--     BENCH_BODY      file with the body
--     BENCH_HEADERS   "Name: value", one a line
--     BENCH_PATHS     file of paths of one length, one a line: each request
--                     takes a random one
--     BENCH_DELAY     milliseconds between an answer and the next request
--     BENCH_STAMP     X-Sent tells when, in seconds
--     BENCH_ID        Webhook-Id is another one each time
--
-- The last line of the output is
--
--     bench REQUESTS NOT-2XX-OR-3XX FAILED MICROSECONDS P50 P99

local function read(name)
    local file = assert(io.open(name, "rb"))
    local text = file:read("*a")
    file:close()
    return text
end

wrk.method = "POST"
wrk.body = read(os.getenv("BENCH_BODY"))

for line in os.getenv("BENCH_HEADERS"):gmatch("[^\n]+") do
    local name, value = line:match("^([^:]+):%s*(.*)$")
    wrk.headers[name] = value
end

local paths = os.getenv("BENCH_PATHS")

-- Without a function request() wrk sends the same bytes again and again,
-- which costs it the least.

if paths and paths ~= "" then
    local all = read(paths)
    local len = all:find("\n", 1, true)
    local count = #all / len
    local before, after

    function init()
        local request = wrk.format(nil, wrk.path .. "@@")
        local from, to = request:find("@@", 1, true)

        before = request:sub(1, from - 1)
        after = request:sub(to + 1)

        math.randomseed(os.time())
    end

    function request()
        local at = math.random(0, count - 1) * len
        return before .. all:sub(at + 1, at + len - 1) .. after
    end
end

local id = os.getenv("BENCH_ID")

if id and id ~= "" then
    local before, after
    local number = os.time() * 1000000

    function init()
        wrk.headers["Webhook-Id"] = "msg_@@"

        local request = wrk.format()
        local from, to = request:find("@@", 1, true)

        before = request:sub(1, from - 1)
        after = request:sub(to + 1)
    end

    function request()
        number = number + 1
        return before .. string.format("%.0f", number) .. after
    end
end

local pause = tonumber(os.getenv("BENCH_DELAY") or 0)

if pause > 0 then
    function delay()
        return pause
    end
end

local stamp = os.getenv("BENCH_STAMP")

if stamp and stamp ~= "" then
    local ffi = require("ffi")

    ffi.cdef [[
        typedef struct { long sec; long usec; } bench_time_t;
        int gettimeofday(bench_time_t *time, void *zone);
    ]]

    local now = ffi.new("bench_time_t")

    function request()
        ffi.C.gettimeofday(now, nil)
        wrk.headers["X-Sent"] = string.format("%d.%06d", tonumber(now.sec),
                                              tonumber(now.usec))
        return wrk.format()
    end
end

function done(summary, latency)
    local errors = summary.errors

    io.write(string.format("bench %d %d %d %d %d %d\n",
        summary.requests, errors.status,
        errors.connect + errors.read + errors.write + errors.timeout,
        summary.duration, latency:percentile(50), latency:percentile(99)))
end

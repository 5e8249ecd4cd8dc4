-- What wrk sends: a POST with a body in which {n} is a number of its own for each request.
local threads = 0

function setup(thread)
  thread:set("id", threads)
  threads = threads + 1
end

function init(args)
  file = io.open(args[1])
  template = file:read("*a")
  file:close()
  stride = tonumber(args[2])
  number = tonumber(args[3]) + id
end

function request()
  number = number + stride
  local body = template:gsub("{n}", tostring(number))
  return wrk.format("POST", nil, { ["Content-Type"] = "application/json" }, body)
end

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    'RESULT {"requests": %d, "seconds": %f, "p50_ms": %f, "p99_ms": %f, "failed": %d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3,
    latency:percentile(99) / 1e3,
    errors.status + errors.connect + errors.read + errors.write + errors.timeout))
end

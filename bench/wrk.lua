-- One request, asked again and again: `wrk … URL -- METHOD BODYFILE`. What was counted is told as JSON.
function init(args)
  wrk.method = args[1]
  if wrk.method ~= "GET" then
    local file = assert(io.open(args[2], "rb"))
    wrk.body = file:read("*a")
    wrk.headers["Content-Type"] = "application/json"
    file:close()
  end
end

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    '\nmeasured {"requests": %d, "duration": %d, "p50": %d, "p99": %d, "failed": %d}\n',
    summary.requests,
    summary.duration,
    latency:percentile(50),
    latency:percentile(99),
    errors.connect + errors.read + errors.write + errors.status + errors.timeout
  ))
end

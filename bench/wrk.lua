-- A request, sent again and again: `wrk … URL -- METHOD BODYFILE HEADER...`. Each line of the file is a body; they are
-- sent in turn, from a random one on. The counts are printed as JSON.
local bodies, last, requests = {}, 0, {}

function init(args)
  wrk.method = args[1]
  for number = 3, #args do
    local name, value = args[number]:match("^(.-): (.*)$")
    wrk.headers[name] = value
  end
  if wrk.method ~= "GET" then
    wrk.headers["Content-Type"] = "application/json"
    for line in io.lines(args[2]) do
      bodies[#bodies + 1] = line
    end
    wrk.body = bodies[1]
    math.randomseed(os.time())
    last = math.random(#bodies)
  end
  requests[1] = wrk.format()
end

function request()
  if #bodies < 2 then
    return requests[1]
  end
  last = last % #bodies + 1
  return wrk.format(nil, nil, nil, bodies[last])
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

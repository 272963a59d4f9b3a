-- wrk: every request is a page turn of ten answers by one of BENCH_TOKENS' respondents, each with a stamp of its
-- own. BENCH_PATH=/bench/noop sends the same requests to a route that does nothing.
local tokens, threads = {}, 0
local path = os.getenv("BENCH_PATH") or "/api/v1/saves"
local file = assert(io.open(assert(os.getenv("BENCH_TOKENS")), "r"))
for line in file:lines() do tokens[#tokens + 1] = line end
file:close()

function setup(thread)
  thread:set("number", threads)
  threads = threads + 1
end

local heads, bodies, count, stamp = {}, {}, 0, 0

function init()
  -- Each thread has respondents of its own; two threads never save to one response.
  local mine = {}
  for i = number + 1, #tokens, 2 do mine[#mine + 1] = tokens[i] end
  for i, token in ipairs(mine) do
    heads[i] = { ["Authorization"] = "Bearer " .. token, ["Content-Type"] = "application/json" }
  end
  local letters = { "a", "b", "c", "d", "e" }
  for page = 1, 6 do
    for variant = 1, 5 do
      local answers = {}
      for q = 1, 10 do
        answers[q] = string.format('"q%ditem%02d":"%s"', page, q, letters[(q * variant + page) % 5 + 1])
      end
      bodies[#bodies + 1] = string.format(',"page":"p0%d","answers":{%s}}', page, table.concat(answers, ","))
    end
  end
  stamp = os.time() * 1000000 - 3600 * 1000000 + number
end

function request()
  count = count + 1
  stamp = stamp + 2
  local body = string.format('{"stamp":%d', stamp) .. bodies[count % #bodies + 1]
  return wrk.format("POST", path, heads[count % #heads + 1], body)
end

function done(summary, latency)
  io.write(string.format("RESULT requests=%d seconds=%.3f p50_ms=%.3f p99_ms=%.3f not_2xx=%d socket_errors=%d\n",
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    summary.errors.status, summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout))
end

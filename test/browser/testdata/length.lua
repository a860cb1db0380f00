-- Prints how many responses were not like "wrk -s length.lua URL -- LENGTH" wants them.

local threads = {}

function setup(thread)
	table.insert(threads, thread)
end

function init(args)
	length = tonumber(args[1])
	good, bad = 0, 0
end

function response(status, headers, body)
	if status == 200 and #body == length then
		good = good + 1
	else
		bad = bad + 1
	end
end

function done(summary, latency, requests)
	local good, bad = 0, 0
	for _, thread in ipairs(threads) do
		good = good + thread:get("good")
		bad = bad + thread:get("bad")
	end
	local e = summary.errors
	print(string.format("good %d bad %d connect %d read %d write %d timeout %d", good, bad, e.connect, e.read, e.write, e.timeout))
end

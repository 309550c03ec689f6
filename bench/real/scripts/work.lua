-- SPDX-License-Identifier: MIT
-- Lua at work: tables, closures, string building, coroutines.
local seed = 1
local function random(limit)
  seed = (seed * 1103515245 + 12345) % 2147483648
  return seed % limit
end

local function tree(depth)
  if depth == 0 then return { value = random(1000) } end
  return { left = tree(depth - 1), right = tree(depth - 1), value = random(1000) }
end

local function sum(node)
  if node == nil then return 0 end
  return node.value + sum(node.left) + sum(node.right)
end

local total = 0
for _ = 1, 12 do total = total + sum(tree(15)) end

local words = {}
for i = 1, 400000 do
  local key = "k" .. random(50000)
  words[key] = (words[key] or "") .. (i % 50 == 0 and "" or "x")
  if #words[key] > 40 then words[key] = nil end
end
local keys = {}
for key, value in pairs(words) do keys[#keys + 1] = key .. "=" .. #value end
table.sort(keys)

local function generate(n)
  return coroutine.wrap(function() for i = 1, n do coroutine.yield({ i, tostring(i) }) end end)
end
local count = 0
for item in generate(300000) do count = count + #item[2] end
print(total, #keys, keys[1], keys[#keys], count)

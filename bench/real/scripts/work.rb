# SPDX-License-Identifier: MIT
# Ruby at work: strings, hashes, arrays, objects, regular expressions.
Point = Struct.new(:x, :y, :name)
seed = 1
random = lambda do |limit|
  seed = (seed * 1103515245 + 12345) % 2147483648
  seed % limit
end
points = Array.new(100_000) { |i| Point.new(random[1000], random[1000], "point number #{i} of many") }
groups = points.group_by { |point| point.x % 97 }
text = points.map { |point| "#{point.name}: #{point.x},#{point.y}" }.join("\n")
counts = Hash.new(0)
text.scan(/\w+/) { |word| counts[word] += 1 }
lines = text.lines.map(&:chomp).sort_by { |line| [line.size, line] }
nested = Array.new(300) { |i| Array.new(200) { |k| [i, k, "cell #{i}/#{k} " * 3] } }
total = nested.flatten.select { |cell| cell.is_a?(String) }.sum(&:size)
puts [groups.size, counts.size, lines.first, lines.last, total].join(" ")

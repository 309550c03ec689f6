# SPDX-License-Identifier: MIT
# jq at work: parse, group, transform, build objects.
[.[] | . + {key: (.name | ascii_upcase), total: (.list | add)}]
| group_by(.city)
| map({city: .[0].city, count: length, sum: (map(.total) | add), names: (map(.key) | unique | length)})

# SPDX-License-Identifier: MIT
"""Makes the larger inputs of the real programs: always the same bytes, so that results compare."""

import json


def numbers(seed):
    while True:
        seed = (seed * 1103515245 + 12345) % 2147483648
        yield seed >> 4


def json_text():
    source = numbers(3)
    people = [
        {
            "id": i,
            "name": f"name {next(source) % 5000}",
            "city": f"city {next(source) % 300}",
            "list": [next(source) % 100 for _ in range(6)],
            "note": "x" * (next(source) % 40),
        }
        for i in range(60000)
    ]
    return json.dumps(people)


def c_text():
    """A C file of many small functions over structures, loops and switches."""
    source = numbers(5)
    parts = [
        "typedef struct item { int a; long b; struct item* next; double d[4]; } item;\n",
        "extern int out(const char* text, long value);\n",
    ]
    for i in range(120):
        k = [next(source) % 1000 for _ in range(8)]
        parts.append(
            f"""
static long step_{i}(item* it, int n) {{
  long sum = {k[0]};
  for (int i = 0; i < n; i++) {{
    switch ((it->a + i) % 7) {{
      case 0: sum += it->b * {k[1]}; break;
      case 1: sum ^= it->b << (i & {k[2] % 31}); break;
      case 2: it->d[i & 3] += sum * {k[3]}.5; break;
      case 3: if (it->next) it = it->next; else sum -= {k[4]}; break;
      default: sum = sum / {k[5] + 1} + it->a * {k[6]};
    }}
  }}
  return out("step {i}", sum) + sum % {k[7] + 1};
}}
long run_{i}(item* it) {{
  return step_{i}(it, {k[3]}) + {f"step_{i - 1}(it, {k[1]})" if i else "0"};
}}
"""
        )
    return "".join(parts)


def smt_text():
    """Bit-vector, arithmetic and pigeonhole problems for an SMT solver."""
    source = numbers(7)
    parts = ["(set-option :smt.random_seed 1)\n"]
    for problem in range(12):
        parts.append("(push)\n")
        for i in range(30):
            parts.append(f"(declare-const x{i} Int)\n(declare-const b{i} (_ BitVec 16))\n")
        for i in range(60):
            a, b, c = (next(source) % 30 for _ in range(3))
            k = next(source) % 200
            parts.append(f"(assert (or (< (+ x{a} x{b}) {k}) (> (- x{c} x{a}) {k % 50})))\n")
            parts.append(f"(assert (not (= (bvadd b{a} b{b}) (bvmul b{c} (_ bv{k} 16)))))\n")
        parts.append("(check-sat)\n(pop)\n")
        holes = 6 + problem % 2
        for p in range(holes + 1):
            for h in range(holes):
                parts.append(f"(declare-const p{problem}_{p}_{h} Bool)\n")
        parts.append("(push)\n")
        for p in range(holes + 1):
            parts.append(
                "(assert (or " + " ".join(f"p{problem}_{p}_{h}" for h in range(holes)) + "))\n"
            )
        for h in range(holes):
            for p in range(holes + 1):
                for q in range(p):
                    parts.append(f"(assert (not (and p{problem}_{p}_{h} p{problem}_{q}_{h})))\n")
        parts.append("(check-sat)\n(pop)\n")
    return "".join(parts)


def redis_text():
    """Commands in the protocol of redis: strings, lists, hashes, sorted sets, deletes."""
    source = numbers(9)
    parts = []
    for i in range(300000):
        n = next(source)
        key = n % 60000
        value = "v" * (8 + next(source) % 300)
        words = (
            ["SET", f"s:{key}", value],
            ["LPUSH", f"l:{key % 2000}", value],
            ["HSET", f"h:{key % 5000}", f"f{n % 40}", value],
            ["ZADD", f"z:{key % 2000}", str(n % 1000), f"m{n % 300}"],
            ["DEL", f"s:{(key * 7) % 60000}"],
            ["RPOP", f"l:{key % 2000}"],
            ["GET", f"s:{key}"],
        )[i % 7]
        parts.append(f"*{len(words)}\r\n" + "".join(f"${len(w)}\r\n{w}\r\n" for w in words))
    return "".join(parts)


MAKERS = {
    "people.json": json_text,
    "work.c": c_text,
    "work.smt2": smt_text,
    "work.redis": redis_text,
}


def make(directory):
    """Writes the inputs that are missing; returns the directory."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, maker in MAKERS.items():
        path = directory / name
        if not path.exists():
            part = path.with_suffix(".part")
            part.write_text(maker(), encoding="utf-8", newline="")
            part.rename(path)
    return directory

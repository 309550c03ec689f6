# SPDX-License-Identifier: MIT
"""CPython at work: JSON, dictionaries, objects, strings, regular expressions, sorting."""
import json
import re


class Node:
    def __init__(self, key):
        self.key = key
        self.left = None
        self.right = None


def insert(root, key):
    node = root
    while node.key != key:
        side = "left" if key < node.key else "right"
        below = getattr(node, side)
        if below is None:
            setattr(node, side, Node(key))
            return
        node = below


def numbers(count, seed):
    for _ in range(count):
        seed = (seed * 1103515245 + 12345) % 2147483648
        yield seed


records = [{"id": n, "name": f"user {n % 9973}", "tags": [str(n % k) for k in (3, 7, 11)],
            "score": n / 7} for n in numbers(40000, 1)]
text = json.dumps(records)
again = json.loads(text)
words = {}
for word in re.findall(r"\w+", text):
    words[word] = words.get(word, 0) + 1
root = Node(1 << 30)
for key in numbers(60000, 2):
    insert(root, key)
lines = sorted((f"{r['name']}:{r['score']:.3f}" for r in again), key=lambda line: line[::-1])
joined = "\n".join(lines).upper().replace("USER", "member").split("\n")
print(len(text), len(words), max(words.values()), joined[0], joined[-1])

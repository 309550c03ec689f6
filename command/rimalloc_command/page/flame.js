// SPDX-License-Identifier: MIT
// flame.js: a flame graph on a canvas. Callers above, what they call below, or the other way round;
// the width of a box is its bytes. Only boxes that can be seen are laid out and drawn, so the size of
// a profile does not matter to the reader.
"use strict";

/** All stacks as one tree, in arrays: node 0 is the root, and parents come before their children.
 * Stacks that begin alike must stand together, as in a sorted list. */
function flameTree(stacks) {
  const tree = { parent: [-1], frame: [-1], depth: [0], value: [0], variance: [0], count: [0],
    before: [0], after: [0] };
  let last = [];
  const nodes = [0];  // of the stack before, from the root on
  for (const stack of stacks) {
    const { path } = stack;
    let same = 0;
    while (same < path.length && same < last.length && path[same] === last[same]) same++;
    for (let level = same; level < path.length; level++) {
      nodes[level + 1] = tree.parent.length;
      tree.parent.push(nodes[level]);
      tree.frame.push(path[level]);
      tree.depth.push(level + 1);
      tree.value.push(0);
      tree.variance.push(0);
      tree.count.push(0);
      tree.before.push(0);
      tree.after.push(0);
    }
    for (let level = 0; level <= path.length; level++) add(nodes[level], stack);
    last = path;
  }
  function add(node, stack) {
    tree.value[node] += stack.value;
    tree.variance[node] += stack.variance;
    tree.count[node] += stack.count;
    tree.before[node] += stack.before || 0;
    tree.after[node] += stack.after || 0;
  }
  tree.children = tree.parent.map(() => null);
  for (let node = 1; node < tree.parent.length; node++) {
    const parent = tree.parent[node];
    (tree.children[parent] ??= []).push(node);
  }
  tree.sorted = new Set();
  return tree;
}

class Flame {
  /** `describe(node)`: the rows of the tooltip; `name(node)`: the text of a box; `colour(node, dark)`:
   * [background, text]; `faint(node)`: whether it is no more than chance. */
  constructor(element, how) {
    this.how = how;
    this.canvas = element.querySelector("canvas");
    this.tip = element.querySelector(".tip");
    this.said = element.querySelector("[aria-live]");
    this.row = 20;
    this.zoomed = 0;
    this.selected = null;
    this.boxes = [];
    this.matches = null;
    this.dark = window.matchMedia("(prefers-color-scheme: dark)");
    this.dark.addEventListener("change", () => this.draw());
    new ResizeObserver(() => this.draw()).observe(element);
    this.canvas.addEventListener("mousemove", event => this.hover(event));
    this.canvas.addEventListener("mouseleave", () => this.hover(null));
    this.canvas.addEventListener("click", event => {
      const node = this.at(event);
      if (node !== null) this.zoom(node === this.zoomed ? 0 : node);
    });
    this.canvas.addEventListener("keydown", event => this.key(event));
  }

  show(tree) {
    this.tree = tree;
    this.zoomed = 0;
    this.selected = null;
    this.draw();
  }

  zoom(node) {
    this.zoomed = node;
    this.draw();
    this.hover(null);
    this.how.zoomed(node);
  }

  /** `matches`: a set of frames that are looked for, or null. */
  mark(matches) {
    this.matches = matches;
    this.draw();
  }

  childrenOf(node) {
    const tree = this.tree, children = tree.children[node];
    if (children === null) return [];
    if (!tree.sorted.has(node)) {
      children.sort((a, b) => tree.value[b] - tree.value[a]);
      tree.sorted.add(node);
    }
    return children;
  }

  layout(width) {
    const { tree, zoomed } = this, boxes = [];
    for (let node = zoomed; node >= 0; node = tree.parent[node]) {
      boxes.push({ node, x: 0, width, above: node !== zoomed });
    }
    const scale = tree.value[zoomed] > 0 ? width / tree.value[zoomed] : 0;
    const waiting = [{ node: zoomed, x: 0 }];
    while (waiting.length > 0) {
      const { node, x } = waiting.pop();
      let at = x;
      for (const child of this.childrenOf(node)) {
        const wide = tree.value[child] * scale;
        if (wide < 0.7) break;  // they are sorted: the rest is no wider
        boxes.push({ node: child, x: at, width: wide, above: false });
        waiting.push({ node: child, x: at });
        at += wide;
      }
    }
    return boxes;
  }

  draw() {
    if (!this.tree) return;
    const canvas = this.canvas, width = canvas.parentElement.clientWidth;
    if (width === 0) return;
    this.boxes = this.layout(width);
    let deepest = 0;
    for (const box of this.boxes) deepest = Math.max(deepest, this.tree.depth[box.node]);
    const height = (deepest + 1) * this.row, ratio = window.devicePixelRatio || 1;
    canvas.width = width * ratio;
    canvas.height = height * ratio;
    canvas.style.height = `${height}px`;
    const pen = canvas.getContext("2d");
    pen.scale(ratio, ratio);
    pen.font = '12px system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif';
    pen.textBaseline = "middle";
    for (const box of this.boxes) this.box(pen, box, this.dark.matches);
    canvas.dataset.boxes = this.boxes.length;
  }

  box(pen, { node, x, width, above }, dark) {
    const y = this.tree.depth[node] * this.row;
    let [back, ink] = this.how.colour(node, dark);
    const found = this.matches !== null && this.matches.has(this.tree.frame[node]);
    if (found) [back, ink] = dark ? ["#d64fd6", "#ffffff"] : ["#c026d3", "#ffffff"];
    pen.globalAlpha = above ? 0.55 : this.matches !== null && !found ? 0.4 :
      this.how.faint(node) ? 0.45 : 1;
    pen.fillStyle = back;
    pen.fillRect(x, y, Math.max(width - (width > 3 ? 1 : 0.2), 0.5), this.row - 1);
    if (node === this.selected) {
      pen.globalAlpha = 1;
      pen.strokeStyle = dark ? "#ffffff" : "#000000";
      pen.strokeRect(x + 0.5, y + 0.5, Math.max(width - 2, 1), this.row - 2);
    }
    if (width < 24) return;
    const text = this.how.name(node), room = width - 8;
    // A letter is about 6 pixels wide: what is surely too long is cut before it is measured.
    let shown = text.length * 4 > room ? text.slice(0, Math.ceil(room / 4)) : text;
    while (shown.length > 0 && pen.measureText(shown).width > room) {
      shown = shown.slice(0, Math.min(shown.length - 1, Math.floor(shown.length * 0.92)));
    }
    if (shown.length < text.length) shown = shown.length > 2 ? `${shown.slice(0, -1)}…` : "";
    pen.globalAlpha = above ? 0.8 : 1;
    pen.fillStyle = ink;
    pen.fillText(shown, x + 4, y + this.row / 2);
    pen.globalAlpha = 1;
  }

  at(event) {
    const place = this.canvas.getBoundingClientRect();
    const x = event.clientX - place.left, level = Math.floor((event.clientY - place.top) / this.row);
    const box = this.boxes.find(one =>
      this.tree.depth[one.node] === level && x >= one.x && x < one.x + one.width);
    return box ? box.node : null;
  }

  hover(event) {
    const node = event === null ? null : this.at(event);
    this.canvas.style.cursor = node === null ? "default" : "pointer";
    this.tip.hidden = node === null;
    if (node === null) return;
    this.tip.innerHTML = this.how.describe(node);
    const frame = this.canvas.parentElement.getBoundingClientRect();
    const x = event.clientX - frame.left, y = event.clientY - frame.top;
    const wide = this.tip.offsetWidth;
    this.tip.style.left = `${Math.max(0, Math.min(x + 14, frame.width - wide))}px`;
    this.tip.style.top = `${y + 18}px`;
  }

  key(event) {
    const { tree } = this, now = this.selected ?? this.zoomed, parent = tree.parent[now];
    let next = null;
    if (event.key === "ArrowDown") next = this.childrenOf(now)[0] ?? null;
    else if (event.key === "ArrowUp") next = parent >= 0 ? parent : null;
    else if (event.key === "ArrowLeft" || event.key === "ArrowRight") {
      const all = parent >= 0 ? this.childrenOf(parent) : [0];
      next = all[all.indexOf(now) + (event.key === "ArrowLeft" ? -1 : 1)] ?? null;
    } else if (event.key === "Enter") this.zoom(now);
    else if (event.key === "Escape") this.zoom(0);
    else return;
    event.preventDefault();
    if (next === null) return;
    this.selected = next;
    this.said.textContent = this.how.say(next);
    this.draw();
  }
}

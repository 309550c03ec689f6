// SPDX-License-Identifier: MIT
// report.js: what of a profile's page moves: flame graph, table, search, time line, lifetimes. The
// rest is text that report_html.py wrote.
"use strict";

(async () => {
  const all = JSON.parse(document.getElementById("data").textContent);
  const find = id => document.getElementById(id);
  const escape = text => String(text).replace(/[&<>"]/g, c => `&#${c.charCodeAt(0)};`);

  /** The profile: deflated JSON, as base64. */
  async function unpack(text) {
    const bytes = Uint8Array.from(atob(text), c => c.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    return JSON.parse(await new Response(stream).text());
  }

  function size(value, signed) {
    const sign = value < 0 ? "−" : signed ? "+" : "";
    const number = Math.abs(value);
    for (const [unit, factor] of [["GiB", 2 ** 30], ["MiB", 2 ** 20], ["KiB", 2 ** 10]]) {
      if (number >= factor) {
        const scaled = number / factor;
        return `${sign}${scaled.toFixed(scaled >= 100 ? 0 : scaled >= 10 ? 1 : 2)} ${unit}`;
      }
    }
    return `${sign}${number.toFixed(0)} B`;
  }
  const whole = value => Math.round(value).toLocaleString("en-US");
  const error = variance => variance === null ? null : 1.96 * Math.sqrt(variance);
  function interval(value, variance, signed) {
    const margin = error(variance);
    return margin === null || margin < 0.5 ? size(value, signed) :
      `${size(value, signed)} ± ${size(margin)}`;
  }

  // ---- The charts -------------------------------------------------------------------------------

  /** data.points: [seconds, resident, live, allocated so far]. */
  function time(data, look) {
    const names = ["resident", "live", "allocated a second"];
    const rates = data.points.map((point, i) => {
      const before = data.points[i - 1];
      return [point[0], before && point[0] > before[0]
        ? (point[3] - before[3]) / (point[0] - before[0]) : 0];
    });
    const lines = [data.points.map(p => [p[0], p[1]]), data.points.map(p => [p[0], p[2]]), rates];
    const bytes = { color: look.soft, formatter: value => size(value) };
    return {
      ...charts.base(look, data.label),
      legend: { data: names, textStyle: { color: look.ink }, left: 0, top: 0 },
      grid: { left: 70, right: 84, top: 40, bottom: 36 },
      xAxis: charts.axis(look, { type: "value", max: "dataMax", name: "seconds",
        nameLocation: "middle", nameGap: 22, splitLine: { show: false },
        axisLabel: { color: look.soft, hideOverlap: true, showMaxLabel: false,
          formatter: value => `${+value.toFixed(2)}` } }),
      yAxis: [charts.axis(look, { type: "value", min: 0, axisLabel: bytes }),
        charts.axis(look, { type: "value", min: 0, axisLabel: bytes, splitLine: { show: false } })],
      tooltip: { ...charts.base(look, "").tooltip, trigger: "axis",
        formatter: params => charts.card(`after ${params[0].axisValue.toFixed(2)} s`,
          params.map(p => [p.seriesName, size(p.value[1]), p.seriesIndex === 1])) },
      series: names.map((name, i) => {
        const how = charts.style(look, i === 1 ? 0 : i + 1);
        return { name, type: "line", showSymbol: false, data: lines[i], yAxisIndex: i === 2 ? 1 : 0,
          itemStyle: { color: how.colour },
          lineStyle: { color: how.colour, width: how.width, type: how.dash },
          areaStyle: i === 1 ? { color: how.colour, opacity: 0.12 } : undefined,
          markLine: i === 1 && data.peak !== null ? { silent: true, symbol: "none",
            label: { formatter: "peak", color: look.soft }, lineStyle: { color: look.faint },
            data: [{ xAxis: data.peak }] } : undefined };
      }),
    };
  }

  /** data.counts: freed blocks by lifetime, below 2^i µs. */
  function lifetimes(data, look) {
    const label = i => {
      const us = 2 ** i;
      return us < 1000 ? `${us} µs` : us < 1e6 ? `${Math.round(us / 1000)} ms` :
        us < 6e7 ? `${Math.round(us / 1e6)} s` : `${Math.round(us / 6e7)} min`;
    };
    return {
      ...charts.base(look, data.label),
      grid: { left: 70, right: 14, top: 16, bottom: 44 },
      xAxis: charts.axis(look, { type: "category", data: data.counts.map((_, i) => label(i)),
        name: "lived less than", nameLocation: "middle", nameGap: 26,
        splitLine: { show: false } }),
      yAxis: charts.axis(look, { type: "value", min: 0,
        axisLabel: { color: look.soft, formatter: value => whole(value) } }),
      tooltip: { ...charts.base(look, "").tooltip, trigger: "axis", axisPointer: { type: "shadow" },
        formatter: params => charts.card(`lived less than ${params[0].axisValue}`,
          [["blocks", whole(params[0].value)]]) },
      series: [{ type: "bar", data: data.counts, barCategoryGap: "12%",
        itemStyle: { color: look.series[0], borderRadius: 2 } }],
    };
  }

  if (typeof echarts !== "undefined") charts.mountAll({ time, lifetimes });

  // ---- The profile ------------------------------------------------------------------------------

  const data = await unpack(all.profile);
  const frames = data.frames.map(([name, file, line, module]) => ({
    name: data.words[name], file: data.words[file], line, module: data.words[module] }));
  // A stack shares so many frames with the one before; the rest follows.
  const paths = [];
  for (let i = 0, at = 0; i < data.shared.length; i++) {
    const path = i > 0 ? paths[i - 1].slice(0, data.shared[i]) : [];
    for (let n = data.more[i]; n > 0; n--) path.push(data.rest[at++]);
    paths.push(path);
  }
  const groups = [];  // frames that stand for threads, heaps or sizes
  function groupFrame(name) {
    if (!groups.includes(name)) {
      groups.push(name);
      frames.push({ name, file: "", line: 0, module: "" });
    }
    return frames.length - groups.length + groups.indexOf(name);
  }

  const choice = { kind: all.kinds[0], inverted: false, split: "none", order: "own" };
  const where = frame => frame.file ? `${frame.file}${frame.line ? `:${frame.line}` : ""}` : "";

  /** The stacks to show, with what the choice says. */
  function stacks() {
    if (choice.split !== "none" && choice.kind === "live") return splitStacks();
    const one = data.kinds[choice.kind], old = data.before ? data.before[choice.kind] : null;
    return paths.map((path, i) => {
      const made = { path, value: one.bytes[i], variance: one.variance ? one.variance[i] : null,
        count: one.count[i] };
      if (old) {
        made.after = made.value;
        made.before = old.bytes[i];
        made.value = Math.max(made.after, made.before);
        made.variance = made.variance === null || !old.variance ? null :
          made.variance + old.variance[i];
      }
      return made;
    }).filter(made => made.value > 0);
  }

  const SIZES = [64, 256, 1024, 4096, 16384, 65536];
  function splitStacks() {
    const found = new Map();
    for (const [stack, bytes, weight, thread, heap, usable, variance] of data.samples) {
      const bound = SIZES.find(limit => usable <= limit);
      const name = choice.split === "thread" ? `thread ${thread}` :
        choice.split === "heap" ? (heap === 0 ? "main heap" : `heap ${heap}`) :
          bound ? `blocks up to ${size(bound)}` : `blocks over ${size(SIZES[SIZES.length - 1])}`;
      const key = `${name}\0${stack}`;
      let made = found.get(key);
      if (!made) {
        made = { path: [groupFrame(name), ...paths[stack]], value: 0, variance: 0, count: 0 };
        found.set(key, made);
      }
      made.value += bytes;
      made.count += weight;
      made.variance += variance;
    }
    return [...found.values()];
  }

  let tree, shown, total;
  const significant = (value, variance) => {
    const margin = error(variance);
    return margin === null || Math.abs(value) > margin;
  };
  const changeOf = node => tree.after[node] - tree.before[node];
  const PALETTES = {
    light: ["#f4a582", "#92c5de", "#a6dba0", "#c2a5cf", "#fdd48a", "#9fd8cb", "#e6b8b0", "#b8c4e8"],
    dark: ["#9c4a22", "#2f6690", "#3c7a45", "#6f4b8b", "#8a6616", "#2d7a6c", "#8b4a44", "#4a5a99"],
  };
  function moduleIndex(module) {
    let hash = 7;
    for (const c of module) hash = (hash * 31 + c.charCodeAt(0)) % 1000003;
    return hash;
  }
  function colour(node, dark) {
    const ink = dark ? "#f2f3f5" : "#1a1c20";
    if (node === 0) return [dark ? "#3a4048" : "#d9dbd6", ink];
    if (data.before) {
      const change = changeOf(node), share = Math.min(Math.abs(change) / tree.value[node], 1);
      if (!significant(change, tree.variance[node])) return [dark ? "#3a4048" : "#dfe1dd", ink];
      const strength = Math.round(25 + 70 * share), base = dark ? "#2a2e34" : "#f1f1ee";
      const hue = change > 0 ? (dark ? "#c23b32" : "#e0695f") : (dark ? "#2f76b5" : "#5b9fd6");
      return [mix(hue, base, strength / 100), ink];
    }
    const palette = PALETTES[dark ? "dark" : "light"];
    return [palette[moduleIndex(frames[tree.frame[node]].module) % palette.length], ink];
  }
  function mix(a, b, share) {
    const parts = [1, 3, 5].map(i => Math.round(parseInt(a.slice(i, i + 2), 16) * share +
      parseInt(b.slice(i, i + 2), 16) * (1 - share)));
    return `rgb(${parts.join(",")})`;
  }
  function amounts(node) {
    if (data.before) {
      return [["before", size(tree.before[node])], ["after", size(tree.after[node])],
        ["change", interval(changeOf(node), tree.variance[node], true)]];
    }
    const count = tree.count[node];
    return [["bytes", interval(tree.value[node], tree.variance[node])],
      ["of all", `${(100 * tree.value[node] / tree.value[0]).toFixed(1)} %`],
      ["blocks", whole(count)], ["mean size", count > 0 ? size(tree.value[node] / count) : "–"]];
  }
  const nameOf = node => node === 0 ? "all" : frames[tree.frame[node]].name;

  const flame = new Flame(find("flame"), {
    colour,
    name: nameOf,
    faint: node => !data.before && !significant(tree.value[node], tree.variance[node]),
    say: node => `${nameOf(node)}: ${amounts(node).map(row => row.join(" ")).join(", ")}`,
    describe(node) {
      const frame = node === 0 ? null : frames[tree.frame[node]];
      const rows = amounts(node).map(([label, value]) =>
        `<tr><td>${escape(label)}</td><td>${escape(value)}</td></tr>`).join("");
      return `<b>${escape(nameOf(node))}</b>` +
        (frame ? `<div>${escape(where(frame))}</div><div>${escape(frame.module)}</div>` : "") +
        `<table>${rows}</table>`;
    },
    zoomed(node) {
      find("reset").hidden = node === 0;
    },
  });

  // ---- The table --------------------------------------------------------------------------------

  const functionOf = [];  // by frame: the number of its function, whose lines are many frames
  const functionNumbers = new Map();
  function functionsOfFrames() {
    for (let i = functionOf.length; i < frames.length; i++) {
      const key = `${frames[i].name}\0${frames[i].module}`;
      if (!functionNumbers.has(key)) functionNumbers.set(key, functionNumbers.size);
      functionOf.push(functionNumbers.get(key));
    }
  }

  function functions() {
    functionsOfFrames();
    const found = [], seen = new Int32Array(functionNumbers.size).fill(-1);
    shown.forEach((stack, number) => {
      const { path } = stack;
      const leaf = choice.inverted ? 0 : path.length - 1;
      for (let i = 0; i < path.length; i++) {
        const place = functionOf[path[i]];
        const row = found[place] ??= { frame: path[i], own: 0, ownVariance: 0, total: 0,
          variance: 0, count: 0, change: 0, changeVariance: 0 };
        if (i === leaf) {
          row.own += stack.value;
          row.ownVariance += stack.variance;
          row.count += stack.count;
          row.change += (stack.after || 0) - (stack.before || 0);
          row.changeVariance += stack.variance;
        }
        if (seen[place] === number) continue;
        seen[place] = number;
        row.total += stack.value;
        row.variance += stack.variance;
      }
    });
    const known = shown.length === 0 || shown[0].variance !== null;
    const order = data.before ? row => Math.abs(row.change) : row => row[choice.order];
    const rows = found.filter(row => row !== undefined);
    return { known, rows: rows.sort((a, b) => order(b) - order(a)) };
  }

  function drawTable() {
    const { known, rows } = functions(), word = find("search").value.trim();
    const matches = word === "" ? null : matching(word);
    const picked = matches === null ? rows : rows.filter(row => matches.has(row.frame));
    const of = variance => known ? variance : null;
    const lines = picked.slice(0, 200).map(row => {
      const frame = frames[row.frame], value = data.before ? row.change : row[choice.order];
      const variance = data.before ? row.changeVariance :
        choice.order === "own" ? row.ownVariance : row.variance;
      const cells = data.before
        ? [interval(row.change, of(row.changeVariance), true), size(row.own)]
        : [interval(row.own, of(row.ownVariance)), interval(row.total, of(row.variance)),
          `${(100 * row.own / total).toFixed(1)} %`, whole(row.count)];
      const width = Math.min(100 * Math.abs(value) / total, 100);
      return `<tr${significant(value, of(variance)) ? "" : ' class="faint"'}>` +
        `<th scope="row" title="${escape(where(frame))}">${escape(frame.name)}` +
        `<small>${escape(frame.module)}</small></th>` +
        cells.map(cell => `<td>${escape(cell)}</td>`).join("") +
        `<td class="share"><i style="width:${width.toFixed(2)}%"></i></td></tr>`;
    });
    find("functions").innerHTML = lines.join("");
    find("functions-note").textContent = picked.length > 200
      ? `The first 200 of ${whole(picked.length)} functions.` : `${whole(picked.length)} functions.`;
  }

  // ---- Choosing and searching -------------------------------------------------------------------

  function matching(word) {
    let test;
    try {
      const pattern = new RegExp(word, "i");
      test = frame => pattern.test(frame.name) || pattern.test(frame.module) || pattern.test(frame.file);
    } catch {
      const low = word.toLowerCase();
      test = frame => frame.name.toLowerCase().includes(low);
    }
    return new Set(frames.map((frame, i) => test(frame) ? i : -1).filter(i => i >= 0));
  }

  function search() {
    const word = find("search").value.trim();
    const matches = word === "" ? null : matching(word);
    flame.mark(matches);
    let sum = 0;
    if (matches) for (const stack of shown) {
      if (stack.path.some(frame => matches.has(frame))) sum += stack.value;
    }
    find("found").textContent = matches === null ? "" :
      `${size(sum)}, ${(100 * sum / (total || 1)).toFixed(1)} %, in stacks that match`;
    drawTable();
  }

  function comparePaths(a, b) {
    const length = Math.min(a.length, b.length);
    for (let i = 0; i < length; i++) if (a[i] !== b[i]) return a[i] - b[i];
    return a.length - b.length;
  }

  function update() {
    shown = stacks();
    total = shown.reduce((sum, stack) => sum + stack.value, 0);
    if (choice.inverted) {
      shown = shown.map(stack => ({ ...stack, path: stack.path.slice().reverse() }));
    }
    if (choice.inverted || choice.split !== "none") shown.sort((a, b) => comparePaths(a.path, b.path));
    tree = flameTree(shown);
    flame.show(tree);
    find("reset").hidden = true;
    find("split").disabled = choice.kind !== "live" || data.samples.length === 0;
    search();
  }

  find("kind").addEventListener("change", event => { choice.kind = event.target.value; update(); });
  find("split").addEventListener("change", event => { choice.split = event.target.value; update(); });
  find("inverted").addEventListener("change", event => {
    choice.inverted = event.target.checked;
    update();
  });
  find("search").addEventListener("input", search);
  find("reset").addEventListener("click", () => flame.zoom(0));
  for (const button of document.querySelectorAll("[data-order]")) {
    button.addEventListener("click", () => {
      choice.order = button.dataset.order;
      drawTable();
    });
  }
  update();
  document.documentElement.dataset.ready = Math.round(performance.now());
})();

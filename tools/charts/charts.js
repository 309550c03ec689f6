// SPDX-License-Identifier: MIT
// charts.js: what all reports share, on top of ECharts: colours, number formats, and a chart that
// follows its width and the reader's choice of light or dark mode.
//
// A report gives `draw` functions, (data, look) => an ECharts option. `look` has the colours, whether
// there is little width, and how each allocator is drawn. Nothing here knows what a report is about.
"use strict";

const charts = (() => {
  // The series colours are those of Okabe and Ito, which people with any colour vision can tell
  // apart, darkened or lightened until each has a contrast of at least 3 to the card it is drawn
  // on. The first is the subject's. Lines also differ in their dashes, points in their shapes.
  const LOOKS = {
    light: {
      ink: "#1a1c20", soft: "#565c66", faint: "#8a909a", line: "#e3e3de", card: "#ffffff",
      bar: "#b4bcc8", good: "#00734f",
      series: ["#c2410c", "#0072b2", "#00805c", "#a8528b", "#2a86b8", "#946a00", "#59636f", "#7a4b9e",
        "#8c5a3c", "#5c7a00"],
    },
    dark: {
      ink: "#e8e9ec", soft: "#a9afba", faint: "#767d89", line: "#2e333a", card: "#1b1e23",
      bar: "#566070", good: "#4fc79c",
      series: ["#ff8a4c", "#5aa9e6", "#3cc39a", "#e094c4", "#8ad0f5", "#e6b84a", "#a3adba", "#bd9ae6",
        "#cf9f7f", "#b5cf5a"],
    },
  };
  const DASHES = ["solid", [7, 3], [2, 2], [9, 3, 2, 3], [4, 4], [12, 3], [1, 3], [6, 2, 1, 2, 1, 2]];
  const SHAPES = ["circle", "rect", "triangle", "diamond", "path://M3,0H6V3H9V6H6V9H3V6H0V3H3Z",
    "path://M0,0H10L5,9Z", "path://M1,0L5,4L9,0L10,1L6,5L10,9L9,10L5,6L1,10L0,9L4,5L0,1Z", "arrow"];
  const FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif';

  /** How the series number `index` is drawn; 0 is the subject, which stands out. */
  function style(look, index) {
    const own = index === 0;
    return {
      colour: look.series[index % look.series.length],
      dash: own ? "solid" : DASHES[1 + (index - 1) % (DASHES.length - 1)],
      shape: own ? "circle" : SHAPES[1 + (index - 1) % (SHAPES.length - 1)],
      width: own ? 3.2 : 1.6,
      z: own ? 5 : 2,
    };
  }

  const format = {
    number(value) {
      if (value === null || value === undefined) return "–";
      if (value >= 100) return Math.round(value).toLocaleString("en-US");
      return value.toFixed(value >= 10 ? 1 : 2);
    },
    seconds(value) {
      return value < 1 ? `${format.number(value * 1000)} ms` : `${value.toFixed(3)} s`;
    },
    ratio(value) {
      return value === null || value === undefined ? "–" : value.toFixed(2);
    },
    mebibytes(kib) {
      return kib === null || kib === undefined ? "–" : `${format.number(kib / 1024)} MiB`;
    },
    escape(text) {
      return String(text).replace(/[&<>"]/g, c => `&#${c.charCodeAt(0)};`);
    },
  };

  /** A tooltip as a small table: rows of [label, value, strong]. */
  function card(title, rows) {
    const body = rows.map(([label, value, strong]) =>
      `<tr${strong ? ' class="own"' : ""}><td>${format.escape(label)}</td>` +
      `<td>${format.escape(value)}</td></tr>`).join("");
    return `<b>${format.escape(title)}</b><table>${body}</table>`;
  }

  /** What every option starts from. */
  function base(look, label) {
    return {
      animation: false,
      textStyle: { fontFamily: FONT, color: look.soft, fontSize: 12 },
      aria: { enabled: true, label: { description: label } },
      tooltip: {
        confine: true, className: "tip", backgroundColor: look.card, borderColor: look.line,
        padding: [8, 10], textStyle: { color: look.ink, fontFamily: FONT, fontSize: 12 },
      },
    };
  }

  /** Axis furniture. */
  function axis(look, more) {
    return {
      axisLine: { show: false }, axisTick: { show: false },
      axisLabel: { color: look.soft, hideOverlap: true },
      splitLine: { lineStyle: { color: look.line } },
      nameTextStyle: { color: look.faint },
      ...more,
    };
  }

  const shown = [];
  const dark = window.matchMedia("(prefers-color-scheme: dark)");

  function redraw(chart) {
    const width = chart.element.clientWidth;
    const look = { ...LOOKS[dark.matches ? "dark" : "light"], narrow: width < 480, width };
    chart.instance.resize();
    chart.instance.setOption(chart.draw(chart.data, look), { notMerge: true });
  }

  /** Draws in the element, now and whenever its width or the colour scheme changes. */
  function mount(element, draw, data) {
    const instance = echarts.init(element, null, { renderer: "svg" });
    const chart = { element, instance, draw, data };
    shown.push(chart);
    redraw(chart);
    let before = element.clientWidth;
    new ResizeObserver(() => {
      if (element.clientWidth !== before && element.clientWidth > 0) {
        before = element.clientWidth;
        redraw(chart);
      }
    }).observe(element);
    return instance;
  }

  dark.addEventListener("change", () => shown.forEach(redraw));

  /** Draws the whole page: each element with data-chart by the function of that name, with the data
   * of the page under its data-key. */
  function mountAll(draws) {
    const data = JSON.parse(document.getElementById("data").textContent);
    for (const element of document.querySelectorAll("[data-chart]")) {
      mount(element, draws[element.dataset.chart], data[element.dataset.key]);
    }
    document.documentElement.dataset.drawn = shown.length;
  }

  return { LOOKS, FONT, style, format, card, base, axis, mount, mountAll };
})();

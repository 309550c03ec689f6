// SPDX-License-Identifier: MIT
// report.js: the charts of the benchmark report. The data of each, and the tables below them, are
// made by report.py; what is shared with other reports is in tools/charts/charts.js.
"use strict";

(() => {
  const { format, style } = charts;

  /** The names above a chart, in as many lines as they need, and how high these are. */
  function legend(look, names, own, itemWidth) {
    const gap = 14, room = look.width - 8;
    let lines = 1, used = 0;
    for (const name of names) {
      const width = itemWidth + 5 + 6.4 * name.length + gap;
      if (used + width > room) {
        lines++;
        used = 0;
      }
      used += width;
    }
    return {
      height: 19 * lines + 4,
      option: {
        top: 0, left: 0, itemWidth, itemHeight: 9, itemGap: gap, inactiveColor: look.faint,
        padding: [4, 0], textStyle: { color: look.soft, fontSize: 11 },
        data: names.map(name => name === own
          ? { name, textStyle: { color: look.series[0], fontWeight: 650 } } : name),
      },
    };
  }

  /** Ticks of an axis of ratios, which is logarithmic. */
  const RATIOS = [0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.2, 1.5, 2, 3, 5, 7, 10, 20, 50, 100];

  function ratioAxis(look, numbers, more) {
    const min = Math.min(...numbers) / 1.08, max = Math.max(...numbers) * 1.08;
    let ticks = RATIOS.filter(tick => tick >= min && tick <= max);
    while (ticks.length > (look.narrow ? 5 : 10)) {
      const at = ticks.indexOf(1);
      ticks = ticks.filter((_, index) => (index - Math.max(at, 0)) % 2 === 0);
    }
    return charts.axis(look, {
      type: "log", logBase: 10, min, max,
      axisTick: { show: false, customValues: ticks },
      axisLabel: { color: look.soft, customValues: ticks, formatter: value => `${+value.toFixed(2)}` },
      ...more,
    });
  }

  /** Time against memory, as ratios: data.points of {name, series, own, x, y}. */
  function map(data, look) {
    const points = data.points;
    return {
      ...charts.base(look, data.label),
      grid: { left: look.narrow ? 40 : 56, right: look.narrow ? 18 : 64, top: 34, bottom: 44 },
      xAxis: ratioAxis(look, points.map(p => p.x).concat(1), {
        name: `time, ratio to ${data.base} →`, nameLocation: "middle", nameGap: 26,
      }),
      yAxis: ratioAxis(look, points.map(p => p.y).concat(1), {
        name: `peak memory, ratio to ${data.base} ↑`,
        nameTextStyle: { color: look.faint, align: "left", padding: [0, 0, 0, -20] },
      }),
      tooltip: {
        ...charts.base(look, "").tooltip, trigger: "item",
        formatter: ({ data: { point } }) => charts.card(point.name, [
          ["time, minima", `${point.x.toFixed(3)}×`], ["time, medians", `${point.median.toFixed(3)}×`],
          ["peak memory", `${point.y.toFixed(3)}×`]]),
      },
      series: points.map(point => {
        const how = style(look, point.series);
        return {
          name: point.name, type: "scatter", z: how.z, symbol: how.shape,
          symbolSize: point.own ? 20 : 13,
          itemStyle: { color: how.colour, opacity: 1, borderColor: look.card, borderWidth: 2 },
          label: {
            show: true, position: point.x > data.middle && look.narrow ? "left" : "right",
            formatter: point.name, distance: 6, fontSize: point.own ? 14 : 12,
            color: point.own ? how.colour : look.ink, fontWeight: point.own ? 700 : 400,
          },
          labelLayout: { moveOverlap: "shiftY" },
          data: [{ value: [point.x, point.y], point }],
          markLine: point.own ? {
            silent: true, symbol: "none", label: { show: false },
            lineStyle: { color: look.faint, type: "dashed" }, data: [{ xAxis: 1 }, { yAxis: 1 }],
          } : undefined,
        };
      }),
    };
  }

  /** All rows at a glance: each allocator's time as a ratio to the row's best. */
  function rows(data, look) {
    const most = Math.min(8, Math.max(2, ...data.series.flatMap(one => one.values.filter(Boolean))));
    const names = legend(look, data.series.map(one => one.name), data.own, 10);
    return {
      ...charts.base(look, data.label),
      legend: names.option,
      grid: { left: look.narrow ? 104 : 132, right: 16, top: names.height + 30, bottom: 8 },
      xAxis: ratioAxis(look, [1, most], { position: "top", min: 0.97, max: most * 1.02 }),
      yAxis: charts.axis(look, {
        type: "category", inverse: true, data: data.rows,
        axisLabel: { color: look.soft, interval: 0, fontSize: 11, width: look.narrow ? 96 : 124,
          overflow: "truncate" },
        splitLine: { show: true, interval: 0, lineStyle: { color: look.line, type: [1, 3] } },
      }),
      tooltip: {
        ...charts.base(look, "").tooltip, trigger: "axis", axisPointer: { type: "shadow", axis: "y" },
        formatter: params => {
          const at = params[0].dataIndex;
          const found = data.series.filter(one => one.values[at])
            .sort((a, b) => a.values[at] - b.values[at]);
          return charts.card(data.rows[at],
            found.map(one => [one.name, `${one.values[at].toFixed(3)}×`, one.name === data.own]));
        },
      },
      series: data.series.map(one => {
        const how = style(look, one.series);
        return {
          name: one.name, type: "scatter", symbol: how.shape, symbolKeepAspect: true, z: how.z,
          symbolSize: one.name === data.own ? 11 : 7,
          itemStyle: {
            color: how.colour, opacity: one.name === data.own ? 1 : 0.7,
            borderColor: look.card, borderWidth: one.name === data.own ? 1 : 0,
          },
          data: one.values.map((value, at) => [value ? Math.min(value, most) : null, at]),
        };
      }),
    };
  }

  /** One workload: time with its spread, and peak memory, of each allocator. */
  function bars(data, look) {
    const entries = data.entries, names = entries.map(entry => entry.name);
    const left = look.narrow ? 98 : 102, room = look.width - left;
    const timeWidth = Math.round(room * (look.narrow ? 0.6 : 0.5)) - 74, memoryAt = left + timeWidth + 92;
    const colour = entry => entry.own ? look.series[0] : entry.floor ? look.faint : look.bar;
    const category = {
      type: "category", inverse: true, data: names, axisLine: { show: false }, axisTick: { show: false },
    };
    const value = { type: "value", min: 0, axisLabel: { show: false }, splitLine: { show: false },
      axisLine: { show: false }, axisTick: { show: false } };
    const head = { color: look.faint, fontSize: 11, fontWeight: 400 };
    const floor = entries.find(entry => entry.floor && entry.min <= data.limit);

    /** The range of the rounds, a tick at the median, and the number in a column of its own. */
    function spread(params, api) {
      const entry = entries[params.dataIndex];
      const y = api.coord([0, params.dataIndex])[1];
      const x = number => api.coord([Math.min(number, data.limit), params.dataIndex])[0];
      const line = (shape, width) => ({
        type: "line", shape, style: { stroke: look.ink, lineWidth: width, opacity: 0.75 },
      });
      const end = params.coordSys.x + params.coordSys.width;
      const children = [
        line({ x1: x(entry.min), x2: x(entry.max), y1: y, y2: y }, 1),
        line({ x1: x(entry.median), x2: x(entry.median), y1: y - 5, y2: y + 5 }, 2),
        {
          type: "text", x: end + 64, y,
          style: {
            text: format.seconds(entry.min), align: "right", verticalAlign: "middle",
            fill: entry.own ? look.series[0] : look.soft,
            font: `${entry.own || entry.best ? "700" : "400"} 12px ${charts.FONT}`,
          },
        },
      ];
      if (entry.best) {
        children.push({ type: "circle", shape: { cx: end + 72, cy: y, r: 3.5 },
          style: { fill: look.good } });
      }
      if (entry.min > data.limit) {
        children.push({ type: "text", x: end - 4, y, style: { text: "»", align: "right",
          verticalAlign: "middle", fill: look.ink, font: `700 14px ${charts.FONT}` } });
      }
      return { type: "group", children, silent: true };
    }

    return {
      ...charts.base(look, data.label),
      title: [
        { text: look.narrow ? "time" : "time: minimum, range, median", left, top: 0, padding: [3, 0],
          textStyle: head },
        { text: look.narrow ? "peak MiB" : "peak memory, MiB", left: memoryAt, top: 0,
          padding: [3, 0], textStyle: head },
      ],
      grid: [
        { left, width: timeWidth, top: 20, bottom: 2 },
        { left: memoryAt, right: 52, top: 20, bottom: 2 },
      ],
      xAxis: [{ ...value, gridIndex: 0, max: data.limit }, { ...value, gridIndex: 1, max: "dataMax" }],
      yAxis: [
        {
          ...category, gridIndex: 0,
          axisLabel: {
            color: name => name === data.own ? look.series[0] : look.ink, interval: 0,
            width: left - 8, overflow: "truncate",
          },
        },
        { ...category, gridIndex: 1, axisLabel: { show: false } },
      ],
      axisPointer: { link: [{ yAxisIndex: "all" }] },
      tooltip: {
        ...charts.base(look, "").tooltip, trigger: "axis", axisPointer: { type: "shadow", axis: "y" },
        formatter: params => {
          const entry = entries[params[0].dataIndex];
          const more = [["minimum", format.seconds(entry.min)], ["median", format.seconds(entry.median)],
            ["maximum", format.seconds(entry.max)], ["rounds", String(entry.rounds)],
            ["peak memory", format.mebibytes(entry.peak)]];
          if (entry.final) more.push(["at the end", format.mebibytes(entry.final)]);
          return charts.card(entry.name, more);
        },
      },
      series: [
        {
          type: "bar", barWidth: 13, xAxisIndex: 0, yAxisIndex: 0,
          data: entries.map(entry => ({
            value: Math.min(entry.min, data.limit),
            itemStyle: { color: colour(entry), borderRadius: 2, opacity: entry.floor ? 0.45 : 1 },
          })),
          markLine: floor ? {
            silent: true, symbol: "none", label: { show: false },
            lineStyle: { color: look.faint, type: [2, 3] }, data: [{ xAxis: floor.min }],
          } : undefined,
        },
        { type: "custom", renderItem: spread, xAxisIndex: 0, yAxisIndex: 0, clip: false, z: 4,
          data: entries.map(entry => entry.min), encode: { x: 0 } },
        {
          type: "bar", barWidth: 9, xAxisIndex: 1, yAxisIndex: 1,
          label: {
            show: true, position: "right", color: look.soft, fontSize: 11,
            formatter: ({ dataIndex }) => {
              const peak = entries[dataIndex].peak;
              return peak ? format.number(peak / 1024) : "";
            },
          },
          data: entries.map(entry => ({
            value: entry.peak || 0,
            itemStyle: { color: colour(entry), borderRadius: 2, opacity: entry.own ? 0.8 : 0.65 },
          })),
        },
      ],
    };
  }

  function lineSeries(data, look, more) {
    return data.series.map(one => {
      const how = style(look, one.series);
      return {
        name: one.name, type: "line", z: how.z, symbol: how.shape, symbolSize: 7,
        itemStyle: { color: how.colour },
        lineStyle: { color: how.colour, width: how.width, type: how.dash },
        data: one.points, ...more,
      };
    });
  }

  /** Resident memory over time: data.series of {name, series, points: [seconds, MiB]}. */
  function time(data, look) {
    const names = legend(look, data.series.map(one => one.name), data.own, 22);
    return {
      ...charts.base(look, data.label),
      legend: names.option,
      grid: { left: 46, right: 14, top: names.height + 26, bottom: 34 },
      xAxis: charts.axis(look, {
        type: "value", max: "dataMax", name: "seconds", nameLocation: "middle", nameGap: 20,
        splitLine: { show: false },
        axisLabel: { color: look.soft, hideOverlap: true, showMaxLabel: false,
          formatter: value => `${+value.toFixed(2)}` },
      }),
      yAxis: charts.axis(look, { type: "value", min: 0, name: "MiB", nameGap: 8,
        nameTextStyle: { color: look.faint, align: "right" } }),
      dataZoom: [{ type: "inside", zoomOnMouseWheel: "ctrl", moveOnMouseMove: false }],
      tooltip: {
        ...charts.base(look, "").tooltip, trigger: "axis",
        formatter: params => {
          // The samples of each allocator have times of their own: the last before the pointer.
          const at = params[0].axisValue;
          const rows = data.series.map(one => {
            const before = one.points.filter(point => point[0] <= at + 1e-9);
            return { one, value: before.length ? before[before.length - 1][1] : null };
          }).filter(row => row.value !== null).sort((a, b) => b.value - a.value);
          return charts.card(`after ${at.toFixed(2)} s`, rows.map(({ one, value }) =>
            [one.name, `${format.number(value)} MiB`, one.name === data.own]));
        },
      },
      series: lineSeries(data, look, { showSymbol: false }),
    };
  }

  /** Operations a second by threads. */
  function scaling(data, look) {
    const names = legend(look, data.series.map(one => one.name), data.own, 22);
    return {
      ...charts.base(look, data.label),
      legend: names.option,
      grid: { left: 46, right: 14, top: names.height + 26, bottom: 34 },
      xAxis: charts.axis(look, {
        type: "category", data: data.threads.map(String), boundaryGap: false, name: "threads",
        nameLocation: "middle", nameGap: 20, splitLine: { show: false },
      }),
      yAxis: charts.axis(look, { type: "value", min: 0, name: "million operations a second",
        nameGap: 8, nameTextStyle: { color: look.faint, align: "left", padding: [0, 0, 0, -36] } }),
      tooltip: {
        ...charts.base(look, "").tooltip, trigger: "axis",
        formatter: params => {
          const rows = params.filter(p => p.value !== null && p.value !== undefined)
            .sort((a, b) => b.value - a.value);
          const threads = params[0].axisValue;
          return charts.card(`${threads} thread${threads === "1" ? "" : "s"}`, rows.map(p =>
            [p.seriesName, `${p.value.toFixed(2)} M/s`, p.seriesName === data.own]));
        },
      },
      series: lineSeries(data, look, { connectNulls: true }),
    };
  }

  charts.mountAll({ map, rows, bars, time, scaling });
})();

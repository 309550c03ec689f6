// SPDX-License-Identifier: MIT
// Draws one chart without a browser: JSON {option, width, height} from standard input, SVG to
// standard output. For pictures in documents.
import { readFileSync } from "node:fs";
import * as echarts from "echarts";

const { option, width, height } = JSON.parse(readFileSync(0, "utf8"));
const chart = echarts.init(null, null, { renderer: "svg", ssr: true, width, height });
chart.setOption({ animation: false, ...option });
process.stdout.write(chart.renderToSVGString() + "\n");
chart.dispose();

# SPDX-License-Identifier: MIT
"""The frame of every HTML report: one file with the charting library inside, which asks the network
for nothing. Its content security policy says so to the browser, which then refuses to."""

import html
import json
import pathlib
import string

HERE = pathlib.Path(__file__).resolve().parent
LIBRARY = HERE / "node_modules" / "echarts" / "dist" / "echarts.min.js"

PAGE = string.Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; \
script-src 'unsafe-inline'; img-src data:">
<meta name="color-scheme" content="light dark">
<title>$title</title>
<style>
$style</style>
</head>
<body>
$body
<script type="application/json" id="data">$data</script>
<script>$library</script>
<script>
$script</script>
</body>
</html>
""")


class Missing(Exception):
    """The charting library is not installed; the text says how to get it."""


def library():
    try:
        return LIBRARY.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise Missing(
            "the charting library is not installed (tools/install-deps charts, or "
            "`npm ci --omit=dev` in tools/charts)"
        ) from None


def render(title, body, data, script, code=None):
    """The page. `data`: what JavaScript finds under `data-key`; `script`: the report's own, which
    ends by calling charts.mountAll. `code`: that of the charting library; None: as installed."""
    own = (HERE / "charts.js").read_text(encoding="utf-8") + script
    packed = json.dumps(data, separators=(",", ":"), ensure_ascii=False).replace("</", "<\\/")
    return PAGE.substitute(
        title=html.escape(title),
        style=(HERE / "page.css").read_text(encoding="utf-8"),
        body=body,
        data=packed,
        library=library() if code is None else code,
        script=own,
    )


def chart(kind, key, height, label):
    """The place of a chart: screen readers read the label."""
    return (
        f'<div class="chart" data-chart="{kind}" data-key="{html.escape(key)}" role="img" '
        f'aria-label="{html.escape(label)}" style="height:{height}px"></div>'
    )

# SPDX-License-Identifier: MIT
# real_chromium.sh: Chromium brings a malloc of its own and exports it, so that libraries which are
# loaded after it use that. It lays out a page and runs its script.
source "$(dirname "$0")/lib.bash"
this_machine "it runs the system's programs"
need chromium
cat > "$work/page.html" << 'END'
<!doctype html><title>t</title><p id=p>before</p><svg><circle r="5"/></svg>
<script>
const a = [];
for (let i = 0; i < 200000; i++) a.push({i: i, s: "x" + i});
document.getElementById("p").textContent = "sum " + a.reduce((x, y) => x + y.i, 0);
</script>
END
both chromium timeout 120 chromium --headless --no-sandbox --disable-gpu --disable-quic --no-first-run \
  --disable-background-networking --disable-component-update --disable-sync \
  --user-data-dir=profile --dump-dom "file://$work/page.html"
grep -q "sum 19999900000" "$work/chromium.rimalloc/out" || fail "the script did not run"

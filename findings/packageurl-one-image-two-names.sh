#!/usr/bin/env bash
# packageurl-python 0.17.6, packageurl-js 2.0.1: the package URL of an image has another text in each of the two.
#
# Expected: a package URL has one canonical text, which is what both libraries write: so that it can be a key, and
# a URL that is read and written again by either is the same for all.
# Happens: the registry of an image is a qualifier. Python leaves ":" and "/" in it as they are, JavaScript writes
# %3A and %2F; a "+" in a version is %2B from Python and "+" from JavaScript. Each reads what the other wrote, and
# changes it to its own. (package-url/purl-spec#39 has the long quarrel about which one is right.)
# Matters to: those who join the events of a registry with bills of materials or findings of a scanner by this
# text: where one side is Python and the other JavaScript, an image of a private registry has no match.
# The guess before: both write the same.
set -euo pipefail
source "$(dirname "$0")/lib.sh"
python_packages packageurl-python==0.17.6
node_packages packageurl-js@2.0.1
cat >"$work/again.py" <<'PY'
import sys

from packageurl import PackageURL

for line in sys.stdin:
    print(PackageURL.from_string(line.strip()).to_string())
PY
cat >"$work/again.js" <<'JS'
const { PackageURL } = require("packageurl-js");
const lines = require("fs").readFileSync(0, "utf8").trim().split("\n");
console.log(lines.map((line) => PackageURL.fromString(line).toString()).join("\n"));
JS
cat >"$work/images" <<'TXT'
pkg:oci/app@sha256:ad94?repository_url=registry.example
pkg:oci/app@sha256:ad94?repository_url=registry.example/team/app
pkg:oci/app@sha256:ad94?repository_url=localhost:5000/app
pkg:golang/github.com/distribution/distribution@v2.8.2%2Bincompatible
TXT
python3 "$work/again.py" <"$work/images" >"$work/python.txt"
node "$work/again.js" <"$work/images" >"$work/javascript.txt"
{
    sed 's/^/Python:     /' "$work/python.txt"
    sed 's/^/JavaScript: /' "$work/javascript.txt"
    cmp -s <(node "$work/again.js" <"$work/python.txt") "$work/javascript.txt" && echo "JavaScript makes its own of what Python wrote"
    cmp -s <(python3 "$work/again.py" <"$work/javascript.txt") "$work/python.txt" && echo "Python makes its own of what JavaScript wrote"
} | described 'Python:     pkg:oci/app@sha256:ad94?repository_url=registry.example
Python:     pkg:oci/app@sha256:ad94?repository_url=registry.example/team/app
Python:     pkg:oci/app@sha256:ad94?repository_url=localhost:5000/app
Python:     pkg:golang/github.com/distribution/distribution@v2.8.2%2Bincompatible
JavaScript: pkg:oci/app@sha256:ad94?repository_url=registry.example
JavaScript: pkg:oci/app@sha256:ad94?repository_url=registry.example%2Fteam%2Fapp
JavaScript: pkg:oci/app@sha256:ad94?repository_url=localhost%3A5000%2Fapp
JavaScript: pkg:golang/github.com/distribution/distribution@v2.8.2+incompatible
JavaScript makes its own of what Python wrote
Python makes its own of what JavaScript wrote'

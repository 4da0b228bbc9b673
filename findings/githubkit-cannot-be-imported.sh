#!/usr/bin/env bash
# githubkit 0.16.1 (Python) with hishel 2.0.0, which is what a fresh installation of it has: it cannot be imported.
#
# Expected: a package imports with the newest versions that its own metadata allow.
# Happens: it allows hishel up to and with 2.0.0, pip takes 2.0.0, and "import githubkit" ends in an ImportError: the name
# CachePolicy is not there. With hishel 1 it imports.
# Matters to: receivers of GitHub's webhooks (package and registry_package, for GHCR) that are built with this
# client and no lock: the image of the day does not start. A lock with hishel<2 helps.
# The guess before: it imports; only names of hishel that it does not use had changed.
set -euo pipefail
source "$(dirname "$0")/lib.sh"
tried() {
    python_packages githubkit==0.16.1 "$@"
    python3 - <<'PY'
from importlib.metadata import version

print(f"githubkit {version('githubkit')}, hishel {version('hishel')}:", end=" ")
try:
    import githubkit
except ImportError as error:
    print("ImportError:", str(error).partition(" (")[0])
else:
    print("imported")
PY
    rm -rf "$work/python"
}
{
    tried hishel==2.0.0
    tried 'hishel<2'
} | sed 's/hishel 1\.[0-9.]*:/hishel 1:/' | described "githubkit 0.16.1, hishel 2.0.0: ImportError: cannot import name 'CachePolicy' from 'hishel'
githubkit 0.16.1, hishel 1: imported"

#!/usr/bin/env python3
"""Render deploy/kubernetes/portcall.yaml: the Helm chart, for those who have no Helm.

Before that it copies the files that the chart ships: a chart cannot read what is outside of it. It
needs the helm that `scripts/chart-tools` unpacks; without it, the file stays as it is.
"""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
HELM = ROOT / ".cache/chart/helm"
FOLDER = ROOT / "deploy/kubernetes"
MONITORING = ROOT / "deploy/monitoring"
FILES = ROOT / "deploy/helm/portcall/files"
HEAD = """\
# Rendered from deploy/helm/portcall with values.yaml beside this file; `make docs` writes it.
# docs/kubernetes.md says which secrets must be there, and how to install, upgrade and go back.
"""


def rendered() -> str:
    """The manifests, without what only Helm reads."""
    command = [
        HELM,
        "template",
        "portcall",
        ROOT / "deploy/helm/portcall",
        "--namespace",
        "portcall",
    ]
    done = subprocess.run(  # noqa: S603 (the helm of scripts/chart-tools)
        [*command, "--values", FOLDER / "values.yaml"], check=True, capture_output=True, text=True
    )
    text = re.sub(r"^# Source: .*\n", "", done.stdout, flags=re.MULTILINE)
    text = re.sub(r"^ *helm\.sh/chart: .*\n", "", text, flags=re.MULTILINE)
    text = text.replace(
        "app.kubernetes.io/managed-by: Helm", "app.kubernetes.io/managed-by: kubectl"
    )
    text = re.sub(r"[ \t]+$", "", text, flags=re.MULTILINE)
    return HEAD + text


def copies() -> dict[Path, str]:
    """The files of the chart that are copies, with what they must contain."""
    found = {FILES / "alerts.yaml": (MONITORING / "alerts.yaml").read_text()}
    for path in sorted((MONITORING / "dashboards").glob("*.json")):
        found[FILES / "dashboards" / path.name] = path.read_text()
    return found


def main() -> None:
    """Write the files."""
    for path, text in copies().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    if not HELM.exists():
        sys.stderr.write("There is no helm: deploy/kubernetes/portcall.yaml stays as it is.\n")
        return
    (FOLDER / "portcall.yaml").write_text(rendered())


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Render deploy/kubernetes/portcall.yaml: the Helm chart, for those who have no Helm.

It needs the helm that `scripts/chart-tools` unpacks; without it, the file stays as it is.
"""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
HELM = ROOT / ".cache/chart/helm"
FOLDER = ROOT / "deploy/kubernetes"
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


def main() -> None:
    """Write the file."""
    if not HELM.exists():
        sys.stderr.write("There is no helm: deploy/kubernetes/portcall.yaml stays as it is.\n")
        return
    (FOLDER / "portcall.yaml").write_text(rendered())


if __name__ == "__main__":
    main()

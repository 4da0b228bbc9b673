"""Make figures: ``.venv/bin/python tests/faults/run.py NAME... [--short] [--set name=value]``."""

import argparse
import asyncio
import json
import os
import platform
import shlex
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.faults.catalogue import CATALOGUE, Scenario

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "docs" / "reliability"


def parsed(arguments: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description="Make the figures of docs/reliability.md.",
        epilog="Scenarios: " + ", ".join(CATALOGUE),
    )
    parser.add_argument("names", nargs="+", metavar="NAME", choices=[*CATALOGUE, "all"])
    parser.add_argument("--short", action="store_true", help="a trial of a minute, not the figures")
    parser.add_argument(
        "--set", nargs="+", default=[], metavar="NAME=VALUE", help="other settings, as in the JSON"
    )
    parser.add_argument("--out", type=Path, default=RESULTS, help="where NAME.json goes")
    return parser.parse_args(arguments)


def settings_of(scenario: Scenario, *, short: bool, given: list[str]) -> dict[str, float]:
    """The settings of a run; a given name that the scenario does not have is left out."""
    settings = {**scenario.full, **(scenario.short if short else {})}
    for pair in given:
        name, _, value = pair.partition("=")
        if name in settings:
            settings[name] = float(value)
    return settings


async def make(name: str, settings: dict[str, float], command: str) -> dict[str, Any]:
    """Run a scenario; gives the document to keep."""
    scenario = CATALOGUE[name]
    began = datetime.now(UTC)
    load_before = os.getloadavg()
    with tempfile.TemporaryDirectory(prefix="portcall-faults-") as folder:
        figures = await scenario.run(Path(folder), settings)
    checks = [bound.check(figures) for bound in scenario.bounds]
    met = all(check["met"] for check in checks) and not figures.get("problems")
    return {
        "name": name,
        "title": scenario.title,
        "command": command,
        "began": began.isoformat(timespec="seconds"),
        "seconds": round((datetime.now(UTC) - began).total_seconds(), 1),
        "load_before": load_before,
        "machine": {"cores": os.cpu_count(), "python": platform.python_version()},
        "revision": _revision(),
        "settings": settings,
        "met": met,
        "bounds": checks,
        "figures": figures,
    }


async def main(arguments: list[str]) -> int:
    """Make each set of figures that is asked for; 1 if a bound is not met."""
    asked = parsed(arguments)
    asked.out.mkdir(parents=True, exist_ok=True)
    code = 0
    for name in CATALOGUE if "all" in asked.names else asked.names:
        settings = settings_of(CATALOGUE[name], short=asked.short, given=asked.set)
        options = ["--short"] * asked.short + (["--set", *asked.set] if asked.set else [])
        command = shlex.join([".venv/bin/python", "tests/faults/run.py", name, *options])
        document = await make(name, settings, command)
        text = json.dumps(document, indent=2) + "\n"
        await asyncio.to_thread((asked.out / f"{name}.json").write_text, text)
        sys.stdout.write(_summary(document))
        sys.stdout.flush()
        code = code or not document["met"]
    return int(code)


def _summary(document: dict[str, Any]) -> str:
    lines = [f"{document['name']}: {'met' if document['met'] else 'NOT MET'}"]
    lines += [f"  {problem}" for problem in document["figures"].get("problems", ())]
    lines += [f"  {check}" for check in document["bounds"]]
    return "\n".join([*lines, ""])


def _revision() -> str:
    argv = ["git", "-C", str(ROOT), "describe", "--always", "--dirty"]
    return subprocess.run(argv, capture_output=True, text=True, check=False).stdout.strip()  # noqa: S603 (fixed)


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1:])))

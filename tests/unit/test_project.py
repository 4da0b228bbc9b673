"""What a newcomer relies on: the README's commands, make's targets, locks, documents."""

import json
import os
import re
import runpy
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path

import pytest
import yaml
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as openmetrics_to_metric_families,
)
from prometheus_client.parser import text_string_to_metric_families

from portcall.deliverer.settings import DelivererSettings
from portcall.management.settings import ManagementSettings
from portcall.producer.settings import ProducerSettings
from portcall.router.settings import RouterSettings
from portcall.runtime.metrics import OPENMETRICS, exposition
from portcall.runtime.secret_files import SECRETS
from portcall.runtime.settings import Settings
from portcall.schemas.topology import BASE_RUNGS_MS, topology, wait_rung

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
README = (ROOT / "README.md").read_text()
OPERATIONS = (ROOT / "docs/operations.md").read_text()
TARGETS = re.findall(r"^([a-z0-9]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE)
SETTINGS = (Settings, ProducerSettings, RouterSettings, DelivererSettings, ManagementSettings)
FIELDS = {str(field.alias): field for each in SETTINGS for field in each.model_fields.values()}


def make(*arguments: str) -> str:
    command = ["make", "--no-print-directory", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603 (make's own targets)
    return done.stdout


def test_make_alone_lists_every_target() -> None:
    listed = make()
    assert listed == make("help")
    for target in TARGETS:
        assert re.search(rf"^  {target} +\w", listed, re.MULTILINE), target


def test_make_alone_says_how_to_get_the_command() -> None:
    told = make().splitlines()[-1]
    assert f'export PATH="$PATH:{ROOT}/.venv/bin"' in told
    assert "pipx install ." in told


def test_the_targets_are_those_of_the_contract() -> None:
    contract = "help demo up test check fmt unit integration e2e faults bench docs"
    assert set(TARGETS) >= set(contract.split())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_names_no_target_that_there_is_not(page: Path) -> None:
    for target in re.findall(r"(?:`|^)make ([a-z0-9]+)", page.read_text(), re.MULTILINE):
        assert target in TARGETS


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_links_to_what_there_is(page: Path) -> None:
    for link in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text()):
        assert link.startswith("https://") or (page.parent / link).exists(), link


def test_the_readme_shows_both_commands_and_ci_runs_them() -> None:
    assert "\nmake demo " in README
    assert "\nmake test " in README
    ci = (ROOT / ".ci/run").read_text()
    assert "\nmake check\nmake test\n" in ci


@pytest.mark.parametrize("variable", sorted(FIELDS))
def test_a_variable_is_documented_with_its_default(variable: str) -> None:
    (row,) = re.findall(rf"^\| `{variable}` \|.*$", OPERATIONS, re.MULTILINE)
    default = FIELDS[variable].default
    if isinstance(default, bool):
        default = "on" if default else "off"
    if isinstance(default, str | int) and default != "":
        assert f"`{default}`" in row


TRACES = ROOT / "tests/integration/test_traces.py"


def test_no_variable_is_documented_that_nobody_reads() -> None:
    named = set(re.findall(r"PORTCALL_[A-Z_]*[A-Z]", "".join(page.read_text() for page in PAGES)))
    of_compose = set(re.findall(r"\$\{(PORTCALL_\w+)", (ROOT / "compose.yaml").read_text()))
    of_commands = {
        name
        for file in (ROOT / "cli").rglob("*.py")
        for name in re.findall(r'(?:envvar| )= ?"(PORTCALL_\w+)"', file.read_text())
    }
    of_files = {f"{name}_FILE" for name in SECRETS}
    readers = [
        *(ROOT / "tests/containers").glob("*.py"),
        *(ROOT / "scripts").glob("*-engine"),
        TRACES,
    ]
    of_tests = set(re.findall(r"PORTCALL_\w+", "".join(file.read_text() for file in readers)))
    assert named <= set(FIELDS) | of_compose | of_commands | of_files | of_tests
    assert of_compose <= named


def test_a_metric_is_one_that_there_is() -> None:
    for role in ("producer", "router", "deliverer", "recorder", "management"):
        import_module(f"portcall.{role}.__main__")
    there = {
        line.split()[2] for line in exposition()[0].decode().splitlines() if line[:6] == "# TYPE"
    }
    named = set(re.findall(r"`(portcall_[a-z_]+)[`{]", OPERATIONS))
    assert named
    assert named <= there


def test_openmetrics_shows_the_same_samples() -> None:
    for role in ("producer", "router", "deliverer", "recorder", "management"):
        import_module(f"portcall.{role}.__main__")
    shown, strict = (
        {sample.name for family in parsed(text.decode()) for sample in family.samples}
        for parsed, text in (
            (text_string_to_metric_families, exposition()[0]),
            (openmetrics_to_metric_families, exposition(OPENMETRICS)[0]),
        )
    )
    assert "portcall_attempt_seconds_bucket" in strict
    assert strict == shown


def test_every_queue_is_in_the_architecture() -> None:
    text = (ROOT / "docs/architecture.md").read_text()
    for queue in topology(shards=1, rungs_ms=()).queues:
        assert re.sub(r"\.0$", ".<", queue.name) in text
    rungs = ", ".join(wait_rung(rung_ms).rpartition(".")[2] for rung_ms in BASE_RUNGS_MS)
    assert rungs in text


def test_the_page_of_commands_is_the_generated_one() -> None:
    generate = runpy.run_path(str(ROOT / "scripts/cli_reference.py"))["text"]
    assert (ROOT / "docs/cli.md").read_text() == generate(), "run `make docs`"


def pinned(name: str) -> dict[str, str]:
    """The distributions of a file of requirements, each with its lines of hashes."""
    blocks = re.split(r"\n(?=[a-z0-9])", (ROOT / "requirements" / name).read_text())
    name_of = re.compile(r"([a-z0-9._-]+)(?:\[[^]]*\])?==")
    return {match[1]: block for block in blocks if (match := name_of.match(block))}


def names(requirements: list[str]) -> set[str]:
    return {re.split(r"[\[<>=~!; ]", requirement)[0].lower() for requirement in requirements}


@pytest.mark.parametrize("name", [path.name for path in (ROOT / "requirements").glob("*.txt")])
def test_requirements_are_locked_by_hash_and_name_no_host(name: str) -> None:
    blocks = pinned(name)
    assert blocks
    assert all("--hash=sha256:" in block for block in blocks.values())
    text = (ROOT / "requirements" / name).read_text()
    assert "://" not in text
    assert "index" not in text.replace("importlib", "")


PAGE = ROOT / "tests/browser/grafana/page"


def test_packages_of_npm_are_locked_by_hash_and_name_no_host() -> None:
    asked = json.loads((PAGE / "package.json").read_text())["dependencies"]
    locked = json.loads((PAGE / "package-lock.json").read_text())["packages"]
    assert locked.pop("")["dependencies"] == asked
    assert not [name for name, package in locked.items() if "resolved" in package]
    assert all(package["integrity"].startswith("sha512-") for package in locked.values())
    for name, version in asked.items():
        assert re.fullmatch(r"[0-9.]+", version), "the newest would come"
        assert locked[f"node_modules/{name}"]["version"] == version


def test_the_locks_have_what_the_project_asks_for() -> None:
    project = PROJECT["project"]
    assert names(project["dependencies"]) <= set(pinned("portcall.txt"))
    assert names(project["optional-dependencies"]["dev"]) <= set(pinned("dev.txt"))
    assert names(project["optional-dependencies"]["tracing"]) <= set(pinned("tracing.txt"))
    assert names(PROJECT["build-system"]["requires"]) <= set(pinned("build.txt"))


def test_what_runs_is_the_same_where_it_is_tested() -> None:
    tested = pinned("dev.txt")
    runs = pinned("portcall.txt") | pinned("tracing.txt") | pinned("build.txt")
    for name, block in runs.items():
        # Its version: where only a tool of the tests needs it, too, the marker is another.
        assert tested[name].split()[0] == block.split()[0]


def test_the_hooks_use_the_tools_of_the_environment() -> None:
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    (repo,) = config["repos"]
    assert repo["repo"] == "local"
    assert {hook["id"] for hook in repo["hooks"]} == {
        "ruff-check",
        "ruff-format",
        "codespell",
        "validate-pyproject",
        "end-of-file",
    }
    for hook in repo["hooks"]:
        assert hook["language"] == "system"
        (program,) = re.findall(r"(?:^|\s)((?:\.venv/bin|scripts)/\S+)", hook["entry"])
        assert program.startswith(".venv/") or os.access(ROOT / program, os.X_OK)


def test_the_licence_is_the_one_that_is_named() -> None:
    text = (ROOT / "LICENSE").read_text()
    assert "Apache License\n                           Version 2.0" in text
    assert PROJECT["project"]["license"] == "Apache-2.0"
    assert "Apache-2.0" in README


def test_no_pattern_has_a_possessive_group() -> None:
    """Python before 3.11.5 may take the failed last turn of one for a match; see `skimming`."""
    patterns = {
        f"{name}.{variable}": value.pattern
        for name, module in list(sys.modules.items())
        if name.startswith("portcall.")
        for variable, value in vars(module).items()
        if isinstance(value, re.Pattern)
    }
    assert "portcall.producer.formats.skimming._TEXT" in patterns
    texts = {
        name: pattern if isinstance(pattern, str) else pattern.decode("latin-1")
        for name, pattern in patterns.items()
    }
    possessive = re.compile(r"(?<!\\)\)(?:[*+?]|\{[0-9,]*\})\+")
    assert possessive.search("(?:a|b)*+")
    assert not [name for name, text in texts.items() if possessive.search(text)]

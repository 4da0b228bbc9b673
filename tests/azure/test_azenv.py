"""`portcall az-env` with the real az: the lines in a shell, and the check."""

import json
import os
import shlex
import subprocess
from pathlib import Path

import pytest

from tests.azure.az import Az, clean_environ
from tests.installation import Installation


@pytest.fixture
def environ(az: Az, pipeline: Installation, tmp_path: Path) -> dict[str, str]:
    """A shell that finds az on PATH, and this installation."""
    path = f"{az.program.parent}:{os.environ['PATH']}"
    kept = {"PATH": path, "PYTHONPATH": pipeline.environ["PYTHONPATH"]}
    return {**clean_environ(), **kept, "PORTCALL_HOME": str(pipeline.home), "HOME": str(tmp_path)}


def run(argv: list[str], environ: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 (our own programs)
        argv, env=environ, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )


def test_the_lines_log_in_and_may_be_run_again(
    pipeline: Installation, environ: dict[str, str]
) -> None:
    portcall = shlex.join(pipeline.command("az-env"))
    script = f'eval "$({portcall})"; eval "$({portcall})"; az acr list --output json'
    done = run(["/bin/sh", "-eu", "-c", script], environ)
    assert done.returncode == 0, done.stderr
    assert isinstance(json.loads(done.stdout), list)
    assert done.stderr == ""


def test_the_check_finds_nothing_wrong(pipeline: Installation, environ: dict[str, str]) -> None:
    done = run(pipeline.command("az-env", "--check", "-o", "json"), environ)
    told = json.loads(done.stdout)
    assert (done.returncode, told["ok"], done.stderr) == (0, True, "")
    assert [each["check"] for each in told["checks"]] == [
        "az", "server", "cloud", "login", "registries",
    ]  # fmt: skip


def elsewhere(pipeline: Installation, environ: dict[str, str], **changes: str) -> dict[str, str]:
    """The same server by address, with a principal in the environment."""
    ready = pipeline.ready
    return {
        **environ,
        "PORTCALL_HOME": environ["HOME"],
        "AZURE_CLIENT_ID": ready["client_id"],
        "AZURE_CLIENT_SECRET": ready["client_secret"],
        "AZURE_TENANT_ID": ready["tenant"],
        "REQUESTS_CA_BUNDLE": ready["ca_file"],
        **changes,
    }


@pytest.mark.parametrize(
    ("changes", "check", "advice"),
    [
        pytest.param({}, "", "", id="nothing"),
        pytest.param({"AZURE_CLIENT_SECRET": "wrong-wrong-wrong"}, "login", "portcall token create", id="secret"),
        pytest.param({"REQUESTS_CA_BUNDLE": "/etc/ssl/certs/ca-certificates.crt"}, "server", "CA file", id="certificate"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_what_to_do(
    pipeline: Installation, environ: dict[str, str],
    changes: dict[str, str], check: str, advice: str,
) -> None:  # fmt: skip
    url = pipeline.ready["management_tls_url"]
    argv = pipeline.command("az-env", "--check", "--url", url, "-o", "json")
    done = run(argv, elsewhere(pipeline, environ, **changes))
    told = json.loads(done.stdout)
    wrong = [each for each in told["checks"] if each["verdict"] == "wrong"]
    assert done.returncode == (1 if check else 0)
    assert [each["check"] for each in wrong] == ([check] if check else [])
    assert all(advice in each["advice"] for each in wrong)


def test_a_server_that_is_away_is_told(pipeline: Installation, environ: dict[str, str]) -> None:
    argv = pipeline.command("az-env", "--check", "--url", "https://127.0.0.1:9", "-o", "table")
    done = run(argv, elsewhere(pipeline, environ))
    assert done.returncode == 1
    assert "no server answers" in done.stdout
    assert "start one with `portcall up`" in done.stdout

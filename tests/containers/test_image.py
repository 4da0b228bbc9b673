"""The image: what is in it, what is not, who runs in it."""

import json

import pytest

from tests.containers.stack import Engine


def run(engine: Engine, *command: str, entrypoint: str = "/bin/sh") -> str:
    options = ("--rm", "--network", "none", "--read-only", "--cap-drop", "ALL")
    return engine.docker("run", *options, "--entrypoint", entrypoint, "portcall:test", *command)


def test_the_image_runs_as_a_user_and_says_what_it_is(engine: Engine) -> None:
    (image,) = json.loads(engine.docker("image", "inspect", "portcall:test"))
    labels = image["Config"]["Labels"]
    assert labels["org.opencontainers.image.title"] == "Portcall"
    assert labels["org.opencontainers.image.version"] == "test"
    assert image["Config"]["User"] == "10001"
    assert run(engine, "-c", "id -u").strip() == "10001"


@pytest.mark.parametrize("program", ["pip", "pip3", "apt", "apt-get", "perl"])
def test_what_installs_software_is_not_in_the_image(engine: Engine, program: str) -> None:
    assert run(engine, "-c", f"command -v {program} || echo none").strip() == "none"


def test_the_command_runs(engine: Engine) -> None:
    assert "producer" in run(engine, "run", "--help", entrypoint="portcall")


def test_python_compiles_nothing_at_a_start(engine: Engine) -> None:
    code = (
        "import sys, portcall.cli.main, portcall.deliverer.__main__, portcall.management.__main__\n"
        "import os\n"
        "missing = [m.__name__ for m in list(sys.modules.values())\n"
        "           if getattr(m, '__cached__', None) and not os.path.exists(m.__cached__)]\n"
        "print(missing)"
    )
    assert run(engine, "-c", code, entrypoint="python").strip() == "[]"

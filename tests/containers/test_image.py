"""The image: what is in it, what is not, who runs in it."""

import json
import re

import pytest

from tests.containers.stack import Engine

pytestmark = pytest.mark.brief
LIMIT_BYTES = 160_000_000


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


def test_the_image_is_small(engine: Engine) -> None:
    (image,) = json.loads(engine.docker("image", "inspect", "portcall:test"))
    assert image["Size"] <= LIMIT_BYTES


@pytest.mark.parametrize("program", ["pip", "pip3", "apt", "apt-get", "dpkg", "perl", "useradd"])
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


def test_certificates_and_time_zones_are_there(engine: Engine) -> None:
    code = (
        "import ssl, zoneinfo\n"
        "context = ssl.create_default_context()\n"
        "context.load_verify_locations('/etc/ssl/certs/ca-certificates.crt')\n"
        "print(len(context.get_ca_certs()) > 100, zoneinfo.ZoneInfo('Europe/Berlin'))"
    )
    assert run(engine, "-c", code, entrypoint="python").strip() == "True Europe/Berlin"


def test_every_module_of_portcall_can_be_imported(engine: Engine) -> None:
    code = (
        "import importlib, pkgutil, portcall\n"
        "for each in pkgutil.walk_packages(portcall.__path__, 'portcall.'):\n"
        "    if '.migrations' not in each.name:\n"
        "        importlib.import_module(each.name)\n"
        "        print(each.name)"
    )
    assert len(run(engine, "-c", code, entrypoint="python").split()) > 100


def test_scanners_find_the_packages_of_the_base(engine: Engine) -> None:
    records = run(engine, "-c", "cat /var/lib/dpkg/status.d/*")
    packages = set(re.findall(r"^Package: (\S+)$", records, re.MULTILINE))
    assert {"libc6", "bash", "ca-certificates", "tzdata"} <= packages
    assert any(name.startswith("libssl3") for name in packages)
    assert "ID=debian" in run(engine, "-c", "cat /etc/os-release")

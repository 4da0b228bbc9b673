"""The shell scripts, with programs of our own in place of apt-get, sudo and python3."""

import fcntl
import os
import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DEBIAN_PACKAGES = ROOT / "scripts/debian-packages"


class Stubs:
    """Programs of our own in front of the real ones, which write down what they were called with."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.calls = folder / "calls"
        self.calls.touch()

    def add(self, name: str, script: str) -> None:
        path = self.folder / name
        path.write_text(f'#!/bin/sh\necho "{name} $*" >>{self.calls}\n{script}\n')
        path.chmod(0o755)

    def run(self, script: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # noqa: S603 (scripts of this repository)
            [script, *arguments],
            env={"PATH": f"{self.folder}:{os.environ['PATH']}", "HOME": str(self.folder)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
def stubs(tmp_path: Path) -> Stubs:
    """Of a user who is not root, on Debian, without sudo."""
    folder = tmp_path / "bin"
    folder.mkdir()
    stubs = Stubs(folder)
    stubs.add("id", "echo 1000")
    stubs.add("sudo", "exit 1")
    stubs.add("apt-get", "exit 0")
    return stubs


def test_nothing_is_installed_where_nothing_is_missing(stubs: Stubs) -> None:
    done = stubs.run(DEBIAN_PACKAGES, "sh", "make")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert stubs.calls.read_text() == ""


def test_without_root_the_right_command_is_shown(stubs: Stubs) -> None:
    done = stubs.run(DEBIAN_PACKAGES, "sh", "no-such-program-1", "no-such-program-2")
    assert done.returncode == 1
    assert "apt-get install --yes --no-install-recommends no-such-program-1 no-such-program-2" in (
        done.stderr
    )
    assert "apt-get" not in stubs.calls.read_text()


def test_what_is_optional_is_gone_on_without(stubs: Stubs) -> None:
    done = stubs.run(DEBIAN_PACKAGES, "--optional", "no-such-program")
    assert done.returncode == 0
    assert "no-such-program" in done.stderr
    assert "Going on without it." in done.stderr


def test_with_sudo_it_says_what_it_installs_and_starts_no_service(stubs: Stubs) -> None:
    stubs.add("sudo", "cat >/dev/null")
    done = stubs.run(DEBIAN_PACKAGES, "no-such-program")
    assert done.returncode == 0
    assert re.fullmatch(r"Installing Debian packages: no-such-program \.\.\. \d+ s\n", done.stdout)
    calls = stubs.calls.read_text()
    assert "env DEBIAN_FRONTEND=noninteractive apt-get" in calls
    assert "install --yes --no-install-recommends no-such-program" in calls
    assert "apt-get update" not in calls
    assert "policy-rc.d" in calls or Path("/usr/sbin/policy-rc.d").exists()


def test_old_lists_of_packages_are_renewed_once(stubs: Stubs) -> None:
    stubs.add("sudo", 'cat >/dev/null; case "$*" in *" install "*) exit 100 ;; esac')
    done = stubs.run(DEBIAN_PACKAGES, "no-such-program")
    assert done.returncode == 1
    assert re.search(r"no-such-program \.\.\. failed after \d+ s\n", done.stdout)
    assert "Could not install no-such-program" in done.stderr
    commands = re.findall(r"apt-get .*?(install|update)", stubs.calls.read_text())
    assert commands == ["install", "update", "install"]


def test_without_a_new_enough_python_it_says_what_is_needed(stubs: Stubs, tmp_path: Path) -> None:
    for name in ("python3", "python3.14", "python3.13", "python3.12", "python3.11"):
        stubs.add(name, "exit 1")
    (tmp_path / "scripts").mkdir()
    copy = shutil.copy(ROOT / "scripts/environment", tmp_path / "scripts")
    done = stubs.run(Path(copy))
    assert done.returncode == 1
    assert "needs Python 3.11 or later" in done.stderr
    assert not (tmp_path / ".venv").exists()


def test_a_second_installation_says_that_it_waits(stubs: Stubs, tmp_path: Path) -> None:
    for name in ("python3", "python3.14", "python3.13", "python3.12", "python3.11"):
        stubs.add(name, "exit 1")
    (tmp_path / "scripts").mkdir()
    copy = Path(shutil.copy(ROOT / "scripts/environment", tmp_path / "scripts"))
    with (
        ThreadPoolExecutor() as threads,
        copy.open() as first,
    ):
        fcntl.flock(first, fcntl.LOCK_EX)
        second = threads.submit(stubs.run, copy)
        with pytest.raises(TimeoutError):
            second.result(timeout=0.5)
        fcntl.flock(first, fcntl.LOCK_UN)
        assert second.result(timeout=30).stdout == "Waiting for another installation into .venv\n"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        pytest.param(b"a\n", "", id="good"),
        pytest.param(b"", "", id="empty"),
        pytest.param(b"a\x00b ", "", id="binary"),
        pytest.param(b"a", "one line break", id="no line break"),
        pytest.param(b"a\n\n", "one line break", id="two line breaks"),
        pytest.param(b"a \nb\n", "blank at the end", id="a blank"),
    ],
)
def test_the_ends_of_files_and_lines_are_checked(
    stubs: Stubs, tmp_path: Path, content: bytes, problem: str
) -> None:
    path = tmp_path / "file.txt"
    path.write_bytes(content)
    done = stubs.run(ROOT / "scripts/end-of-file", str(path))
    assert done.returncode == (1 if problem else 0)
    assert problem in done.stdout


@pytest.fixture
def project(stubs: Stubs, tmp_path: Path) -> Path:
    """A copy of what makes the environments of az, whose python writes down what it is to do."""
    for folder in ("scripts", "requirements", ".venv/bin"):
        (tmp_path / folder).mkdir(parents=True)
    copy = Path(shutil.copy(ROOT / "scripts/azure-environments", tmp_path / "scripts"))
    for name in ("azure-cli", "azure-sdk-10", "azure-sdk"):
        (tmp_path / f"requirements/{name}.txt").write_text(f"{name}==1 --hash=sha256:0\nmsal==1\n")
    stubs.add(
        "python",
        'case "$*" in\n'
        '*venv*) for folder; do :; done; mkdir -p "$folder/bin"; cp "$0" "$folder/bin/" ;;\n'
        f'*pip*) [ ! -e "{tmp_path}/broken" ] ;;\n'
        "esac",
    )
    shutil.copy(stubs.folder / "python", tmp_path / ".venv/bin/python")
    return copy


def test_the_environments_of_az_are_made_as_locked_and_said_before(
    stubs: Stubs, project: Path
) -> None:
    done = stubs.run(project)
    assert done.returncode == 0, done.stderr
    assert [line.split(" into ")[0] for line in done.stdout.splitlines()] == [
        "Installing 2 packages"
    ] * 3
    assert "730 MB" in done.stdout
    pip = [call for call in stubs.calls.read_text().splitlines() if " pip " in call]
    assert len(pip) == 3
    assert all("--require-hashes --requirement requirements/azure-" in call for call in pip)


def test_an_environment_of_az_is_made_again_when_its_lock_changed_or_it_failed(
    stubs: Stubs, project: Path, tmp_path: Path
) -> None:
    (tmp_path / "broken").touch()
    assert stubs.run(project, "azure-sdk").returncode != 0
    (tmp_path / "broken").unlink()
    assert "azure-sdk" in stubs.run(project, "azure-sdk").stdout
    assert stubs.run(project, "azure-sdk").stdout == ""
    (tmp_path / "requirements/azure-sdk.txt").write_text("azure-sdk==2 --hash=sha256:0\n")
    assert "Installing 1 packages" in stubs.run(project, "azure-sdk").stdout


@pytest.fixture
def page(stubs: Stubs, tmp_path: Path) -> Path:
    """A copy of what bundles the page of dashboards, with an npm of our own; node is there."""
    shutil.copytree(
        ROOT / "tests/browser/grafana/page", tmp_path / "project/tests/browser/grafana/page"
    )
    (tmp_path / "project/scripts").mkdir()
    stubs.add("node", "exit 0")
    return Path(shutil.copy(ROOT / "scripts/dashboard-page", tmp_path / "project/scripts"))


_MAKES_A_BUNDLE = """
mkdir -p node_modules/.bin node_modules/@grafana/ui/dist/public/img/icons node_modules/inter-ui/web
touch node_modules/inter-ui/web/Inter-Regular.woff2 node_modules/inter-ui/web/Inter-Medium.woff2
touch node_modules/inter-ui/web/Inter-Italic.woff2
printf '#!/bin/sh\nmkdir made && touch made/page.js\n' >node_modules/.bin/esbuild
chmod 755 node_modules/.bin/esbuild
"""


def test_the_page_of_dashboards_is_bundled_as_locked_and_again_when_it_changed(
    stubs: Stubs, page: Path
) -> None:
    stubs.add("npm", _MAKES_A_BUNDLE)
    done = stubs.run(page)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(r"Bundling the page .* \d+ s\n", done.stdout)
    project = page.parents[1]
    assert [path.name for path in (project / ".cache").iterdir()] == ["dashboards"]
    assert (project / ".cache/dashboards/page.js").exists()
    assert stubs.run(page).stdout == ""
    assert re.findall("npm (.*)", stubs.calls.read_text()) == ["ci --loglevel=error"]
    with (project / "tests/browser/grafana/page/page.jsx").open("a") as file:
        file.write("\n")
    assert "Bundling" in stubs.run(page).stdout


def test_without_packages_of_npm_the_dashboards_are_not_tested_and_it_says_why(
    stubs: Stubs, page: Path
) -> None:
    stubs.add("npm", "echo no network >&2; exit 1")
    done = stubs.run(page)
    assert done.returncode == 0
    assert "no network" in done.stderr
    assert "NOT TESTED: Grafana's dashboards" in done.stderr
    assert list((page.parents[1] / ".cache").iterdir()) == []


SUPPLY_CHAIN = ROOT / "scripts/supply-chain"


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """A copy of the repository's script and locks, with a pip-audit of our own."""
    folder = tmp_path / "copy"
    (folder / "scripts").mkdir(parents=True)
    shutil.copy(SUPPLY_CHAIN, folder / "scripts/supply-chain")
    shutil.copytree(ROOT / "requirements", folder / "requirements")
    programs = folder / ".venv/supply-chain/bin"
    programs.mkdir(parents=True)
    (programs.parent / ".complete").touch()
    return programs


def audit(tools: Path, script: str) -> subprocess.CompletedProcess[str]:
    """Run `advisories` with a pip-audit that does *script*; $OUT is the file of its findings."""
    program = tools / "pip-audit"
    program.write_text(
        "#!/bin/bash\nwhile [ $# -gt 0 ]; do case $1 in --output) OUT=$2 ;; "
        f"--requirement) LOCK=$2 ;; --strict) STRICT=yes ;; esac; shift; done\n{script}\n"
    )
    program.chmod(0o755)
    return subprocess.run(  # noqa: S603 (a script of this repository)
        [tools.parents[2] / "scripts/supply-chain", "advisories"],
        capture_output=True,
        text=True,
        check=False,
    )


def test_advisories_are_asked_for_every_lock_and_strictly(tools: Path) -> None:
    done = audit(tools, 'test "$STRICT" = yes && test -s "$LOCK"')
    assert (done.returncode, done.stderr) == (0, "")
    assert re.findall(r"requirements/(\w+)\.txt: nothing is known", done.stdout) == [
        "portcall", "dev", "build", "supply",
    ]  # fmt: skip


def test_what_is_known_is_told_and_the_rest_is_asked_for_all_the_same(tools: Path) -> None:
    done = audit(tools, 'case $LOCK in *build*) echo "setuptools CVE-1" >"$OUT"; exit 1 ;; esac')
    assert done.returncode == 1
    assert "requirements/build.txt:\nsetuptools CVE-1" in done.stdout
    assert "requirements/supply.txt: nothing is known" in done.stdout


def test_without_the_service_nothing_is_said_to_be_good(tools: Path) -> None:
    done = audit(tools, 'echo "ERROR: no route to the service" >&2; exit 1')
    assert done.returncode == 2
    assert "nothing is known" not in done.stdout
    assert "requirements/portcall.txt: NOT CHECKED" in done.stderr
    assert "no route to the service" in done.stderr


@pytest.fixture
def registry_clients(tmp_path: Path) -> Path:
    """The script in a checkout of its own, which has no clients yet."""
    script = tmp_path / "checkout" / "scripts" / "registry-clients"
    script.parent.mkdir(parents=True)
    shutil.copy(ROOT / "scripts/registry-clients", script)
    shutil.copy(ROOT / "scripts/debian-suite.sh", script.parent)
    return script


CLIENTS = ("oras", "cosign", "crane", "notation")
ENGINE = ("docker.io", "containerd", "docker-cli", "docker-buildx")


def test_clients_that_are_installed_are_not_fetched(stubs: Stubs, registry_clients: Path) -> None:
    for name in CLIENTS:
        stubs.add(name, "exit 0")
    for program in ("bin/docker-registry", "sbin/dockerd"):
        newest = registry_clients.parents[1] / ".cache/clients/usr" / program
        newest.parent.mkdir(parents=True)
        newest.touch(mode=0o755)
    done = stubs.run(registry_clients)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert stubs.calls.read_text() == ""


@pytest.mark.parametrize("mirror", ["", "http://mirror.invalid/debian/"], ids=["no mirror", "away"])
def test_clients_that_cannot_be_fetched_are_no_failure(
    mirror: str, stubs: Stubs, registry_clients: Path
) -> None:
    stubs.add("apt-get", f'case $1 in indextargets) echo "{mirror}" ;; *) exit 1 ;; esac')
    done = stubs.run(registry_clients)
    assert done.returncode == 0
    said = f"Going on without {' '.join([*CLIENTS, *ENGINE])} docker-registry."
    assert said in done.stderr
    assert not (registry_clients.parents[1] / ".cache").exists()


ROOTS = {
    "rabbitmq-root": "4.3", "postgresql-root": "18", "python-root": "3.14", "nginx-root": "1.30",
    "webhook-root": "2.8",
}  # fmt: skip


def root_script(name: str, checkout: Path) -> Path:
    """One of the scripts that unpack another Debian's program, in a checkout of its own."""
    folder = checkout / "scripts"
    folder.mkdir(parents=True)
    for each in (name, "debian-root.sh", "debian-suite.sh"):
        shutil.copy(ROOT / "scripts" / each, folder)
    return folder / name


@pytest.mark.parametrize("name", ROOTS)
def test_a_root_is_unpacked_once(name: str, stubs: Stubs, tmp_path: Path) -> None:
    script = root_script(name, tmp_path / "checkout")
    place = tmp_path / "checkout/.cache" / name.removesuffix("-root") / ROOTS[name]
    place.mkdir(parents=True)
    (place / "complete").write_text(f"{place}\n")
    done = stubs.run(script, ROOTS[name])
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{place}/")
    assert stubs.calls.read_text() == ""


@pytest.mark.parametrize("name", ROOTS)
def test_a_root_that_cannot_be_had_is_told_apart(name: str, stubs: Stubs, tmp_path: Path) -> None:
    script = root_script(name, tmp_path / "checkout")
    done = stubs.run(script, ROOTS[name])  # an apt that knows no mirror
    assert (done.returncode, done.stdout) == (3, "")
    assert re.match(rf"No \w+ {re.escape(ROOTS[name])}: apt knows no mirror", done.stderr, re.ASCII)
    done = stubs.run(script, "1.0")
    assert done.returncode == 2
    assert ROOTS[name] in done.stderr


def test_a_root_of_another_version_than_asked_for_is_refused(stubs: Stubs, tmp_path: Path) -> None:
    script = root_script("postgresql-root", tmp_path / "checkout")
    stubs.add(
        "apt-get",
        'case "$*" in indextargets*) echo http://mirror.invalid/ ;;\n'
        '*download-only*) cache=$(echo "$*" | sed "s/.*Dir::Cache=//; s/ .*//");'
        " touch $cache/archives/postgresql-18_19.1-1_amd64.deb ;; esac",
    )
    done = stubs.run(script, "18")
    assert done.returncode == 3
    assert "Debian testing has 19.1-1 now." in done.stderr
    assert [each.name for each in (tmp_path / "checkout/.cache/postgresql").iterdir()] == ["lock"]

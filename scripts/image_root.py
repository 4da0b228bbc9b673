#!/usr/bin/env python3
"""Gather in a folder what Portcall's image takes from its base: `python image_root.py FOLDER`.

It runs in the Dockerfile, on the base. Nothing is removed there: the few files that the image needs
are copied. They are the interpreter and its standard library with bytecode (a container with a
read-only root would compile it at every start), the shared libraries that they and Portcall's own
packages need, CA certificates, time zones, and the programs below.

Scanners for vulnerabilities know packages by their records, so the records of all packages that a
file came from are kept in var/lib/dpkg/status.d, as in other images without a package manager.
"""

import compileall
import os
import py_compile
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from pathlib import Path

PORTCALL = Path("/opt/portcall")
PROGRAMS = (
    "bash",  # for the health probe
    "sh",  # for commands of load tests, and for those who look into a container
    "cat", "env", "id", "ls", "sleep",
)  # fmt: skip
FILES = (
    "/etc/debian_version", "/etc/group", "/etc/host.conf", "/etc/ld.so.conf", "/etc/nsswitch.conf",
    "/etc/os-release", "/etc/passwd", "/etc/protocols", "/etc/services", "/etc/ssl/openssl.cnf",
    "/usr/local/bin/portcall-probe",
)  # fmt: skip
FOLDERS = (
    "/etc/ld.so.conf.d", "/etc/ssl/certs", "/usr/lib/ssl", "/usr/local/share/ca-certificates",
    "/usr/share/ca-certificates", "/usr/share/zoneinfo",
)  # fmt: skip
EMPTY = {"/dev": 0o755, "/proc": 0o755, "/root": 0o700, "/run": 0o755, "/sys": 0o755}
FOR_EVERYONE = ("/tmp", "/var/tmp")  # noqa: S108 (they are made here, not used)
LEFT_OUT = (
    "__pycache__", "config-*", "ensurepip", "idlelib", "lib2to3", "pydoc_data", "tkinter",
    "turtle*", "site-packages", "dist-packages", "test", "tests", "_test*", "_tkinter*",
    "_xxtest*", "xxlimited*", "posix", "right",
)  # fmt: skip
"""Parts of the library and of the time zones. The last two are the zones again, in other forms."""
LINKED = ("bin", "lib", "lib64", "sbin")
"""Folders that Debian keeps as links into /usr."""


class Root:
    """The folder, and which files of the base are in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files: list[Path] = []

    def at(self, path: Path) -> Path:
        """Where *path* of the base is in the folder."""
        place = self.folder / path.relative_to("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        return place

    def add(self, path: Path) -> None:
        """Copy a file, and all that it is a link to."""
        path = path.parent.resolve() / path.name
        place = self.at(path)
        if os.path.lexists(place):
            return
        shutil.copy2(path, place, follow_symlinks=False)
        self.files.append(path)
        if path.is_symlink():
            self.add(path.parent / path.readlink())

    def add_folder(self, path: Path) -> None:
        """Copy a folder, but for LEFT_OUT."""
        left_out = shutil.ignore_patterns(*LEFT_OUT)
        for folder, folders, names in os.walk(path):
            ignored = left_out(folder, [*folders, *names])
            folders[:] = sorted(set(folders) - ignored)
            for name in sorted(set(names) - ignored):
                self.add(Path(folder, name))
        self.at(path).mkdir(exist_ok=True)


def output(*command: str) -> str:
    """What a command prints; some fail where there is nothing to say."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 (ours)
    return done.stdout


def binaries(files: Iterable[Path]) -> Iterator[Path]:
    """Those of *files* that the loader of programs reads."""
    for file in files:
        if file.is_file() and not file.is_symlink():
            with file.open("rb") as stream:
                if stream.read(4) == b"\x7fELF":
                    yield file


def libraries(files: Iterable[Path]) -> set[Path]:
    """The shared libraries of the base that *files* need, and the loader.

    Raises:
        SystemExit: One is missing; the image would not work.
    """
    told = output("ldd", *map(str, files))
    missing = {line.strip() for line in told.splitlines() if "not found" in line}
    if missing:
        sys.exit("The base lacks libraries: " + ", ".join(sorted(missing)))
    words = (word for line in told.splitlines() if line.startswith("\t") for word in line.split())
    found = {Path(word) for word in words if word.startswith("/")}
    return {path for path in found if PORTCALL not in path.parents}


def record_packages(root: Root) -> None:
    """Keep the records of the packages that the files are from."""
    if not shutil.which("dpkg-query"):
        return
    # Before Debian 13 the records say /lib for files that are in /usr/lib.
    names = [str(path) for path in root.files]
    names += [name.removeprefix("/usr") for name in names if name.startswith("/usr/")]
    owners = output("dpkg-query", "--search", "--", *names).splitlines()
    for package in sorted({line.split(":", 1)[0] for line in owners if ": " in line}):
        if record := output("dpkg-query", "--status", package):
            root.at(Path("/var/lib/dpkg/status.d", package)).write_text(record)
            root.add(Path("/usr/share/doc", package, "copyright"))


def compile_all(folder: Path, root: Path) -> None:
    """Write bytecode beside all sources, which is right whatever the times of files become."""
    unchecked = py_compile.PycInvalidationMode.UNCHECKED_HASH
    if not compileall.compile_dir(
        folder, quiet=1, stripdir=root, prependdir="/", invalidation_mode=unchecked
    ):
        sys.exit(f"{folder} does not compile")


def gather(folder: Path) -> None:
    """Copy everything."""
    root = Root(folder)
    for name in LINKED:
        if Path("/", name).is_symlink():
            root.at(Path("/", name)).symlink_to(Path("/", name).readlink())
    for name, mode in [*EMPTY.items(), *((name, 0o1777) for name in FOR_EVERYONE)]:
        root.at(Path(name)).mkdir()
        root.at(Path(name)).chmod(mode)
    library = Path(sysconfig.get_path("stdlib"))
    root.add_folder(library)
    for program in (sys.executable, *PROGRAMS):
        root.add(Path(shutil.which(program) or program))
    for name in FILES:
        if Path(name).exists():
            root.add(Path(name))
    for name in FOLDERS:
        root.add_folder(Path(name))
    for path in libraries(binaries([*root.files, *PORTCALL.rglob("*.so*")])):
        root.add(path)
    # The C library opens it by its name, when a thread ends early.
    root.add(next(path for path in libraries_named("libgcc_s.so.1")))
    record_packages(root)
    compile_all(folder / library.relative_to("/"), folder)
    output("ldconfig", "-r", str(folder))


def libraries_named(name: str) -> Iterator[Path]:
    """Where the loader finds *name*."""
    for folder in ("/usr/lib", "/lib"):
        yield from Path(folder).glob(f"*-linux-*/{name}")


if __name__ == "__main__":
    gather(Path(sys.argv[1]))

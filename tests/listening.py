"""What a process listens on, from the kernel."""

from contextlib import suppress
from pathlib import Path


def listening(pids: list[int]) -> set[str]:
    """Where these processes listen, as the kernel writes it: address and port in hexadecimal."""
    ours = {target for pid in pids for target in _open_files(pid)}
    tables = [Path(f"/proc/net/{name}").read_text().splitlines()[1:] for name in ("tcp", "tcp6")]
    rows = [line.split() for table in tables for line in table]
    return {row[1] for row in rows if row[3] == "0A" and f"socket:[{row[9]}]" in ours}


def _open_files(pid: int) -> set[str]:
    found = set()
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            found.add(str(link.readlink()))
    return found

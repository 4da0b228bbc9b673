"""What each role loads: large libraries that it does not use must not come back unnoticed."""

import json
import subprocess
import sys

import pytest

LARGE = {"rich", "pygments", "typer", "cryptography", "jwt", "alembic", "mako", "jinja2", "h2"}
USED = {
    "producer": {"cryptography", "jwt"},
    "router": set[str](),
    "deliverer": {"cryptography"},
    "recorder": set[str](),
    "management": {"cryptography", "jwt", "jinja2"},
}


@pytest.mark.parametrize("role", USED)
def test_a_role_loads_only_the_large_libraries_that_it_uses(role: str) -> None:
    program = (
        f"import json, sys, portcall.{role}.__main__;"
        "print(json.dumps([name for name, module in sys.modules.items() if module]))"
    )
    done = subprocess.run(  # noqa: S603 (our own program)
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert set(json.loads(done.stdout)) & LARGE <= USED[role]

"""Record a store of the first schema, as the build before migration 0002 wrote it, as SQL.

    git worktree add --detach ../first aab3518
    cd ../first && PYTHONPATH=. ../before/.venv/bin/python -P …/tests/record_first_store.py >FILE

FILE is tests/fixtures/upgrade/first-store.sql. It runs with that checkout's packages, so it imports
them by the names that they had.
"""

import importlib
import re
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path


def main(folder: Path) -> None:
    url = f"sqlite:///{folder / 'first.db'}"
    importlib.import_module("store.migrate").migrate(url)
    store = importlib.import_module("store.engine").open_store(url)
    samples = importlib.import_module("tests.unit.store.samples")
    samples.add_registry(store)
    common = {
        "location": "westus", "tags": {"team": "web"}, "headers": {"X-Team": "web"}, "actions": 1,
    }  # fmt: skip
    ids = []
    for name, more in (
        ("signing", {"secret": "whsec_" + "c2hhcmVkIHNlY3JldCBvZiBhIHJlY29yZGluZw=="}),
        ("scoped", {"scope": "team/app:*", "schedule_ms": (1000, 5000)}),
        ("turnedoff", {"status": importlib.import_module("schemas.webhooks").Status.DISABLED}),
        ("basicauth", {"authorization": "Basic dXNlcjpwYXNzd29yZA=="}),
    ):
        uri = f"https://example.com/{name}"
        row, _ = store.webhooks.put("myregistry", name, uri=uri, **common, **more)
        ids.append(row.id)
    outcome = importlib.import_module("schemas.records").Outcome
    frame = samples.frame(
        [
            samples.record(ids[0]),
            samples.record(ids[1], outcome=outcome.RETRIED),
            samples.record(ids[1], attempt=2, outcome=outcome.GIVEN_UP, started_ms=9_000),
        ],
        frame_id="first-frame",
    )
    store.eventlog.append("portcall.log", None, [(0, frame)])
    store.webhooks.put("myregistry", "removed", uri="https://example.com/removed", **common)
    store.webhooks.delete("myregistry", "removed")
    store.close()
    with closing(sqlite3.connect(folder / "first.db")) as connection:
        text = "\n".join(connection.iterdump())
    print(re.sub(r"[ \t]+\n", "\n", text))  # noqa: T201 (the result)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made:
        main(Path(made))

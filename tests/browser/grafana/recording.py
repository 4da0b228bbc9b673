"""What Prometheus answered to the queries of our dashboards, as recorded.json keeps it.

`tests.browser.grafana.record` writes the file. The times of all series are the same, one each step;
None is a time without a sample.
"""

import json
import math
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests import ROOT

DASHBOARDS = ROOT / "deploy" / "monitoring" / "dashboards"
RECORDED = Path(__file__).parent / "recorded.json"
RECORD = "python -m tests.browser.grafana.record"
DIGITS = 4
"""Of each value: a chart shows no more, and the file is small."""
_LABEL = re.compile(r"{{\s*(\w+)\s*}}")

Document = dict[str, Any]


@dataclass(frozen=True)
class Series:
    """One line of an answer.

    Attributes:
        metric: Its labels.
        values: One for each step; "NaN" and the like are texts.
    """

    metric: dict[str, str]
    values: list[float | str | None]


@dataclass(frozen=True)
class Recording:
    """The answers to the queries of all dashboards.

    Attributes:
        from_s: The first time, in seconds since 1970.
        step_s: From one time to the next.
        count: How many times there are.
        variables: The values of the dashboards' variables.
        answers: By query, with its variables as the dashboard has them.
    """

    from_s: int
    step_s: int
    count: int
    variables: dict[str, str]
    answers: dict[str, list[Series]]

    def filled(self, query: str) -> str:
        """A query with the values of its variables."""
        for name, value in sorted(self.variables.items(), reverse=True):
            query = query.replace(f"${name}", value)
        return query

    def series(self, found: Document) -> Series:
        """A series of an answer to a query over all times."""
        values: list[float | str | None] = [None] * self.count
        for at_s, text in found["values"]:
            values[round((at_s - self.from_s) / self.step_s)] = _short(text)
        return Series(found["metric"], values)


def dashboards() -> dict[str, Document]:
    """The dashboards by their uids."""
    found = [json.loads(path.read_text()) for path in sorted(DASHBOARDS.glob("*.json"))]
    return {each["uid"]: each for each in found}


def targets(dashboard: Document) -> Iterator[tuple[str, Document]]:
    """Each query of a dashboard, with the title of its panel."""
    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            yield panel["title"], target


def legend(form: str, labels: dict[str, str]) -> str:
    """The name of a series, as Grafana's data source for Prometheus makes it."""
    return _LABEL.sub(lambda found: labels.get(found[1], ""), form)


def load() -> Recording:
    """What is recorded."""
    document = json.loads(RECORDED.read_text())
    answers = document.pop("answers").items()
    return Recording(
        **document, answers={query: [Series(**each) for each in found] for query, found in answers}
    )


def save(recording: Recording) -> None:
    """Write the file, with one series in a line."""
    head = {name: value for name, value in asdict(recording).items() if name != "answers"}
    answers = ",\n".join(
        f"{json.dumps(query)}: [{_lines(found)}]" for query, found in recording.answers.items()
    )
    text = json.dumps(head)[:-1]
    RECORDED.write_text(f'{text},\n"answers": {{\n{answers}\n}}}}\n')


def _lines(found: list[Series]) -> str:
    lines = ",\n".join(json.dumps(asdict(each), separators=(",", ":")) for each in found)
    return f"\n{lines}\n" if lines else ""


def _short(text: str) -> float | str:
    value = float(f"{float(text):.{DIGITS}g}")
    if not math.isfinite(value):
        return text
    return int(value) if value == int(value) else value

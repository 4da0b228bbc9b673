"""Thresholds in k6's syntax: bounds that a run must meet; otherwise the exit code is 99.

``http_req_duration: p(95)<500``, ``http_req_failed: rate<0.01``,
``http_reqs{status:200}: count>9``.
Shorter: durations without a name are those from the planned time, ``rate`` is that of failed
requests, and a name alone stands for its count or value, as in ``dropped==0``.

Short forms: durations without a name are those from the planned time, ``rate`` is that of failed
requests, and a name alone means its count or value, as in ``dropped==0``.
"""

import operator
import re
from collections.abc import Iterable, Mapping

from msgspec import Struct

from portcall.loadtest.measure.known import check_label, statistic_of
from portcall.loadtest.measure.measurements import Measurements
from portcall.loadtest.measure.metrics import PERCENTS, SCHEDULED, metrics_of, tagged
from portcall.loadtest.measure.sections import Metric
from portcall.schemas.durations import parse_duration_ms
from portcall.schemas.errors import InvalidValueError

FIELD = "--threshold"
ALIASES = {"dropped": "dropped_iterations", "not_sent": "dropped_iterations"}
_STATISTICS = r"avg|min|med|max|count|rate|value|p\((?:100|\d{1,2}(?:\.\d{1,6})?)\)"
_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_TEXT = re.compile(
    rf"(?:(?P<metric>{_NAME})\s*(?:\{{(?P<tags>[^}}]*)\}})?\s*:\s*)?"
    rf"(?P<typed>(?P<what>{_STATISTICS}|{_NAME})\s*(?P<sign><=|>=|===?|!=|<|>)\s*"
    r"(?P<bound>[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)(?P<unit>ms|s|%)?)"
    r"(?P<words>(?:[\s,;]+[A-Za-z]+(?:=\w+)?)*)\s*",
)
_STATISTIC = re.compile(_STATISTICS)
_COMMA = re.compile(r",(?![^{}]*\})")
"""The separator of two thresholds, but not of two labels."""
_SIGNS = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "===": operator.eq,
    "!=": operator.ne,
}
_AT_LEAST = frozenset({">", ">=", "==", "===", "!="})
"""With these operators, a count is crossed only above the bound."""
_UNITS = {"ms": 1.0, "s": 1000.0, "%": 0.01, None: 1.0}


class Threshold(Struct, frozen=True):
    """A bound on a statistic of a metric.

    Attributes:
        metric: Its name.
        tags: The required labels of the requests; empty: all requests.
        statistic: As in k6: avg, p(95), rate, count ...
        sign: The comparison operator.
        bound: Milliseconds for durations, a part of 1 for rates.
        expression: The bound as typed, which k6 uses as the threshold's name.
        abort: Whether crossing it ends the run.
        delay_s: It does not do so for this long after the start.
    """

    metric: str
    tags: dict[str, str]
    statistic: str
    sign: str
    bound: float
    expression: str
    abort: bool = False
    delay_s: float = 0.0

    @property
    def selector(self) -> str:
        """Return the metric with its labels, as in k6."""
        tags = ",".join(f"{name}:{value}" for name, value in self.tags.items())
        return f"{self.metric}{{{tags}}}" if tags else self.metric

    def kept_by(self, value: float) -> bool:
        """Whether *value* meets the bound."""
        return bool(_SIGNS[self.sign](value, self.bound))


class ThresholdResult(Struct, frozen=True):
    """A threshold and the run's value.

    Attributes:
        threshold: The bound.
        value: The value; None: there are no samples, or the run has no such metric.
    """

    threshold: Threshold
    value: float | None

    @property
    def ok(self) -> bool:
        """Whether it was met; what was not measured was not."""
        return self.value is not None and self.threshold.kept_by(self.value)

    @property
    def final(self) -> bool:
        """Whether it is crossed already, whatever comes later.

        Without samples it is not; a count that is too low may still rise.
        """
        if self.ok or self.value is None:
            return False
        rises = self.threshold.statistic == "count" and self.threshold.sign in _AT_LEAST
        return not rises or self.value > self.threshold.bound


def parse_threshold(text: str, *, abort: bool = False, field: str = FIELD) -> Threshold:
    """Parse one threshold.

    Args:
        text: See this module's docstring; ``abortOnFail`` and ``delayAbortEval=10s`` may follow.
        abort: Whether crossing it ends the run even without that word.
        field: The option's name, for the message.

    Raises:
        InvalidValueError: It cannot be read.
    """
    found = _TEXT.fullmatch(text.strip())
    if found is None:
        raise InvalidValueError(
            field,
            f"{text[:64]!r} is not a threshold: write 'p(99)<500', 'http_req_failed:"
            " rate<0.01', 'dropped==0'",
        )
    metric, statistic = _subject(field, found["metric"], found["what"])
    tags = _tags(field, found["tags"] or "")
    statistic = statistic_of(field, metric, statistic, labelled=bool(tags))
    words, delay_s = _words(field, found["words"])
    bound = f"{found['sign']}{found['bound']}{found['unit'] or ''}"
    return Threshold(
        metric=metric,
        tags=tags,
        statistic=statistic,
        sign=found["sign"],
        bound=float(found["bound"]) * _UNITS[found["unit"]],
        expression=found["typed"] if found["what"] == statistic else f"{statistic}{bound}",
        abort=abort or "abortonfail" in words,
        delay_s=delay_s,
    )


def parse_thresholds(texts: str, field: str = FIELD) -> list[Threshold]:
    """Parse several thresholds, separated by commas, as in ``p(99)<500,rate<0.001``.

    Raises:
        InvalidValueError: One cannot be read, or there is none.
    """
    parts = [text for text in _COMMA.split(texts) if text.strip()]
    if not parts:
        raise InvalidValueError(field, "has no bound: write 'p(99)<500,rate<0.001'")
    return [parse_threshold(text, field=field) for text in parts]


def percents_of(thresholds: Iterable[Threshold]) -> tuple[float, ...]:
    """Return the requested percentiles beside the usual ones."""
    asked = (each.statistic for each in thresholds if each.statistic.startswith("p("))
    return tuple(sorted({*PERCENTS, *(float(text[2:-1]) for text in asked)}))


def judge(
    thresholds: list[Threshold], measured: Measurements, metrics: Mapping[str, Metric]
) -> list[ThresholdResult]:
    """Compare a run with its thresholds."""
    return [ThresholdResult(each, _value(each, measured, metrics)) for each in thresholds]


def crossed(
    thresholds: list[Threshold], measured: Measurements, elapsed_s: float
) -> ThresholdResult | None:
    """Return the first crossed threshold that ends the run."""
    watched = [each for each in thresholds if each.abort and each.delay_s <= elapsed_s]
    if not watched or not measured.done_count:
        return None
    asked = {each.metric for each in watched}
    metrics = metrics_of(measured, elapsed_s, percents_of(watched), asked)
    verdicts = judge(watched, measured, metrics)
    return next((each for each in verdicts if each.final), None)


def _subject(field: str, metric: str | None, what: str) -> tuple[str, str]:
    """Return the metric and the statistic; an empty statistic is the usual one."""
    if metric is not None:
        if not _STATISTIC.fullmatch(what):
            raise InvalidValueError(
                field, f"{what!r} is not a statistic: write avg, p(95), rate ..."
            )
        return ALIASES.get(metric, metric), what
    if what == "rate":
        return "http_req_failed", what
    if _STATISTIC.fullmatch(what):
        return SCHEDULED, what
    return ALIASES.get(what, what), ""


def _tags(field: str, text: str) -> dict[str, str]:
    pairs = [pair.partition(":") for pair in text.split(",") if pair.strip()]
    tags = {name.strip(): value.strip() for name, _, value in pairs}
    for name, value in tags.items():
        check_label(field, name, value)
    return tags


def _words(field: str, text: str) -> tuple[set[str], float]:
    words, delay_s = set(), 0.0
    for word in re.split(r"[\s,;]+", text.strip()):
        name, _, value = word.lower().partition("=")
        if name == "delayaborteval":
            delay_s = parse_duration_ms(value, field) / 1000
        elif name not in {"", "abortonfail"}:
            raise InvalidValueError(
                field, f"{word!r} is not known; use abortOnFail and delayAbortEval=10s"
            )
        words.add(name)
    return words, delay_s


def _value(
    threshold: Threshold, measured: Measurements, metrics: Mapping[str, Metric]
) -> float | None:
    metric = metrics.get(threshold.metric)
    if metric is not None and threshold.tags:
        percents = percents_of([threshold])
        metric = tagged(measured, threshold.metric, threshold.tags, percents)
    return metric.values.get(threshold.statistic) if metric is not None else None

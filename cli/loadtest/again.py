"""The commands that a report prints: the same events again, and a short run for a check."""

import shlex
from collections.abc import Collection, Mapping, Sequence
from enum import Enum
from typing import Protocol

from portcall.cli.loadtest.command_line import STARS, hidden
from portcall.cli.loadtest.fault_options import SECRET_VARIABLE

EVENTS = (
    "uri", "through", "header", "timeout", "keep_alive", "http2", "insecure", "ca_file",
    "client_cert", "client_key", "rate", "duration", "shape", "peak", "steps", "spike_at",
    "spike_for", "period", "stages", "arrivals", "trace", "speed", "payload", "action",
    "repositories", "zipf", "tags", "size", "style", "fault", "copies", "copies_after",
    "swap_within", "retries", "final_answers", "compress", "retry_jitter", "outage", "processed",
    "settle", "report_only",
)  # fmt: skip
"""Parameters that decide which events are sent, and how; not outputs and thresholds."""
CONSUMER = (
    "uri", "header", "timeout", "insecure", "ca_file", "client_cert", "client_key", "payload",
    "size", "style", "processed", "settle",
)  # fmt: skip
SHORT = ("--rate", "5", "--duration", "2s")


class Parameter(Protocol):
    """A parameter of the command, as click has it."""

    @property
    def name(self) -> str | None:
        """Its name in Python."""

    @property
    def default(self) -> object:
        """Its value if it is not given."""

    @property
    def opts(self) -> list[str]:
        """Its names on the command line."""

    @property
    def secondary_opts(self) -> list[str]:
        """Its names that mean no."""


def again(
    parameters: Sequence[Parameter], values: Mapping[str, object], *, seed: int, typed_secret: bool
) -> str:
    """Return the command that makes the same events; ``--only`` goes behind it.

    Args:
        parameters: Of the command.
        values: Their values.
        seed: The run's.
        typed_secret: Whether the secret was an option. It must not be in a report, so it has to be
            given in the environment.
    """
    words = _words(parameters, values, EVENTS)
    return _command([*words, "--seed", str(seed)], typed_secret=typed_secret)


def probe(
    parameters: Sequence[Parameter], values: Mapping[str, object], *, typed_secret: bool
) -> str:
    """Return the command for a short run with the same consumer; ``--fault`` goes behind it."""
    words = _words(parameters, values, CONSUMER)
    return _command([*words, *SHORT], typed_secret=typed_secret)


def _command(words: Sequence[str], *, typed_secret: bool) -> str:
    secret = f"{SECRET_VARIABLE}='{STARS}' " if typed_secret else ""
    return secret + shlex.join(["portcall", "loadtest", *words])


def _words(
    parameters: Sequence[Parameter], values: Mapping[str, object], names: Collection[str]
) -> list[str]:
    return [
        word
        for each in parameters
        if each.name is not None and each.name in names and values[each.name] != each.default
        for word in _option(each, values[each.name])
    ]


def _option(parameter: Parameter, value: object) -> list[str]:
    name = parameter.opts[0]
    if isinstance(value, bool):
        return [name if value else parameter.secondary_opts[0]]
    if isinstance(value, list | tuple):
        return [word for each in value for word in (name, hidden(name, str(each)))]
    text = str(value.value) if isinstance(value, Enum) else _number(value)
    return [name, hidden(name, text)]


def _number(value: object) -> str:
    return f"{value:.10g}" if isinstance(value, float) else str(value)

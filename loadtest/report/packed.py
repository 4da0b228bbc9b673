"""Packing: a lossless text form of a result in the JSON output, so that reports can be merged."""

import base64
import zlib

import msgspec
from msgspec import Struct

from portcall.loadtest.judge.thresholds import ThresholdResult
from portcall.loadtest.measure.cells import Cell, Label, Phases, Slice
from portcall.loadtest.measure.sections import Section
from portcall.loadtest.measure.sketch import Sketch
from portcall.loadtest.report.result import About, Result
from portcall.loadtest.send.generator import GeneratorHealth
from portcall.schemas.errors import InvalidValueError

VERSION = 1
FIELD = "FILE"


class Packed(Struct, frozen=True):
    """The stored form of a result.

    Attributes:
        v: The version of this format.
        about: What was tested.
        health: The generator's health.
        sections: The other chapters.
        elapsed_s: How long it took.
        interrupted: Whether it was stopped.
        slice_s: How long its slices are.
        cells: By label.
        slices: By number.
        phases: The parts of requests.
        lag: How late they were sent.
        errors: Of requests without an answer.
        not_sent: Of those left out.
        counts: The plain counts, by the names that `Measurements` has.
        crossed: The threshold that ended it, or None.
    """

    v: int
    about: About
    health: GeneratorHealth
    sections: list[Section]
    elapsed_s: float
    interrupted: bool
    slice_s: float
    cells: list[tuple[Label, Cell]]
    slices: dict[int, Slice]
    phases: Phases
    lag: Sketch
    errors: dict[str, int]
    not_sent: dict[str, int]
    counts: dict[str, int]
    crossed: ThresholdResult | None = None


COUNTS = (
    "sent_count", "done_count", "failed_count", "reused_count", "resent_count", "sent_bytes",
    "received_bytes", "refused_count",
)  # fmt: skip
_decode = msgspec.msgpack.Decoder(Packed).decode


def pack(result: Result) -> str:
    """Return the result as text: msgpack, deflated, in base64."""
    measured = result.measured
    packed = Packed(
        v=VERSION,
        about=result.about,
        health=result.health,
        sections=list(result.sections),
        elapsed_s=result.elapsed_s,
        interrupted=result.interrupted,
        slice_s=measured.slice_s,
        cells=list(measured.cells.items()),
        slices=measured.slices,
        phases=measured.phases,
        lag=measured.lag,
        errors=dict(measured.errors),
        not_sent=dict(measured.not_sent),
        counts={name: getattr(measured, name) for name in COUNTS},
        crossed=result.crossed,
    )
    return base64.b64encode(zlib.compress(msgspec.msgpack.encode(packed), 9)).decode()


def unpack(document: bytes, name: str) -> Packed:
    """Return the result in the JSON output *document*.

    Args:
        document: The content of a file.
        name: The file's name, for errors.

    Raises:
        InvalidValueError: It is not the JSON of a load test, or of a later version.
    """
    try:
        found = msgspec.json.decode(document)["portcall"]["mergeable"]
        packed = _decode(zlib.decompress(base64.b64decode(found, validate=True)))
    except (ValueError, KeyError, TypeError, zlib.error) as error:  # msgspec's are ValueErrors
        raise InvalidValueError(
            FIELD, f"{name} is not a file that `portcall loadtest --output json=FILE` writes"
        ) from error
    if packed.v > VERSION:
        raise InvalidValueError(FIELD, f"{name} was written by a newer Portcall")
    return packed

import json

import pytest

from portcall.schemas.formats.facts import encoded
from portcall.schemas.formats.shapes import Shape, slot

TEXTS = ["plain", 'a "quote"', "back\\slash", "\0name\0", "\x1f", "é ☃", "", "id", "%", "%b %s %%"]


@pytest.mark.parametrize("text", TEXTS)
def test_a_filled_shape_is_the_document_itself(text: str) -> None:
    shape = Shape.of({text: [slot("value"), {"again": slot("value")}, slot("other")], "x": text})
    filled = shape.filled({"value": encoded(text), "other": b'{"a":1}'})
    assert filled == encoded({text: [text, {"again": text}, {"a": 1}], "x": text})
    assert json.loads(filled)["x"] == text


def test_a_shape_is_filled_again_and_again() -> None:
    shape = Shape.of([slot("n")])
    assert [shape.filled({"n": b"%d" % n}) for n in range(3)] == [b"[0]", b"[1]", b"[2]"]


def test_a_shape_without_slots_is_its_document() -> None:
    assert Shape.of({"a": 1}).filled({}) == b'{"a":1}'


def test_a_slot_without_a_value_is_an_error() -> None:
    with pytest.raises(KeyError, match="n"):
        Shape.of(slot("n")).filled({})

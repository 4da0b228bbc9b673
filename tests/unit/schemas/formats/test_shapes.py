import json

import pytest

from portcall.schemas.formats.facts import encoded
from portcall.schemas.formats.shapes import Shape, inners, slot, text_slot

TEXTS = ["plain", 'a "quote"', "back\\slash", "\0name\0", "\x1f", "é ☃", "", "id", "%", "%b %s %%"]


@pytest.mark.parametrize("text", TEXTS)
def test_a_filled_shape_is_the_document_itself(text: str) -> None:
    shape = Shape.of({text: [slot("value"), {"again": slot("value")}, slot("other")], "x": text})
    filled = shape.filled({"value": encoded(text), "other": b'{"a":1}'})
    assert filled == encoded({text: [text, {"again": text}, {"a": 1}], "x": text})
    assert json.loads(filled)["x"] == text


@pytest.mark.parametrize("text", [*TEXTS, 'a","b', '",', '"', ",", "\\"])
def test_a_slot_within_a_text_takes_a_part_of_it(text: str) -> None:
    shape = Shape.of({"a": f"{text}/{text_slot('one')}:{text_slot('two')}", "n": 1})
    one, two, three = inners(text, "plain", text)
    assert json.loads(shape.filled({"one": one, "two": two})) == {
        "a": f"{text}/{text}:plain",
        "n": 1,
    }
    assert three == one


def test_what_is_before_the_first_slot_is_common() -> None:
    shape = Shape.of({"a": "x", "b": slot("n"), "c": "y"})
    assert shape.filled({"n": b"1"}).startswith(shape.common)
    assert shape.common == b'{"a":"x","b":'


def test_a_shape_is_filled_again_and_again() -> None:
    shape = Shape.of([slot("n")])
    assert [shape.filled({"n": b"%d" % n}) for n in range(3)] == [b"[0]", b"[1]", b"[2]"]


def test_a_shape_without_slots_is_its_document() -> None:
    assert Shape.of({"a": 1}).filled({}) == b'{"a":1}'


def test_a_slot_without_a_value_is_an_error() -> None:
    with pytest.raises(KeyError, match="n"):
        Shape.of(slot("n")).filled({})

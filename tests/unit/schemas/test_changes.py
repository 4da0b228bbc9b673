"""The change feed's wire format."""

import pytest

from portcall.schemas.changes import decode_hint, encode_hint


def test_a_hint_is_written_in_one_form() -> None:
    assert encode_hint(42) == b'{"v":1,"revision":42}'


@pytest.mark.parametrize(
    ("body", "revision"),
    [
        pytest.param(encode_hint(7), 7, id="ours"),
        pytest.param(encode_hint(0), 0, id="the first revision"),
        pytest.param(b'{"revision":3,"v":1}', 3, id="of an older deliverer"),
        pytest.param(b'{"revision":3}', 3, id="without a version"),
        pytest.param(b'{"v":2,"revision":4,"more":{"a":[]}}', 4, id="of a later version"),
        pytest.param(b'{"v":1}', None, id="without a revision"),
        pytest.param(b'{"v":1,"revision":"3"}', None, id="a text"),
        pytest.param(b"", None, id="nothing"),
        pytest.param(b"[7]", None, id="an array"),
        pytest.param(b'{"revision":1,"\xff\xfe', None, id="not UTF-8"),
    ],
)
def test_a_hint_is_read_whatever_its_version(body: bytes, revision: int | None) -> None:
    assert decode_hint(body) == revision

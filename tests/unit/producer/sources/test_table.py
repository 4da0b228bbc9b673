"""Each kind of source has what reads it."""

import pytest

from portcall.producer.sources.table import adapter_of
from portcall.schemas.sources import NOTIFIERS, SourceKind


@pytest.mark.parametrize("kind", SourceKind)
def test_every_kind_is_read_by_an_adapter_or_as_a_notification(kind: SourceKind) -> None:
    assert (adapter_of(kind) is None) == (kind in NOTIFIERS)

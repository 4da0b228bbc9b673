"""Deliverers that wait for nothing."""

import pytest

from portcall.deliverer import deliver, store_retry


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_retry, "wait_random_exponential", lambda **_: lambda _state: 0.0)
    monkeypatch.setattr(deliver, "LINE_CHECK_S", 0.0)

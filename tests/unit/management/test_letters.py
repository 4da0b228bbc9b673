"""Letters over the API: what a page holds, and what one letter is shown with."""

import pytest
from msgspec import Raw

from portcall.management.letters import comparing, routes
from portcall.management.letters.routes import PATH
from portcall.runtime.broker.letters import Letter
from portcall.schemas.deliveries import Delivery
from portcall.schemas.events import Event
from portcall.schemas.frames import (
    REASON_HEADER,
    decode_raw_records,
    encode_deliveries,
    encode_events,
    encode_records,
)
from portcall.schemas.records import Detail, Outcome, Record
from portcall.schemas.topology import DEAD, LOG
from tests.unit.management.api import ManagementApi


def bury(api: ManagementApi, body: bytes, reason: str = "it timed out") -> Letter:
    made = Letter(body=body, queue=DEAD, exchange=DEAD, key="", headers={REASON_HEADER: reason})
    api.box.letters["dead"].append(made)
    return made


@pytest.mark.parametrize("query", ["", "$expand=body"], ids=["without bodies", "with bodies"])
async def test_a_page_ends_when_its_room_is_full(
    api: ManagementApi, monkeypatch: pytest.MonkeyPatch, query: str
) -> None:
    monkeypatch.setattr(routes, "MAX_BODIES", 100)
    made = [bury(api, bytes([number]) * 60) for number in range(5)]
    answer = (await api.request("GET", PATH, query=f"api-version=2025-11-01&{query}")).json
    assert [each["id"] for each in answer["value"]] == [each.id for each in made[:2]]
    assert answer["counts"]["letters"] == 5
    assert "nextLink" in answer


async def test_a_letter_is_shown_once_with_the_number_of_its_copies(api: ManagementApi) -> None:
    first, *_ = [bury(api, b"\x00") for _ in range(3)]
    bury(api, b"\x01")
    answer = (await api.request("GET", f"{PATH}/{first.id}")).json
    assert (answer["id"], answer["copies"]) == (first.id, 3)


@pytest.mark.parametrize("action", ["resend", "purge"])
async def test_a_reason_is_read_alike_by_all_requests(api: ManagementApi, action: str) -> None:
    bury(api, b"\x00", "x timed")
    listed = await api.request("GET", PATH, query="api-version=2025-11-01&reason=%20timed%20")
    assert listed.json["counts"]["letters"] == 1
    done = await api.request("POST", f"{PATH}/{action}", {"reason": " timed "})
    assert done.status == 200
    assert len(api.box.letters["dead"]) == (0 if action == "purge" else 1)  # it is unreadable


async def test_a_page_compares_its_deliveries_with_the_records(api: ManagementApi) -> None:
    names = ("delivered", "retried", "failed", "unknown")
    events = {name: Event(name, "alpha", "push", 1, Raw(b"{}"), "a", "v1") for name in names}
    for name in names:
        bury(api, encode_deliveries([events[name]], [Delivery(0, 7, 4)]))
    bury(api, encode_events([events["unknown"]]))  # it was not routed: it has no delivery
    outcomes = (Outcome.DELIVERED, Outcome.RETRIED, Outcome.GIVEN_UP)
    records = [Record(n, 7, 4, outcome, 500, 1, 1, Detail()) for n, outcome in enumerate(outcomes)]
    frame = decode_raw_records(encode_records("f", list(events.values())[:3], records))
    api.store.eventlog.append(LOG, None, [(0, frame)])
    query = "api-version=2025-11-01&compare=true"
    found = (await api.request("GET", PATH, query=query)).json
    assert found["compared"] == {"deliveries": 4, "delivered": 1, "underWay": 1}
    assert "compared" not in (await api.request("GET", PATH)).json


async def test_no_more_than_so_many_are_compared(
    api: ManagementApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparing, "MOST", 3)
    event = Event("e", "alpha", "push", 1, Raw(b"{}"), "a", "v1")
    for _ in range(2):
        bury(api, encode_deliveries([event], [Delivery(0, 7, 4), Delivery(0, 8, 4)]))
    found = (await api.request("GET", PATH, query="api-version=2025-11-01&compare=true")).json
    assert found["compared"] == {"deliveries": 3, "delivered": 0, "underWay": 0}

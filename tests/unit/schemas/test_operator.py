"""What the operator is told: the same event however often it is made."""

import msgspec

from portcall.schemas.operator import DISABLED_ACTION, DISABLED_TYPE, OPERATOR_ID, disabled_event


def test_the_event_that_a_webhook_disabled_itself() -> None:
    def made(at_ms: int = 1_772_619_630_123) -> tuple[str, bytes]:
        event = disabled_event(
            webhook_id=2**51,
            registry="MyRegistry",
            name="ci01hook",
            cause="gone",
            reason='it answered "410"',
            at_ms=at_ms,
        )
        assert (event.registry, event.action) == ("myregistry", DISABLED_ACTION)
        assert (event.repository, event.tag) == ("", "")
        return event.id, bytes(event.body)

    event_id, body = made()
    assert made() == (event_id, body)
    assert made(1_772_619_630_124)[0] != event_id
    told = msgspec.json.decode(body)
    assert list(told) == ["id", "type", "timestamp", "data"]
    assert (told["id"], told["type"]) == (event_id, DISABLED_TYPE)
    assert told["data"]["webhookId"] == str(2**51)
    assert told["data"]["reason"] == 'it answered "410"'
    assert 0 < OPERATOR_ID < 2**50

"""Replays as answers."""

from collections.abc import Mapping

from msgspec import UNSET, UnsetType

from portcall.management.http.resources import REGISTRY_TYPE, registry_id
from portcall.management.replays import shapes
from portcall.schemas.timestamps import acr_timestamp
from portcall.store.database.installation import Installation
from portcall.store.records.replays import Replay
from portcall.store.records.selection import MAX_MS, Selection

REPLAY_TYPE = f"{REGISTRY_TYPE}/replays"


def replay_answer(
    installation: Installation, registry: str, replay: Replay, names: Mapping[int, str]
) -> shapes.Replay:
    """One replay.

    Args:
        installation: Whose ids are used.
        registry: The registry's name.
        replay: The replay.
        names: The names of webhooks by their ids.
    """
    return shapes.Replay(
        type=REPLAY_TYPE,
        id=f"{registry_id(installation, registry)}/replays/{replay.id}",
        name=str(replay.id),
        properties=shapes.ReplayFacts(
            state=replay.state,
            selection=_selected(replay.selection, names),
            rate=replay.rate,
            total=replay.total,
            published=replay.published,
            skipped=shapes.Skipped(replay.disabled, replay.gone),
            created_at=acr_timestamp(replay.created_ms),
            changed_at=acr_timestamp(replay.changed_ms),
        ),
    )


def _selected(selection: Selection, names: Mapping[int, str]) -> shapes.Selected:
    webhook: str | UnsetType = UNSET
    if selection.webhook_id is not None:
        webhook = names.get(selection.webhook_id, "")
    return shapes.Selected(
        outcomes=list(selection.outcomes),
        webhook=webhook,
        event_id=selection.event_id or UNSET,
        since=acr_timestamp(selection.since_ms) if selection.since_ms else UNSET,
        until=acr_timestamp(selection.until_ms) if selection.until_ms < MAX_MS else UNSET,
    )

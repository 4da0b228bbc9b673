"""Explaining an event and trying a scope, over HTTP."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Annotated

from aiohttp import web
from msgspec import UNSET
from pydantic import Field

from portcall.management.audit.look import BehindError
from portcall.management.explain import shapes
from portcall.management.explain.explanation import (
    Explained,
    Explaining,
    Explanation,
    Life,
    RecordedAttempt,
)
from portcall.management.explain.reasons import Miss, ignored_reason
from portcall.management.explain.scope_tests import LAST, MAX_LAST, ScopeTests, Tried
from portcall.management.http.bodies import Body
from portcall.management.http.calls import Call, answer
from portcall.management.http.errors import ArmError, invalid_parameter
from portcall.management.http.extras import told_extras
from portcall.management.http.fields import Actions, FilterSet, Scopes, ScopeText
from portcall.management.http.lookups import Lookups
from portcall.management.http.routes import REGISTRY, Routes
from portcall.runtime.errors import BrokerError
from portcall.schemas.deliveries import is_delivery_id
from portcall.schemas.errors import InvalidValueError
from portcall.schemas.events import check_event_id
from portcall.schemas.timestamps import acr_timestamp
from portcall.store.access.principals import Role
from portcall.store.webhooks.registries import Registry

CATCH_UP_S = 3.0
"""So that a refusal takes at most 5 s."""

CatchUp = Callable[[], Awaitable[None]]
"""Waits until the recorder has entered earlier messages; raises Broker- and BehindError."""


class ScopeTest(Body):
    """The body of testScope.

    Attributes:
        scope: A scope as for a webhook; empty: the whole registry.
        scopes: Patterns that narrow it, as for a webhook; left out: none.
        actions: Actions as for a webhook; left out: any. With `untag`, deleted tags that were
            ignored are tried, too.
        filters: Filters as for a webhook; left out: none.
        last: How many recent events to try.
    """

    scope: ScopeText = ""
    scopes: Scopes = None
    actions: Actions | None = None
    filters: FilterSet = None
    last: Annotated[int, Field(ge=1, le=MAX_LAST)] = LAST


class ExplainHandlers:
    """The routes of explanations.

    Args:
        lookups: Finds the resources that a path names.
        explaining: Makes explanations.
        scope_tests: Tries scopes.
        catch_up: Waits for the recorder, if an event is not known yet.
    """

    def __init__(
        self,
        *,
        lookups: Lookups,
        explaining: Explaining,
        scope_tests: ScopeTests,
        catch_up: CatchUp,
    ) -> None:
        self._lookups = lookups
        self._explaining = explaining
        self._scope_tests = scope_tests
        self._catch_up = catch_up

    def add_to(self, routes: Routes) -> None:
        """Add the routes."""
        routes.add("GET", f"{REGISTRY}/explainEvent", self.explain)
        routes.add("POST", f"{REGISTRY}/testScope", self.test_scope, need=Role.READER)

    async def explain(self, call: Call) -> web.Response:
        """GET the deliveries of the event ``eventId``, for every webhook of the registry."""
        event_id = _event_id(call)
        registry = await self._lookups.registry(call)
        if is_delivery_id(event_id):
            event_id = await self._event_of(registry, event_id)
        explanation = await self._explained(registry.key, event_id)
        if explanation is None:
            raise ArmError(
                404,
                "EventNotFound",
                f"eventId: the registry '{registry.name}' has no event '{event_id}'; those that"
                " are older than the records are forgotten",
                target="eventId",
            )
        return answer(explanation_answer(explanation))

    async def test_scope(self, call: Call) -> web.Response:
        """POST a scope: which recent events would have matched."""
        body = await call.body(ScopeTest, optional=True)
        registry = await self._lookups.registry(call)
        tried = await asyncio.to_thread(
            self._scope_tests.try_scope,
            registry.key,
            body.scope,
            body.actions or (),
            body.last,
            filters=body.filters,
            scopes=body.scopes or (),
        )
        return answer(tried_answer(tried))

    async def _event_of(self, registry: Registry, wanted: str) -> str:
        """The event of a delivery, which is named by its ``webhook-id``.

        Raises:
            ArmError: 404: No record of the registry has that id.
        """
        found = await asyncio.to_thread(self._explaining.event_of, registry.key, wanted)
        if not found.event_id and await self._caught_up():
            found = await asyncio.to_thread(self._explaining.event_of, registry.key, wanted)
        if found.event_id:
            return found.event_id
        far = (
            f"; searched back to {acr_timestamp(found.searched_to_ms)}, and no further in the time"
            " that a search may take: give the event's id"
            if found.searched_to_ms
            else "; those that are older than the records are forgotten"
        )
        raise ArmError(
            404,
            "DeliveryNotFound",
            f"eventId: the registry '{registry.name}' has no delivery with the webhook-id"
            f" '{wanted}'{far}",
            target="eventId",
        )

    async def _explained(self, registry: str, event_id: str) -> Explanation | None:
        """The explanation; waits for an event that was accepted a moment ago."""
        found = await asyncio.to_thread(self._explaining.explain, registry, event_id)
        if found is not None and (
            found.ignored or found.is_routed or any(each.life.steps for each in found.webhooks)
        ):
            return found
        await self._caught_up()
        return await asyncio.to_thread(self._explaining.explain, registry, event_id)

    async def _caught_up(self) -> bool:
        """Wait until the recorder has entered earlier messages; whether it has."""
        with suppress(BrokerError, BehindError, TimeoutError):
            async with asyncio.timeout(CATCH_UP_S):
                await self._catch_up()
                return True
        return False


def _event_id(call: Call) -> str:
    text = call.parameter("eventId")
    if text is None:
        raise invalid_parameter("eventId", "is required: the id of an event, or a webhook-id")
    try:
        return check_event_id(text, "eventId")
    except InvalidValueError as error:
        raise invalid_parameter("eventId", error.problem) from error


def explanation_answer(explanation: Explanation) -> shapes.Explanation:
    """What became of an event, for every webhook of its registry."""
    ignored = explanation.ignored
    return shapes.Explanation(
        id=explanation.event_id,
        registry=explanation.registry,
        action=explanation.action,
        repository=explanation.repository,
        tag=explanation.tag,
        accepted_at=acr_timestamp(explanation.accepted_ms),
        is_routed=explanation.is_routed,
        webhooks=[_explained(each) for each in explanation.webhooks],
        ignored=(
            shapes.IgnoredBecause(ignored.reason, ignored.place, ignored_reason(ignored))
            if ignored
            else UNSET
        ),
        extras=told_extras(explanation.extras, explanation.tags),
    )


def _explained(explained: Explained) -> shapes.WebhookExplained:
    return shapes.WebhookExplained(
        id=str(explained.webhook_id),
        name=explained.name,
        matches=explained.matches,
        misses=_misses(explained.misses),
        delivery=life_answer(explained.life),
    )


def _misses(misses: Sequence[Miss]) -> list[shapes.Miss]:
    return [shapes.Miss(each.predicate, each.message) for each in misses]


def life_answer(life: Life) -> shapes.DeliveryLife:
    """The life of a delivery."""
    next_ms = life.next_attempt_ms
    return shapes.DeliveryLife(
        delivery_id=life.delivery_id,
        whereabouts=life.whereabouts,
        attempts=[_step(each) for each in life.steps],
        rung=life.rung or UNSET,
        next_attempt_at=acr_timestamp(next_ms) if next_ms else UNSET,
    )


def _step(step: RecordedAttempt) -> shapes.Attempt:
    record = step.record
    return shapes.Attempt(
        attempt=record.attempt,
        outcome=record.outcome,
        status=record.status,
        started_at=acr_timestamp(record.started_ms),
        duration_ms=round(record.duration_us / 1000, 3),
        reason=step.reason,
    )


def tried_answer(tried: Sequence[Tried]) -> shapes.ScopeTried:
    """Which of the last events a scope would have matched."""
    return shapes.ScopeTried(sum(each.matches for each in tried), [_tried(each) for each in tried])


def _tried(tried: Tried) -> shapes.TriedEvent:
    return shapes.TriedEvent(
        id=tried.event_id,
        action=tried.action,
        repository=tried.repository,
        tag=tried.tag,
        accepted_at=acr_timestamp(tried.accepted_ms),
        matches=tried.matches,
        misses=_misses(tried.misses),
        patterns=(
            [shapes.PatternTried(each.pattern, each.effect, each.reason) for each in tried.judged]
            or UNSET
        ),
        tags=list(tried.tags) or UNSET,
        is_ignored=tried.is_ignored or UNSET,
    )

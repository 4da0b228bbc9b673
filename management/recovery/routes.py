"""The intake, and missing deliveries that are published again, for `portcall drain` and `audit`."""

import asyncio

from aiohttp import web

from portcall.management.audit.look import BehindError
from portcall.management.audit.routes import before_ms_of, registry_of, suspect_shape
from portcall.management.http.calls import Call, answer
from portcall.management.http.errors import ArmError, service_unavailable
from portcall.management.http.routes import Routes
from portcall.management.recovery.bodies import IntakePut
from portcall.management.recovery.republishing import Republisher
from portcall.management.recovery.shapes import Intake, Republished
from portcall.runtime.clock import now_ms
from portcall.runtime.errors import BrokerError
from portcall.runtime.logs import get_logger
from portcall.schemas.timestamps import acr_timestamp
from portcall.store.database.installation import InstallationTable

INTAKE = "/portcall/intake"
REPUBLISH = "/portcall/audit/republish"
MAX_NAMED = 20


class RecoveryHandlers:
    """The routes.

    Args:
        installation: Has the state of the intake.
        republisher: Publishes missing deliveries.
    """

    def __init__(self, *, installation: InstallationTable, republisher: Republisher) -> None:
        self._installation = installation
        self._republisher = republisher
        self._log = get_logger()

    def add_to(self, routes: Routes) -> None:
        """Add the routes."""
        routes.add("GET", INTAKE, self.show)
        routes.add("PUT", INTAKE, self.put)
        routes.add("POST", REPUBLISH, self.republish)

    async def show(self, _call: Call) -> web.Response:
        """GET whether the producers take events."""
        return _intake(await asyncio.to_thread(self._installation.intake_stopped_ms))

    async def put(self, call: Call) -> web.Response:
        """PUT the intake: every producer follows within a second or two."""
        body = await call.body(IntakePut)
        stopped_ms = now_ms() if body.stopped else 0
        kept = await asyncio.to_thread(self._installation.stop_intake, stopped_ms)
        self._log.info("intake.changed", stopped=body.stopped)
        return _intake(kept)

    async def republish(self, call: Call) -> web.Response:
        """POST republish: publish the missing deliveries again whose events are stored."""
        registry, before_ms = registry_of(call), before_ms_of(call)
        try:
            outcome = await self._republisher.republish(before_ms=before_ms, registry=registry)
        except BrokerError as error:
            raise service_unavailable(f"The broker did not take everything: {error}.") from error
        except BehindError as error:
            raise ArmError(503, "RecorderBehind", f"{str(error).capitalize()}.") from error
        self._log.info("deliveries.republished", count=outcome.published)
        return answer(
            Republished(
                outcome.published,
                [suspect_shape(each, outcome.look) for each in outcome.without[:MAX_NAMED]],
                len(outcome.without),
                outcome.more,
            )
        )


def _intake(stopped_ms: int) -> web.Response:
    return answer(Intake(acr_timestamp(stopped_ms) if stopped_ms else None))

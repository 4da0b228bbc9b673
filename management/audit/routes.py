"""The accounts over HTTP, for `portcall audit`: one audit for each request; the client repeats."""

from aiohttp import web

from portcall.management.audit import shapes
from portcall.management.audit.look import Auditor, BehindError, Look
from portcall.management.http.calls import Call, answer
from portcall.management.http.errors import ArmError, invalid_parameter, service_unavailable
from portcall.management.http.routes import Routes
from portcall.runtime.clock import now_ms
from portcall.runtime.errors import BrokerError
from portcall.schemas.deliveries import delivery_id
from portcall.schemas.errors import InvalidValueError
from portcall.schemas.timestamps import acr_timestamp
from portcall.schemas.webhooks import check_name
from portcall.store.journal.accounts import Account, Doubt, Suspect

PATH = "/portcall/audit"
MAX_MS = 2**53


class AuditHandler:
    """The route of the audit.

    Args:
        auditor: Makes the audits.
    """

    def __init__(self, auditor: Auditor) -> None:
        self._auditor = auditor

    def add_to(self, routes: Routes) -> None:
        """Add the route."""
        routes.add("GET", PATH, self.audit)

    async def audit(self, call: Call) -> web.Response:
        """GET the accounts; ``registry`` names one, ``unmovedBefore`` is a time in milliseconds."""
        registry = registry_of(call)
        before_ms = before_ms_of(call)
        try:
            look = await self._auditor.look(before_ms=before_ms, registry=registry)
        except BrokerError as error:
            raise service_unavailable(f"The broker cannot be asked: {error}.") from error
        except BehindError as error:
            raise ArmError(503, "RecorderBehind", f"{str(error).capitalize()}.") from error
        return answer(document(look))


def document(look: Look) -> shapes.Audit:
    """A look as an answer."""
    return shapes.Audit(
        time=look.at_ms,
        since=acr_timestamp(look.accounts.since_ms),
        registries=[_account(account) for account in look.accounts.registries],
        queued={doubt.value: look.queued[doubt] for doubt in Doubt},
        dead=look.dead,
        suspects=[suspect_shape(each, look) for each in look.accounts.suspects],
    )


def _account(account: Account) -> shapes.Account:
    return shapes.Account(
        registry=account.registry,
        events=account.events,
        accepted=account.accepted,
        delivered=account.delivered,
        given_up=account.given_up,
        cancelled=account.cancelled,
        refused=account.refused,
        filtered=account.filtered,
        no_match=account.no_match,
        open={doubt.value: count for doubt, count in account.open.items() if count},
        unmoved={doubt.value: count for doubt, count in account.unmoved.items() if count},
    )


def suspect_shape(suspect: Suspect, look: Look) -> shapes.Suspect:
    """A suspect as an answer."""
    webhook_id, last_ms = suspect.webhook_id, suspect.last_ms
    return shapes.Suspect(
        doubt=suspect.doubt.value,
        registry=suspect.registry,
        event_id=suspect.event_id,
        accepted_at=acr_timestamp(suspect.accepted_ms),
        webhook_id=webhook_id,
        delivery_id=delivery_id(suspect.event_id, webhook_id) if webhook_id else None,
        last_attempt_at=acr_timestamp(last_ms) if last_ms else None,
        dead=look.reasons.get((suspect.digest, webhook_id)),
    )


def registry_of(call: Call) -> str | None:
    """The key of the registry that a query names, or None."""
    name = call.parameter("registry")
    if name is None:
        return None
    try:
        return check_name(name, "registry").lower()
    except InvalidValueError as error:
        raise invalid_parameter("registry", error.problem) from error


def before_ms_of(call: Call) -> int:
    """The query's ``unmovedBefore``, milliseconds since the epoch; now without it."""
    text = call.parameter("unmovedBefore")
    if text is None:
        return now_ms()
    if not text.isascii() or not text.isdecimal() or len(text) > 16 or int(text) > MAX_MS:
        raise invalid_parameter("unmovedBefore", "must be milliseconds since the epoch")
    return int(text)

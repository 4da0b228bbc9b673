"""Secrets of webhooks: rotation, during which two of them sign; and the public keys."""

import asyncio
from functools import partial

from aiohttp import web

from portcall.management.http.announcements import announce
from portcall.management.http.bodies import Rotation
from portcall.management.http.calls import Call, answer
from portcall.management.http.errors import ArmError
from portcall.management.http.lookups import Lookups
from portcall.management.http.resources import keys_answer, webhook_answer
from portcall.management.http.routes import WEBHOOK, Routes
from portcall.management.webhooks.signing import SigningWanted, new_secret, rotated_secret
from portcall.runtime.broker.publishing import Announcer
from portcall.runtime.logs import get_logger
from portcall.schemas.signatures import Scheme, scheme_of
from portcall.store.engine import Store
from portcall.store.errors import WebhookNotFoundError
from portcall.store.webhooks.row import SigningWebhook


class RotationHandlers:
    """The routes of secrets.

    Args:
        store: The store.
        lookups: Finds the resources that a path names.
        announcer: Notifies the other roles of changes.
        overlap_ms: How long the previous secret signs, too, by default.
    """

    def __init__(
        self, *, store: Store, lookups: Lookups, announcer: Announcer, overlap_ms: int
    ) -> None:
        self._store = store
        self._lookups = lookups
        self._announcer = announcer
        self._overlap_ms = overlap_ms
        self._log = get_logger()

    def add_to(self, routes: Routes) -> None:
        """Add the routes."""
        routes.add("POST", f"{WEBHOOK}/rotateSecret", self.rotate)
        routes.add("GET", f"{WEBHOOK}/publicKeys", self.public_keys)

    async def rotate(self, call: Call) -> web.Response:
        """POST rotateSecret: a new secret, only in this answer; the previous one still signs."""
        body = await call.body(Rotation, optional=True)
        before = await self._lookups.webhook_as(SigningWebhook, call)
        wanted = SigningWanted.of(body)
        if wanted.scheme is None and scheme_of(before.secret) is Scheme.NONE:
            raise ArmError(
                409,
                "WebhookUnsigned",
                f"The webhook '{before.name}' does not sign, so there is nothing to rotate: send"
                ' "signature", or set properties.portcall.signature of the webhook.',
                target="properties.portcall.signature",
            )
        overlap_ms = self._overlap_ms if body.overlap is None else body.overlap
        try:
            row = await asyncio.to_thread(
                self._store.webhooks.rotate,
                before.registry,
                before.name,
                make=partial(_make, wanted),
                overlap_ms=overlap_ms,
            )
        except WebhookNotFoundError as error:  # deleted after the lookup
            raise self._lookups.no_webhook(call) from error
        self._log.info(
            "secret.rotated",
            registry=row.registry,
            webhook=row.name,
            webhook_id=row.id,
            signature=scheme_of(row.secret).value,
            overlap_ms=overlap_ms,
        )
        await announce(self._announcer, row.revision)
        is_shown = scheme_of(row.secret) is Scheme.V1
        secret = row.secret if is_shown else ""
        return answer(webhook_answer(self._lookups.installation, row, secret=secret))

    async def public_keys(self, call: Call) -> web.Response:
        """GET publicKeys: what a consumer of this webhook trusts now, the newest first."""
        return answer(keys_answer(await self._lookups.webhook_as(SigningWebhook, call)))


def _make(wanted: SigningWanted, kept: str) -> str:
    return rotated_secret(wanted, kept, new_secret)

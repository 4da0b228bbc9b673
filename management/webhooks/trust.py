"""A webhook's TLS settings: the request, compared with the webhook's present ones."""

import datetime as dt

from portcall.management.http.bodies import PortcallExtras
from portcall.runtime.trust import check_usable
from portcall.schemas.certificates import check_pair
from portcall.schemas.errors import InvalidValueError
from portcall.schemas.trust import NO_TRUST, Trust
from portcall.store.webhooks.row import WebhookChanges

EXTRAS = "properties.portcall"
CERTIFICATE, KEY = f"{EXTRAS}.clientCertificate", f"{EXTRAS}.clientKey"


def trust_changes(extras: PortcallExtras, kept: Trust | None) -> WebhookChanges:
    """The changes of ``properties.portcall``; null, or an empty text, removes.

    A certificate and its key change together. One that is sent alone is combined with the webhook's
    other one: so a certificate can be renewed for the same key. Removing one removes both.

    Args:
        extras: As sent.
        kept: The webhook's present settings.

    Raises:
        InvalidValueError: One is sent without the other, they do not belong together, or the
            certificate has expired.
    """
    changes = WebhookChanges()
    said = extras.model_fields_set
    if "ca_bundle" in said:
        changes["ca_bundle"] = extras.ca_bundle or ""
    if said & {"client_certificate", "client_key"}:
        chain, key = _pair(extras, kept or NO_TRUST)
        changes["client_certificate"], changes["client_key"] = chain, key
    return changes


def _pair(extras: PortcallExtras, kept: Trust) -> tuple[str, str]:
    said = extras.model_fields_set
    chain, key = extras.client_certificate or "", extras.client_key or ""
    if not chain and not key:
        return "", ""
    if not chain:
        if "client_certificate" in said or not kept.client_certificate:
            raise InvalidValueError(CERTIFICATE, "is required with clientKey")
        chain = kept.client_certificate
    if not key:
        if "client_key" in said or not kept.client_key:
            raise InvalidValueError(KEY, "is required with clientCertificate")
        key = kept.client_key
    check_pair(chain, key, CERTIFICATE, dt.datetime.now(dt.UTC))
    if problem := check_usable(chain, key):
        raise InvalidValueError(CERTIFICATE, f"cannot be used: {problem}")
    return chain, key

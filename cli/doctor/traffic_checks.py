"""The checks of `portcall doctor` that look at the records: failing webhooks, and the disk."""

import shutil

from portcall.cli.doctor import findings
from portcall.cli.doctor.checks import CheckedInstallation
from portcall.cli.doctor.failing import FailingWebhook
from portcall.cli.doctor.failing import failing as judge_failing
from portcall.cli.doctor.filling import filling as judge_filling
from portcall.cli.doctor.findings import Finding, unknown
from portcall.management.explain.reasons import failure_of
from portcall.runtime.clock import now_ms
from portcall.schemas.errors import InvalidValueError
from portcall.store.engine import Store, open_store
from portcall.store.errors import StoreUnavailableError
from portcall.store.records.filters import Filter
from portcall.store.webhooks.summaries import FAILING_AFTER_MS


def failing(site: CheckedInstallation) -> Finding:
    """Check for webhooks of which every attempt fails, and why the last one did."""
    try:
        store = open_store(site.database_url)
    except (StoreUnavailableError, InvalidValueError):
        return unknown("failing webhooks", "the database does not answer")
    try:
        found, count = store.known.failing(now_ms() - FAILING_AFTER_MS, findings.MOST_NAMED)
        told = [
            FailingWebhook(
                each.registry, each.name, each.failing_since_ms, _last_reason(store, each.id)
            )
            for each in found
        ]
    except StoreUnavailableError:
        return unknown("failing webhooks", "the database does not answer")
    finally:
        store.close()
    return judge_failing(told, count)


def filling(site: CheckedInstallation) -> Finding:
    """Check how long the disk of the home folder lasts at the rate of the last hour."""
    if not site.database_url.startswith(f"sqlite:///{site.home.resolve()}"):
        return unknown("disk growth", "the database is not in the home folder")
    at_ms = now_ms()
    try:
        store = open_store(site.database_url)
        try:
            hour = store.traffic.series(since_ms=at_ms - findings.RECENT_MS, until_ms=at_ms)
        finally:
            store.close()
    except (StoreUnavailableError, InvalidValueError):
        return unknown("disk growth", "the database does not answer")
    rate = hour.total.attempts * 1000 / findings.RECENT_MS
    return judge_filling(str(site.home), shutil.disk_usage(site.home).free, rate)


def _last_reason(store: Store, webhook_id: int) -> str:
    """Why the last attempt at a webhook failed."""
    lines = store.searching.search(Filter(webhook_id=webhook_id), limit=1).lines
    record = store.searching.get(lines[0].id) if lines else None
    return "its records are gone" if record is None else failure_of(record)

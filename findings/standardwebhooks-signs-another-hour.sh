#!/usr/bin/env bash
# standardwebhooks 1.1.0 and svix 2.9.1 (Python): sign() reads the hour of an aware datetime and
# ignores its zone.
#
# Expected: 13:00 in Berlin and 12:00 in UTC are one instant (they are equal in Python), so the
# signatures over them are equal, and that of now() in any zone verifies.
# Happens: the zone is replaced by UTC, not converted. A sender that signs datetime.now(BERLIN) and
# writes its .timestamp() into webhook-timestamp signs a time one hour ahead: its receivers answer that no
# signature matches. On a machine in UTC, as CI is, it works.
# Matters to: those who write webhook senders, or tests of receivers. Nothing is raised.
# The guess before: the instant is signed.
set -euo pipefail
source "$(dirname "$0")/lib.sh"
python_packages standardwebhooks==1.1.0 svix==2.9.1
python3 - <<'PY' | described 'equal instants: True
standardwebhooks: same signature False; sent at once: No matching signature found
svix: same signature False; sent at once: No matching signature found'
from datetime import UTC, datetime, timedelta, timezone

import standardwebhooks.webhooks
import svix.webhooks

utc = datetime(2024, 1, 2, 12, tzinfo=UTC)
berlin = utc.astimezone(timezone(timedelta(hours=1), "CET"))
print("equal instants:", utc == berlin)
for name, module in (("standardwebhooks", standardwebhooks.webhooks), ("svix", svix.webhooks)):
    hook = module.Webhook("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    now = datetime.now(berlin.tzinfo)
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": hook.sign("msg_1", now, "{}"),
    }
    try:
        hook.verify("{}", headers)
        said = "verified"
    except Exception as error:
        said = str(error)
    same = hook.sign("msg_1", utc, "{}") == hook.sign("msg_1", berlin, "{}")
    print(f"{name}: same signature {same}; sent at once: {said}")
PY

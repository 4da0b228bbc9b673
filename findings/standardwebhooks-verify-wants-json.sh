#!/usr/bin/env bash
# standardwebhooks 1.1.0 (Python): verify() of a rightly signed body that is not JSON raises an error
# that is no WebhookVerificationError, and a body of digits becomes a number.
#
# Expected: the specification signs bytes, whatever their type. A body that is rightly signed is verified;
# one that is not raises WebhookVerificationError, which is what receivers catch to answer 4xx.
# Happens: after the signature was found to be right, verify() parses the body as JSON. Text, a form, or
# no body at all raise json.JSONDecodeError, which ends as a 500 in most frameworks, so that the
# sender retries a request that can never succeed. The text 1.10 is returned as 1.1. (json_parse=False
# helps, where one knows it.)
# Matters to: receivers of webhooks that are not JSON, e.g. CloudEvents with text, or empty pings.
# The guess before: the signed body is returned.
set -euo pipefail
source "$(dirname "$0")/lib.sh"
python_packages standardwebhooks==1.1.0
python3 - <<'PY' | described "'{\"a\": 1}' -> {'a': 1}
'1.10' -> 1.1
'pushed app:1' -> JSONDecodeError
'' -> JSONDecodeError
a wrong signature -> WebhookVerificationError"
from datetime import UTC, datetime

from standardwebhooks.webhooks import Webhook

hook = Webhook("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
now = datetime.now(UTC)


def verified(body: str, signature: str) -> str:
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": signature,
    }
    try:
        return repr(hook.verify(body, headers))
    except Exception as error:
        return type(error).__name__


for body in ('{"a": 1}', "1.10", "pushed app:1", ""):
    print(repr(body), "->", verified(body, hook.sign("msg_1", now, body)))
print("a wrong signature ->", verified("{}", hook.sign("msg_1", now, "[]")))
PY

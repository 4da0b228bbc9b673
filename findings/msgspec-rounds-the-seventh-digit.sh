#!/usr/bin/env bash
# msgspec 0.22.0: a time with seven digits is rounded to six, so that an event may be of next year.
#
# Expected: .NET services (Azure's among them) write seven digits. A datetime has six, and Python's own
# fromisoformat, as pydantic, leaves the seventh away.
# Happens: msgspec rounds. 2024-12-31T23:59:59.9999999Z becomes 2025-01-01T00:00:00Z.
# Matters to: consumers of registry events who compare times, or group them by day, month or year. Two
# services that read the same event by different libraries disagree by a microsecond, so an id or a key
# made from the time does not match.
# The guess before: it truncates as the others do.
set -euo pipefail
source "$(dirname "$0")/lib.sh"
python_packages msgspec==0.22.0 pydantic==2.14.4
python3 - <<'PY' | described 'msgspec        2024-03-04T05:06:07.123457+00:00  2025-01-01T00:00:00+00:00
pydantic       2024-03-04T05:06:07.123456+00:00  2024-12-31T23:59:59.999999+00:00
fromisoformat  2024-03-04T05:06:07.123456+00:00  2024-12-31T23:59:59.999999+00:00'
import json
from datetime import datetime

import msgspec
from pydantic import TypeAdapter

times = ("2024-03-04T05:06:07.1234567+00:00", "2024-12-31T23:59:59.9999999+00:00")
readers = {
    "msgspec": lambda text: msgspec.json.decode(json.dumps(text), type=datetime),
    "pydantic": TypeAdapter(datetime).validate_python,
    "fromisoformat": datetime.fromisoformat,
}
for name, read in readers.items():
    print(f"{name:13}", *(read(text).isoformat() for text in times), sep="  ")
PY

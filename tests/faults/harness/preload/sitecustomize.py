"""Imported by every Python that has this folder on its path, before anything else runs.

By this a role that `portcall up` starts as always gets its crash points, and no line of the product
knows of them.
"""

import os
import sys

if "PORTCALL_CRASH" in os.environ and sys.orig_argv[1:3] == ["-P", "-m"]:
    try:
        from tests.faults.harness.crashing import arm

        arm(role=sys.orig_argv[3].removeprefix("portcall."))
    except Exception:  # noqa: BLE001 (whatever it is)
        # Python would tell of it and go on, without any crash points.
        sys.excepthook(*sys.exc_info())
        os._exit(70)

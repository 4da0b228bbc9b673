"""Imported by every Python that has this folder on its path, before anything else runs.

By this the server that forks the roles of `portcall up` has their crash points, and no line of the
product knows of them.
"""

import os
import sys

if "PORTCALL_CRASH" in os.environ and sys.orig_argv[1:3] == ["-P", "-m"]:
    try:
        from tests.faults.harness.crashing import arm

        arm()
    except Exception:  # noqa: BLE001 (whatever it is)
        # Python would tell of it and go on, without any crash points.
        sys.excepthook(*sys.exc_info())
        os._exit(70)

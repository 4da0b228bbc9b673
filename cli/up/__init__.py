"""`portcall up`: the private broker, the roles' processes, and ready.json."""

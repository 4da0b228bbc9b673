"""`portcall az-env`: pointing Microsoft's az at this server."""

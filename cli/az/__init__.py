"""`portcall az-env`: point Microsoft's az at this server."""

"""`portcall demo`: stories of a sample registry, sample sources and a sample consumer."""

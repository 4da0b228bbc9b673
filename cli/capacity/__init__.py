"""`portcall capacity`: what an installation needs for a load, from measured unit costs."""

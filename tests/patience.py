"""How long tests wait for what has no bound of its own."""

SLOWEST = 4
"""A shared machine with three suites on two cores can be so much slower than a free one.

Waits are written for a free machine and multiplied by this, because no test is about speed.
"""

"""Fault injection: the kinds of faults, their rates, and how a correct consumer reacts."""

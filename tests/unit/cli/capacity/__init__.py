"""Tests of `portcall capacity`."""

"""Unit tests of `portcall source sync`."""

"""Tests of Portcall: unit, integration, e2e, faults, azure, browser."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
"""The repository: processes of the tests import `tests` from here."""

"""Measurements of Portcall beside what users would write instead."""

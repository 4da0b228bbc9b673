"""Portcall's vocabulary and its wire contracts: values, grammars, frames, topology. No I/O."""

__version__ = "0.1.0"

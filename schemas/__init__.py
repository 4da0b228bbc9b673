"""Portcall's vocabulary and its wire contracts: values, grammars, frames, topology. No I/O."""

"""`portcall source`: the sources of registries, and how the other side is set up."""

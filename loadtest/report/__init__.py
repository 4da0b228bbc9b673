"""The result of a run, its chapters, and merging several results."""

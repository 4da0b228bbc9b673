"""The result of a run, its chapters, and the merging of several results."""

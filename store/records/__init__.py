"""Records of attempts: written, searched, pruned, replayed."""

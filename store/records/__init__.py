"""Records of attempts: written, searched, forgotten, replayed."""

"""`make demo`: a sample registry, a sample consumer, the story."""

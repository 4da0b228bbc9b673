"""`make demo`: a sample registry, a sample consumer, and the story that joins them."""

"""Recovery: the intake stops for a drain, and what is missing is published again."""

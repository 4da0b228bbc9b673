"""The options of sources: what each kind and each proof takes, and the check of each value."""

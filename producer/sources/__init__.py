"""Sources: how each kind of registry tells of its pushes and deletes, and how it proves itself."""

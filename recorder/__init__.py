"""The recorder: reads the results stream, stores each record once, and deletes old ones."""

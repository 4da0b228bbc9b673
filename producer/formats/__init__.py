"""What registries and publishers send, read and translated into registry events.

A new format is a module here, and an entry in `producer.ingest`.
"""

"""Webhooks for any container registry, over RabbitMQ: a package for each role, and shared ones.

Each subpackage is a folder at the top of the repository, linked here; a wheel has real folders.
"""

__version__ = "0.1.0"

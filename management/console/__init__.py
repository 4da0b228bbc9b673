"""The console: pages for people, served by the management role under ``/console``."""

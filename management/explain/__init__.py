"""Why a webhook gets an event or not, and what a scope would match."""

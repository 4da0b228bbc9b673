"""How hypothesis runs here: without a clock, which a busy machine would trip over."""

from hypothesis import settings

settings.register_profile("portcall", deadline=None, max_examples=60)
settings.load_profile("portcall")

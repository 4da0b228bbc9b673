"""The ARM conformance table: requests, and exactly what must come back."""

import pytest

pytest.register_assert_rewrite(f"{__name__}.table")

"""The console over sockets: pages as a browser gets them, read as a browser reads them."""

import pytest

pytest.register_assert_rewrite(f"{__name__}.site", f"{__name__}.document")

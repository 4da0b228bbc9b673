"""The nginx that tests run on."""

import os
import shutil


def nginx_program() -> str | None:
    """The machine's ``nginx``, or None.

    ``PORTCALL_TEST_NGINX`` names another one, e.g. one of ``scripts/nginx-root``.
    """
    name = os.environ.get("PORTCALL_TEST_NGINX", "nginx")
    return shutil.which(name, path=f"/usr/sbin:{os.environ.get('PATH', '')}")

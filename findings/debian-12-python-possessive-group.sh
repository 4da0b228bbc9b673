#!/usr/bin/env bash
# Python 3.11.2 (Debian 12): a possessive group takes an alternative that failed half way for a match.
#
# Expected: `(?:\w++|\(\w*+\))*+` reads words, and words in closed brackets. It ends before a bracket that is
# not closed, as the module regex says. Possessive quantifiers are new in 3.11, and documented.
# Happens: it ends behind the open bracket: the part of the alternative that did match counts. An atomic
# group around a plain repetition is right. Fixed in 3.11.5, but Debian 12 has 3.11.2 with its security updates.
# Matters to: programs that split JSON, logs or headers with such patterns and are tested with a newer 3.11. Portcall's
# producer refused large notifications on Debian 12 because of it.
# The guess before: all versions 3.11 read the pattern alike.
set -euo pipefail
source "$(dirname "$0")/lib.sh"
debian_package python3.11 3.11.2
python_packages --python-version 3.11 --only-binary=:all: regex==2026.11.19
/usr/bin/python3.11 - <<'PY' | described '3.11.2
re, possessive     a(b)c(
regex, possessive  a(b)c
re, atomic         a(b)c'
import platform
import re

import regex

TEXT = "a(b)c(d"
POSSESSIVE, ATOMIC = r"(?:\w++|\(\w*+\))*+", r"(?>(?:\w++|\(\w*+\))*)"
print(platform.python_version())
print("re, possessive    ", re.match(POSSESSIVE, TEXT)[0])
print("regex, possessive ", regex.match(POSSESSIVE, TEXT)[0])
print("re, atomic        ", re.match(ATOMIC, TEXT)[0])
PY

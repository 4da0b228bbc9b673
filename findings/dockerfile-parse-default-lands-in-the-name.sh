#!/usr/bin/env bash
# dockerfile-parse 2.0.1: ${TAG:-3} in a Dockerfile becomes the text ":-3}", with or without a value.
#
# Expected: Dockerfiles know ${TAG:-3}, a value with a default, and ${TAG:+x} since long, and the library puts the
# values of ARG and ENV in for $TAG and ${TAG}. So FROM app:${TAG:-3} is app:3, or app:2 with ARG TAG=2.
# Happens: it reads the name of the variable only, and keeps what stands after it, with the brace: app::-3},
# app:2:-3}. So do labels and the environment. Nothing is raised.
# Matters to: tools that ask for the base image to pin it, to look up its digest, or to build anew what
# stands on an image that was pushed: the name is that of no image, so that the push never matches.
# The guess before: defaults are put in.
set -euo pipefail
source "$(dirname "$0")/lib.sh"
python_packages dockerfile-parse==2.0.1
# shellcheck disable=SC2016
python3 - <<'PY' | described 'ARG TAG=2, $TAG: base app:2, label 2, environment 2
ARG TAG=2, ${TAG}: base app:2, label 2, environment 2
ARG TAG=2, ${TAG:-3}: base app:2:-3}, label 2:-3}, environment 2:-3}
ARG TAG=2, ${TAG:+x}: base app:2:+x}, label 2:+x}, environment 2:+x}
ARG TAG, ${TAG:-3}: base app::-3}, label :-3}, environment :-3}'
import io

from dockerfile_parse import DockerfileParser

for declared, used in (
    ("ARG TAG=2", "$TAG"),
    ("ARG TAG=2", "${TAG}"),
    ("ARG TAG=2", "${TAG:-3}"),
    ("ARG TAG=2", "${TAG:+x}"),
    ("ARG TAG", "${TAG:-3}"),
):
    parser = DockerfileParser(fileobj=io.BytesIO())
    parser.content = f"{declared}\nFROM app:{used}\nARG TAG\nLABEL version={used}\nENV VERSION={used}\n"
    label, environment = parser.labels["version"], parser.envs["VERSION"]
    print(f"{declared}, {used}: base {parser.baseimage}, label {label}, environment {environment}")
PY

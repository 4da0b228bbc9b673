"""What an artifact is, by its media types, its tag and its layers."""

import pytest

from portcall.schemas.artifact_types import _answers, artifact_type, is_referrer_tag

CONFIG = "application/vnd.oci.image.config.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
IN_TOTO = "application/vnd.in-toto+json"
HEX = "ab" * 32


@pytest.mark.parametrize(
    ("config_type", "layers", "expected"),
    [
        ("", (), ""),
        (CONFIG, (), "image"),
        (CONFIG.upper(), (), "image"),
        (CONFIG, (IN_TOTO,), "attestation"),
        (CONFIG, (IN_TOTO, IN_TOTO), "attestation"),
        (CONFIG, (IN_TOTO, "application/vnd.oci.image.layer.v1.tar+gzip"), "image"),
        ("application/vnd.cncf.helm.config.v1+json", (), "helm"),
        ("application/vnd.example.wasm.thing", (), "wasm"),
        ("application/vnd.example.cosign.thing", (), "signature"),
        ("application/vnd.example", (), "other"),
        ("application/vnd.oci.empty.v1+json", (), ""),
        ("", ("application/spdx+json",), "sbom"),
    ],
)
def test_config_and_layers_tell_the_type(
    config_type: str, layers: tuple[str, ...], expected: str
) -> None:
    assert artifact_type("", config_type, "", layers) == expected


@pytest.mark.parametrize("media_type", ["", INDEX, CONFIG, "application/vnd.example"])
@pytest.mark.parametrize(
    "tag", ["", "v1", "sha", "sha256-ab", f"sha256-{HEX}", f"sha256-{HEX}.sig"]
)
def test_the_short_way_says_what_all_facts_say(media_type: str, tag: str) -> None:
    expected = next(_answers(media_type, "", tag, ()), "")
    assert artifact_type(media_type, "", tag) == expected


def test_a_tag_of_a_referrer_and_an_index_are_surer_than_the_config() -> None:
    assert artifact_type(INDEX, CONFIG, f"sha256-{HEX}.att") == "attestation"
    assert artifact_type(INDEX, CONFIG, "v1") == "index"
    assert artifact_type(INDEX, CONFIG, f"sha256-{HEX}") == "index"


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        (f"sha256-{HEX}", True),
        (f"sha512-{HEX}.sig", True),
        (f"sha256-{HEX}.sbom", True),
        (f"sha256-{HEX}.txt", False),
        (f"sha256-{HEX[:-1]}", False),
        (f"x-sha256-{HEX}", False),
        ("", False),
    ],
)
def test_a_tag_of_a_referrer(tag: str, expected: bool) -> None:  # noqa: FBT001 (a column)
    assert is_referrer_tag(tag) is expected

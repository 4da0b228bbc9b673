"""The cases of odd requests that a source must stand, each with the tests that hold it.

The numbers are those of the list that the adapters were written by: what each vendor's documentation,
code and issues tell of their events. A test that is renamed or removed fails here.
"""

import ast
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[3]
SOURCES = "unit/producer/sources"
VENDORS, TRAPS = f"{SOURCES}/test_vendors.py", f"{SOURCES}/test_traps.py"
MESSAGES = "unit/schemas/formats/test_messages.py"
CASE = "test_a_case"
IGNORED = "test_what_is_not_ours_is_ignored"
LAST = 46
Held = tuple[str, str, str]
"""A module, a test of it, and a text in the module that names the row of its table, if it has one."""

CASES: dict[int, tuple[str, tuple[Held, ...]]] = {
    1: ("Harbor push by digest", ((VENDORS, CASE, "harbor by digest"),)),
    2: (
        "Harbor delete of two tags",
        (
            (
                TRAPS,
                "test_harbors_delete_of_an_artifact_with_two_tags_is_one_event_with_the_digest",
                "",
            ),
        ),
    ),
    3: (
        "Harbor retention and its delete",
        ((TRAPS, "test_harbors_retention_and_its_delete_are_one_delete", ""),),
    ),
    4: ("GHCR child without a tag", ((VENDORS, CASE, "ghcr child"),)),
    5: ("GHCR year 1", ((TRAPS, "test_githubs_year_1_is_not_the_time_of_a_push", ""),)),
    6: ("GHCR nulls", ((VENDORS, CASE, "ghcr nulls"),)),
    7: ("GHCR owner in upper case", ((VENDORS, "test_a_push", '"namespace": "Acme"'),)),
    8: (
        "GitHub ping as a form",
        ((TRAPS, "test_githubs_ping_as_a_form_is_signed_over_the_form", ""),),
    ),
    9: (
        "Docker Hub six equal posts",
        (
            (TRAPS, "test_six_equal_calls_of_docker_hub_have_one_id", ""),
            (f"{SOURCES}/test_repeats.py", "test_equal_events_are_accepted_once_in_their_time", ""),
        ),
    ),
    10: ("Docker Hub float time", ((VENDORS, CASE, "hub float time"),)),
    11: (
        "Docker Hub callback_url",
        (
            (VENDORS, "test_a_push", "169.254.169.254"),
            (SOURCES + "/test_extras.py", "test_fields_that_hold_credentials_are_never_kept", ""),
        ),
    ),
    12: (
        "Quay tags: three, an object, none, missing",
        (
            (VENDORS, CASE, "quay three"),
            (VENDORS, CASE, "quay object"),
            (VENDORS, IGNORED, "no_tags"),
            (VENDORS, IGNORED, '{"repository": "a/b"}'),
        ),
    ),
    13: ("Quay vulnerability", ((VENDORS, IGNORED, '"vulnerability"'),)),
    14: ("Quay quota without a repository", ((VENDORS, IGNORED, "threshold_percent"),)),
    15: (
        "distribution 3 tag delete",
        (
            (
                "unit/producer/test_other_registries.py",
                "test_what_becomes_of_it",
                "a delete of a tag of 3.x",
            ),
            (
                "unit/producer/formats/test_distribution.py",
                "test_what_a_notification_means",
                "a tag's delete of 3.x",
            ),
        ),
    ),
    16: (
        "distribution 3 repository delete",
        (
            (
                "unit/producer/test_other_registries.py",
                "test_what_becomes_of_it",
                "a delete of a repository of 3.x",
            ),
        ),
    ),
    17: ("times", ((TRAPS, "test_a_time_in_any_form_is_utc_or_unknown", "+0000"),)),
    18: (
        "GitLab rename",
        (
            (
                "unit/producer/test_other_registries.py",
                "test_what_becomes_of_it",
                "a rename of GitLab's",
            ),
        ),
    ),
    19: (
        "GitLab actor.user",
        (
            ("unit/producer/test_other_registries.py", "test_what_becomes_of_it", '"user": SECRET'),
            (VENDORS, "test_nothing_secret_is_in_the_details_of_what_is_ignored", ""),
        ),
    ),
    20: (
        "GitLab delete of three tags",
        (
            (
                "unit/producer/test_other_registries.py",
                "test_what_becomes_of_it",
                "a delete of GitLab's",
            ),
        ),
    ),
    21: ("zot manifest of 1.5 MB", ((VENDORS, CASE, "zot big manifest"),)),
    22: (
        "zot with a type of JSON",
        ((TRAPS, "test_the_headers_of_a_cloud_event_decide_whatever_the_content_type_is", ""),),
    ),
    23: ("zot by digest", ((VENDORS, CASE, "zot by digest"),)),
    24: (
        "ce- headers are decoded once",
        (
            (TRAPS, "test_a_header_of_a_cloud_event_is_decoded_once", ""),
            (TRAPS, "test_zots_and_harbors_headers_are_decoded_once", ""),
        ),
    ),
    25: (
        "a batch in upper case, with a charset",
        (("integration/test_producer.py", "test_events_are_accepted", "a batch in upper case"),),
    ),
    26: (
        "Gitea with GitHub's header",
        ((TRAPS, "test_giteas_request_with_githubs_header_is_giteas", ""),),
    ),
    27: (
        "Gitea empty signature",
        ((f"{SOURCES}/proofs/test_signed.py", "test_refused", '(GITEA, "")'),),
    ),
    28: ("Gitea type npm", ((VENDORS, IGNORED, '"package.type": "npm"'),)),
    29: ("Artifactory one header", ((TRAPS, "test_artifactorys_header_has_one_meaning", ""),)),
    30: (
        "Artifactory without jpd_origin",
        ((TRAPS, "test_artifactory_without_its_address_has_the_host_of_the_setting", ""),),
    ),
    31: (
        "Nexus PURGED",
        ((f"{SOURCES}/test_nexus.py", "test_what_is_no_event_is_ignored", '"purged"'),),
    ),
    32: (
        "ECR failure, no tag, China",
        ((TRAPS, "test_ecrs_failure_is_dropped_and_china_has_its_own_host", ""),),
    ),
    33: (
        "Google: no base64, a deleted tag, four parts",
        (
            (f"{SOURCES}/test_gar.py", "test_what_is_not_base64_is_named", ""),
            (f"{SOURCES}/test_gar.py", "test_what_is_no_event_is_ignored", '"DELETE", tag=TAGGED'),
            (TRAPS, "test_googles_image_path_of_four_parts_is_split_behind_the_host", ""),
        ),
    ),
    34: (
        "tokens of others, expired, none, HS256",
        (
            (f"{SOURCES}/proofs/test_tokens.py", "test_a_good_signature_is_not_enough", ""),
            (
                f"{SOURCES}/proofs/test_tokens.py",
                "test_times_and_audiences_are_checked_as_google_does",
                "",
            ),
            (
                f"{SOURCES}/proofs/test_tokens.py",
                "test_what_the_issuer_did_not_sign_is_refused",
                "none",
            ),
            (
                f"{SOURCES}/proofs/test_tokens.py",
                "test_what_the_issuer_did_not_sign_is_refused",
                "HS256",
            ),
        ),
    ),
    35: (
        "Pub/Sub unwrapped",
        (
            (f"{SOURCES}/test_gar.py", "test_an_unwrapped_message_needs_no_metadata", ""),
            (f"{SOURCES}/test_gar.py", "test_a_change_is_an_event", "X-Goog-PubSub-Message-Id"),
        ),
    ),
    36: (
        "Event Grid validation, alone and in a batch",
        (
            (f"{SOURCES}/test_eventgrid.py", "test_a_validation_is_answered_with_its_code", ""),
            ("integration/test_producer_sources.py", "test_event_grid_is_answered_as_it_asks", ""),
        ),
    ),
    37: (
        "Event Grid 5,000 events, 1 MiB",
        (
            (f"{SOURCES}/test_eventgrid.py", "test_a_batch_of_5000_is_taken_whole", ""),
            (TRAPS, "test_a_batch_of_event_grid_has_up_to_a_mebibyte", ""),
        ),
    ),
    38: (
        "the queue is down",
        (
            (
                "integration/test_producer_kinds.py",
                "test_a_broker_that_is_away_is_503_for_every_kind",
                "",
            ),
        ),
    ),
    39: (
        "a browser's preflight",
        (
            (
                f"{SOURCES}/test_eventgrid.py",
                "test_no_other_options_request_gets_leave",
                "preflight",
            ),
        ),
    ),
    40: ("IPv6 hosts", ((TRAPS, "test_a_host_may_be_an_ipv6_address_with_a_port", ""),)),
    41: (
        "library/nginx and nginx",
        (
            (TRAPS, "test_a_repository_is_named_as_it_was_sent", ""),
            (
                f"{SOURCES}/test_settings.py",
                "test_an_alias_names_the_repository_of_the_event_and_nothing_else",
                "",
            ),
        ),
    ),
    42: (
        "one id from two registries",
        ((TRAPS, "test_the_same_id_from_two_registries_is_two_events", ""),),
    ),
    # what leaves
    43: (
        "receivers that want ACR's User-Agent, or say no",
        (
            (
                "unit/deliverer/post/test_request.py",
                "test_the_agent_is_what_receivers_of_acrs_form_look_for_and_names_us",
                "",
            ),
            ("e2e/test_receivers.py", "test_a_no_is_taken_once_and_can_be_replayed", ""),
        ),
    ),
    44: (
        "the header Authorization as it was typed",
        (
            (
                "unit/deliverer/forms/test_forms.py",
                "test_harbors_authorization_goes_out_as_it_was_typed",
                "",
            ),
        ),
    ),
    45: (
        "mentions in a name are inert",
        (
            (MESSAGES, "test_a_name_of_an_actor_is_inert", ""),
            (MESSAGES, "test_slack_gets_no_mark_of_its_own_in_the_text", "<!channel>"),
            (MESSAGES, "test_discord_may_mention_nobody", ""),
        ),
    ),
    46: (
        "CDEvents 0.4 as Flux reads it",
        (
            (
                "unit/schemas/formats/test_cdevents.py",
                "test_version_04_is_what_flux_reads",
                "",
            ),
        ),
    ),
}


@cache
def module(path: str) -> tuple[str, frozenset[str]]:
    """The text of a module of tests, and the names of its tests."""
    text = (TESTS / path).read_text()
    functions = (
        each.name
        for each in ast.parse(text).body
        if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)
    )
    return text, frozenset(functions)


def test_no_number_is_missing() -> None:
    assert sorted(CASES) == list(range(1, LAST + 1))


@pytest.mark.parametrize("number", CASES)
def test_each_case_has_tests_that_there_are(number: int) -> None:
    _, held = CASES[number]
    assert held
    for path, name, row in held:
        text, functions = module(path)
        assert name in functions, f"{path}::{name}"
        assert row in text, f"{path}: {row}"

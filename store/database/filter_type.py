"""The type of the column that holds a webhook's filters: JSON in the database, `Filters` here."""

from typing import Any

import msgspec
from sqlalchemy import JSON, Dialect
from sqlalchemy.types import TypeDecorator

from portcall.schemas.filters import Filters


class FilterType(TypeDecorator[Filters]):
    """Filters as a JSON object; null: none. Fields of a later version are ignored."""

    impl = JSON(none_as_null=True)
    cache_ok = True

    def process_bind_param(self, value: Filters | None, _dialect: Dialect) -> Any:  # noqa: ANN401 (as JSON takes it)
        """What is stored."""
        return None if value is None else msgspec.to_builtins(value)

    def process_result_value(self, value: Any, _dialect: Dialect) -> Filters | None:  # noqa: ANN401 (as JSON gives it)
        """What was stored."""
        return None if value is None else msgspec.convert(value, Filters)

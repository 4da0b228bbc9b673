"""The compact process of `portcall up --compact`: its entry, which comes before every metric."""

from importlib import import_module

from portcall.runtime import role_metrics


def main() -> None:
    """Separate the metrics of the roles, then import the roles and run them."""
    role_metrics.separate()
    import_module("portcall.cli.up.hosting").main()


if __name__ == "__main__":
    main()

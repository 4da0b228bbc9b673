"""Options of az that Portcall does not have: what to write instead.

Without it the nearest name is suggested, which is wrong for them: ``--url`` for ``--query``.

Source: the global options of azure-cli 2.91.0, and those of its ``acr create`` and ``acr webhook``.
"""

_LEAVE_OUT = "Portcall needs no {option}: leave it out."
_INSTEAD = {
    "--subscription": "Portcall has one subscription: leave {option} out.",
    "--query": "Portcall has no {option}: filter the output of -o json, for example with jq.",
    "--debug": "Portcall has no {option}: PORTCALL_LOG_LEVEL=debug shows more of an error.",
    "--verbose": "Portcall has no {option}: PORTCALL_LOG_LEVEL=debug shows more of an error.",
    "--ids": "Portcall has no {option}: name the registry with -r and the webhook with -n.",
}
_UNUSED = frozenset(
    {
        "--only-show-errors", "--acquire-policy-token", "--change-reference", "--admin-enabled",
        "--allow-exports", "--allow-metadata-search", "--allow-trusted-services",
        "--data-endpoint-enabled", "--default-action", "--dnl-scope", "--identity",
        "--key-encryption-key", "--public-network-enabled", "--role-assignment-mode", "--workspace",
        "--zone-redundancy",
    }
)  # fmt: skip
_FORMATS = ("tsv", "jsonc", "yaml", "yamlc", "none")


def instead_of(option: str) -> str:
    """Return what to do in place of an option of az; empty: it is none of them."""
    words = _INSTEAD.get(option) or (_LEAVE_OUT if option in _UNUSED else "")
    return words.format(option=option)


def instead_of_format(message: str) -> str:
    """Return what to do in place of an output format of az that a usage error names, or nothing."""
    named = next((each for each in _FORMATS if f"'{each}' is not one of" in message), None)
    if named is None:
        return ""
    return f"{named} is a format of az: write -o json, and take values out of it with jq -r."

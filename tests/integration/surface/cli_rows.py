"""Bad command lines: the exit code of each, and what its message must have in it."""

from dataclasses import dataclass

HOOK = ("-r", "Alpha", "-n", "webhook01")
CREATE = ("webhook", "create", "-r", "Alpha", "-n", "webhook77")
GOOD = (*CREATE, "--actions", "push", "--uri", "http://127.0.0.1:9/")
UPDATE = ("webhook", "update", *HOOK)


@dataclass(frozen=True)
class Line:
    """One bad command line.

    Attributes:
        id: What is bad about it.
        arguments: After ``portcall``.
        code: Its exit code: 1 the service said no, 2 wrong usage, 3 not found.
        says: What its message must have in it: the flag, or the field.
    """

    id: str
    arguments: tuple[str, ...]
    code: int
    says: str


LINES = [
    # what the command itself refuses
    Line("unknown command", ("webhok",), 2, "webhok"),
    Line("unknown subcommand", ("webhook", "explode"), 2, "explode"),
    Line("unknown flag", ("registry", "list", "--bogus"), 2, "--bogus"),
    Line("no name", ("registry", "create"), 2, "NAME"),
    Line("two names", ("registry", "show", "Alpha", "-n", "Beta1"), 2, "two different names"),
    Line("no letters", ("dead-letters", "resend"), 2, "which letters"),
    Line("letters twice", ("dead-letters", "purge", "--all", "-r", "Alpha"), 2, "one of them"),
    Line("no queue", ("dead-letters", "list", "--queue", "events"), 2, "--queue"),
    Line("letters of no registry", ("dead-letters", "list", "-r", "Missing"), 3, "Missing"),
    Line("no letter", ("dead-letters", "show", "0" * 32), 3, "DeadLetterNotFound"),
    Line("no registry", ("webhook", "list"), 2, "--registry"),
    Line("no webhook", ("webhook", "ping", "-r", "Alpha"), 2, "--name"),
    Line("no uri", (*CREATE, "--actions", "push"), 2, "--uri"),
    Line("no actions", (*CREATE, "--uri", "http://x.io"), 2, "--actions"),
    Line("form that is none", ("registry", "list", "-o", "xml"), 2, "--output"),
    Line("SKU that is none", ("registry", "create", "Gamma", "--sku", "Classic"), 2, "--sku"),
    Line("status that is none", (*GOOD, "--status", "asleep"), 2, "--status"),
    Line("header without a name", (*GOOD, "--headers", "=x"), 2, "--headers"),
    Line("tag without a name", (*GOOD, "--tags", "=x"), 2, "--tags"),
    Line("action that is no action", (*CREATE, "--actions", "pull", "--uri", "http://x.io"), 2, "--actions"),
    Line("items of zero", ("webhook", "list-events", *HOOK, "--max-items", "0"), 2, "--max-items"),
    Line("items of a word", ("webhook", "list-events", *HOOK, "--max-items", "x"), 2, "--max-items"),
    Line("replay of a word", ("replay", "show", "-r", "Alpha", "first"), 2, "ID"),
    Line("replay below one", ("replay", "cancel", "-r", "Alpha", "0"), 2, "ID"),
    Line("events of zero", ("emit", "-r", "Alpha", "-c", "0"), 2, "--count"),
    Line("batch of too many", ("emit", "-r", "Alpha", "--batch", "1001"), 2, "--batch"),
    Line("rate below zero", ("emit", "-r", "Alpha", "--rate", "-1"), 2, "--rate"),
    Line("action that is none", ("emit", "-r", "Alpha", "--action", "pull"), 2, "action"),
    Line("deliverers of zero", ("up", "--deliverers", "0"), 2, "--deliverers"),
    Line("routers of too many", ("up", "--routers", "99"), 2, "--routers"),
    Line("role that is none", ("run", "janitor"), 2, "janitor"),
    Line("wait of a word", ("audit", "--wait", "soon"), 2, "soon"),
    Line("audit of no registry", ("audit", "-r", "Missing"), 3, "Missing"),
    Line("address that is none", ("registry", "list", "--url", "nowhere"), 2, "nowhere"),
    Line("import of no file", ("webhook", "import", "missing.jsonl", "-r", "Alpha"), 1, "missing.jsonl"),
    # what the server refuses
    Line("registry's name", ("registry", "create", "a.b"), 1, "name"),
    Line("registry's location", ("registry", "create", "Gamma", "-l", "west/us"), 1, "location"),
    Line("webhook's name", ("webhook", "create", "-r", "Alpha", "-n", "x", *GOOD[6:]), 1, "name"),
    Line("uri without a scheme", (*CREATE, "--actions", "push", "--uri", "x.io/hook"), 1, "--uri"),
    Line("uri of ftp", (*UPDATE, "--uri", "ftp://x.io"), 1, "--uri"),
    Line("scope that is none", (*UPDATE, "--scope", "Team"), 1, "--scope"),
    Line("header of ours", (*UPDATE, "--headers", "Host=x"), 1, "--headers Host"),
    Line("header with a space", (*UPDATE, "--headers", "X Team=x"), 1, "--headers"),
    Line("secret that is none", (*UPDATE, "--secret", "hunter2"), 1, "--secret"),
    Line("schedule of words", (*UPDATE, "--retry-schedule", "soon"), 1, "--retry-schedule"),
    Line("age of a word", (*UPDATE, "--max-age", "old"), 1, "--max-age"),
    Line("disabling of a word", (*UPDATE, "--disable-after", "never"), 1, "--disable-after"),
    Line("filter that is none", (*UPDATE, "--filters", "color"), 1, "--filters color"),
    Line("type that is none", (*UPDATE, "--filters", "artifactTypes=imag"), 1, "--filters artifactTypes[0]"),
    Line("filter twice", (*UPDATE, "--filters", "coalesce=1m", "coalesce=2m"), 1, "--filters coalesce: is given more than once"),
    Line("no type", (*UPDATE, "--filters", "artifactTypes="), 1, "--filters artifactTypes: name at least one type"),
    Line("preset misspelt", (*UPDATE, "--final-answers", "receiver-refuse"), 1, "--final-answers: 'receiver-refuse' is not known; did you mean receiver-refuses?"),
    Line("pattern that is none", (*UPDATE, "--scopes", "team/["), 1, "--scopes[0]"),
    Line("answer that is none", (*UPDATE, "--final-answers", "200"), 1, "--final-answers"),
    Line("format that is none", (*UPDATE, "--format", "slak"), 2, "--format"),
    Line("rate of too few", (*UPDATE, "--rate-limit", "0.01"), 1, "--rate-limit"),
    Line("scope to try that is none", ("webhook", "test-scope", "-r", "Alpha", "--filters", "color"), 1, "--filters color"),
    Line("filter to preview that is none", ("webhook", "test-format", "-r", "Alpha", "--format", "slack", "--filters", "color"), 1, "--filters color"),
    Line("disabled webhook", ("webhook", "ping", "-r", "Alpha", "-n", "disabled1"), 1, "disabled1"),
    Line("enabled webhook", ("webhook", "probe", *HOOK), 1, "webhook01"),
    # what is not there
    Line("show an unknown registry", ("registry", "show", "Missing"), 3, "Missing"),
    Line("list of an unknown registry", ("webhook", "list", "-r", "Missing"), 3, "Missing"),
    Line("show an unknown webhook", ("webhook", "show", "-r", "Alpha", "-n", "missing1"), 3, "missing1"),
    Line("ping an unknown webhook", ("webhook", "ping", "-r", "Alpha", "-n", "missing1"), 3, "missing1"),
    Line("events of an unknown webhook", ("webhook", "list-events", "-r", "Alpha", "-n", "missing1"), 3, "missing1"),
    Line("show an unknown replay", ("replay", "show", "-r", "Alpha", "77"), 3, "77"),
    Line("unknown group", ("registry", "show", "Alpha", "-g", "other"), 3, "Alpha"),
]  # fmt: skip

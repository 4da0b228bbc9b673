"""Other names for repositories."""

import pytest

from portcall.schemas.options.aliases import read_aliases, renamed


@pytest.mark.parametrize(
    ("aliases", "sent", "name"),
    [
        ("", "nginx", "nginx"),
        ("=library/", "nginx", "library/nginx"),
        ("=library/", "acme/nginx", "acme/nginx"),
        ("library/=", "library/nginx", "nginx"),
        ("library/=", "mylibrary/nginx", "mylibrary/nginx"),
        ("hub/library/=mirror/, hub/=other/", "hub/library/a", "mirror/a"),
        ("hub/library/=mirror/, hub/=other/", "hub/acme/a", "other/acme/a"),
        ("old/app=team/app", "old/app", "team/app"),
        ("old/app=team/app", "old/app2", "old/app2"),
        ("old/app=team/app, =library/", "app", "library/app"),
    ],
)
def test_a_repository_has_the_name_of_the_first_alias_that_fits(
    aliases: str, sent: str, name: str
) -> None:
    assert renamed(sent, read_aliases(aliases)) == name

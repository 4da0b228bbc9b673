"""Bodies that are a form with the JSON in one field, as GitHub and Gitea can send them."""

from urllib.parse import parse_qs


def form_or_json(body: bytes) -> bytes:
    """The JSON in a body: in the field ``payload`` of a form, or the body itself."""
    if not body.startswith(b"payload="):
        return body
    form = parse_qs(body.decode(errors="replace"), max_num_fields=None)
    return form.get("payload", [""])[0].encode(errors="replace")

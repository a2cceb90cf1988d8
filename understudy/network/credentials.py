"""Validation of secrets."""

BEARER = ("api_key", "admin_token")  # the options that are sent as Bearer tokens


def secret_flaw(name: str, secret: str) -> str | None:
    """Why a secret cannot be used for an option; None if it can.

    An empty secret would protect nothing, and one that HTTP cannot carry would lock all clients out.
    """
    if not isinstance(secret, str):
        return "is not a text"
    if name not in BEARER:
        _, colon, password = secret.partition(":")
        if not (password if colon else secret).strip():
            return "has an empty password; it takes USER:PASSWORD"
        return None if secret.isprintable() else "has a character that is not printable"
    if not secret.strip():
        return "is empty"
    if not (secret.isascii() and secret.isprintable() and secret == secret.strip()):
        return "cannot be sent in an HTTP header: it takes printable ASCII, without a space at either end"
    return None

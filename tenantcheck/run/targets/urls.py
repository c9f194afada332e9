"""URLs: read without being quoted, written in ASCII, shown without their secrets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from urllib.parse import SplitResult, quote, unquote_plus, urlsplit, urlunsplit

from tenantcheck.errors import UsageError
from tenantcheck.model.repeat import shell_name
from tenantcheck.model.text import printable


def parameters(query: str) -> list[str]:
    """Names in a query. Raises `ValueError` for more of them than a URL has."""
    return [name for name in query_names(query) if name]


def query_names(query: str) -> list[str]:
    """The name of each part of a query; empty for a part that has none, which is a value. Raises `ValueError` for
    more of them than a URL has."""
    parts = [part for part in query.split("&") if part]
    if len(parts) > _MOST_PARAMETERS:
        raise ValueError
    return [unquote_plus(part.partition("=")[0]) if "=" in part else "" for part in parts]


_MOST_PARAMETERS = 100
#: The shell variable that a part of a query without a name stands as.
NAMELESS = "QUERY"


def parts_of(url: str) -> SplitResult:
    """The parts of a URL that can be probed. Raises `UsageError`, which never quotes it: what can't be read may be a
    password."""
    if not url.isprintable() or " " in url:
        raise UsageError("the URL has spaces or control characters", "Percent-encode them.")
    try:
        parts = urlsplit(url)
    except ValueError:
        raise UsageError("the URL can't be read", _WRITE_IT) from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError("this is not a URL to probe", _WRITE_IT)
    try:
        _ = parts.port
    except ValueError:
        raise UsageError("the URL's port is not between 0 and 65535", _WRITE_IT) from None
    if "@" not in parts.netloc and "@" in url.partition("//")[2].partition("/")[0]:
        raise UsageError("the user or password in the URL has a character that ends a host name", _WRITE_IT)
    return parts


_WRITE_IT = "Write http://… or https://…; in a user or password, percent-encode / ? # @ and :."


def display_url(url: str) -> str:
    """A URL without user info and query values: what may be stored and shown."""
    try:
        parts = urlsplit(url)
        names = query_names(parts.query)
    except ValueError:
        return "(unreadable URL)"
    query = "&".join(f"{quote(name)}=${{{shell_name(name)}}}" if name else f"${{{NAMELESS}}}" for name in names)
    host = parts.netloc.rpartition("@")[2]
    return printable(urlunsplit((parts.scheme, host, parts.path, query, "")))


def query_values(query: str) -> Iterator[str]:
    """The values in a query: what stands without a name is one, too."""
    for part in query.split("&"):
        name, equals, value = part.partition("=")
        yield unquote_plus(value if equals else name)


def ascii_url(parts: SplitResult) -> str:
    """A URL as it is sent: without user info and fragment, and in ASCII. Raises `UsageError`."""
    host = parts.netloc.rpartition("@")[2]
    if not host.isascii():
        try:
            host = host.encode("idna").decode()
        except UnicodeError:
            raise UsageError("the URL's host name can't be written in ASCII") from None
    path, query = (part if part.isascii() else quote(part, safe=_KEPT_IN_URLS) for part in (parts.path, parts.query))
    return urlunsplit((parts.scheme, host, path or "/", query, ""))


#: Characters of a path or query that mean something, percent signs of what is quoted already among them.
_KEPT_IN_URLS = "%/?:@!$&'()*+,;=-._~{}[]"


def with_query(url: str, query: Sequence[tuple[str, str]]) -> str:
    """A URL with these parameters behind its own."""
    if not query:
        return url
    added = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in query)
    return f"{url}{'&' if urlsplit(url).query else '?'}{added}"

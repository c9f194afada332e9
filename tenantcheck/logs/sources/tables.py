"""Rows from stores that group by themselves: the queries to ask them, and their results as CSV."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping

from tenantcheck.logs.rows import At, Row, Span, stream_in
from tenantcheck.logs.scanner import TENANT

#: Logs Insights: one row per stream with the smallest and the largest tenant, by functions of one `stats`.
INSIGHTS_BY_STREAM = (
    'filter type = "platform.start" | stats sortsFirst(record.tenantId) as low, sortsLast(record.tenantId) as high, '
    "count(*) as starts, count(record.tenantId) as named, min(@timestamp) as first, max(@timestamp) as last by "
    "@logStream"
)
#: The same where these functions are not known: a row per stream and tenant.
INSIGHTS_BY_TENANT = (
    'filter type = "platform.start" | stats count(*) as starts, count(record.tenantId) as named, '
    "min(@timestamp) as first, max(@timestamp) as last by @logStream, record.tenantId"
)
#: Athena over an export: a line is a time, a space and a document; the stream is a folder.
ATHENA_TABLE = """CREATE EXTERNAL TABLE tenantcheck_logs (line string)
ROW FORMAT DELIMITED LINES TERMINATED BY '\\n'
STORED AS TEXTFILE
LOCATION '{location}';
"""
ATHENA_QUERY = """SELECT
  regexp_extract("$path", '[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}-[^/]*\\[[^]]+\\][0-9a-f]{{32}}') AS stream,
  min(json_extract_scalar(document, '$.record.tenantId')) AS low,
  max(json_extract_scalar(document, '$.record.tenantId')) AS high,
  count(*) AS starts,
  count(json_extract_scalar(document, '$.record.tenantId')) AS named,
  min(json_extract_scalar(document, '$.time')) AS first,
  max(json_extract_scalar(document, '$.time')) AS last
FROM (SELECT "$path", substr(line, strpos(line, '{{')) AS document FROM tenantcheck_logs
      WHERE line LIKE '%"platform.start"%')
WHERE json_extract_scalar(document, '$.type') = 'platform.start'
GROUP BY 1;
"""


def row_of(told: Mapping[str, str | None], source: str, line: int = 0) -> Row:
    """The row of one record of a result. What has no stream, or no tenant for every start, is a gap."""
    name = (told.get("stream") or told.get("@logStream") or "").strip()
    stream = stream_in(name)
    starts, named = _count(told.get("starts")), _count(told.get("named"))
    first, last = _moment(told.get("first")), _moment(told.get("last"))
    row = Row(
        stream=stream.name if stream is not None else source,
        unplaced=stream is None,
        version=stream.version if stream is not None else "",
        function=stream.function if stream is not None else "",
        spans=(Span(first, last, max(0, starts)),),
        in_json=True,
        spoke=True,
    )
    if starts < 0 or named < 0:
        row.gaps["unreadable-line"] = 1
    row.unnamed = max(0, starts - max(0, named))
    only = told.get("record.tenantId")
    for tenant, time, end in ((told.get("low") or only, first, "low"), (told.get("high") or only, last, "high")):
        if tenant and TENANT.fullmatch(tenant):
            setattr(row, end, At(tenant, "", time, source, line))
        elif tenant:
            row.gaps["masked-tenant" if set(tenant) == {"*"} else "invalid-tenant"] = 1
        elif not row.unnamed:
            row.gaps["unreadable-line"] = 1  # who the smallest, or the largest one is, stays open
    if row.unnamed:
        row.unnamed_at = At("", "", first, source, line)
    return row


def _moment(text: str | None) -> str:
    """A time as the platform writes it: Logs Insights has a space in it, and no zone."""
    told = (text or "")[:40]
    return f"{told.replace(' ', 'T')}Z" if _INSIGHTS_TIME.fullmatch(told) else told


_INSIGHTS_TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{1,9})?")


def _count(text: str | None) -> int:
    """A number of a result; -1 where it is none."""
    return int(text) if text is not None and text.isascii() and text.isdecimal() and len(text) < 16 else -1


#: Names by which a result is known: it has to group by stream.
COLUMNS = ("starts", "named")
#: Rows of one result of Logs Insights, at most: as many are a part.
MOST_ROWS = 10_000


def is_table(head: bytes) -> bool:
    """Whether a file begins as the result of one of these queries does."""
    names = head.partition(b"\n")[0].decode("utf-8", "replace").replace('"', "").strip().split(",")
    whose = "record.tenantId" in names or ("low" in names and "high" in names)
    return whose and all(name in names for name in COLUMNS) and ("stream" in names or "@logStream" in names)


def table_rows(path: str, lines: Iterable[bytes]) -> Iterator[Row]:
    """The rows of a result in CSV."""
    number = 1
    texts = (line.decode("utf-8", "replace").replace("\0", "") for line in lines)
    try:
        for number, told in enumerate(csv.DictReader(texts, strict=True), 2):
            yield row_of({name: value for name, value in told.items() if isinstance(value, str)}, path, number)
            if None in told or None in told.values():  # more, or fewer, values than columns
                yield Row(stream=path, gaps={"unreadable-line": 1})
    except csv.Error:
        yield Row(stream=path, gaps={"cut-file": 1})
    if number > MOST_ROWS:
        yield Row(stream=path, gaps={"cut-result": 1})

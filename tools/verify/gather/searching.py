"""Looks through everything that must not know who a person is (I10); the far side and the mailbox may."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from pathlib import Path

from tools.verify.gather.databases import Connection, one_moment
from tools.verify.markers import by_markers, by_shape
from tools.verify.seen import Found, Search

Place = tuple[str, bytes]

# Ids of spans are sixteen hexadecimal digits, some of them by chance all decimal.
_COLUMNS = """
    SELECT c.relname AS "table",
        string_agg(CASE a.atttypid WHEN 'bytea'::regtype THEN format('encode(%I, ''escape'')', a.attname)
            ELSE format('%I::text', a.attname) END, ', ') AS columns
    FROM pg_class c
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
        AND a.atttypid IN ('text'::regtype, 'varchar'::regtype, 'bytea'::regtype, 'json'::regtype, 'jsonb'::regtype,
            'text[]'::regtype) AND a.attname <> 'span_id'
    GROUP BY c.relname
    ORDER BY c.relname"""
_FILES = ("kafka/log/*.events-*/*.log", "kafka/log/*.contacts-*/*.log", "logs/*.log*", "traces/*")
_HEAD_BYTES = 4096


async def search_everywhere(
    dsns: Mapping[str, str], topics: bytes, folder: Path | None, markers: Sequence[bytes]
) -> Search:
    """Search topics, tables, and below `folder` segments, logs, spans and the heads of stored objects."""
    finds = by_markers(markers) if markers else by_shape
    mode = f"searched for {len(markers):,} markers" if markers else "searched by the shape of a NIK"
    found: list[Found] = []
    places = size = 0
    async for place, content in _everywhere(dsns, topics, folder, is_by_markers=bool(markers)):
        places, size = places + 1, size + len(content)
        found += [Found(place, what) for what in await asyncio.to_thread(lambda c: list(finds(c)), content)]
    if folder is None:
        mode += ", topics and tables alone: no folder given"
    return Search(mode=mode, places=places, size=size, found=tuple(found))


async def _everywhere(
    dsns: Mapping[str, str], topics: bytes, folder: Path | None, *, is_by_markers: bool
) -> AsyncIterator[Place]:
    yield "topics", topics
    for service, dsn in dsns.items():
        async with one_moment(dsn) as tx:
            async for place, content in _tables(tx):
                yield f"{service}, table {place}", content
    for file, content in _files(folder, is_by_markers=is_by_markers) if folder else ():
        yield file, content


async def _tables(tx: Connection) -> AsyncIterator[Place]:
    for row in await tx.fetch(_COLUMNS):
        parts: list[bytes] = []

        async def keep(part: bytes, parts: list[bytes] = parts) -> None:
            parts.append(part)

        await tx.copy_from_query(f'SELECT {row["columns"]} FROM "{row["table"]}"', output=keep)  # noqa: S608  names come from the catalogue
        yield row["table"], b"".join(parts)


def _files(folder: Path, *, is_by_markers: bool) -> Iterator[Place]:
    """Give whole files; of binary ones by markers only, since chance makes digits of anything."""
    for pattern in _FILES if is_by_markers else ("logs/*.log*",):
        for file in sorted(folder.glob(pattern)):
            yield str(file.relative_to(folder)), file.read_bytes()
    for file in sorted((folder / "store").rglob("*")):
        if file.is_file():
            yield f"store/{file.relative_to(folder / 'store')}", _head(file)


def _head(file: Path) -> bytes:
    """Give the beginning of an object: what is not sealed shows there; the rest of what is sealed is noise."""
    with file.open("rb") as opened:
        return opened.read(_HEAD_BYTES)

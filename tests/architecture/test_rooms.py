"""The same rooms in every service: learn one, know four."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.tree import ROOT, SERVICES, plant

_EVERYWHERE = {
    "README.md", "__init__", "__main__", "app", "settings", "api", "events_in", "events_out", "loops", "usecases",
    "domain", "store", "migrations",
}  # fmt: skip
_OF_ONE = {"recording": {"centre", "probe"}, "notification": {"channels", "texts"}, "status": {"web", "webhooks"}}
_ABSENT_WHEN_UNNEEDED = {"events_in", "events_out", "loops"}
_NAMED_AFTER_A_KIND = {"utils", "util", "helpers", "helper", "constants", "common", "core", "base", "impl", "misc"}
_NO_USE_CASE = {"services/intake/usecases/desk.py": "what every use case of intake is handed: a place, not a deed"}
_USE_CASE = re.compile(r"[a-z]+(_[a-z]+)+\.py")
_MIGRATION = re.compile(r"\d{4}_(pre|post)_[a-z]+(_[a-z]+)+\.sql")


def unknown_rooms(root: Path) -> Iterator[str]:
    """Name what lies in a service's folder and is no room."""
    for service in SERVICES:
        for entry in _entries(root / "services" / service):
            if _room(entry) not in _EVERYWHERE | _OF_ONE.get(service, set()):
                yield f"services/{service}/{entry.name}"


def missing_rooms(root: Path) -> Iterator[str]:
    """Name the rooms a service must have and lacks."""
    for service in SERVICES:
        found = {_room(entry) for entry in _entries(root / "services" / service)}
        yield from (f"services/{service}: {room}" for room in sorted(_EVERYWHERE - _ABSENT_WHEN_UNNEEDED - found))


def named_after_a_kind(root: Path) -> Iterator[str]:
    """Name files and folders that say what kind of code lies there instead of what it is about."""
    for folder in ("services", "shared", "tools"):
        for path in sorted((root / folder).rglob("*")):
            if path.name.partition(".")[0] in _NAMED_AFTER_A_KIND:
                yield str(path.relative_to(root))


def misnamed_use_cases(root: Path) -> Iterator[str]:
    """Name the use cases that are no verb with its noun."""
    return (file for file in _misnamed(root, "services/*/usecases/*.py", _USE_CASE) if file not in _NO_USE_CASE)


def misnamed_migrations(root: Path) -> Iterator[str]:
    """Name the migrations that are not NNNN_pre|post_verb_object.sql."""
    yield from _misnamed(root, "services/*/migrations/*", _MIGRATION)
    yield from _misnamed(root, "shared/postgres/migrations/*", _MIGRATION)


def misnumbered_migrations(root: Path) -> Iterator[str]:
    """Name the folders whose migrations do not count 0001, 0002 and on."""
    for folder in [*sorted(root.glob("services/*/migrations")), root / "shared/postgres/migrations"]:
        numbers = [int(file.name[:4]) for file in sorted(folder.glob("*.sql"))]
        if numbers != list(range(1, len(numbers) + 1)):
            yield str(folder.relative_to(root))


def test_a_service_has_no_room_of_its_own_invention() -> None:
    assert "\n".join(unknown_rooms(ROOT)) == ""


def test_a_service_lacks_no_room() -> None:
    assert "\n".join(missing_rooms(ROOT)) == ""


def test_no_room_is_named_after_a_kind_of_code() -> None:
    assert "\n".join(named_after_a_kind(ROOT)) == ""


def test_a_use_case_is_a_verb_with_its_noun() -> None:
    assert "\n".join(misnamed_use_cases(ROOT)) == ""


def test_a_migration_says_when_and_what_it_changes() -> None:
    assert "\n".join(misnamed_migrations(ROOT)) == ""


def test_migrations_are_counted_without_a_hole() -> None:
    assert "\n".join(misnumbered_migrations(ROOT)) == ""


@pytest.mark.parametrize(
    ("rule", "path"),
    [
        (unknown_rooms, "services/intake/centre/client.py"),
        (unknown_rooms, "services/status/views.py"),
        (named_after_a_kind, "shared/utils.py"),
        (named_after_a_kind, "services/intake/domain/constants.py"),
        (misnamed_use_cases, "services/intake/usecases/arrivals.py"),
        (misnamed_migrations, "services/intake/migrations/0001_create_visits.sql"),
        (misnumbered_migrations, "services/intake/migrations/0002_pre_create_visits.sql"),
    ],
)
def test_a_misplaced_or_misnamed_file_is_found(tmp_path: Path, rule: object, path: str) -> None:
    for service in SERVICES:
        plant(tmp_path, f"services/{service}/app.py", "")

    plant(tmp_path, path, "")

    assert callable(rule)
    assert len(list(rule(tmp_path))) == 1


def test_a_missing_room_is_found(tmp_path: Path) -> None:
    for service in SERVICES:
        plant(tmp_path, f"services/{service}/app.py", "")

    assert "services/status: settings" in list(missing_rooms(tmp_path))


def _misnamed(root: Path, pattern: str, shape: re.Pattern[str]) -> Iterator[str]:
    for file in sorted(root.glob(pattern)):
        if file.name not in ("__init__.py", "__pycache__") and not shape.fullmatch(file.name):
            yield str(file.relative_to(root))


def _entries(folder: Path) -> Iterator[Path]:
    return (entry for entry in sorted(folder.iterdir()) if entry.name != "__pycache__")


def _room(entry: Path) -> str:
    return entry.name if entry.suffix == ".md" else entry.name.removesuffix(".py")

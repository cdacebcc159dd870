"""Bugs sown on purpose; see `tests/reliability/test_seeded_bugs.py`."""


def apply(name: str) -> None: ...

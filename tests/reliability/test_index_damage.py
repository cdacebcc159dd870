"""D5, D6, D9, D11, D2: whatever happens to the index file, the rows come back from the run folders."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from rationale_eval.errors import RationaleEvalError, UsageError
from rationale_eval.points import listen
from rationale_eval.workspace import filesystem, runs, schema
from rationale_eval.workspace.database import FILE, IndexFailed, wal_is_safe
from rationale_eval.workspace.index import Index
from rationale_eval.workspace.reconcile import reconcile
from rationale_eval.workspace.runs import Workspace
from tests.helpers.queue_kills import in_child, killed_at, named_points
from tests.helpers.queue_writers import snapshot


@pytest.fixture
def space(quick: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """Five runs, 200 metric rows, of which some are not finite."""
    monkeypatch.setattr(runs, "provenance", lambda **given: {"created": None, "data": given["data"]})
    space = Workspace(quick / "space")
    for at in range(5):
        run = space.submit("train", {"text": "x" * 2000}, data=f"d{at}")
        if at:
            with run.working():
                for step in range(10):
                    values = {f"m{i}": float("nan") if i == step else i / 7 for i in range(5)}
                    space.index.record(run, 1, step, values)
    return space


def fresh(space: Workspace, patience: float | None = None) -> Index:
    """An index object of a process that has not looked at the file yet."""
    return Index(space.path, patience)


def everything(index: Index) -> object:
    rows = index.rows(deleted=None)
    return rows, [measure for row in rows for measure in index.metrics(row.id)]


def truncated(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2 + 100)


def cut_to_a_page(path: Path) -> None:
    os.truncate(path, 4096)


def overwritten(path: Path) -> None:
    """Random bytes over one page in the middle and one at the end."""
    noise = random.Random(4)
    with open(path, "r+b") as file:
        for at in (1, path.stat().st_size // 4096 // 2, path.stat().st_size // 4096 - 1):
            file.seek(at * 4096)
            file.write(noise.randbytes(4096))


def header_gone(path: Path) -> None:
    with open(path, "r+b") as file:
        file.write(b"\0" * 100)


def empty(path: Path) -> None:
    os.truncate(path, 0)


def text(path: Path) -> None:
    path.write_text("this is no database\n" * 500)


def other_database(path: Path) -> None:
    path.unlink()
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE runs (id TEXT)")
    connection.close()


def table_dropped(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TABLE metrics")
    connection.close()


def column_dropped(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("ALTER TABLE runs DROP COLUMN stamp")
    connection.close()


def gone(path: Path) -> None:
    path.unlink()


def journal_of_another_file(path: Path) -> None:
    path.unlink()
    path.with_name(FILE + "-journal").write_bytes(b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7" + b"\1" * 4096)


DAMAGE: list[Callable[[Path], None]] = [
    truncated,
    cut_to_a_page,
    overwritten,
    header_gone,
    empty,
    text,
    other_database,
    table_dropped,
    column_dropped,
    gone,
    journal_of_another_file,
]


@pytest.mark.parametrize("damage", DAMAGE, ids=lambda damage: damage.__name__)
def test_a_damaged_index_is_set_aside_and_made_again_equal(space: Workspace, damage: Callable[[Path], None]) -> None:
    before, path = snapshot(space), space.path / FILE
    damage(path)
    bytes_before = path.read_bytes() if path.exists() else b""
    assert everything(fresh(space)) == before
    kept = [file for file in space.path.iterdir() if ".damaged-" in file.name]
    if bytes_before:
        assert [file.read_bytes() for file in kept] == [bytes_before], "never deleted"
    assert any(file.name.endswith("-journal") for file in kept) == (damage is journal_of_another_file)
    assert reconcile(space).synced == ()


def test_a_single_bad_page_is_found_wherever_it_is(space: Workspace) -> None:
    """When the file is opened, not when somebody happens to read that page."""
    before, path = snapshot(space), space.path / FILE
    whole, noise = path.read_bytes(), random.Random(1)
    for at in range(0, len(whole), 4096):
        path.write_bytes(whole[:at] + noise.randbytes(4096) + whole[at + 4096 :])
        assert everything(fresh(space)) == before, f"page {at // 4096 + 1}"
    assert len(whole) // 4096 > 10


def test_damage_under_a_process_that_is_at_work_is_mended_at_its_next_use(space: Workspace) -> None:
    before, path = snapshot(space), space.path / FILE
    overwritten(path)
    for _ in range(2):
        try:
            found = snapshot(space)
        except IndexFailed as error:
            assert "made again at the next use" in str(error)
    assert found == before


def test_two_processes_that_find_damage_mend_it_once(space: Workspace) -> None:
    before = snapshot(space)
    header_gone(space.path / FILE)
    children = []
    for _ in range(4):
        child = os.fork()
        if child == 0:
            os._exit(0 if everything(fresh(space)) == before else 1)
        children.append(child)
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * 4
    assert len([file for file in space.path.iterdir() if ".damaged-" in file.name]) == 1


def test_a_hot_journal_is_rolled_back(space: Workspace) -> None:
    """A writer killed before its commit leaves a journal; the next one sees the state before."""
    before = snapshot(space)
    run = space.runs()[0]

    def change() -> None:
        with space.index.database.writing() as connection:
            connection.exec_driver_sql("PRAGMA cache_spill = 1")
            connection.exec_driver_sql("PRAGMA cache_size = 2")
            connection.execute(schema.metrics.delete())
            connection.execute(schema.runs.update().values(title="changed", config="y" * 100_000))
            os.kill(os.getpid(), signal.SIGKILL)

    assert in_child(change) == signal.SIGKILL
    assert (space.path / f"{FILE}-journal").stat().st_size > 0, "nothing was in flight"
    assert everything(fresh(space)) == before
    assert run.status.state == "queued"


def test_a_hot_journal_that_was_deleted_is_damage(space: Workspace) -> None:
    before = snapshot(space)

    def change() -> None:
        with space.index.database.writing() as connection:
            connection.exec_driver_sql("PRAGMA cache_spill = 1")
            connection.exec_driver_sql("PRAGMA cache_size = 2")
            connection.execute(schema.metrics.delete())
            connection.execute(schema.runs.update().values(title="changed", config="y" * 100_000))
            os.kill(os.getpid(), signal.SIGKILL)

    in_child(change)
    (space.path / f"{FILE}-journal").unlink()
    index = fresh(space)
    index.rows()
    reconcile(space)
    if everything(index) != before:  # rows that are sound but false: only the folders can tell
        index.rebuild()
    assert everything(index) == before


def test_a_newer_index_is_read_but_not_changed(space: Workspace) -> None:
    before, path = snapshot(space), space.path / FILE
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA user_version = {schema.VERSION + 1}")
    connection.close()
    index = fresh(space)
    assert everything(index) == before
    with pytest.raises(IndexFailed, match=rf"newer version of this program \(schema {schema.VERSION + 1}"):
        index.rebuild()
    assert not [file for file in space.path.iterdir() if ".damaged-" in file.name]


def old_index(space: Workspace) -> bytes:
    """Puts an index of an older schema in place."""
    path = space.path / FILE
    path.unlink()
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE runs (id TEXT PRIMARY KEY, was TEXT)")
        connection.execute("INSERT INTO runs VALUES ('old', 'here')")
        connection.execute(f"PRAGMA application_id = {schema.APPLICATION}")
        connection.execute(f"PRAGMA user_version = {schema.VERSION - 1}")
    connection.close()
    return path.read_bytes()


def test_an_older_index_is_copied_and_filled_anew(space: Workspace) -> None:
    """D11."""
    before = snapshot(space)
    old_index(space)
    assert everything(fresh(space)) == before
    (copy,) = [file for file in space.path.iterdir() if ".older-" in file.name]
    with sqlite3.connect(copy) as connection:
        assert connection.execute("SELECT was FROM runs").fetchall() == [("here",)]
    connection.close()


def test_a_migration_killed_anywhere_is_completed_by_the_next_start(space: Workspace) -> None:
    """D11, at every named point of it."""
    before = snapshot(space)
    old_index(space)
    points = [point for point in named_points(lambda: fresh(space).rows()) if point.startswith("index.")]
    assert {point.split(":")[0] for point in points} >= {"index.copied", "index.made", "index.followed", "index.filled"}
    for point in points:
        bytes_before = old_index(space)
        killed_at(lambda: fresh(space).rows(), point)
        if point.split(":")[0] in ("index.copied", "index.made", "index.followed", "index.filled"):
            with sqlite3.connect(space.path / FILE) as connection:
                assert connection.execute("SELECT was FROM runs").fetchall() == [("here",)], point
            connection.close()
        assert everything(fresh(space)) == before, point
        assert bytes_before


def test_a_read_only_index_can_be_read_and_says_why_it_cannot_be_changed(space: Workspace) -> None:
    """On a file system mounted read-only, in a namespace of its own."""
    code = (
        "import sys\nfrom pathlib import Path\nfrom rationale_eval.workspace.index import Index\n"
        "from rationale_eval.workspace.database import IndexFailed\n"
        f"index = Index(Path({str(space.path)!r}))\n"
        "try:\n    print(len(index.rows()))\n    index.rebuild()\nexcept IndexFailed as error:\n    print(error)\n"
    )
    mount = f"mount --bind {space.path} {space.path} && mount -o remount,bind,ro {space.path}"
    words = ["unshare", "-rm", "sh", "-c", f'{mount} && exec "$0" -c "$1"', sys.executable, code]
    try:
        done = subprocess.run(words, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("needs unshare")
    if "unshare" in done.stderr or "mount" in done.stderr:
        pytest.skip(f"no namespaces here: {done.stderr.strip()}")
    assert done.stdout.splitlines()[0] == "5", done.stderr
    assert "cannot be written" in done.stdout and "Traceback" not in done.stderr


def test_writers_wait_for_a_lock_that_is_held_for_long(space: Workspace) -> None:
    """D5, in small: several writers behind one that keeps the lock for a second."""
    run = space.runs()[0]
    holder = sqlite3.connect(space.path / FILE, isolation_level=None, check_same_thread=False)
    holder.execute("BEGIN IMMEDIATE")
    errors: list[str] = []

    def follow() -> None:
        try:
            fresh(space).follow(run)
        except RationaleEvalError as error:
            errors.append(str(error))

    threads = [threading.Thread(target=follow) for _ in range(4)]
    for thread in threads:
        thread.start()
    time.sleep(1.0)
    assert all(thread.is_alive() for thread in threads)
    holder.execute("COMMIT")
    for thread in threads:
        thread.join(20)
    holder.close()
    assert errors == []


def test_a_lock_held_for_too_long_is_one_clear_sentence(space: Workspace) -> None:
    index = fresh(space, patience=0.3)
    index.rows()
    holder = sqlite3.connect(space.path / FILE, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(IndexFailed, match="kept busy by another process for 0 seconds; try again"):
        index.rebuild()
    assert len(index.rows()) == 5, "reading goes on"
    holder.execute("ROLLBACK")
    holder.close()
    assert index.rebuild() == 5


def test_nobody_sets_a_file_aside_while_another_is_at_work(space: Workspace) -> None:
    with space.index.database.reading(), pytest.raises(RationaleEvalError, match="kept busy"):
        fresh(space, patience=0.2).rows()


def test_a_failed_write_leaves_the_index_as_it_was(space: Workspace) -> None:
    before = snapshot(space)

    def fail(name: str) -> None:
        if name == "index.written":
            raise OSError(5, "Input/output error")

    listen(fail)
    try:
        with pytest.raises(OSError), space.index.database.writing() as connection:
            connection.execute(schema.runs.delete())
    finally:
        listen(None)
    assert snapshot(space) == before


def on_a_small_disk(folder: Path, code: str) -> list[str]:
    """What a script prints whose workspace is a file system of 6 MB, in a namespace of its own."""
    script = folder / "full.py"
    script.write_text(code)
    place = folder / "space"
    place.mkdir(mode=0o700)
    mount = f"mount -t tmpfs -o size=6m,mode=700 tmpfs {place}"
    words = ["unshare", "-rm", "sh", "-c", f'{mount} && exec "$0" "$1"', sys.executable, str(script)]
    try:
        done = subprocess.run(words, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": "."})
    except FileNotFoundError:
        pytest.skip("needs unshare")
    if "unshare" in done.stderr or "mount" in done.stderr:
        pytest.skip(f"no namespaces here: {done.stderr.strip()}")
    assert "Traceback" not in done.stderr, done.stderr
    return done.stdout.splitlines()


def test_a_failure_to_write_the_index_gives_up_the_ballast_and_goes_through(quick: Path) -> None:
    """D2."""
    code = f"""
from pathlib import Path
from rationale_eval.workspace import runs
from rationale_eval.workspace.database import IndexFailed
from rationale_eval.workspace.filesystem import BALLAST
from rationale_eval.workspace.runs import Workspace
from rationale_eval.workspace.schema import runs as table
runs.provenance = lambda **given: {{"created": None}}
space = Workspace(Path({str(quick)!r}) / "space")
run = space.create_run("train", {{}})
filler = open(space.path / "filler", "wb", buffering=0)
try:
    while True:
        filler.write(b"x" * 4096)
except OSError:
    pass
change = lambda size: lambda connection: connection.execute(table.update().values(title="t" * size))
space.index.database.write(change(60_000))
print("ballast", (space.path / BALLAST).exists(), len(space.index.row(run.id).title))
try:
    space.index.database.write(change(3_000_000))
except IndexFailed as error:
    print(error)
print("kept", len(space.index.row(run.id).title))
"""
    said = on_a_small_disk(quick, code)
    assert said[0] == "ballast False 60000"
    assert "is full, so the index was left as it was" in said[1]
    assert said[2] == "kept 60000"


def test_a_full_disk_rolls_back_and_gives_up_the_ballast(quick: Path) -> None:
    """D2, on a real file system that is full, in a namespace of its own."""
    code = f"""
import os, sys
from pathlib import Path
from rationale_eval.workspace import runs
from rationale_eval.workspace.filesystem import BALLAST
from rationale_eval.workspace.runs import Workspace
runs.provenance = lambda **given: {{"created": None}}
space = Workspace(Path({str(quick)!r}) / "space")
run = space.create_run("train", {{}})
print("ballast", (space.path / BALLAST).exists())
filler = open(space.path / "filler", "wb", buffering=0)
try:
    with run.working():
        try:
            while True:
                filler.write(b"x" * 4096)
        except OSError:
            raise
except OSError as error:
    print("error", error.errno)
print("state", run.stored.state, run.stored.reason)
row = space.index.row(run.id)
print("row", row.state, row.reason)
print("ballast", (space.path / BALLAST).exists())
with space.index.database.reading() as connection:
    print("check", connection.exec_driver_sql("PRAGMA integrity_check").scalar_one())
"""
    assert on_a_small_disk(quick, code) == [
        "ballast True",
        "error 28",
        "state failed disk full",
        "row failed disk full",
        "ballast False",
        "check ok",
    ]


MOUNTS = """\
24 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 24 0:25 / /home rw,nosuid shared:2 master:1 - nfs4 server:/home rw
31 30 0:26 / /home/ann/my\\040disk rw shared:3 - ext4 /dev/sdb rw
32 24 0:27 / /mnt/a rw shared:4 - ext4 /dev/sdc rw
33 32 0:28 / /mnt/a rw shared:5 - fuse.sshfs ann@host: rw
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/home/ann/w", "nfs4"),
        ("/home/ann/my disk/w", "ext4"),
        ("/homestead/w", "ext4"),
        ("/mnt/a/w", "fuse.sshfs"),
        ("/mnt/ab", "ext4"),
    ],
)
def test_the_file_system_is_that_of_the_nearest_mount(path: str, kind: str) -> None:
    """D9."""
    assert filesystem.file_system(Path(path), MOUNTS) == kind


def test_a_network_file_system_is_refused_unless_overridden(quick: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filesystem, "file_system", lambda path: "nfs4")
    filesystem._kind.cache_clear()
    space = Workspace(quick / "far")
    with pytest.raises(UsageError, match=r"network file system \(nfs4\)"):
        space.create_run("train", {})
    with pytest.raises(UsageError, match="network file system"):
        space.index.rebuild()
    assert not space.path.exists()
    monkeypatch.setenv(filesystem.ALLOW_NETWORK, "1")
    assert space.create_run("train", {}).status.state == "queued"
    filesystem._kind.cache_clear()


def test_a_workspace_that_others_may_write_to_is_refused(quick: Path) -> None:
    """S24."""
    space = Workspace(quick / "open")
    space.path.mkdir()
    space.path.chmod(0o770)
    with pytest.raises(UsageError, match="chmod go-w"):
        space.create_run("train", {})
    space.path.chmod(0o755)
    assert space.create_run("train", {}).status.state == "queued"


@pytest.mark.parametrize(
    ("version", "safe"),
    [
        ((3, 40, 1), False),
        ((3, 44, 5), False),
        ((3, 44, 6), True),
        ((3, 45, 0), False),
        ((3, 50, 6), False),
        ((3, 50, 7), True),
        ((3, 51, 2), False),
        ((3, 51, 3), True),
        ((3, 60, 0), True),
    ],
)
def test_the_write_ahead_log_is_used_only_where_it_is_sound(version: tuple[int, ...], safe: bool) -> None:
    assert wal_is_safe(version) is safe


def test_the_file_is_kept_the_safe_way(space: Workspace) -> None:
    with space.index.database.reading() as connection:
        mode = connection.exec_driver_sql("PRAGMA journal_mode").scalar_one()
        assert mode == ("wal" if wal_is_safe() else "delete")
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar_one() == 2

"""Parquet files: ordinary ones, hostile ones, damaged ones."""

import os
import random
import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rationale_eval.data.limits import DEFAULT_LIMITS, Limits
from rationale_eval.data.readers.parquet import read_parquet
from rationale_eval.data.readers.row import RawRow
from rationale_eval.errors import InputError


def read(path, limits=DEFAULT_LIMITS):
    with open(path, "rb") as file:
        return list(read_parquet(file, path.name, limits))


def write(folder, table, **options):
    path = folder / "a.parquet"
    pq.write_table(table, path, **options)
    return path


def bomb(path, rows=20_000, characters=1 << 20):
    """A small file whose text column stands for `rows * characters` bytes."""
    text = pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), pa.array(["a" * characters]))
    pq.write_table(pa.table({"text": text}), path, compression="brotli", store_schema=False, write_statistics=False)
    return path


def test_rows_come_back_as_they_were(tmp_path):
    rows = [
        {"t": "NA", "n": 7, "x": 0.5, "b": True, "l": ["007", "ä"], "s": {"k": [1, 2]}, "v": [[0, 3]]},
        {"t": None, "n": None, "x": None, "b": None, "l": None, "s": None, "v": []},
    ]
    found = read(write(tmp_path, pa.Table.from_pylist(rows)))
    assert [dict(row.values) for row in found] == rows
    assert [row.number for row in found] == [1, 2]


@pytest.mark.parametrize(
    "options",
    [
        {"use_dictionary": False},
        {"use_dictionary": True},
        {"row_group_size": 7},
        {"data_page_version": "2.0"},
        {"dictionary_pagesize_limit": 500, "data_page_size": 100, "write_batch_size": 3},
    ],
)
def test_every_way_of_storing_text_reads_the_same(tmp_path, options):
    texts = [f"text {i}" for i in range(1000)]
    found = read(write(tmp_path, pa.table({"t": pa.array(texts), "l": pa.array([[t] for t in texts])}), **options))
    assert [row.values["t"] for row in found] == texts
    assert [row.values["l"] for row in found] == [[t] for t in texts]


def test_dictionary_columns_are_decoded(tmp_path):
    found = read(write(tmp_path, pa.table({"t": pa.array(["a", "b", "a"]).dictionary_encode()})))
    assert [row.values["t"] for row in found] == ["a", "b", "a"]


def test_bad_values_reject_their_row(tmp_path):
    found = read(write(tmp_path, pa.table({"x": [1.0, float("nan"), 2.0], "t": ["a", "b", "c\0"]})))
    assert isinstance(found[0], RawRow)
    assert [(bad.row, bad.field) for bad in found[1:]] == [(2, "x"), (3, "t")]


@pytest.mark.parametrize(
    ("column", "sentence"),
    [
        (pa.array([b"x"]), "field 'c': has the type binary"),
        (pa.array([0], pa.timestamp("s")), "has the type timestamp"),
        (pa.array([{"k": b"x"}]), "has the type binary"),
        (pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int64())), "has the type map"),
    ],
)
def test_other_types_are_refused(tmp_path, column, sentence):
    with pytest.raises(InputError, match=sentence):
        read(write(tmp_path, pa.table({"c": column})))


def test_extension_types_are_not_followed(tmp_path):
    column = pa.ExtensionArray.from_storage(pa.uuid(), pa.array([b"0" * 16], pa.binary(16)))
    with pytest.raises(InputError):
        read(write(tmp_path, pa.table({"c": column})))


def test_too_many_rows_and_columns_are_refused_from_the_description_alone(tmp_path):
    with pytest.raises(InputError, match="more than 9 rows"):
        read(write(tmp_path, pa.table({"x": range(10)})), Limits(rows=9))
    with pytest.raises(InputError, match="more than 64 columns"):
        read(write(tmp_path, pa.table({f"c{i}": [1] for i in range(65)})))
    with pytest.raises(InputError, match="two columns named 'a'"):
        read(write(tmp_path, pa.Table.from_arrays([pa.array([1]), pa.array([2])], ["a", "a"])))
    assert read(write(tmp_path, pa.table({"x": pa.array([], pa.int64())}))) == []


PEAK = """
import resource, sys
from pathlib import Path
from rationale_eval.data.load import load_dataset
from rationale_eval.errors import InputError
import rationale_eval.data.readers.parquet
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    load_dataset(sys.argv[1], mapping={"text": "text"})
    print("read")
except InputError as error:
    print(error)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.parametrize("nested", [False, True])
def test_a_bomb_of_a_few_hundred_bytes_is_refused_in_little_memory(tmp_path, nested):
    path = tmp_path / "bomb.parquet"
    if nested:
        flat = pa.DictionaryArray.from_arrays(pa.array([0] * 20_000, pa.int32()), pa.array(["a" * (1 << 20)]))
        column = pa.ListArray.from_arrays(pa.array(range(20_001), pa.int32()), flat)
        pq.write_table(
            pa.table({"text": column}), path, compression="brotli", store_schema=False, write_statistics=False
        )
    else:
        bomb(path)
    assert os.path.getsize(path) < 1000
    done = subprocess.run(
        [sys.executable, "-c", PEAK, str(path)], capture_output=True, text=True, timeout=60, check=True
    )
    sentence, kilobytes = done.stdout.strip().splitlines()
    assert "longer than 100,000 characters" in sentence
    assert int(kilobytes) < 200_000


def test_many_texts_at_the_limit_stop_at_the_budget(tmp_path):
    path = bomb(tmp_path / "long.parquet", rows=2000, characters=100_000)
    with pytest.raises(InputError, match="unpacks to more than"):
        read(path, Limits(decoded=100_000_000))


def test_values_that_repeat_their_predecessor_are_no_way_round(tmp_path):
    table = pa.table({"t": pa.array(["a" * (1 << 20)] * 300)})
    path = write(tmp_path, table, compression="brotli", use_dictionary=False, column_encoding={"t": "DELTA_BYTE_ARRAY"})
    with pytest.raises(InputError, match="texts stored as differences"):
        read(path)


def test_damaged_files_end_in_a_sentence(tmp_path):
    path = write(tmp_path, pa.table({"t": ["one", "two"] * 50, "n": range(100)}))
    whole = path.read_bytes()
    draw = random.Random(0)
    damaged = [whole[:-4], whole[:10], b"PAR1", whole[:-8] + b"\xff\xff\xff\xff" + whole[-4:]]
    for _ in range(300):
        content = bytearray(whole)
        for _ in range(draw.randint(1, 4)):
            content[draw.randrange(len(content))] = draw.randrange(256)
        damaged.append(bytes(content))
    for content in damaged:
        path.write_bytes(content)
        try:
            read(path)
        except InputError as error:
            assert "\n" not in str(error)


def test_an_encrypted_file_is_refused(tmp_path):
    path = write(tmp_path, pa.table({"t": ["one"]}))
    content = path.read_bytes()
    path.write_bytes(content[:-4] + b"PARE")
    with pytest.raises(InputError, match="cannot be read as Parquet"):
        read(path)

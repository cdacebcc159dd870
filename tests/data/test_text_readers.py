"""JSONL, CSV and TSV: every awkward file is imported, imported with listed rejections, or refused with one sentence."""

import codecs
import gzip
import json
import os
import tracemalloc
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rationale_eval.data.limits import DEFAULT_LIMITS, Limits
from rationale_eval.data.readers.row import RawRow
from rationale_eval.data.reading import file_format, read_rows
from rationale_eval.data.rejections import Rejection
from rationale_eval.data.source import FileSource, confined
from rationale_eval.errors import InputError, UsageError


def read(path, limits=DEFAULT_LIMITS, encoding=None):
    source = FileSource(path)
    return list(read_rows(source, file_format(source, encoding), limits, encoding))


def put(folder, name, content):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    return path


def values(rows):
    return [dict(row.values) for row in rows if isinstance(row, RawRow)]


def bad(rows):
    return [(row.row, row.field, row.reason) for row in rows if isinstance(row, Rejection)]


# Refused with one sentence.


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.jsonl", b"", "is empty"),
        ("a.csv", b"", "is empty"),
        ("a.jsonl", b"\n \n", "holds no rows"),
        ("a.csv", b"text,label\n", "holds no rows"),
        ("a.csv", b"text,text\nx,y\n", "two columns named 'text'"),
        ("a.jsonl", b'[{"a": 1}]', "one JSON array"),
        ("a.jsonl", gzip.compress(b'{"a": 1}', mtime=0), "gzip-compressed"),
        ("a.csv", b"PK\x03\x04rest", "zip archive"),
        ("a.jsonl", b"PAR1....", "is a Parquet file"),
        ("a.parquet", b'{"a": 1}', "is not a Parquet file"),
        ("a.csv", b'text,label\n"one,1\ntwo,2\n', "never closed"),
        ("a.csv", b"text,label\rone,1\rtwo,2\r", "holds no rows|carriage return"),
        ("a.csv", b"text,label\none,1\rtwo,2\n", "carriage return stands alone"),
        ("a.csv", b"caf\xe9,label\nx,1\n", "byte 3 is not UTF-8"),
        ("a.csv", "a,b\nä,1\n".encode("utf-16-le"), "not text"),
    ],
)
def test_refused_with_one_sentence(tmp_path, name, content, sentence):
    with pytest.raises(InputError, match=sentence) as caught:
        read(put(tmp_path, name, content))
    assert name in str(caught.value) and "\n" not in str(caught.value)


def test_the_row_and_byte_of_a_wrong_encoding_are_named(tmp_path):
    content = b'{"t": "one"}\n{"t": "tw\xf6"}\n'
    with pytest.raises(InputError, match=r"row 2: byte 22 is not UTF-8 text"):
        read(put(tmp_path, "a.jsonl", content))
    assert values(read(put(tmp_path, "a.jsonl", content), encoding="latin-1")) == [{"t": "one"}, {"t": "twö"}]


def test_the_byte_of_a_wrong_encoding_is_right_far_into_a_file(tmp_path):
    good = '{"t": "äöü"}\n'.encode()
    for extra in range(4):
        content = b" " * extra + good * 40_000 + b'{"t": "\xff"}\n'
        with pytest.raises(InputError, match=f"row 40001: byte {extra + len(good) * 40_000 + 7:,} is"):
            read(put(tmp_path, "a.jsonl", content))


def test_an_unknown_encoding_is_a_usage_error(tmp_path):
    with pytest.raises(UsageError, match="no encoding 'utf-9'"):
        read(put(tmp_path, "a.jsonl", b"{}"), encoding="utf-9")


def test_too_much_is_refused_without_reading_it_all(tmp_path):
    many = put(tmp_path, "many.jsonl", b"{}\n" * 50)
    with pytest.raises(InputError, match="more than 49 rows"):
        read(many, Limits(rows=49))
    assert len(read(many, Limits(rows=50))) == 50
    with pytest.raises(InputError, match="larger than 100 bytes"):
        read(many, Limits(decoded=100))
    wide = put(tmp_path, "wide.csv", ",".join(f"c{i}" for i in range(10_000)) + "\n")
    with pytest.raises(InputError, match="10,000 columns"):
        read(wide)


def test_a_field_of_a_hundred_megabytes_does_not_fill_the_memory(tmp_path):
    path = tmp_path / "big.jsonl"
    with open(path, "wb") as file:
        file.write(b'{"t": "')
        for _ in range(100):
            file.write(b"a" * (1 << 20))
        file.write(b'"}\n')
    tracemalloc.start()
    with pytest.raises(InputError, match="the line is longer"):
        read(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 40 << 20
    csv = path.rename(tmp_path / "big.csv")
    with pytest.raises(InputError):
        read(csv)


def test_pipes_folders_and_missing_files_are_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe.jsonl")
    for name, sentence in (
        ("pipe.jsonl", "not a regular file"),
        (".", "not a regular file"),
        ("no.csv", "cannot be opened"),
    ):
        with pytest.raises(InputError, match=sentence):
            FileSource(tmp_path / name)


def test_a_file_that_changes_between_two_reads_is_refused(tmp_path):
    path = put(tmp_path, "a.jsonl", b'{"a": 1}\n')
    source = FileSource(path)
    assert len(list(read_rows(source, "jsonl"))) == 1
    path.write_bytes(b'{"a": 2}\n')
    with pytest.raises(InputError, match="changed since it was first read"):
        list(read_rows(source, "jsonl"))


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path):
    path = put(tmp_path, "a.jsonl", b'{"a": 1}\n' * 10)
    rows = read_rows(FileSource(path), "jsonl")
    list(islice(rows, 3))
    with open(path, "ab") as file:
        file.write(b'{"a": 1}\n')
    with pytest.raises(InputError, match="changed"):
        list(rows)


def test_paths_are_confined_by_parts_not_by_letters(tmp_path):
    (tmp_path / "root").mkdir()
    (tmp_path / "rootless").mkdir()
    (tmp_path / "root" / "link").symlink_to(tmp_path / "rootless")
    assert confined(tmp_path / "root" / "x", [tmp_path / "root"])
    for outside in (tmp_path / "rootless" / "x", tmp_path / "root" / ".." / "x", tmp_path / "root" / "link" / "x"):
        with pytest.raises(InputError, match="outside the folders"):
            confined(outside, [tmp_path / "root"])


# Imported with listed rejections.


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"a": NaN}', "NaN is not JSON"),
        ('{"a": -Infinity}', "Infinity is not JSON"),
        ('{"a": 1e999}', "not a finite number"),
        ('{"a": 1, "a": 2}', "the key 'a' stands twice"),
        ('{"b": {"a": 1, "a": 2}}', "the key 'a' stands twice"),
        ('{"a": ' + "[" * 100_000 + "]" * 100_000 + "}", "nested more than 32 levels"),
        ('{"a": ' + "[" * 33 + "]" * 33 + "}", "nested more than 32 levels"),
        ('{"a": ' + "9" * 5_000 + "}", "more than 20 digits"),
        ('{"a": 9223372036854775808}', "beyond 64 bits"),
        ('{"a": "\\ud800"}', "half a surrogate pair"),
        ('{"a": "x\\u0000"}', "NUL"),
        ('{"a": ["x\\u0000"]}', "NUL"),
        ('{"a": "' + "x" * 100_001 + '"}', "longer than 100,000 characters"),
        ('{"a": 1', "is not JSON"),
        ("[1]", "is a JSON array"),
        ("7", "not a JSON object"),
        ("{" + ", ".join(f'"k{i}": 1' for i in range(65)) + "}", "more than 64 keys"),
    ],
)
def test_bad_lines_are_listed_and_the_rest_is_imported(tmp_path, line, reason):
    rows = read(put(tmp_path, "a.jsonl", '{"a": "first"}\n' + line + '\n{"a": "last"}\n'))
    assert values(rows) == [{"a": "first"}, {"a": "last"}]
    ((number, _, said),) = bad(rows)
    assert number == 2 and reason in said


def test_half_a_last_line_is_one_rejected_row(tmp_path):
    rows = read(put(tmp_path, "a.jsonl", '{"a": 1}\n{"a": "cut'))
    assert values(rows) == [{"a": 1}] and bad(rows)[0][0] == 2


def test_csv_rows_of_another_width_are_listed(tmp_path):
    rows = read(put(tmp_path, "a.csv", "a,b\n1,2\n1\n1,2,3\n1;2\n3,4"))
    assert values(rows) == [{"a": "1", "b": "2"}, {"a": "3", "b": "4"}]
    assert [(number, said.split(";")[0]) for number, _, said in bad(rows)] == [
        (2, "has 1 cells, the header has 2"),
        (3, "has 3 cells, the header has 2"),
        (4, "has 1 cells, the header has 2"),
    ]


def test_nul_in_a_cell_rejects_its_row(tmp_path):
    rows = read(
        put(tmp_path, "a.csv", "a,some longer header that keeps the first bytes free of it,b\n1,x\0y,2\n3,4,5\n")
    )
    assert len(values(rows)) == 1 and "NUL" in bad(rows)[0][2]


# Imported, unchanged.

AWKWARD = [
    "NA",
    "null",
    "None",
    "n/a",
    "007",
    "1e5",
    "TRUE",
    "-0",
    "nan",
    " leading and trailing ",
    "=1+1",
    "\u202eright to left\u202c",
    "zero\u200bwidth",
    "e" + "\u0301" * 10_000,
    "é",
    "e\u0301",
    "👩‍👩‍👧 family",
    "\U0001f600",
    "\uffff",
    "line\u2028and\u2029paragraph",
    "next\x85line",
    "[SEP] </s> <|endoftext|>",
]


@pytest.mark.parametrize("text", AWKWARD)
def test_awkward_texts_survive_every_format(tmp_path, text):
    line = json.dumps({"t": text}, ensure_ascii=False) + "\n"
    escaped = json.dumps({"t": text}) + "\n"
    csv = f't,u\n"{text}",x\n'
    assert values(read(put(tmp_path, "a.jsonl", line + escaped))) == [{"t": text}, {"t": text}]
    assert values(read(put(tmp_path, "a.csv", csv))) == [{"t": text, "u": "x"}]
    assert values(read(put(tmp_path, "a.tsv", f"t\tu\n{text}\tx\n"))) == [{"t": text, "u": "x"}]


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30))
def test_any_text_survives_jsonl(tmp_path_factory, text):
    path = tmp_path_factory.mktemp("text") / "a.jsonl"
    path.write_text(json.dumps({"t": text}, ensure_ascii=False) + "\n", encoding="utf-8")
    assert values(read(path)) == [{"t": text}]


@pytest.mark.parametrize("mark", ["utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("kind", ["jsonl", "csv"])
def test_byte_order_marks_are_understood(tmp_path, mark, kind):
    content = '{"t": "ä"}\n{"t": "漢"}\n' if kind == "jsonl" else "t,u\nä,\n漢,\n"
    rows = values(read(put(tmp_path, f"a.{kind}", content.encode(mark))))
    assert [row["t"] for row in rows] == ["ä", "漢"]
    assert next(iter(rows[0])) == "t"


def test_utf16_big_endian_with_a_mark(tmp_path):
    content = codecs.BOM_UTF16_BE + '{"t": "ä"}\n'.encode("utf-16-be")
    assert values(read(put(tmp_path, "a.jsonl", content))) == [{"t": "ä"}]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_that_of_the_header(tmp_path, delimiter):
    content = f'"a, and; b"{delimiter}c\n"x{delimiter}y"{delimiter}"line\nbreak"\n'
    assert values(read(put(tmp_path, "a.csv", content))) == [{"a, and; b": f"x{delimiter}y", "c": "line\nbreak"}]


def test_tsv_knows_no_quotes(tmp_path):
    assert values(read(put(tmp_path, "a.tsv", 'a\tb\n"open\tx"\n'))) == [{"a": '"open', "b": 'x"'}]


def test_blank_lines_and_a_missing_last_newline_do_no_harm(tmp_path):
    rows = read(put(tmp_path, "a.jsonl", '\n{"a": 1}\r\n\n \n{"a": 2}'))
    assert [(row.number, row.values["a"]) for row in rows] == [(2, 1), (5, 2)]
    assert values(read(put(tmp_path, "a.csv", "a,b\n\n1,2\n\n3,4"))) == [{"a": "1", "b": "2"}, {"a": "3", "b": "4"}]


def test_content_decides_where_the_name_says_nothing(tmp_path):
    assert values(read(put(tmp_path, "upload", b'{"a": 1}\n'))) == [{"a": 1}]
    assert values(read(put(tmp_path, "upload2", b"a,b\n1,2\n"))) == [{"a": "1", "b": "2"}]

"""A thousand damaged files: one line and an exit code, in time and in bounds, or all is well."""

from __future__ import annotations

import collections
import json
import subprocess
import sys

from tests.chaos.commands import ROOT
from tests.chaos.figures import Figures
from tests.chaos.forked import MOST_BYTES, MOST_SECONDS, forked

SHARES = 2  # at once


def test_no_damaged_file_brings_anything_but_one_line(tmp_path):
    outs = [tmp_path / f"{part}.json" for part in range(SHARES)]
    words = [sys.executable, "-m", "tests.chaos.fuzz"]
    parts = [
        subprocess.Popen([*words, "--share", f"{part}/{SHARES}", "--out", str(out)], cwd=ROOT)
        for part, out in enumerate(outs)
    ]
    assert [part.wait() for part in parts] == [0] * SHARES
    found = [json.loads(out.read_text()) for out in outs]
    rows = [row for one in found for row in one["rows"]]
    files = {row["case"] for row in rows}
    codes = collections.Counter(str(row["code"]) for row in rows)
    figures = Figures("fuzz")
    figures.add("damaged files", f"{len(files):,}")
    figures.add("readings by commands and Python readers", f"{len(rows):,}")
    figures.add("of these read, refused in one line", f"{codes['0']:,}, {codes['2']:,}")
    figures.add("the longest reading", f"{max(row['seconds'] for row in rows):.1f} s")
    figures.add("the most memory", f"{max(row['bytes'] for row in rows) / 2**20:.0f} MiB")
    figures.add("seconds, two at once", f"{max(one['seconds'] for one in found):.0f}")
    figures.write()
    assert len(files) >= 1000
    assert [row for row in rows if row["problem"]] == []


def _fill() -> str:
    return str(len(b"\1" * (MOST_BYTES + 2**28)))


def _wait() -> None:
    import time

    time.sleep(60)


def test_what_takes_too_long_or_too_much_is_seen():
    assert forked(_wait, most_seconds=0.5).problem == "not done after 0.5 s"
    assert forked(_fill).bytes > MOST_BYTES
    assert forked(lambda: 1 / 0).problem == "ended by signal 0"
    assert forked(lambda: [3]).value == [3]
    assert MOST_SECONDS == 30

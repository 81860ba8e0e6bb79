"""The journals of the local stores: a line is in the file whole, or it was never acknowledged."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from infra.local import services

SCRIPT = """
const fs = require("fs");
const { JournalFile, readLines } = require(process.argv[1]);
const [file, lines, parts] = process.argv.slice(2).map((one, n) => (n ? JSON.parse(one) : one));
// Takes so many bytes at each call; null means that the disk is full after a part.
const write = (descriptor, bytes, from, length) => {
  const part = parts.length ? parts.shift() : length;
  const taken = fs.writeSync(descriptor, bytes, from, Math.min(part ?? 2, length));
  if (part === null) throw new Error("ENOSPC: no space left on device");
  return taken;
};
const journal = new JournalFile(file, write);
const refused = [];
for (const line of lines) {
  try {
    journal.append(line);
  } catch (error) {
    refused.push(line);
  }
}
journal.close();
console.log(JSON.stringify({ refused, stored: readLines(file), size: fs.statSync(file).size }));
"""


def appended(file: Path, lines: list[str], parts: list[int | None]) -> dict[str, Any]:
    """What became of lines whose writer takes these numbers of bytes, one after another."""
    module = services.HERE / "journal_file.js"
    given = [str(module), str(file), json.dumps(lines), json.dumps(parts)]
    command = [services.node(), "-e", SCRIPT, *given]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_a_writer_that_takes_a_part_at_a_time_writes_the_whole_line(tmp_path: Path) -> None:
    found = appended(tmp_path / "journal", ["first", "second"], [1, 1, 2, 1, 1])
    assert found == {"refused": [], "stored": ["first", "second"], "size": 13}


@pytest.mark.parametrize("taken", [[None], [3, None], [2, 0]])
def test_a_line_of_which_only_a_part_fits_is_refused_and_leaves_no_trace(
    tmp_path: Path, taken: list[int | None]
) -> None:
    found = appended(tmp_path / "journal", ["first", "second"], taken)
    assert found == {"refused": ["first"], "stored": ["second"], "size": 7}


def test_what_a_kill_left_of_a_line_is_cut_off_before_the_next(tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    journal.write_text("whole\nto")
    found = appended(journal, ["next"], [])
    assert found["stored"] == ["whole", "next"]

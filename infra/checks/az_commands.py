"""Every `az` command line of scripts, pipelines and documents: does Azure CLI know it?

`make az-commands` asks. Azure CLI lives in an environment of its own (`.venv-azure-cli`), for its
pins conflict with ours; its table says which commands there are, with which options, and which of
these are required. Commands of extensions are held against `az_extensions.toml`. What a value means
nobody checks.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from infra.checks.compiler import ROOT
from infra.checks.data import ours
from infra.checks.tool import ToolError, answered

PYTHON = ROOT / ".venv-azure-cli" / "bin" / "python"

GLOBAL = frozenset(
    ("--debug", "--help", "-h", "--only-show-errors", "--output", "-o", "--query", "--verbose")
)
"""Options of every command (`az ... --help`, "Global Arguments")."""

_COMMAND = re.compile(r"(?:(?<=^)|(?<=[\s(`]))az (?=[a-z])", re.MULTILINE)
_CHANGE = re.compile(r"(?:(?<=^)|(?<=[\s(]))change (?=[a-z])", re.MULTILINE)  # change.sh calls az
_ARRAY = re.compile(r"\b(\w+)=\(((?:[^()\"']|\"[^\"]*\"|'[^']*')*)\)")
_EXPANDED = re.compile(r"\$\{(\w+)\[@\]\}")
_WORD = re.compile(r"[a-z][a-z0-9-]*")
_CODE = re.compile(r"```(?:console|bash|sh)\n(.*?)```|`(az [^`]+)`", re.DOTALL)
_ENDS = frozenset("\n;|&<>)`#")


@dataclass(frozen=True, slots=True)
class Line:
    """One command line: where it is, and its words as the shell would split them."""

    place: str
    words: Sequence[str]

    @property
    def options(self) -> list[str]:
        """The options that it gives, without their values."""
        named = [word.partition("=")[0] for word in self.words if re.match(r"--?[a-z]", word)]
        return [one for one in named if one.startswith("--") or len(one) == 2]

    def command(self, known: Mapping[str, object]) -> str:
        """The longest beginning that is a command, or what stands before the options."""
        words = list(self.words)
        while words and not all(map(_WORD.fullmatch, words)):
            words.pop()
        names = [" ".join(words[:end]) for end in range(len(words), 0, -1)]
        return next((name for name in names if name in known), names[0] if names else "")


@dataclass(frozen=True, slots=True)
class Command:
    """A command: its options in groups that mean the same, and the groups that must be given."""

    options: Sequence[frozenset[str]]
    required: Sequence[frozenset[str]]


def files() -> Iterator[tuple[str, str]]:
    """The scripts, pipelines and documents, by path."""
    for pattern in ("*.md", "docs/*.md", "infra/pipelines/**/*.sh", "**/*.yml"):
        for file in sorted(ROOT.glob(pattern)):
            path = file.relative_to(ROOT)
            if not any(part.startswith(".") or part == "node_modules" for part in path.parts):
                yield path.as_posix(), file.read_text(encoding="utf-8")


def lines(path: str, text: str) -> Iterator[Line]:
    """The command lines of a file."""
    pieces = [(0, text)]
    if path.endswith(".md"):
        pieces = [
            (found.start(), re.sub(r"^\$ ", "", found[1] or found[2], flags=re.MULTILINE))
            for found in _CODE.finditer(text)
        ]
    for start, piece in pieces:
        code = re.sub(r"^\s*#.*$", "", piece, flags=re.MULTILINE)
        calls = [
            *_COMMAND.finditer(code),
            *(_CHANGE.finditer(code) if path.endswith(".sh") else ()),
        ]
        for found in sorted(calls, key=lambda one: one.start()):
            number = text.count("\n", 0, start) + code.count("\n", 0, found.start()) + 1
            words = list(split(code[found.end() :]))
            yield Line(f"{path}:{number}", list(expanded(words, code[: found.start()])))


def split(code: str) -> Iterator[str]:
    """The words of a command up to its end, without quotes."""
    word, place, quote, depth = "", 0, "", 0
    code = code.replace("\\\n", " ")
    while place < len(code):
        letter = code[place]
        place += 1
        if code.startswith("$(", place - 1):
            depth += 1
        if depth:
            depth -= letter == ")"
            word += letter
        elif quote:
            quote, word = ("", word) if letter == quote else (quote, word + letter)
        elif letter in "\"'":
            quote = letter
        elif letter in _ENDS and (letter != "#" or not word):
            break
        elif letter.isspace():
            yield from [word] if word else []
            word = ""
        else:
            word += letter
    yield from [word] if word else []


def expanded(words: Sequence[str], before: str) -> Iterator[str]:
    """Words with the arrays that were set before them put in."""
    arrays = dict(_ARRAY.findall(before))
    for word in words:
        array = _EXPANDED.fullmatch(word)
        if array is None:
            yield word
        elif array[1] in arrays:
            yield from expanded(list(split(arrays[array[1]].replace("\n", " "))), before)


def extensions() -> dict[str, Command]:
    """The commands of the extension, as their pages have them."""
    commands = dict(ours("az_extensions"))
    everywhere = [frozenset((name,)) for name in commands.pop("global")]
    found = {}
    for name, one in commands.items():
        required = [frozenset((option,)) for option in one["required"]]
        given = [frozenset((option,)) for option in one["options"]]
        found[name] = Command([*required, *given, *everywhere], required)
    return found


def table(names: Sequence[str]) -> dict[str, Command]:
    """What Azure CLI itself says of some commands.

    Raises:
        ToolError: it is not installed (`make az-commands` does that), or failed.
    """
    script = str(Path(__file__).with_name("az_table.py"))
    found = answered([str(PYTHON), script, *names])
    return {name: _command(options) for name, options in found.items()}


def _command(options: Sequence[Mapping[str, object]]) -> Command:
    groups = [(frozenset(map(str, one["names"])), one["required"]) for one in options]  # type: ignore[call-overload]
    return Command(
        [names for names, _ in groups],
        [names for names, needed in groups if needed and any(one.startswith("-") for one in names)],
    )


def problems(found: Sequence[Line], known: Mapping[str, Command]) -> Iterator[str]:
    """What is wrong with command lines, a line each."""
    for line in found:
        name = line.command(known)
        if name not in known:
            yield f"{line.place}: there is no command az {name}"
            continue
        allowed = frozenset[str]().union(GLOBAL, *known[name].options)
        yield from (f"{line.place}: az {name} has no option {one}"
                    for one in line.options if one not in allowed)  # fmt: skip
        # A document may name a command without its options; one that gives some gives all it needs.
        for group in known[name].required if line.options else ():
            if not group & frozenset(line.options):
                yield f"{line.place}: az {name} needs {' or '.join(sorted(group))}"


def main() -> int:
    """Print what is wrong; the exit code: 0 where nothing is."""
    found = [line for path, text in files() for line in lines(path, text)]
    known = extensions()
    asked = {
        " ".join(line.words[:end])
        for line in found
        for end in range(1, 6)
        if all(map(_WORD.fullmatch, line.words[:end]))
    }
    try:
        known |= table(sorted(asked - known.keys()))
    except ToolError as error:
        print(error)
        return 1
    wrong = list(dict.fromkeys(problems(found, known)))
    used = {line.command(known) for line in found}
    print(
        "\n".join(wrong)
        or f"{len(found)} command lines, {len(used)} commands: Azure CLI knows them"
    )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

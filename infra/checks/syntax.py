"""The syntax of Bicep and of its parameter files, by a grammar that needs no compiler.

It knows less of the language than the compiler does, so templates keep to what it knows: no
spread, no `resourceInput<>`, no typed variables, one statement a line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

import tree_sitter_bicep
from tree_sitter import Language, Node, Parser

from shared.errors import SheriffError

_PARSER = Parser(Language(tree_sitter_bicep.language()))

# The grammar takes these for something else, or not at all.
_BANNED = {
    "a comment begins with //, not #": re.compile(r"(?m)^\s*#(?!disable-next-line )"),
    "spread is not known to every check": re.compile(r"(?m)^\s*\.\.\."),
    "resourceInput is not known to every check": re.compile(r"\bresource(In|Out)put<"),
    "modules come from this repository only": re.compile(r"'(br|ts)[:/]"),
}


class BicepError(SheriffError):
    """A template is wrong: where and how."""


def parameters_as_bicep(text: str) -> str:
    """A .bicepparam file as Bicep, each line where it was."""
    return re.sub(r"(?m)^param ", "var   ", re.sub(r"(?m)^using .*$", "", text))


@lru_cache(maxsize=512)
def parsed(file: str, text: str) -> Node:
    """The tree of a file.

    Raises:
        BicepError: it is none, or uses what is banned here.
    """
    source = parameters_as_bicep(text) if file.endswith(".bicepparam") else text
    root = _PARSER.parse(source.encode()).root_node
    wrong = next((node for node in walk(root) if node.type == "ERROR" or node.is_missing), None)
    if wrong is not None:
        shown = written(wrong)[:60].partition("\n")[0]
        raise BicepError(f"{file}:{line(wrong)}: syntax: {shown!r}")
    for why, pattern in _BANNED.items():
        if found := pattern.search(source):
            raise BicepError(f"{file}:{source[: found.end()].count('\n') + 1}: syntax: {why}")
    return root


def walk(node: Node) -> Iterator[Node]:
    """A node and all below it, as they are written."""
    yield node
    for child in node.children:
        yield from walk(child)


def written(node: Node) -> str:
    """A node's source."""
    return (node.text or b"").decode()


def line(node: Node) -> int:
    """The line a node begins on, from 1."""
    return node.start_point[0] + 1

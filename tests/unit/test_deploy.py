"""docs/deploy.md: its blocks are shell, its variables are set, its order becomes an alert."""

import ast
import asyncio
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
import pytest

from shared.episodes import EpisodeState
from shared.order import parse_order
from tests.unit.functions.model_loader_world import FakeFiles, loader

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "docs" / "deploy.md"
TEXT = DEPLOY.read_text(encoding="utf-8")
BLOCKS = [
    re.sub(r"(?m)^   ", "", block) if indented else block
    for indented, block in re.findall(r"(?ms)^( *)```console\n(.*?)^ *```$", TEXT)
]


def typed(block: str) -> str:
    """What a reader types of a block: each command with its lines, not what it prints."""
    found, within, end = [], False, ""
    for shown in block.splitlines():
        line = shown.removeprefix("$ ")
        if shown != line:
            within = True
            end = "".join(re.findall(r"<<'(\w+)'", line))
        elif not within:
            continue
        found.append(line)
        goes_on = line.endswith("\\") or (end and line != end) or is_open("\n".join(found))
        within = bool(goes_on)
    return "\n".join(found)


def is_open(text: str) -> bool:
    """Whether a loop was begun and not ended."""
    return len(re.findall(r"\bdo$", text, re.MULTILINE)) > len(re.findall(r"\bdone\b", text))


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_every_block_is_shell(number: int) -> None:
    text = typed(BLOCKS[number])
    assert text
    done = subprocess.run(["bash", "-n"], input=text, text=True, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, ""), text


def test_every_step_has_a_command() -> None:
    steps = re.split(r"(?m)^## (?=\d+\. )", TEXT)[2:]  # the first is what one must have
    steps[-1] = steps[-1].partition("\n## ")[0]
    assert len(steps) == 9
    assert [step.split("\n")[0] for step in steps if "```console" not in step] == []


def test_every_variable_of_a_command_was_set_before() -> None:
    known = {"EDITOR"}
    for block in BLOCKS:
        shell = re.sub(r"(?ms)<<'(\w+)'.*?^\1$", "", typed(block))
        for line in shell.replace("\\\n", " ").splitlines():
            used = set(re.findall(r"\$\{?([A-Za-z_]\w*)", line))
            named = set(re.findall(r"\b([A-Za-z_]\w*)=", line)) | set(
                re.findall(r"\bfor (\w+) in", line)
            )
            assert used - known - named == set(), line
            known |= named


def test_what_sends_the_order_is_python_and_its_order_is_an_alert_by_the_packaged_tables() -> None:
    [source] = re.findall(r"(?ms)<<'SEND'\n(.*?)^SEND$", TEXT)
    [order] = [
        ast.literal_eval(node.value)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "order"
    ]
    compile(source, "deploy.md", "exec")
    assert scored(order).alerted


def scored(order: Any) -> Any:
    """The order as a scorer judges it for which nothing was ever published."""

    async def judge() -> Any:
        with ThreadPoolExecutor(1) as executor:
            scorer = await loader(FakeFiles(), executor).scorer()
        (found,), _ = scorer.score_many([parse_order(msgspec.json.encode(order))], EpisodeState())
        return found

    return asyncio.run(judge())


def test_an_order_is_no_alert_merely_by_being_sent() -> None:
    [source] = re.findall(r"(?ms)<<'SEND'\n(.*?)^SEND$", TEXT)
    order = ast.literal_eval(re.findall(r"(?ms)^order = (\{.*?^\})", source)[0])
    assert not scored(order | {"charged_price": 1012.48}).alerted


def test_the_variables_that_bootstrap_needs_are_set_before_it_is_run() -> None:
    script = (ROOT / "infra/pipelines/bootstrap.sh").read_text(encoding="utf-8")
    [needed] = re.findall(r"(?s)^needed=\((.*?)\)", script, re.MULTILINE)
    before = TEXT[: TEXT.index("infra/pipelines/bootstrap.sh --dry-run")]
    assert [name for name in needed.split() if f"{name}=" not in before] == []


def test_what_bootstrap_says_is_what_the_page_shows() -> None:
    script = (ROOT / "infra/pipelines/bootstrap.sh").read_text(encoding="utf-8")
    said = re.findall(r'^ *say "(.*)"$', script, re.MULTILINE)
    shown = [
        line.replace("$group", "rg-sheriff-dev")
        .replace("$identity", "id-sheriff-dev-pipeline")
        .replace("$name", "sheriff-dev")
        for line in said
        if "would let in" not in line and "agent pool" not in line
    ]
    assert len(shown) == 9
    assert [line for line in shown if line not in TEXT] == []

"""What a report is made of is what its page asks for."""

import re
from dataclasses import fields
from pathlib import Path

from training import report
from training.report.content import Data, Report

TEMPLATES = Path(report.__file__).parent / "templates"


def test_every_field_that_the_page_asks_for_is_one_of_the_report() -> None:
    text = "".join(path.read_text() for path in TEMPLATES.glob("*.j2"))
    asked = set(re.findall(r"\breport\.(\w+)", text))
    asked_of_data = set(re.findall(r"\breport\.data\.(\w+)", text))
    assert asked
    assert asked <= {field.name for field in fields(Report)}
    assert asked_of_data <= {field.name for field in fields(Data)}

"""The list of a package's components, held against CycloneDX's own schema."""

import json
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from infra.components import sbom


def installed(site: Path, name: str, version: str, *fields: str) -> None:
    folder = site / f"{name}-{version}.dist-info"
    folder.mkdir(parents=True)
    lines = ("Metadata-Version: 2.4", f"Name: {name}", f"Version: {version}", *fields)
    (folder / "METADATA").write_text("\n".join(lines) + "\n")


@pytest.fixture
def site(tmp_path: Path) -> Path:
    installed(tmp_path, "Some_Thing", "1.0", "License-Expression: Apache-2.0 AND MIT")
    installed(tmp_path, "other", "2", "Classifier: License :: OSI Approved :: MIT License")
    installed(tmp_path, "silent", "3", "Classifier: License :: OSI Approved :: BSD License")
    return tmp_path


def test_it_fits_the_schema_of_cyclonedx(site: Path) -> None:
    text = sbom("sheriff-scorer", "20261130.1", site)
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None


def test_it_names_what_is_there_with_version_address_and_licence(site: Path) -> None:
    found = json.loads(sbom("sheriff-scorer", "20261130.1", site))
    assert found["metadata"]["component"]["name"] == "sheriff-scorer"
    assert found["metadata"]["component"]["version"] == "20261130.1"
    assert [
        (one["name"], one["version"], one["purl"], one.get("licenses"))
        for one in found["components"]
    ] == [
        ("other", "2", "pkg:pypi/other@2", [{"license": {"id": "MIT"}}]),
        ("silent", "3", "pkg:pypi/silent@3", None),
        (
            "some-thing",
            "1.0",
            "pkg:pypi/some-thing@1.0",
            [{"expression": "Apache-2.0 AND MIT"}],
        ),
    ]


def test_the_same_packages_give_the_same_bytes_and_others_another_number(site: Path) -> None:
    first = sbom("sheriff-scorer", "1", site)
    assert sbom("sheriff-scorer", "1", site) == first
    assert "timestamp" not in first
    installed(site, "new", "1", "License: MIT")
    number = json.loads(first)["serialNumber"]
    assert json.loads(sbom("sheriff-scorer", "1", site))["serialNumber"] != number

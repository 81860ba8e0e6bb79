"""The packages of others in a zip, and their licences: `sbom.cdx.json`, in CycloneDX 1.6.

The list is made from the metadata of the packages, so it names the packages that are there, not
those that were asked for. The same packages give the same bytes: the list has no time, and its
number follows from its contents.
"""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import Distribution, PackageMetadata, distributions
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from license_expression import ExpressionError, get_spdx_licensing
from packageurl import PackageURL
from packaging.utils import canonicalize_name

TABLE = Path(__file__).with_name("licences.toml")
"""The allowed licences, and what packages call them."""

_SPDX = get_spdx_licensing()
_LONGEST = 80
"""Characters of a licence's name; a longer one is the text of a licence."""


@dataclass(frozen=True, slots=True)
class Licences:
    """The table of licences; ``python`` and ``npm`` give the licence of single packages.

    ``development`` gives the licences that are allowed only for packages that are not deployed.
    """

    allowed: Mapping[str, str]
    names: Mapping[str, str]
    python: Mapping[str, str]
    development: Mapping[str, str]
    npm: Mapping[str, str]

    def spdx(self, text: str | None) -> str | None:
        """Return the SPDX expression for what a package calls its licence, or None."""
        name = self.names.get(text or "", text or "").strip()
        if not name or len(name) > _LONGEST:
            return None
        try:
            return str(_SPDX.parse(name, validate=True))
        except ExpressionError:
            return None

    def of(self, metadata: PackageMetadata) -> str | None:
        """Return the licence of a Python package in SPDX; None if the package says too little."""
        if own := self.python.get(canonicalize_name(metadata["Name"])):
            return own
        said = [metadata.get("License-Expression"), metadata.get("License")]
        classifiers = [
            classifier.rpartition(" :: ")[2]
            for classifier in metadata.get_all("Classifier") or []
            if classifier.startswith("License ::")
        ]
        if len(classifiers) == 1:  # several do not say which of them holds
            said += classifiers
        return next((spdx for text in said if (spdx := self.spdx(text))), None)

    def permits(self, expression: str) -> bool:
        """Return whether the table allows every part of an AND, and one part of an OR."""
        return self._permits(_SPDX.parse(expression, validate=True))

    def _permits(self, node: object) -> bool:
        if isinstance(node, _SPDX.AND):
            return all(self._permits(part) for part in node.args)
        if isinstance(node, _SPDX.OR):
            return any(self._permits(part) for part in node.args)
        return str(node) in self.allowed


@cache
def licences() -> Licences:
    """Read the table in `TABLE`."""
    return Licences(**tomllib.loads(TABLE.read_text(encoding="utf-8")))


def sbom(name: str, version: str, site: Path) -> str:
    """Return the components in ``site`` as a CycloneDX document that ends with a newline.

    Args:
        name: what the package is called, as ``sheriff-scorer``.
        version: the release.
        site: folder of installed packages.
    """
    packages = distributions(path=[str(site)])
    by_name = sorted(packages, key=lambda package: canonicalize_name(package.name))
    parts = [_component(package) for package in by_name]
    return _written(Component(name=name, version=version, type=ComponentType.APPLICATION), parts)


def _component(package: Distribution) -> Component:
    name = canonicalize_name(package.name)
    purl = PackageURL("pypi", name=name, version=package.version)
    licence = licences().of(package.metadata)
    made = LicenseFactory().make_from_string(licence) if licence else None
    return Component(
        name=name,
        version=package.version,
        type=ComponentType.LIBRARY,
        purl=purl,
        bom_ref=purl.to_string(),
        licenses=[made] if made else [],
    )


def _written(whole: Component, parts: Iterable[Component]) -> str:
    bom = Bom(components=parts)
    purls = "\n".join(str(part.purl) for part in bom.components)
    bom.serial_number = uuid5(NAMESPACE_URL, f"{whole.name}@{whole.version}\n{purls}")
    bom.metadata.timestamp = None  # type: ignore[assignment]  # with a time, the bytes would differ each build
    bom.metadata.component = whole
    whole.bom_ref.value = f"pkg:generic/{whole.name}@{whole.version}"
    bom.register_dependency(whole, bom.components)
    return JsonV1Dot6(bom).output_as_string(indent=1) + "\n"

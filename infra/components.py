"""What of others lies in a package, and under which licence: `sbom.cdx.json`, in CycloneDX 1.6.

It is made from what the packages say of themselves, so it names what is there, not what was asked
for. The same packages give the same bytes: its time is left out, its number is made from its
contents.
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
"""The licences that are allowed, and what packages call them."""

_SPDX = get_spdx_licensing()
_LONGEST = 80
"""Characters of a licence's name; more is the text of one."""


@dataclass(frozen=True, slots=True)
class Licences:
    """The table of licences; ``python`` and ``npm`` hold those of single packages.

    ``development`` holds those of packages that may have them as long as they are not deployed.
    """

    allowed: Mapping[str, str]
    names: Mapping[str, str]
    python: Mapping[str, str]
    development: Mapping[str, str]
    npm: Mapping[str, str]

    def spdx(self, text: str | None) -> str | None:
        """An SPDX expression for what a package calls its licence; None where it is none."""
        name = self.names.get(text or "", text or "").strip()
        if not name or len(name) > _LONGEST:
            return None
        try:
            return str(_SPDX.parse(name, validate=True))
        except ExpressionError:
            return None

    def of(self, metadata: PackageMetadata) -> str | None:
        """The licence of a Python package, as an SPDX expression; None where it says too little."""
        if own := self.python.get(canonicalize_name(metadata["Name"])):
            return own
        said = [metadata.get("License-Expression"), metadata.get("License")]
        classifiers = [
            one.rpartition(" :: ")[2]
            for one in metadata.get_all("Classifier") or []
            if one.startswith("License ::")
        ]
        if len(classifiers) == 1:  # of several, which one holds is not said
            said += classifiers
        return next((found for one in said if (found := self.spdx(one))), None)

    def permits(self, expression: str) -> bool:
        """Whether the table allows an SPDX expression: every part of AND, one part of OR."""
        return self._permits(_SPDX.parse(expression, validate=True))

    def _permits(self, node: object) -> bool:
        if isinstance(node, _SPDX.AND):
            return all(self._permits(part) for part in node.args)
        if isinstance(node, _SPDX.OR):
            return any(self._permits(part) for part in node.args)
        return str(node) in self.allowed


@cache
def licences() -> Licences:
    """The table in `TABLE`."""
    return Licences(**tomllib.loads(TABLE.read_text(encoding="utf-8")))


def sbom(name: str, version: str, site: Path) -> str:
    """The components that lie in ``site``, as a CycloneDX document that ends with a newline.

    Args:
        name: what the package is called, as ``sheriff-scorer``.
        version: the release.
        site: folder of installed packages.
    """
    found = sorted(distributions(path=[str(site)]), key=lambda one: canonicalize_name(one.name))
    parts = [_component(one) for one in found]
    return _written(Component(name=name, version=version, type=ComponentType.APPLICATION), parts)


def _component(found: Distribution) -> Component:
    name = canonicalize_name(found.name)
    purl = PackageURL("pypi", name=name, version=found.version)
    licence = licences().of(found.metadata)
    made = LicenseFactory().make_from_string(licence) if licence else None
    return Component(
        name=name,
        version=found.version,
        type=ComponentType.LIBRARY,
        purl=purl,
        bom_ref=purl.to_string(),
        licenses=[made] if made else [],
    )


def _written(whole: Component, parts: Iterable[Component]) -> str:
    bom = Bom(components=parts)
    purls = "\n".join(str(part.purl) for part in bom.components)
    bom.serial_number = uuid5(NAMESPACE_URL, f"{whole.name}@{whole.version}\n{purls}")
    bom.metadata.timestamp = None  # type: ignore[assignment]  # a build says no time of its own
    bom.metadata.component = whole
    whole.bom_ref.value = f"pkg:generic/{whole.name}@{whole.version}"
    bom.register_dependency(whole, bom.components)
    return JsonV1Dot6(bom).output_as_string(indent=1) + "\n"

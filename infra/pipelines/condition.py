#!/usr/bin/env python3
"""Prints the condition on the pipeline's right to assign roles: which roles, and to whom.

    python3 infra/pipelines/condition.py ROLES OUTPUTS ASSIGNMENT ANALYSTS PIPELINE

ROLES is roles.bicep, which names the roles. OUTPUTS is the JSON of the deployment's outputs,
ASSIGNMENT that of the assignment that is there; both may be `null`. ANALYSTS and PIPELINE are
object ids.

An identity of the environment may get every role, analysts and pipeline only those that the
templates give them. The identities are those of the outputs, else those of the condition that is
there (a deployment that failed has no outputs). Before the first deployment nobody knows them: then
every service principal may get the roles. So another run never lets in more. The form is that of
"Examples to delegate Azure role assignment management with conditions". Needs nothing but Python,
of the agent's own version.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

OUTPUT = "grantedPrincipalIds"
"""The output of infra/main.bicep that lists the environment's identities, by holder."""

_OF = "Microsoft.Authorization/roleAssignments"
_ROLE = re.compile(r"^var (\w+) = '([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})'", re.MULTILINE)
_NAMED = re.compile(r"@Request\[[^\]]+:PrincipalId\] ForAnyOfAnyValues:GuidEquals \{([^}]*)\}")


class ConditionError(Exception):
    """No condition can be made of what was given."""


def roles(templates: str) -> dict[str, str]:
    """The ids of Azure's roles that roles.bicep names, by variable; not those of Cosmos DB's own.

    Raises:
        ConditionError: it names none.
    """
    found = {name: role for name, role in _ROLE.findall(templates) if role[:8] != "00000000"}
    if not found:
        raise ConditionError("roles.bicep names no role")
    return found


def roles_of(templates: str, parameter: str) -> list[str]:
    """The ids of the roles that roles.bicep assigns to the principal that a parameter names."""
    known = roles(templates)
    used = re.findall(rf"\bguid\([^()]*\b{parameter}, (\w+)\)", templates)
    return sorted({known[name] for name in used if name in known})


def identities(outputs: Any, assignment: Any) -> list[str]:
    """The object ids of the environment's identities; none where nobody knows them yet.

    Raises:
        ConditionError: the deployment has outputs, and not the one that lists them.
    """
    if outputs:
        # Azure does not keep the case of their names (GitHub, Azure/azure-dev 512).
        known = {name.casefold(): one for name, one in outputs.items()}
        found = (known.get(OUTPUT.casefold()) or {}).get("value")
        if not isinstance(found, dict) or not found:
            raise ConditionError(f"the deployment has no output {OUTPUT}")
        return sorted(set(found.values()))
    condition = (assignment or {}).get("condition") or ""
    named = _NAMED.search(condition)
    if named is None or ":PrincipalType]" in condition:
        return []
    return sorted(one.strip() for one in named[1].split(","))


def condition(templates: str, known: list[str], analysts: str, pipeline: str) -> str:
    """The condition in Azure's language, on one line; ``known`` are the identities."""
    all_roles = sorted(roles(templates).values())
    to = [
        _among("Request", "PrincipalId", known)
        if known
        else f"@Request[{_OF}:PrincipalType] ForAnyOfAnyValues:StringEqualsIgnoreCase "
        "{'ServicePrincipal'}"
    ]
    for parameter, principal in (("analystGroupId", analysts), ("pipelinePrincipalId", pipeline)):
        some = roles_of(templates, parameter)
        if some:
            one = _among("Request", "PrincipalId", [principal])
            to.append(f"({_among('Request', 'RoleDefinitionId', some)} AND {one})")
    write = f"{_among('Request', 'RoleDefinitionId', all_roles)} AND ({' OR '.join(to)})"
    delete = _among("Resource", "RoleDefinitionId", all_roles)
    return " AND ".join(
        f"((!(ActionMatches{{'{_OF}/{action}'}})) OR ({holds}))"
        for action, holds in (("write", write), ("delete", delete))
    )


def _among(source: str, attribute: str, ids: list[str]) -> str:
    return f"@{source}[{_OF}:{attribute}] ForAnyOfAnyValues:GuidEquals {{{', '.join(ids)}}}"


def main(arguments: list[str]) -> int:
    """Print the condition; 1 where none can be made."""
    file, outputs, assignment, analysts, pipeline = arguments
    try:
        templates = Path(file).read_text(encoding="utf-8")
        known = identities(
            *(json.loads(Path(one).read_text(encoding="utf-8")) for one in (outputs, assignment))
        )
        print(condition(templates, known, analysts, pipeline))
    except (OSError, ValueError, ConditionError) as error:
        print(f"condition.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

#!/usr/bin/env python3
"""Prints the condition on the pipeline's right to assign roles: which roles, and to whom.

    python3 infra/pipelines/condition.py ROLES OUTPUTS ASSIGNMENT ANALYSTS PIPELINE

ROLES is roles.bicep, which names the roles. OUTPUTS is the JSON of the deployment's outputs,
ASSIGNMENT is the JSON of the assignment that is there; both may be `null`. ANALYSTS and PIPELINE
are object ids.

An identity of the environment may get every role; analysts and pipeline may get only the roles
that the templates give them. The outputs name the identities. A deployment that failed has no
outputs: then the condition that is there names them. Before the first deployment nobody knows them,
and every service principal may get the roles. So a later run never allows more than an earlier one.
The condition is written as in Microsoft's "Examples to delegate Azure role assignment management
with conditions". The script needs nothing but the agent's own Python.
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
    """The arguments are not enough for a condition."""


def roles(templates: str) -> dict[str, str]:
    """Return the ids of Azure's roles in roles.bicep, by variable, without Cosmos DB's own roles.

    Raises:
        ConditionError: it names no role.
    """
    known = {name: role for name, role in _ROLE.findall(templates) if role[:8] != "00000000"}
    if not known:
        raise ConditionError("roles.bicep names no role")
    return known


def roles_of(templates: str, parameter: str) -> list[str]:
    """Return the ids of the roles that roles.bicep gives the principal in a parameter."""
    known = roles(templates)
    used = re.findall(rf"\bguid\([^()]*\b{parameter}, (\w+)\)", templates)
    return sorted({known[name] for name in used if name in known})


def identities(outputs: Any, assignment: Any) -> list[str]:
    """Return the object ids of the environment's identities; [] if nobody knows them yet.

    Raises:
        ConditionError: the deployment has outputs, but no list of identities among them.
    """
    if outputs:
        # Azure does not keep the case of their names (GitHub, Azure/azure-dev 512).
        known = {name.casefold(): output for name, output in outputs.items()}
        by_holder = (known.get(OUTPUT.casefold()) or {}).get("value")
        if not isinstance(by_holder, dict) or not by_holder:
            raise ConditionError(f"the deployment has no output {OUTPUT}")
        return sorted(set(by_holder.values()))
    condition = (assignment or {}).get("condition") or ""
    named = _NAMED.search(condition)
    if named is None or ":PrincipalType]" in condition:
        return []
    return sorted(principal.strip() for principal in named[1].split(","))


def condition(templates: str, known: list[str], analysts: str, pipeline: str) -> str:
    """Return the condition in Azure's language, on one line; ``known`` are the identities."""
    all_roles = sorted(roles(templates).values())
    to = [
        _among("Request", "PrincipalId", known)
        if known
        else f"@Request[{_OF}:PrincipalType] ForAnyOfAnyValues:StringEqualsIgnoreCase "
        "{'ServicePrincipal'}"
    ]
    for parameter, principal in (("analystGroupId", analysts), ("pipelinePrincipalId", pipeline)):
        own_roles = roles_of(templates, parameter)
        if own_roles:
            is_principal = _among("Request", "PrincipalId", [principal])
            has_role = _among("Request", "RoleDefinitionId", own_roles)
            to.append(f"({has_role} AND {is_principal})")
    write = f"{_among('Request', 'RoleDefinitionId', all_roles)} AND ({' OR '.join(to)})"
    delete = _among("Resource", "RoleDefinitionId", all_roles)
    return " AND ".join(
        f"((!(ActionMatches{{'{_OF}/{action}'}})) OR ({holds}))"
        for action, holds in (("write", write), ("delete", delete))
    )


def _among(source: str, attribute: str, ids: list[str]) -> str:
    return f"@{source}[{_OF}:{attribute}] ForAnyOfAnyValues:GuidEquals {{{', '.join(ids)}}}"


def main(arguments: list[str]) -> int:
    """Print the condition; return 1 if the arguments are not enough for it."""
    file, outputs, assignment, analysts, pipeline = arguments
    try:
        templates = Path(file).read_text(encoding="utf-8")
        known = identities(
            *(json.loads(Path(name).read_text(encoding="utf-8")) for name in (outputs, assignment))
        )
        print(condition(templates, known, analysts, pipeline))
    except (OSError, ValueError, ConditionError) as error:
        print(f"condition.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

#!/usr/bin/env -S python3 -I -S
"""A fake `az`: it writes down what it is asked, and remembers what was made.

It knows the calls of bootstrap.sh and sign-in.sh, by the words that they begin with, and answers
them as the queries would. Without site packages, for it starts a hundred times.
"""

import json
import os
import sys
from pathlib import Path

TREE = Path(os.environ.get("TREE", "."))
STATE = TREE / "state.json"
ARGUMENTS = sys.argv[1:]
LINE = " ".join(ARGUMENTS)


def value(option: str) -> str:
    return ARGUMENTS[ARGUMENTS.index(option) + 1] if option in ARGUMENTS else ""


def body(option: str) -> dict:
    return json.loads(Path(value(option).removeprefix("@")).read_text())


def merged(old: dict, new: dict) -> dict:
    """As Graph merges: objects by property, everything else replaced."""
    both = {name: merged(old[name], new[name]) for name in old.keys() & new.keys()
            if isinstance(old[name], dict) and isinstance(new[name], dict)}  # fmt: skip
    return old | new | both


def checks(state: dict) -> str:
    if value("--http-method") == "POST":
        state["checks"].append(body("--in-file") | {"id": len(state["checks"]) + 1})
    elif value("--http-method") == "PATCH":
        [number] = [one.removeprefix("id=") for one in ARGUMENTS if one.startswith("id=")]
        state["checks"][int(number) - 1] |= body("--in-file")
    else:
        [wanted] = [one[11:] for one in ARGUMENTS if one.startswith("resourceId=")]
        return json.dumps(
            {"value": [one for one in state["checks"] if one["resource"]["id"] == wanted]}
        )
    return ""


def environments(state: dict) -> str:
    if value("--http-method") == "POST":
        name = body("--in-file")["name"]
        state["made"].append(f"environment {name}")
        return f"env-{name}"
    [name] = [one[5:] for one in ARGUMENTS if one.startswith("name=")]
    return f"env-{name}" if f"environment {name}" in state["made"] else ""


def graph(state: dict) -> str:
    if "appRoleAssignedTo" in LINE:
        if value("--method") == "POST":
            state["made"].append("role of the group")
        return "assigned" if "role of the group" in state["made"] else ""
    if "identities" in LINE:
        return "svc.build"
    if value("--method") == "PATCH":
        state["application"] = merged(state["application"], body("--body"))
    return json.dumps(state["application"])


def assignment(state: dict) -> str:
    if LINE.startswith("role assignment list"):
        return json.dumps(state["assignments"].get(value("--role")))
    if LINE.startswith("role assignment create"):
        made = {"role": value("--role"), "condition": value("--condition") or None}
        state["assignments"][value("--role")] = made
    else:
        changed = body("--role-assignment")
        state["assignments"][changed["role"]] = changed
    return ""


def deployment(state: dict) -> str:
    found = state["deployment"]
    if LINE.startswith("deployment group list"):
        return "sheriff" if found else ""
    if found["outputs"] == "FAIL":
        sys.exit(1)
    return json.dumps(found["outputs"])


def variables(state: dict) -> str:
    if LINE.startswith("pipelines variable-group create"):
        given = ARGUMENTS[ARGUMENTS.index("--variables") + 1 :]
        state["variables"] = dict(one.split("=", 1) for one in given if "=" in one)
    elif LINE.startswith("pipelines variable-group variable list"):
        return json.dumps({name: {"value": one} for name, one in state["variables"].items()})
    elif LINE.startswith("pipelines variable-group list"):
        return "5" if state["variables"] else ""
    else:
        state["variables"][value("--name")] = value("--value")
    return ""


def endpoint(state: dict) -> str:
    if " create " in LINE:
        given = body("--service-endpoint-configuration")["authorization"]["parameters"]
        state["connection"] = {"client": given["serviceprincipalid"]}
        return "connection"
    if "Issuer" in LINE:
        return "issuer"
    if "Subject" in LINE:
        return os.environ.get("SUBJECT", "subject")
    found = state["connection"]
    return "" if not found else found["client"] if "serviceprincipalid" in LINE else "connection"


def credential(state: dict) -> str:
    if " list " not in LINE:
        state["credential"] = {"issuer": value("--issuer"), "subject": value("--subject")}
        return ""
    return state["credential"].get("issuer" if ".issuer" in LINE else "subject", "")


def permission(state: dict) -> str:
    if "namespace show" in LINE:
        return "4"
    if "permission update" in LINE:
        state["allowed"] = int(value("--allow-bit"))
    return str(state["allowed"])


def thing(state: dict) -> str:
    """Things that are there once they were created, by the words before the options."""
    words = LINE.split(" --")[0].split()
    kind, named = " ".join(words[:-1]), value("--name") or value("--display-name")
    if kind == "identity" and words[-1] == "list":
        known = "identity" in state["made"]
        return ("client" if "clientId" in LINE else "principal") if known else ""
    if kind in {"ad sp", "ad group", "ad app", "identity"}:
        named = ""
    key = f"{kind} {named}".strip()
    answers = {"ad app": "appId-1", "ad sp": "id-sp", "ad group": "id-group", "identity": "client"}
    if words[-1] == "create":
        state["made"].append(key)
    elif key not in state["made"]:
        return "false" if words[-1] == "exists" else ""
    return "true" if words[-1] == "exists" else answers.get(kind, f"id-{named}")


def policy(state: dict) -> str:
    types = {"approver-count": "fa4e907d", "build": "0609b952"}
    if LINE.startswith("repos policy list"):
        found = [one for kind, one in types.items() if one in LINE and kind in state["policies"]]
        return "9" if found else ""
    state["policies"].append(ARGUMENTS[2])
    return ""


ANSWERS = {
    "account show": lambda state: "tenant",
    "ad app": thing,
    "ad group": thing,
    "ad sp": thing,
    "deployment group": deployment,
    "devops invoke --area PipelinesChecks": checks,
    "devops invoke --area distributedtask": environments,
    "devops project show": lambda state: "project",
    "devops security permission": permission,
    "devops service-endpoint": endpoint,
    "group": thing,
    "identity federated-credential": credential,
    "identity": thing,
    "pipelines pool list": lambda state: "3",
    "pipelines variable-group": variables,
    "pipelines": thing,
    "provider register": lambda state: state["made"].append(value("--namespace")) or "",
    "provider list": lambda state: "\n".join(one.lower() for one in state["made"]),
    "repos policy": policy,
    "repos show": lambda state: "repository",
    "rest": graph,
    "role assignment": assignment,
}
EMPTY = {"made": [], "checks": [], "application": {}, "assignments": {}, "variables": {},
         "connection": {}, "credential": {}, "deployment": {},
         "allowed": 0, "policies": []}  # fmt: skip


def main() -> None:
    """Answer one call."""
    with (TREE / "asked").open("a") as asked:
        asked.write(LINE.replace("\n", " ") + "\n")
    remembered = json.loads(STATE.read_text()) if STATE.exists() else EMPTY
    answer = next(found for words, found in ANSWERS.items() if LINE.startswith(words))(remembered)
    STATE.write_text(json.dumps(remembered))
    if answer and value("--output") != "none":
        print(answer)


if __name__ == "__main__":
    main()

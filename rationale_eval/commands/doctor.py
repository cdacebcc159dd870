"""`rationale-eval doctor`."""

from __future__ import annotations

from dataclasses import asdict

import typer

from rationale_eval.commands import options, output


def doctor(workspace: options.Workspace = None, as_json: options.AsJson = False) -> None:
    """Say what works on this machine and how to mend the rest.

    Exits with 0 when everything needed is there, else with 1.
    """
    from rationale_eval.verbs.doctor import doctor as look

    checks = look(options.workspace_path(workspace))
    missing = [check.name for check in checks if check.state == "missing"]
    rows = [
        {"": check.state, "what": check.name, "found": f"{check.found}; {check.mend}" if check.mend else check.found}
        for check in checks
    ]
    if as_json:
        output.show([], as_json=True, value={"works": not missing, "checks": [asdict(check) for check in checks]})
    else:
        output.show(rows)
    if missing:
        output.say(f"rationale-eval: not everything needed works: {', '.join(missing)}.")
        raise typer.Exit(1)

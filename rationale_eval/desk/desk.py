"""The desk: all that a page does to a workspace goes through here, where it is allowed or refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rationale_eval.desk import workers
from rationale_eval.desk.access import Access
from rationale_eval.desk.listing import SHARED
from rationale_eval.desk.warm.client import Warm
from rationale_eval.verbs.run_list import Listed
from rationale_eval.workspace import control
from rationale_eval.workspace.run import Run
from rationale_eval.workspace.runs import Workspace
from rationale_eval.workspace.status import State


class Desk:
    """One workspace and what this person may do with it.

    Args:
        workspace: The workspace.
        access: Who asks.
        warm: The process that knows models and recipes, shared by all pages; made when needed.
    """

    def __init__(self, workspace: Workspace, access: Access | None = None, warm: Warm | None = None):
        self.workspace, self.access = workspace, access or Access()
        self.warm = warm or Warm(workspace.path)

    # Looking

    def runs(
        self,
        *,
        kind: str | None = None,
        states: Sequence[State] = (),
        group: str | None = None,
        deleted: bool = False,
        limit: int | None = None,
    ) -> list[Listed]:
        """Runs, newest first; see `list_runs`."""
        return SHARED.runs(self.workspace, states, kind=kind, group=group, deleted=deleted, limit=limit)

    def run(self, id: str) -> Run:
        """A run by its whole id.

        Raises:
            UsageError: If there is none.
        """
        return self.workspace.get(id)

    # Changing

    def launch(self, job: Mapping[str, Any], **placing: Any) -> Run:
        """Checks a job and puts it into the queue, and sees to it that somebody works on the queue.

        Args:
            job: Fields of a job record, `kind` among them.
            placing: `title`, `group`, `priority`, `parent`.

        Returns:
            The queued run.

        Raises:
            UsageError: For names that do not exist, things that do not go together, a full queue.
            InputError: For data that cannot be used.
            NotAllowed: In a read-only dashboard.
        """
        self.access.require_change("start a run")
        self._require_offered(job)
        made = self.warm.call("submit", job=dict(job), placing={"owner": self.access.user, **placing})
        self.keep_working()
        return self.run(made["id"])

    def launch_many(
        self, job: Mapping[str, Any], seeds: Sequence[int], grid: Mapping[str, Sequence[Any]]
    ) -> tuple[str, list[tuple[str, str]]]:
        """Queues every configuration of a grid with every seed as one group; see `verbs.sweep.train_many`.

        Returns:
            The group's name; and of every member its title and what happens to it.

        Raises:
            UsageError: For what cannot be done, or a queue without room for all; nothing is queued then.
            NotAllowed: In a read-only dashboard.
        """
        self.access.require_change("start a run")
        self._require_offered(job)
        for name, each in grid.items():
            for value in each:
                self._require_offered({name: value})
        values = {name: list(each) for name, each in grid.items()}
        made = self.warm.call("sweep", job=dict(job), seeds=list(seeds), grid=values, owner=self.access.user)
        self.keep_working()
        return made["group"], [(title, event) for title, event in made["members"]]

    def cancel(self, id: str) -> None:
        """Asks a run to stop; it keeps its last checkpoint. Returns at once.

        Raises:
            RationaleEvalError: If its process is out of reach.
            NotAllowed: In a read-only dashboard.
        """
        self.access.require_change("cancel a run")
        control.cancel(self.run(id), by=self.access.user, wait=False)
        self.keep_working()  # a worker ends it should it not end by itself

    def resume(self, id: str) -> None:
        """Puts a stopped run into the queue again.

        Raises:
            UsageError: If it is in no state to go on.
            NotAllowed: In a read-only dashboard.
        """
        self.access.require_change("resume a run")
        control.resume(self.run(id))
        self.keep_working()

    def retry(self, id: str, changes: Mapping[str, str] | None = None) -> Run:
        """Asks for the same as a run once more, with changes given as text; see `verbs.jobs.retry`.

        Raises:
            UsageError: If something of that name cannot be set, or the job cannot be done.
            NotAllowed: In a read-only dashboard.
        """
        self.access.require_change("start a run")
        self._require_offered(changes or {})
        made = self.warm.call("retry", id=id, changes=dict(changes or {}), placing={"owner": self.access.user})
        self.keep_working()
        return self.run(made["id"])

    def delete(self, id: str) -> None:
        """Moves a run to the trash, from which `restore` brings it back.

        Raises:
            UsageError: If somebody works on it.
            NotAllowed: In a read-only dashboard.
        """
        self.access.require_change("delete a run")
        control.delete(self.run(id), by=self.access.user)
        SHARED.forget()

    def restore(self, id: str) -> Run:
        """Brings a deleted run back.

        Raises:
            UsageError: If it is not in the trash.
            NotAllowed: In a read-only dashboard.
        """
        self.access.require_change("restore a run")
        found = control.restore(self.workspace, id)
        SHARED.forget()
        return found

    def _require_offered(self, job: Mapping[str, Any]) -> None:
        from rationale_eval.desk.confine import require_offered  # which looks through this desk

        require_offered(self, job)

    def keep_working(self) -> None:
        """Has a worker serve the queue until it is empty; a detached process, which outlives the dashboard."""
        SHARED.forget()  # what changed is seen at once
        workers.of(self.workspace.path).ensure()

    def look_after_queue(self) -> str | None:
        """The same while something waits and nobody saw to it, for example after a restart of the machine; asked often.

        Returns:
            Why the queue does not move, or None.
        """
        return None if self.access.read_only else workers.of(self.workspace.path).look_after()

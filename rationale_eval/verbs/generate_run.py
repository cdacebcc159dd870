"""A generation as a run: completions are added as they are made, and going on makes only what is missing."""

from __future__ import annotations

import json
import statistics
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rationale_eval import durable
from rationale_eval.data.dataset import RationaleDataset
from rationale_eval.data.example import Example
from rationale_eval.data.load import load_dataset
from rationale_eval.errors import InputError, UsageError
from rationale_eval.models.card import stored_template
from rationale_eval.models.decoding import Decoding
from rationale_eval.models.endpoint import PREFIX, Endpoint, check_endpoint, read_config
from rationale_eval.models.source import find
from rationale_eval.points import reached
from rationale_eval.rationales.asking import Asking, Writer
from rationale_eval.rationales.choosing import best
from rationale_eval.rationales.completion import Completion, CompletionFile, read_completions
from rationale_eval.rationales.remote import RemoteGeneration
from rationale_eval.rationales.shots import draw_shots
from rationale_eval.rationales.template import DEFAULT, OWN, TEMPLATES, Template, no_template, read_template
from rationale_eval.training.progress import progress as bar
from rationale_eval.verbs.attempt import attempt
from rationale_eval.verbs.beats import Shown, beating, counted, silently
from rationale_eval.verbs.checked import Checked, require_same
from rationale_eval.verbs.generate_job import GenerateConfig
from rationale_eval.verbs.job import DTYPES, Progress, placed, require_model, workspace_of
from rationale_eval.workspace.runs import Run, Workspace

FOLDER: Final = "texts"
"""Where in a run folder the completions lie."""

COMPLETIONS: Final = "completions.jsonl"
_ODD: Final = {
    "filtered": "were withheld or cut by the endpoint's filter",
    "malformed": "are missing, since the endpoint's answers to these prompts cannot be read",
    "unknown": "end for a reason of the endpoint's that is not known here, and do not count as complete",
}

ABOUT: Final = "about.json"
"""What all completions of a folder have in common: prompt, model, how it was asked."""


@dataclass(frozen=True, slots=True)
class Asked(Checked[GenerateConfig]):
    """A generation that was checked as far as that goes without loading its model.

    Args:
        shots: Solved examples of the prompt.
        template: What the model is shown.
    """

    shots: list[Example]
    template: Template

    @property
    def fingerprint(self) -> str:
        """Content hash of the data and of the solved examples."""
        return durable.digest([self.data.fingerprint(), [[one.id, self.template.shot(one)] for one in self.shots]])


def check(job: GenerateConfig, workspace: Workspace) -> Asked:
    """Checks a generation without loading its model.

    Raises:
        UsageError: For names that do not exist, too few solved examples, and things that do not go together.
        InputError: For data that cannot be used.
    """
    if job.draws > 1 and job.temperature == 0:
        raise UsageError("without a temperature all draws are the same; give --temperature, or leave out --draws.")
    job = job.resolved(workspace)
    if job.model.startswith(PREFIX):
        check_endpoint(job.model, job.endpoint, job.request)
    elif job.endpoint is not None or job.request:
        raise UsageError(
            f"--endpoint and --request are for a model behind an address; name it as --model {PREFIX}NAME, or leave "
            "them out."
        )
    else:
        require_model(job.model)
    template = _template(job, workspace)
    data = load_dataset(job.data, job.split, job.limit, job.mapping or None, sample=job.sample)
    if data.task.kind == "open":
        raise UsageError(f"the task '{data.task.name}' has open answers; these prompts are for tasks with choices.")
    count = template.shots if job.shots is None else job.shots
    return Asked(job, data, _shots(job, data, count), template)


def _template(job: GenerateConfig, workspace: Workspace) -> Template:
    """The prompt that is named, or the model's own, or few-shot.

    Raises:
        UsageError: If there is no such prompt, or the model has none of its own.
    """
    if job.prompt is not None and job.prompt != OWN:
        return TEMPLATES[job.prompt]
    # A model that was not trained here has no prompt of its own; its folder need not even be at hand.
    here = job.model.startswith("run:") or Path(job.model).is_dir()
    record = stored_template(find(job.model, workspace.path).folder) if here else None
    if record is not None:
        return read_template(record)
    if job.prompt == OWN:
        raise UsageError(no_template(job.model))
    return TEMPLATES[DEFAULT]


def _shots(job: GenerateConfig, data: RationaleDataset, count: int) -> list[Example]:
    if not count:
        return []
    try:
        source = load_dataset(job.data, job.shots_from, mapping=job.mapping or None)
    except (UsageError, InputError) as error:
        raise UsageError(
            f"the {count} solved examples of the prompt cannot be drawn from the split '{job.shots_from}' ({error}); "
            "name another with --shots-from, or give --shots 0."
        ) from error
    return draw_shots(source, count, job.seed, apart=frozenset(example.id for example in data))


def generate_run(
    config: GenerateConfig,
    *,
    workspace: Workspace | None = None,
    progress: Progress | None = None,
    about: Mapping[str, Any] | None = None,
) -> Run:
    """Has a model write rationales, in a run of its own.

    Args:
        config: What to do.
        workspace: Where runs are kept; the default workspace when None.
        progress: Shows progress.
        about: title, owner, group, parent of the run.

    Raises:
        UsageError: For names that do not exist and things that do not go together.
        InputError: For data that cannot be used.
    """
    place = workspace or Workspace()
    checked = check(config, place)
    writer = _writer(checked, place)
    run = checked.new_run(place, about)
    with attempt(run):
        _work(run, writer, checked, progress)
    return run


def work(run: Run, *, shown: Shown = bar) -> None:
    """Goes on with a generation that this process owns; texts that are there already are not made again.

    Args:
        run: The run.
        shown: Shows progress.

    Raises:
        RationaleEvalError: If it cannot be done.
    """
    place = workspace_of(run)
    checked = check(placed(GenerateConfig(**run.config), run), place)
    require_same(run, checked.fingerprint)
    _work(run, _writer(checked, place), checked, counted(shown))


def _writer(checked: Asked, place: Workspace) -> Writer:
    job = checked.job
    how = Decoding(job.max_tokens, job.temperature, job.top_p, checked.template.stop)
    if job.model.startswith(PREFIX):
        assert job.endpoint is not None
        endpoint = Endpoint(job.model, job.endpoint, read_config(job.request))
        asking = Asking(checked.template, how, shots=checked.shots, draws=job.draws, seed=job.seed)
        return RemoteGeneration(endpoint, asking)
    # Takes seconds to import, and an endpoint needs none of it.
    from rationale_eval.models.load import load_model
    from rationale_eval.rationales.generation import Generation

    model = load_model(
        job.model, task=checked.data.task, device=job.device, dtype=DTYPES[job.precision], workspace=place.path
    )
    return Generation(
        model,
        checked.template,
        how,
        shots=checked.shots,
        draws=job.draws,
        seed=job.seed,
        batch_size=job.batch_size,
        share=job.share_prefix,
    )


def _work(run: Run, writer: Writer, checked: Asked, progress: Progress | None) -> None:
    job = checked.job
    made = write(writer, checked.data, run.folder / FOLDER, beating(run, progress), keep=job.keep)
    completions = list(read_completions(run.folder / FOLDER / COMPLETIONS))
    rows = [summary(completions)]
    if job.draws > 1:
        rows = [{"of each prompt": f"all {job.draws} draws", **rows[0]}]
        if job.keep == "best":
            rows.append({"of each prompt": "the best", **summary(best(completions))})
    run.write_summary({"texts": rows} | made)


def write(
    writer: Writer, data: RationaleDataset, folder: Path, show: Progress = silently, *, keep: str = "best"
) -> dict[str, Any]:
    """Makes what is missing in a folder of completions.

    Args:
        writer: Who writes.
        data: Of what.
        folder: Where; made when missing.
        show: Shows progress.
        keep: What an evaluation takes of several draws; see `GenerateConfig`.

    Returns:
        Seconds and tokens of this pass.

    Raises:
        UsageError: If the folder holds texts that were asked for otherwise.
    """
    durable.make_folder(folder)
    _require_alike(folder / ABOUT, writer.about(), {"keep": keep})
    began, tokens, texts = time.perf_counter(), 0, 0
    file = CompletionFile(folder / COMPLETIONS)
    try:
        with show("writing", writer.asking.count(data)) as step:
            step(len(file.keys))
            for batch in writer.run(data, frozenset(file.keys)):
                file.add(batch)
                reached("texts.added")
                tokens, texts = tokens + sum(one.tokens for one in batch), texts + len(batch)
                step(len(batch))
    finally:
        file.close()
    return {"made": texts, "tokens": tokens, "seconds": round(time.perf_counter() - began, 3)}


def _require_alike(path: Path, wanted: dict[str, Any], beside: dict[str, Any]) -> None:
    if not path.exists():
        durable.write_json(path, wanted | beside)
        return
    found = json.loads(path.read_text(encoding="utf-8"))
    other = [name for name, value in wanted.items() if found.get(name) != value]
    if other:
        raise UsageError(
            f"{path.parent} holds texts made with another {' and '.join(other)}; choose another folder or a new run."
        )


def summary(completions: Iterable[Completion]) -> dict[str, Any]:
    """How many texts there are and in which shape; shares are of all texts, `correct` of those that can be judged."""
    found = list(completions)
    judged = [one.correct for one in found if one.correct is not None]
    lengths = [one.tokens for one in found if one.tokens]
    return {
        "texts": len(found),
        "complete": _share([one.complete for one in found]),
        "in the form": _share([one.format_ok for one in found]),
        "empty": sum(not one.rationale for one in found),
        "did not fit": sum(one.finish == "too_long" for one in found),
        "answers read": sum(one.answer is not None and one.choice is None for one in found),
        "correct of these": _share(judged),
        "median tokens": statistics.median(lengths) if lengths else None,
    }


def remarks(job: GenerateConfig, completions: Iterable[Completion]) -> list[str]:
    """What a reader of the summary should know, each in a sentence."""
    found = list(completions)
    count = Counter(one.finish for one in found)
    said = []
    if count["too_long"]:
        said.append(
            f"{count['too_long']} prompts do not fit the model's context together with the tokens to be written, and "
            "got no text; fewer --shots or a smaller --max-tokens make room"
        )
    for finish, what in _ODD.items():
        if count[finish]:
            said.append(f"{count[finish]} texts {what}")
    # Without a name it is a model's own or few-shot, and both ask for an answer.
    asked = job.prompt in (None, OWN) or TEMPLATES[str(job.prompt)].own_answer
    if asked and found and not any(one.answer is not None for one in found):
        said.append(
            "no answer can be read from any text, so how many are right is not defined, nor is any score that needs an "
            "answer; the texts are kept as they were written"
        )
    return said


def _share(marks: list[bool]) -> float | None:
    return sum(marks) / len(marks) if marks else None

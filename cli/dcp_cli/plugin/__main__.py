"""`kubectl dcp`: kubectl finds it on the PATH as kubectl-dcp."""

from __future__ import annotations

import re
from collections.abc import Mapping

import click

from dcp_cli.errors import CommandFailed, exits
from dcp_cli.options import F, duration_of, json_option, print_json, reject_filters, some_or_all
from dcp_cli.plugin.kubectl import PIPELINES, TASKS, Kubectl
from dcp_pipeline.process.exit_codes import DONE, FAILED
from dcp_pipeline.spec.part import LABEL_PATTERN

_COMPONENTS = {
    "all": "",
    "fetcher": ",app.kubernetes.io/component=fetcher",
    "worker": ",app.kubernetes.io/component=worker",
}


@click.group(
    epilog="""\b
Exit codes are those of `dcp` in the cluster: 0 done · 1 failed, or the books don't balance · 2 usage
124 --timeout is over, the task goes on · 130 interrupted, the task goes on
""",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)  # fmt: skip
@click.option("-n", "--namespace", help="The pipeline's namespace; as kubectl has it.")
@click.option("--context", help="Of the kubeconfig; as kubectl has it.")
@click.option("--kubeconfig", help="As kubectl has it.")
@click.pass_context
def main(context_: click.Context, namespace: str | None, context: str | None, kubeconfig: str | None) -> None:
    """Look at data cleaning pipelines, and have things done with them: in the cluster, with the pipeline's own
    Secrets. What is asked becomes a DataCleaningTask (kubectl get dct), which the operator runs; no password leaves
    the cluster.

    \b
    Start here:
      kubectl dcp status botnet -n demo            ready? what is wrong? the books
      kubectl dcp verify botnet -n demo            recompute the books from the table alone
      kubectl dcp rejects botnet -n demo           what was refused, and why
      kubectl dcp scale explain botnet -n demo     why so many workers
      kubectl dcp logs botnet -n demo -f           of fetcher and workers
    """
    given = {"--namespace": namespace, "--context": context, "--kubeconfig": kubeconfig}
    context_.obj = Kubectl(tuple(f"{name}={value}" for name, value in given.items() if value))


def _pipeline(command: F) -> F:
    """NAME, and the options of kubectl behind the command too, where people write them."""

    def checked(context: click.Context, parameter: click.Parameter, value: str) -> str:
        # kubectl takes what begins with a dash for an option of its own, and a comma ends a label.
        if not re.fullmatch(LABEL_PATTERN, value):
            raise click.BadParameter(f"{value[:80]!r} is no name of a pipeline")
        return value

    def keep(context: click.Context, parameter: click.Parameter, value: str | None) -> None:
        if value:
            kubectl: Kubectl = context.obj
            context.obj = Kubectl((*kubectl.options, f"--{parameter.name}={value}"))

    for option in (
        click.option("--kubeconfig", expose_value=False, callback=keep, hidden=True),
        click.option("--context", expose_value=False, callback=keep, hidden=True),
        click.option("-n", "--namespace", expose_value=False, callback=keep, help="The pipeline's namespace."),
        click.argument("name", callback=checked),
    ):
        command = option(command)
    return command


def _task(command: F) -> F:
    """What every command that makes a task has."""
    for option in (
        json_option,
        click.option("--no-wait", is_flag=True, help="Only make the task: kubectl get dct shows what comes of it."),
        click.option("--timeout", default="30m", show_default=True, help="How long to wait; the task goes on."),
    ):
        command = option(command)
    return _pipeline(command)


def _ask(name: str, what: str, words: Mapping[str, object], output: str, timeout: str, no_wait: bool) -> int:
    from dcp_cli.plugin.asking import ask

    kubectl: Kubectl = click.get_current_context().obj
    return ask(kubectl, name, what, words, output, duration_of("timeout", timeout), not no_wait)


@main.command()
@_pipeline
@json_option
@exits
def status(name: str, output: str) -> int:
    """How a pipeline is, by its resource, and which of its tasks went wrong; 1 where it is not ready."""
    from dcp_cli.plugin.shown import is_ready, show_status, show_tasks
    from dcp_cli.shown.say import say

    kubectl: Kubectl = click.get_current_context().obj
    pipeline = kubectl.get(PIPELINES, name)
    if output == "json":
        print_json(pipeline.get("status") or {})
        return DONE if is_ready(pipeline) else FAILED
    ready = show_status(pipeline)
    try:
        show_tasks(name, kubectl.here(TASKS))
    except CommandFailed as error:
        say(f"its tasks are not known: {error}")
    return DONE if ready else FAILED


@main.command()
@_task
@click.option("--since", metavar="TIME", help="Only objects that changed in the last so long (24h), or are not done.")
@exits
def verify(name: str, since: str | None, output: str, timeout: str, no_wait: bool) -> int:
    """Recompute the books from the table alone, and name every object that does not balance."""
    return _ask(name, "verify", {"since": since}, output, timeout, no_wait)


@main.command()
@_task
@reject_filters
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True, help="Rejects to show.")
@exits
def rejects(
    name: str, code: str | None, field: str | None, source: str | None, object_id: str | None, replaced: bool,
    limit: int, output: str, timeout: str, no_wait: bool,
) -> int:  # fmt: skip
    """What was refused: where each stands in its source, the rule, the reason, its bytes."""
    words = {"code": code, "field": field, "source": source, "object": object_id, "replaced": replaced, "limit": limit}
    return _ask(name, "rejects", words, output, timeout, no_wait)


@main.command()
@_task
@reject_filters
@exits
def replay(
    name: str, code: str | None, field: str | None, source: str | None, object_id: str | None, replaced: bool,
    output: str, timeout: str, no_wait: bool,
) -> int:  # fmt: skip
    """Clean rejects again by the spec as it is now."""
    words = {"code": code, "field": field, "source": source, "object": object_id, "replaced": replaced}
    return _ask(name, "replay", words, output, timeout, no_wait)


@main.command()
@_task
@click.option("--records", type=click.IntRange(1, 1000), default=20, show_default=True, help="Records to show.")
@exits
def preview(name: str, records: int, output: str, timeout: str, no_wait: bool) -> int:
    """The first records before and after cleaning. Writes nothing."""
    return _ask(name, "preview", {"records": records}, output, timeout, no_wait)


@main.group()
def dead() -> None:
    """Batches that were given up."""


@dead.command("requeue")
@_task
@some_or_all("batches", "dead batches", "batches")
@exits
def dead_requeue(name: str, batches: tuple[str, ...], every: bool, output: str, timeout: str, no_wait: bool) -> int:
    """Give dead batches another life: their attempts start anew."""
    return _ask(name, "requeue", {"all": every, "batches": list(batches) or None}, output, timeout, no_wait)


@main.command()
@_task
@some_or_all("objects", "that are held", "objects")
@exits
def release(name: str, objects: tuple[str, ...], every: bool, output: str, timeout: str, no_wait: bool) -> int:
    """Have objects that are held (expect.whenRejected: hold) tried again, and judged no more."""
    return _ask(name, "release", {"all": every, "objects": list(objects) or None}, output, timeout, no_wait)


@main.command()
@_pipeline
@click.option("--component", type=click.Choice(list(_COMPONENTS)), default="all", show_default=True)
@click.option("-f", "--follow", is_flag=True, help="Go on as lines come.")
@click.option("--tail", type=click.IntRange(0), default=50, show_default=True, help="Last lines of each pod.")
@exits
def logs(name: str, component: str, follow: bool, tail: int) -> int:
    """The log of a pipeline's pods, each line with its pod's name."""
    kubectl: Kubectl = click.get_current_context().obj
    selector = f"app.kubernetes.io/name=datacleaningpipeline,app.kubernetes.io/instance={name}{_COMPONENTS[component]}"
    more = ["--follow", "--max-log-requests=50"] if follow else []
    kubectl.get(PIPELINES, name)
    kubectl.become(["logs", f"--selector={selector}", "--prefix", f"--tail={tail}", *more])


@main.command("store-anew")
@click.option("--crd", multiple=True, default=(PIPELINES,), show_default=True, help="Whose resources.")
@exits
def store_anew(crd: tuple[str, ...]) -> int:
    """Have the API server store every pipeline in the present version of the API, before a release that knows the
    earlier one no more. Changes no pipeline. Wants the rights to patch pipelines and the CRD's status."""
    from dcp_cli.plugin.storing import store_anew as each_anew

    kubectl: Kubectl = click.get_current_context().obj
    return max(each_anew(kubectl, name) for name in crd)


@main.group()
def scale() -> None:
    """How many workers there are."""


@scale.command("explain")
@_pipeline
@exits
def scale_explain(name: str) -> int:
    """Why there are as many workers as there are: the last decision, its reason, the bounds."""
    from dcp_cli.plugin.shown import explain_scaling

    explain_scaling(click.get_current_context().obj.get(PIPELINES, name))
    return DONE


def run() -> None:
    """As kubectl calls it."""
    main(prog_name="kubectl dcp")


if __name__ == "__main__":
    run()

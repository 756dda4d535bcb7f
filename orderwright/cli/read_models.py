"""`rebuild-read-models`: the tables behind the lists, folded anew from the log."""

from orderwright import bootstrap
from orderwright.cli.options import DEFAULT_DATA, ConfigOption, DataOption, JsonOption, existing_installation
from orderwright.cli.output import print_json, say
from orderwright.cli.progress import counted
from orderwright.readmodels.projections import Progress


def rebuild_read_models(
    *, data: DataOption = DEFAULT_DATA, config: ConfigOption = None, json: JsonOption = False
) -> None:
    """Fold the tables behind the lists (orders, positions, trades, signals) anew from the whole log.

    Nothing is lost by it: the log says it all. Works while the engine runs, whose lists are incomplete until it is
    done, and without it.

        orderwright rebuild-read-models --data data
    """
    place = existing_installation(data, config)
    with counted() as bar:
        task = bar.add_task("folding the log")

        def show(progress: Progress) -> None:
            bar.update(task, completed=progress.position, total=progress.head)

        position = bootstrap.rebuild_read_models(place, show)
    if json:
        print_json({"position": position})
        return
    say(f"The lists were folded anew, up to position {position} of the log.")

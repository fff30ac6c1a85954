"""`simulate`: run a case definition in virtual time."""

from pathlib import Path
from typing import Annotated

import typer

from cli.options import JsonOption


def simulate(
    definition: Annotated[
        str, typer.Argument(metavar="NAME|FILE", help="A name in the catalog, or a file.")
    ],
    items: Annotated[
        int, typer.Option("--items", metavar="NUMBER", min=1, help="Number of Cases that arrive.")
    ] = 1000,
    days: Annotated[
        float,
        typer.Option(
            "--days", metavar="NUMBER", min=0.01, max=36_500, help="Days in which they arrive."
        ),
    ] = 90,
    plan: Annotated[
        Path | None,
        typer.Option(
            "--plan", metavar="FILE", help="The assumptions; see docs/guide/simulation.md."
        ),
    ] = None,
    *,
    seed: Annotated[
        int, typer.Option("--seed", metavar="NUMBER", help="Seed of the random numbers.")
    ] = 0,
    plot: Annotated[
        Path | None,
        typer.Option("--plot", metavar="FILE", help="Also write a picture, .svg or .png."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Simulate a case definition: waiting times, lateness, throughput, load."""
    from rich.progress import Progress

    from catalog.files import read_model
    from catalog.loader import load_terms
    from cli import simulation_report, terminal
    from drawing import canvas, simulation_charts
    from simulation.plan import SimulationPlan
    from simulation.simulator import SimulationSize
    from simulation.simulator import simulate as run
    from starter.settings import read_settings

    if plot is not None:
        canvas.check_image_name(plot)
    terms = load_terms(definition, read_settings().catalog)
    assumptions = (
        SimulationPlan()
        if plan is None
        else read_model(plan, SimulationPlan, lambda read: read.validate_against(terms))
    )
    with Progress(console=terminal.stderr_console(), transient=True) as progress:
        bar = progress.add_task(f"{items} Cases in {days:g} days", total=items)
        extent = SimulationSize(items, days, seed)
        figures = run(terms, assumptions, extent, lambda done: progress.update(bar, completed=done))
    if plot is not None:
        canvas.save_image(simulation_charts.draw_charts(figures), plot)
    if json:
        terminal.print_json(figures)
    else:
        terminal.stdout_console().print(simulation_report.render_results(figures))

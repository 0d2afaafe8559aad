"""`distnet generate`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

import distnet
from distnet.cli.console import spinner
from distnet.cli.options import RUNS, AsJson, Checkpoint, Context, RunOrJob, Runs, Server
from distnet.cli.output import echo, print_json, write_log
from distnet.cli.results.better import say_checkpoint
from distnet.cli.results.find import find_or_fetch
from distnet.spec.plural import counted


def generate(
    run: RunOrJob,
    prompt: Annotated[
        str,
        typer.Option(
            metavar="TEXT",
            help="The beginning. Default: a line break; of music a chord of C major.",
        ),
    ] = "",
    tokens: Annotated[int, typer.Option(min=1, metavar="N", help="How many tokens to make.")] = 500,
    temperature: Annotated[
        float,
        typer.Option(min=0, help="Below 1 prefers likely tokens; 0 always takes the likeliest."),
    ] = 0.8,
    top_k: Annotated[
        int | None, typer.Option(min=1, metavar="K", help="Draw among the K likeliest only.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same text.")] = 0,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Write a file instead: .txt, or .mid (MIDI) where the run learned music.",
        ),
    ] = None,
    checkpoint: Checkpoint = None,
    runs: Runs = RUNS,
    server: Server = None,
    context: Context = None,
    as_json: AsJson = False,
) -> None:
    """Generate text or music with a run's language model, and print it as it is made."""
    folder = find_or_fetch(run, runs, server, context, checkpoint=checkpoint)
    with spinner("reading"):  # torch, which `distnet.load` imports, among others
        network = distnet.load(folder.path, checkpoint=checkpoint)
        if output is not None:
            network.require_file(output)
        pieces = network.generate(
            prompt, tokens=tokens, temperature=temperature, top_k=top_k, seed=seed
        )
    say_checkpoint(folder, network.step)
    facts = {"run": folder.name, "step": network.step, "prompt": prompt, "seed": seed}
    if output is not None:
        network.write(prompt + _made(pieces, tokens), output)
        print_json(facts | {"file": str(output)}) if as_json else echo(f"wrote {output}")
    elif as_json:
        print_json(facts | {"text": "".join(pieces)})
    else:
        _stream(prompt, pieces)


def _made(pieces: Iterator[str], tokens: int) -> str:
    """The whole text, with its progress on stderr."""
    made = []
    with spinner("generating") as status:
        for piece in pieces:
            made.append(piece)
            status.update(f"{len(made):,} of {counted(tokens, 'token')}")
    return "".join(made)


def _stream(prompt: str, pieces: Iterator[str]) -> None:
    """Print each piece when it is made; Ctrl-C leaves the cursor on a line of its own."""
    try:
        write_log(prompt)
        for piece in pieces:
            write_log(piece)
    finally:
        write_log("\n")

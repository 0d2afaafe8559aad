"""What could ever fit: the machines as they are, nobody else on them."""

from distnet.server.book import Book
from distnet.server.errors import InvalidError
from distnet.server.scheduler.fit import why_never
from distnet.server.scheduler.view import Shape
from distnet.server.scheduler.words import amount, some

MOST_NODES = 4


def require_fits(book: Book, shape: Shape, team: str) -> None:
    """Refuse a job that could not start even if it were alone; unknown machines refuse nothing.

    Raises:
        InvalidError: `never_fits`, with the machines that would do.
    """
    record = book.teams.get(team)
    if record is not None:
        for limit, each, what in (
            (record.limit_cpus, shape.cpus, "CPUs"),
            (record.limit_gpus, shape.gpus, "GPUs"),
        ):
            if limit is not None and shape.fewest * each > limit:
                raise InvalidError(
                    f"{shape.fewest} workers with {each} {what} each are {shape.fewest * each} "
                    f"{what}, but the team {team} may never have more than {limit:g}",
                    code="never_fits",
                )
    if book.snapshot is None or not book.snapshot.nodes:
        return
    never = why_never(shape, book.snapshot.nodes)
    if never is not None:
        nodes = book.snapshot.nodes
        found = some((f"{n.name or n.id}: {amount(n.cpus, n.gpus)}" for n in nodes), MOST_NODES)
        raise InvalidError(f"it {never} (there are {found})", code="never_fits")

"""What a user may ask for: whose quota is used, how many jobs, how urgent ones."""

from distnet.server.book import Book
from distnet.server.errors import ForbiddenError, TooManyError
from distnet.server.records import Role, User


def team_of(user: User, wanted: str | None) -> str:
    """Whose quota a job uses: that of its owner's team, if not an admin says otherwise.

    Raises:
        ForbiddenError: `not_your_team`.
    """
    if wanted is None or wanted == user.team or user.role is Role.ADMIN:
        return wanted or user.team
    raise ForbiddenError(
        f"--team: found {wanted}, expected {user.team}: {user.name} is of that team, and only an "
        "admin submits for another one",
        code="not_your_team",
    )


def require_priority(user: User, priority: int, highest: int) -> None:
    """Refuse a priority that is the admins' to give.

    Raises:
        ForbiddenError: `priority_too_high`.
    """
    if priority > highest and user.role is not Role.ADMIN:
        raise ForbiddenError(
            f"priority: found {priority}, expected at most {highest}: only admins give more",
            code="priority_too_high",
        )


def require_few(book: Book, user: User, num_new: int, most: int) -> None:
    """Refuse more jobs than may be open at a time.

    Raises:
        TooManyError: `too_many_jobs`.
    """
    num_open = book.num_open[user.name]
    if num_open + num_new > most:
        raise TooManyError(
            f"{user.name} has {num_open:,} open jobs and asks for {num_new:,} more, but at most "
            f"{most:,} may be open at a time; cancel some, or wait",
            code="too_many_jobs",
        )

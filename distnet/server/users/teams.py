"""Teams: their weights, quotas and limits."""

from dataclasses import asdict

from distnet.server.ledger import events, users
from distnet.server.ledger.records import EventRecord, TeamRecord
from distnet.server.state.mirror import Mirror


def set_team(mirror: Mirror, team: TeamRecord, actor: str, now: float) -> None:
    """Change the weight, quota and limit of a team.

    Args:
        mirror: locked by the caller.
        team: as it is from now on.
        actor: the user who changes it.
        now: Unix time.
    """
    text = f"team {team.name}: weight, quota or limit changed"
    with mirror.writing() as tx:
        users.save_team(tx, team)
        events.append_events(tx, [EventRecord(0, now, "team", None, actor, text, asdict(team))])
    mirror.teams[team.name] = team
    mirror.version += 1

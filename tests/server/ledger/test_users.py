from dataclasses import replace

import pytest

from distnet.protocol.errors import ConflictError
from distnet.server.ledger import Ledger, schedules, usage
from distnet.server.ledger import users as user_rows
from distnet.server.ledger.records import (
    Missed,
    Overlap,
    Role,
    ScheduleRecord,
    TeamRecord,
    Token,
    User,
)

ADA = User(name="ada", role=Role.ADMIN, team="vision", created_at=1.25)
TOKEN = Token(id="a" * 12, user="ada", salt=b"\0salt", hash=b"\xffhash", created_at=2.0)


def test_users_are_read_as_they_were_saved_last(ledger: Ledger) -> None:
    bob = User(name="bob", role=Role.VIEWER, team="audio", created_at=1.5)
    with ledger.transaction() as tx:
        user_rows.save_user(tx, bob)
        user_rows.save_user(tx, ADA)
        user_rows.save_user(tx, replace(bob, role=Role.SUBMITTER))

    with ledger.reading() as tx:
        assert user_rows.read_users(tx) == [ADA, replace(bob, role=Role.SUBMITTER)]
        assert user_rows.read_user(tx, "ada") == ADA
        assert user_rows.read_user(tx, "carl") is None


def test_tokens_are_read_as_they_were_saved_last(ledger: Ledger) -> None:
    used = replace(TOKEN, note="laptop ☃", expires_at=4.0, revoked_at=3.0, used_at=2.5)
    other = replace(TOKEN, id="b" * 12, created_at=1.0, user="bob")
    with ledger.transaction() as tx:
        user_rows.save_user(tx, ADA)
        user_rows.save_user(tx, replace(ADA, name="bob"))
        user_rows.save_token(tx, TOKEN)
        user_rows.save_token(tx, other)
        user_rows.save_token(tx, used)

    with ledger.reading() as tx:
        assert user_rows.read_tokens(tx) == [other, used]
        assert user_rows.read_tokens(tx, "ada") == [used]
        assert user_rows.read_token(tx, used.id) == used
        assert user_rows.read_token(tx, "c" * 12) is None


def test_token_without_a_user_is_refused(ledger: Ledger) -> None:
    with pytest.raises(ConflictError), ledger.transaction() as tx:
        user_rows.save_token(tx, TOKEN)


def test_teams_are_read_as_they_were_saved_last(ledger: Ledger) -> None:
    vision = TeamRecord("vision", 2.0, 8.0, 4.0, 16.0, 0.0)
    with ledger.transaction() as tx:
        user_rows.save_team(tx, vision)
        user_rows.save_team(tx, TeamRecord("a-team"))
        user_rows.save_team(tx, TeamRecord("ab"))
        user_rows.save_team(tx, replace(vision, weight=0.5, limit_gpus=None))

    with ledger.reading() as tx:
        assert user_rows.read_teams(tx) == [
            TeamRecord("a-team"),
            TeamRecord("ab"),
            replace(vision, weight=0.5, limit_gpus=None),
        ]


def test_schedules_are_read_as_they_were_saved_last_until_they_are_deleted(
    ledger: Ledger,
) -> None:
    nightly = ScheduleRecord(
        name="nightly",
        owner="ada",
        request={"spec": "name: x\n", "sets": ["train.epochs=1"], "after": []},
        created_at=1.0,
        cron="0 2 * * *",
        tz="Europe/Vienna",
    )
    once = replace(
        nightly,
        name="once",
        cron=None,
        at=9.0,
        overlap=Overlap.STOP_OLD,
        missed=Missed.ALL,
        is_paused=True,
        next_at=9.0,
        last_at=8.0,
        last_job="x-7",
        num_runs=7,
    )
    with ledger.transaction() as tx:
        schedules.save_schedule(tx, replace(once, num_runs=6))
        schedules.save_schedule(tx, nightly)
        schedules.save_schedule(tx, once)

    with ledger.transaction() as tx:
        assert schedules.read_schedules(tx) == [nightly, once]
        assert schedules.delete_schedule(tx, "once")
        assert not schedules.delete_schedule(tx, "once")

    with ledger.reading() as tx:
        assert schedules.read_schedules(tx) == [nightly]


def test_usage_is_read_as_it_was_saved_last(ledger: Ledger) -> None:
    with ledger.transaction() as tx:
        usage.save_usage(tx, {"user:ada": (1.5, 10.0), "team:vision": (2.5, 10.0)})
        usage.save_usage(tx, {"user:ada": (0.1, 20.0)})
        usage.save_usage(tx, {})

    with ledger.reading() as tx:
        assert usage.read_usage(tx) == {"user:ada": (0.1, 20.0), "team:vision": (2.5, 10.0)}

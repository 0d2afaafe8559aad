"""Ledgers of earlier versions: brought up to date, with everything that they hold."""

from sqlalchemy import select

from distnet.protocol.states import JobState
from distnet.server.ledger import Ledger, allocations, jobs, open_ledger, tables
from distnet.server.ledger.migrate import HEAD, VERSION_TABLE
from distnet.server.ledger.records import AllocationRecord
from tests.server.ledger.records import begin, job, submit

OLD_PROGRESS = {"step": 10, "num_steps": 10, "loss": 0.2, "accuracy": 0.99, "workers": 1}


def downgrade(ledger: Ledger) -> None:
    """Make the ledger one of the first version."""
    with ledger.transaction() as tx:
        for table in ("allocations", "drains", "reservations"):
            tx.exec_driver_sql(f"DROP TABLE {table}")
        tx.exec_driver_sql("ALTER TABLE attempts DROP COLUMN used")
        for name in ("selector", "reservation", "changes", "rungs", "passed_rungs"):
            tx.exec_driver_sql(f"ALTER TABLE jobs DROP COLUMN {name}")
        tx.exec_driver_sql("ALTER TABLE jobs DROP COLUMN trials_at_once")
        for name in ("kept", "code", "ended_at_number", "state_ended_at_number"):
            tx.exec_driver_sql(f"DROP INDEX ix_jobs_{name}")
        tx.exec_driver_sql("CREATE INDEX ix_jobs_state_number ON jobs (state, number)")
        for name in ("at", "by", "for"):
            tx.exec_driver_sql(f"ALTER TABLE users DROP COLUMN blocked_{name}")
        for table in ("jobs", "codes"):
            tx.exec_driver_sql(f"ALTER TABLE {table} DROP COLUMN removed_at")
        tx.exec_driver_sql(f"UPDATE {VERSION_TABLE} SET version_num = '0001'")


def migrated(ledger_url: str) -> dict[str, dict[str, object]]:
    """Open the ledger; returns the progress of all jobs, by name."""
    again = open_ledger(ledger_url)
    with again.reading() as tx:
        found = {job.name: dict(job.progress) for job in jobs.list_jobs(tx, limit=5000)[0]}
    again.close()
    return found


def test_jobs_that_ended_before_show_the_metrics_of_their_last_evaluation(
    ledger: Ledger, ledger_url: str
) -> None:
    results = {
        "digits": {"metrics": {"test_loss": 0.3, "test_accuracy": 0.95}},
        "houses": {"metrics": {"hold_out_loss": 0.3, "hold_out_mae": 2.5}},
        "own": {"metrics": {"test_loss": 0.3, "test_fid": 11.0, "test_my metric": 1.0}},
        "unmeasured": {"metrics": {}},
        "failed": {"error": "no such device", "failure": "bug"},
        "odd": {"metrics": {"../_loss": 1.0, "../_accuracy": 1.0, "test_accuracy": "good"}},
        "nan": {"metrics": {"test_loss": 0.3, "test_accuracy": float("nan")}},
    }
    kept = [
        job(name, state=JobState.FINISHED, progress=OLD_PROGRESS, result=result)
        for name, result in results.items()
    ]
    submit(ledger, *kept, job("waiting"))
    downgrade(ledger)

    found = migrated(ledger_url)

    assert found["digits"] == OLD_PROGRESS | {
        "headline": {"name": "accuracy", "format": "percent", "direction": "higher"},
        "split": "test",
        "metrics": {"loss": 0.3, "accuracy": 0.95},
    }
    assert found["houses"]["headline"] == {"name": "mae", "format": "number", "direction": "lower"}
    assert found["houses"]["split"] == "hold_out"
    assert found["own"]["metrics"] == {"loss": 0.3, "fid": 11.0}
    for name in ("unmeasured", "failed", "odd", "nan"):
        assert found[name] == OLD_PROGRESS
    assert found["waiting"] == {}


def test_migration_changes_nothing_else(ledger: Ledger, ledger_url: str) -> None:
    result = {"metrics": {"test_loss": 0.3, "test_accuracy": 0.95}, "seconds": 1.5}
    names = [f"job-{at}" for at in range(2100)]
    submit(ledger, *(job(name, progress=OLD_PROGRESS, result=result) for name in names))
    with ledger.reading() as tx:
        before = [dict(row._mapping) for row in tx.execute(select(tables.jobs))]
    downgrade(ledger)

    found = migrated(ledger_url)

    assert all(found[name]["metrics"] == {"loss": 0.3, "accuracy": 0.95} for name in names)
    with ledger.reading() as tx:
        after = [dict(row._mapping) for row in tx.execute(select(tables.jobs))]
    new = {"progress": None, "changes": None, "rungs": None}
    assert [row | new for row in after] == [row | new for row in before]


def test_attempts_of_before_count_with_their_last_size(ledger: Ledger, ledger_url: str) -> None:
    submit(ledger, job("digits"))
    begin(ledger, "digits", 1, created_at=100.0, ended_at=400.0)
    begin(ledger, "digits", 2, created_at=500.0, placement={"node-a": 1})
    downgrade(ledger)
    migrated(ledger_url)

    with ledger.reading() as tx:
        found = allocations.allocations_of(tx, ["digits"])

    assert found == [
        AllocationRecord("digits", 1, 100.0, workers=3, ended_at=400.0),
        AllocationRecord("digits", 2, 500.0, workers=1),
    ]


def test_every_migration_ran_on_a_ledger_that_was_made_at_once(ledger: Ledger) -> None:
    with ledger.reading() as tx:
        found = tx.exec_driver_sql(f"SELECT version_num FROM {VERSION_TABLE}").scalar()

    assert found == HEAD

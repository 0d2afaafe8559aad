"""Programs and stacks on the nodes of a job: who may, when, and how the attempt gets them."""

import pytest

from distnet.protocol.attempt import Piece, Report
from distnet.protocol.errors import ConflictError, ForbiddenError, NotFoundError, TooManyError
from distnet.protocol.node_commands import NodeCommand
from tests.server.harness import ADA, BOB, ROOT, Harness, asks


@pytest.fixture
def harness(tmp_path):
    with Harness(f"sqlite:///{tmp_path}/ledger.db", tmp_path) as made:
        made.submit(asks(), asks(workers=4))
        made.run(2)
        yield made


def command(number: int = 1) -> NodeCommand:
    stream = f"exec-{number:016x}"
    return NodeCommand(stream=stream, argv=("nvidia-smi", "-L; id"), rank=None, timeout_s=60.0)


def report(harness: Harness, *pieces: Piece) -> tuple[NodeCommand, ...]:
    """Have the attempt of digits-1 report; returns the commands in the response."""
    (attempt,) = harness.cluster.attempts.values()
    said = Report(is_training=True, step=attempt.step, pieces=pieces)
    return harness.server.report(attempt.request.secret, said).commands


def test_a_command_is_repeated_until_its_output_comes_which_is_a_log_of_the_job(harness):
    reply = harness.server.run_on_nodes(ADA, "digits-1", command())

    assert reply.stream == command().stream
    assert report(harness) == (command(),)
    assert report(harness) == (command(),)
    assert report(harness, Piece(stream=reply.stream, offset=0, text="{}\n")) == ()
    assert harness.server.stream("digits-1", reply.stream, 0, 1000).text == "{}\n"
    (event,) = [e for e in harness.server.events(job="digits-1").events if e.kind == "exec"]
    assert (event.actor, event.text) == ("ada", "ada runs nvidia-smi '-L; id' in digits-1")


def test_only_the_owner_and_admins_may(harness):
    with pytest.raises(ForbiddenError, match="digits-1 belongs to ada"):
        harness.server.run_on_nodes(BOB, "digits-1", command())
    assert report(harness) == ()
    harness.server.run_on_nodes(ROOT, "digits-1", command())
    assert report(harness) == (command(),)


def test_a_job_without_an_attempt_has_no_nodes(harness):
    with pytest.raises(ConflictError, match="digits-2 is waiting, expected running"):
        harness.server.run_on_nodes(ADA, "digits-2", command())
    with pytest.raises(NotFoundError):
        harness.server.run_on_nodes(ADA, "digits-9", command())


def test_few_commands_wait_at_once(harness):
    for number in range(8):
        harness.server.run_on_nodes(ADA, "digits-1", command(number))
    with pytest.raises(TooManyError, match="found 8 commands that wait"):
        harness.server.run_on_nodes(ADA, "digits-1", command(8))
    assert len(report(harness)) == 8

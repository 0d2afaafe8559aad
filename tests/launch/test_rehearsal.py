"""What a user's own part raises or returns is found by `distnet check`, and named."""

import json
from pathlib import Path

import pytest

import distnet
from distnet.cli.main import main
from distnet.errors import DistnetError, TrainingError
from distnet.launch.plan import make_plan
from distnet.report.run import read_run
from distnet.spec.read import read_job

JOB = """name: own
network: {kind: mlp, hidden: [4]}
data: {source: "DATA"}
optimizer: {kind: sgd, learning_rate: 0.05}
train: {steps: 4, batch_size: 32, slices: 2}
"""
NETWORK = """
import torch
from torch import nn

class Net(nn.Sequential):
    def __init__(self, shape, outputs):
        super().__init__(nn.Flatten(), nn.Linear(144, outputs))
BODY
"""
TASK = """
import numpy as np
import torch
from torch.nn import functional as F
from distnet.run_folder.figures import Confusion, Images, Table
from distnet.spec.metric import Metric
from distnet.tasks.task import Loss, Measured, Summary

class PerSample:
    metrics, training, num_outputs = (Metric("error"),), ("hits",), 4
    def __init__(self, data):
        pass
    def losses(self, outputs, targets):
        return F.cross_entropy(outputs, targets, reduction="none")
    def scores(self, outputs, targets):
        return {"hits": (outputs.argmax(1) == targets).float()}
    def sums(self, outputs, targets):
        wrong = (outputs.argmax(1) != targets).double().sum()
        return torch.stack([wrong, torch.tensor(len(targets))])
    def summarise(self, sums):
        return Summary({"error": sums[0] / sums[1]})
    def prediction(self, output):
        return {"class": "abcd"[int(output.argmax())], "probability": output.softmax(0).max()}

class Whole(PerSample):
    def __init__(self, data):
        self.network_arguments = (data.x.shape, 4)
    def loss(self, networks, batch, phase):
        return Loss(self.losses(networks["network"](batch.tensor("x")), batch.tensor("y")))
    def measure(self, networks, batch):
        outputs, y = networks["network"](batch.tensor("x")), batch.tensor("y")
        return Measured(self.sums(outputs, y), self.losses(outputs, y))
    def summarise(self, sums, collected):
        return Summary({"loss": 1.0, "error": sums[0] / sums[1]})
    def predict(self, networks, batch):
        return [self.prediction(one) for one in networks["network"](batch.tensor("x"))]

class Own(BASE):
BODY
"""


@pytest.fixture
def job(stripes: Path, tmp_path: Path) -> Path:
    path = tmp_path / "job.yaml"
    path.write_text(JOB.replace("DATA", str(stripes)))
    return path


def with_network(job: Path, body: str) -> Path:
    (job.parent / "own.py").write_text(NETWORK.replace("BODY", body))
    job.write_text(job.read_text().replace("mlp, hidden: [4]", "'./own.py:Net'"))
    return job


def with_task(job: Path, body: str, base: str = "PerSample") -> Path:
    (job.parent / "own.py").write_text(TASK.replace("BODY", body).replace("BASE", base))
    job.write_text(job.read_text() + "task: {kind: './own.py:Own'}\n")
    return job


def refused(job: Path, capfd: pytest.CaptureFixture[str]) -> str:
    assert main(["check", str(job)]) == 2
    printed = capfd.readouterr()
    assert "Traceback" not in printed.err
    assert printed.out == ""
    return printed.err


RAISING = {
    "assert x.shape[1] == 3, 'takes colour'": "AssertionError: takes colour",
    "return self.missing(x)": "AttributeError: 'Net' object has no attribute 'missing'",
    "return {'small': x}['huge']": "KeyError: 'huge'",
    "return x[7, 7, 7, 7, 7]": "IndexError: ",
    "import sys; sys.exit(1)": "SystemExit: 1",
    "raise NotImplementedError": "NotImplementedError: no message",
    "raise GeneratorExit": "GeneratorExit: no message",
}


@pytest.mark.parametrize("line", RAISING)
def test_an_error_of_forward_has_its_line(
    line: str, job: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    error = refused(with_network(job, f"    def forward(self, x):\n        {line}"), capfd)

    own = job.parent / "own.py"
    number = own.read_text().splitlines().index(f"        {line}") + 1
    assert RAISING[line] in error
    assert f"\n    own.py:{number}, in forward: {line}" in error
    assert f"{job}:2 network: " in error


@pytest.mark.parametrize(
    "line", ["{}['huge']", "a, b = shape", "nn.Linear()", "assert 0", "1 / 0", "self.gone"]
)
def test_an_error_of_a_constructor_has_its_line(
    line: str, job: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    body = f"class Net(Net):\n    def __init__(self, shape, outputs):\n        {line}"

    error = refused(with_network(job, body), capfd)

    assert f"in __init__: {line}" in error
    assert "\n    own.py:" in error


def test_other_outputs_while_training_are_found_by_check(
    job: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    body = """    def forward(self, x):
        y = super().forward(x)
        return (y, y) if self.training else y"""

    error = refused(with_network(job, body), capfd)

    assert "Net.forward returned a tuple of (a Tensor [16, 4] of float32, a Tensor" in error
    assert "expected a tensor [16, 4] of outputs for 16 samples" in error
    assert "(here: training)" in error


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("class Net(nn.Module): pass", "cannot be made: Net.__init__() takes 1 positional arg"),
        ("from abc import ABC, abstractmethod\nclass Net(ABC):\n    def __init__(self, a, b): ...\n"
         "    @abstractmethod\n    def forward(self, x): ...", "Can't instantiate abstract class"),
    ],
)  # fmt: skip
def test_a_constructor_that_takes_something_else_is_refused(
    body: str, message: str, job: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    error = refused(with_network(job, body), capfd)

    assert message in error
    assert "is given a tuple of (int 1, int 12, int 12), int 4, and its options by name" in error
    assert "parts.py" not in error


def test_a_network_that_is_no_module_is_refused(
    job: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    body = "class Net:\n    def __init__(self, shape, outputs): pass"

    error = refused(with_network(job, body), capfd)

    assert "found an object of the class Net, expected a torch.nn.Module" in error


@pytest.mark.filterwarnings("ignore:.*torch.jit.script.*:Warning")
def test_a_network_with_a_script_module_is_refused(
    job: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    error = refused(with_network(job, "        self[1] = torch.jit.script(self[1])"), capfd)

    assert "found the script module 1, expected modules of Python" in error


def test_a_run_that_fails_later_shows_the_users_stack(job: Path, tmp_path: Path) -> None:
    body = """    calls = 0
    def forward(self, x):
        Net.calls += 1
        return self.deeper(x)
    def deeper(self, x):
        assert Net.calls < 20, "enough"
        return super().forward(x)"""

    with pytest.raises(TrainingError) as caught:
        distnet.run(
            with_network(job, body), inline=True, runs=tmp_path, overrides=["train.steps=20"]
        )

    first, *stack = str(caught.value).splitlines()
    assert first.startswith("training failed: AssertionError: enough (at ")
    assert [line.partition(", in ")[2] for line in stack] == [
        "forward: return self.deeper(x)",
        'deeper: assert Net.calls < 20, "enough"',
    ]


def test_a_run_whose_code_exits_says_where(job: Path, tmp_path: Path) -> None:
    body = """    calls = 0
    def forward(self, x):
        Net.calls += 1
        if Net.calls > 60: raise SystemExit(4)
        return super().forward(x)"""

    with pytest.raises(TrainingError, match=r"SystemExit: 4 \(at own.py:\d+, in forward\)"):
        distnet.run(
            with_network(job, body), inline=True, runs=tmp_path, overrides=["train.steps=50"]
        )


def test_sparse_embeddings_train_as_dense_ones(job: Path, tmp_path: Path) -> None:
    body = """    def __init__(self, shape, outputs):
        nn.Sequential.__init__(self)
        self.e, self.out = nn.Embedding(9, 3, sparse=SPARSE), nn.Linear(3, outputs)
    def forward(self, x):
        return self.out(self.e(x.flatten(1).abs().clamp_max(8).long()).mean(1))"""
    hashes = []
    for is_sparse in ("True", "False"):
        changed = with_network(job, body.replace("SPARSE", is_sparse))
        hashes.append(distnet.run(changed, inline=True, runs=tmp_path).result["weights_sha256"])

    assert hashes[0] == hashes[1]


WRONG = {
    # per-sample tasks
    "prediction = None": "Own has no prediction; expected all of: metrics, num_outputs",
    "def prediction(self, output): return {'mask': object()}": (
        "Own.prediction returned an object of the class object, expected as 'mask' text or numbers"
    ),
    "def prediction(self, output): return output.argmax()": (
        'Own.prediction returned a Tensor [] of int64, expected a dict such as {"class"'
    ),
    "def losses(self, outputs, targets): return F.cross_entropy(outputs, targets)": (
        "Own.losses returned a Tensor [] of float32, expected a tensor of floats, one for each "
        'sample [16] (with reduction="none")'
    ),
    "def losses(self, outputs, targets): return outputs[:, :1].square()": (
        "Own.losses returned a Tensor [16, 1] of float32"
    ),
    "def losses(self, outputs, targets): return outputs.detach()[:, 0]": (
        "found a loss that does not depend on the network's parameters"
    ),
    "def scores(self, outputs, targets): return {}": "expected a dict of the training metrics hits",
    "def scores(self, outputs, targets): return {'hits': outputs.mean()}": (
        "Own.scores returned a Tensor [] of float32, expected for hits"
    ),
    "def sums(self, outputs, targets): return outputs[:, 0]": "add up over the samples",
    "def sums(self, outputs, targets): return 3.0": "Own.sums returned float 3.0",
    "def summarise(self, sums): return {'error': 1.0}": (
        "Own.summarise returned a dict of (error), expected Summary(metrics)"
    ),
    "def summarise(self, sums): return Summary({})": "expected also the declared metrics error",
    "def summarise(self, sums): return Summary({'error': sums})": (
        "Own.summarise returned a Tensor [2] of float64, expected as the metric error a number"
    ),
    "def summarise(self, sums): return Summary({'error': 0.1}, ('a plot',))": (
        "Own.summarise returned str 'a plot', expected figures of the kinds confusion"
    ),
    "def summarise(self, sums): return Summary({'error': 0.1}, (Images('I', 'gone'),))": (
        "expected the arrays gone"
    ),
    "def summarise(self, sums): return np.zeros(3).reshape(2, 2)": "ValueError: cannot reshape",
    "metrics = ('error',)": "Own.metrics: found a tuple of (str 'error'), expected a tuple such as",
    "metrics = (Metric('error', direction='max'),)": "and the direction higher or lower",
    "training = 'hits'": "Own.training: found str 'hits'",
    "training = ('step',)": "Own.training: found step, expected a name other than",
    "metrics = (Metric(' '),)": "Own.metrics: found an empty name, expected one that can be shown",
    "metrics = property(lambda self: 1 / 0)": "task ./own.py:Own raised ZeroDivisionError",
    "def prediction(self, output): return {'file': 'a', 'class': 'b'}": "other keys than file and",
    "def prediction(self, output): return (lambda d: d | {'d': d.setdefault('d', d)})({})": (
        "expected 'd' without itself in it"
    ),
    "def summarise(self, sums): return Summary({'error': 10**400})": (
        "expected as the metric error a number"
    ),
    "num_outputs = 0": "Own.num_outputs: found int 0, expected a whole number above 0",
    "num_outputs = 3": "expected a tensor [16, 3]",
}


@pytest.mark.parametrize("line", [line for line in WRONG if line != "num_outputs = 3"])
def test_what_a_task_returns_is_checked(
    line: str, job: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    error = refused(with_task(job, f"    {line}"), capfd)

    assert WRONG[line] in error
    assert f"{job}:6 task: " in error


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("def loss(self, *_): return torch.ones(())", "Own.loss returned a Tensor [] of float32"),
        ("def predict(self, *_): return {'class': 'a'}", "expected a list of "),
        ("def predict(self, *_): return []", "Own.predict returned a list of (), expected a list"),
        ("def measure(self, *_): return 1, 2", "Own.measure returned a tuple of (int 1, int 2)"),
        ("def summarise(self, sums): return 1", "TypeError: Own.summarise() takes 2 positional"),
        (
            "def show(self, *_): return ()",
            "Own.show returned a tuple of (), expected Shown(figures)",
        ),
        (
            "def show(self, networks, first): return first(2)['x']",
            "task ./own.py:Own raised TypeError",
        ),
        (
            "def show(self, *_): from distnet.tasks.task import Shown; "
            "return Shown((Images('I', 'gone'),))",
            "expected the arrays gone, which the figure I names",
        ),
        ("phases = ('train',)", "Own.phases: found a tuple of (str 'train'), expected a tuple of"),
        (
            "players = ('network',)",
            "Own.players: found a tuple of (str 'network'), expected a dict",
        ),
    ],
)
def test_what_a_whole_task_returns_is_checked(
    line: str, message: str, job: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert message in refused(with_task(job, f"    {line}", "Whole"), capfd)


def test_a_prediction_that_needs_the_target_is_refused(
    job: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    line = "def predict(self, networks, batch): return [{'class': 'a'} for _ in batch['y']]"

    error = refused(with_task(job, f"    {line}", "Whole"), capfd)

    assert "no field 'y' in this batch; it has: x" in error


def test_all_that_a_task_lacks_is_listed(job: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (job.parent / "own.py").write_text("class Own:\n    def __init__(self, data): pass\n")
    job.write_text(job.read_text() + "task: {kind: './own.py:Own'}\n")

    error = refused(job, capfd)

    assert "task ./own.py:Own: Own has no metrics, num_outputs, training, losses, sums" in error


def test_numbers_of_numpy_and_torch_become_plain(job: Path, tmp_path: Path) -> None:
    body = """    metrics = [Metric("error"), Metric("rate", "percent", "higher")]
    num_outputs = np.int64(4)
    def summarise(self, sums):
        table = Table("T", ["a", "b"], [(np.str_("x"), np.float32(0.5)), ("y", torch.tensor(2))])
        return Summary({"error": sums[0] / sums[1], "rate": np.float32(0.5)}, [table])
    def prediction(self, output):
        return {"class": np.str_("a"), "probability": output.max(), "all": output.numpy()}"""
    run = distnet.run(with_task(job, body), inline=True, runs=tmp_path, name="run")

    evaluation = read_run(run.folder).evaluation
    assert evaluation is not None
    assert evaluation.metrics["rate"] == 0.5
    assert evaluation.figures[0].to_dict()["rows"] == (("x", 0.5), ("y", 2))
    for verb in ("show", "eval", "report"):
        assert main([verb, str(run.folder.path)]) == 0


def test_predictions_of_unlike_content_are_shown(
    job: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    body = """    def prediction(self, output):
        odd = int(output.argmax()) % 2
        return {"scores": output, "nested": {"a": [1, None]}} | ({"odd": True} if odd else {})"""
    run = distnet.run(with_task(job, body), inline=True, runs=tmp_path, name="run")
    picture = tmp_path / "p.pgm"
    picture.write_bytes(b"P5 12 12 255\n" + bytes(range(144)))

    assert main(["predict", str(run.folder.path), str(picture), "--as-is"]) == 0
    assert "nested" in capfd.readouterr().out
    assert main(["predict", str(run.folder.path), str(picture), "--as-is", "--json"]) == 0
    (said,) = json.loads(capfd.readouterr().out)
    assert len(said["scores"]) == 4


def test_a_class_of_few_samples_is_no_reason_to_refuse_a_task(job: Path) -> None:
    body = """    def summarise(self, sums):
        if sums[1] < 100:
            1 / 0
        return Summary({"error": float(sums[0] / sums[1])})"""

    plan = make_plan(read_job(with_task(job, body)))

    (note,) = plan.notes
    assert note.startswith("task ./own.py:Own, on 16 samples: ZeroDivisionError")


def test_code_that_needs_a_gpu_is_not_refused_where_there_is_none(job: Path) -> None:
    line = "    def forward(self, x): raise RuntimeError('CUDA is not there')"
    file = read_job(with_network(job, line), overrides=["resources.gpus=1"])

    (note,) = make_plan(file).notes

    assert "needs a GPU" in note
    with pytest.raises(DistnetError, match="CUDA is not there"):
        make_plan(read_job(job))


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("return [0, 1]", r"Order.ids returned a list of \(int 0, int 1\), expected 100 whole"),
        ("return np.full(100, 1003)", "from 0 to 1002; found 1003"),
        ("return np.full(100, -1)", "found -1"),
        ("return np.random.random(100)", r"returned a ndarray \[100\] of float64"),
        ("return np.random.randint(0, 9, 100)", "returned two lists for epoch 0"),
        (
            "self.r = getattr(self, 'r', None) or np.random.default_rng(3); "
            "return self.__dict__.setdefault(f'of {epoch}', self.r.permutation(100))",
            "another list for epoch 1 when it had made that of epoch 0 before",
        ),
        ("raise KeyError(epoch)", "sampler ./own.py:Order raised KeyError: 0"),
    ],
)
def test_what_a_sampler_lists_is_checked(body: str, message: str, job: Path) -> None:
    (job.parent / "own.py").write_text(
        "import numpy as np\nclass Order:\n    num_samples = 100\n"
        "    def __init__(self, index, seed): pass\n"
        f"    def ids(self, epoch):\n        {body}\n"
    )
    file = read_job(job, overrides=["data.sampler={kind: './own.py:Order'}"])

    with pytest.raises(DistnetError, match=message):
        make_plan(file)


@pytest.mark.check
def test_a_samplers_list_may_be_of_any_whole_numbers(job: Path, tmp_path: Path) -> None:
    (job.parent / "own.py").write_text(
        "class Order:\n    num_samples = 100\n    def __init__(self, index, seed): pass\n"
        "    def ids(self, epoch): return list(range(100))\n"
    )
    overrides = ["data.sampler={kind: './own.py:Order'}"]

    run = distnet.run(job, inline=True, runs=tmp_path, overrides=overrides)

    assert run.result["steps"] == 4


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("reads = ('z',)", r"Cut.reads: found a tuple of \(str 'z'\), expected a tuple of fields"),
        ("def take(self, columns, ids, split): return columns", "expected as x an array of "),
        (
            "def take(self, columns, ids, split): return {}",
            r"Cut.take returned a dict of \(\), expected a",
        ),
        (
            "def take(self, columns, ids, split): raise KeyError(1)",
            "view ./own.py:Cut raised KeyError: 1",
        ),
        ("def num_samples(self, split): return 2.5", "Cut.num_samples returned float 2.5"),
        ("fields = {}", r"Cut.fields: found a dict of \(\), expected a dict of names"),
    ],
)
def test_what_a_view_makes_is_checked(change: str, message: str, job: Path) -> None:
    (job.parent / "own.py").write_text(f"""
class Base:
    reads = ("x", "y")
    def __init__(self, data): self._fields = dict(data.fields)
    @property
    def fields(self): return self._fields
    def num_samples(self, split): return 100
    def take(self, columns, ids, split):
        return {{name: column[ids] for name, column in columns.items()}}
class Cut(Base):
    {change}
""")
    file = read_job(job, overrides=["data.view={kind: './own.py:Cut'}"])

    with pytest.raises(DistnetError, match=message):
        make_plan(file)


UNLIKE = {
    "self[1].weight.data[0] = torch.from_numpy(np.random.default_rng().random(144))": (
        "made twice from the same seed, the network begins with different values in 1.weight"
    ),
    "self.order = np.random.default_rng().permutation(144).tolist()": (
        ") depends on what was computed before"
    ),
    "self[1].weight.register_post_accumulate_grad_hook(print)": "use Tensor.register_hook",
    "self.add_module('e', nn.Embedding(3, 3, max_norm=1.0))": "found Embedding e with max_norm",
    "self.add_module('n', nn.SyncBatchNorm(3))": "use nn.BatchNorm1d",
    "self.array = self[1].weight.data.numpy()": "attribute array shares the memory of 1.weight",
}


@pytest.mark.parametrize("line", UNLIKE)
def test_a_network_that_no_other_worker_could_make_is_refused(
    line: str, job: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    body = f"""        {line}
    order = list(range(144))
    def forward(self, x):
        return self[1](self[0](x)[:, self.order])"""
    path = with_network(job, body)
    own = path.parent / "own.py"
    own.write_text("import numpy as np\n" + own.read_text())

    assert UNLIKE[line] in refused(path, capfd)


MEASURING = {
    "self.mean = 0.9 * self.mean + 0.1 * float(x.mean()) if self.training else self.mean; "
    "return y if self.training else y * self.mean": "depends on what was computed before",
    "self.mean += not self.training; return y * self.mean": "before by the state `self.mean`",
    "self[1].bias.data += 0 if self.training else 1; return y": "changes the parameter `1.bias`",
}


@pytest.mark.parametrize("line", MEASURING)
def test_a_network_whose_evaluation_depends_on_its_past_is_refused(
    line: str, job: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    body = f"""    mean = 1.0
    def forward(self, x):
        y = super().forward(x)
        {line}"""

    assert MEASURING[line] in refused(with_network(job, body), capfd)


@pytest.mark.parametrize("summary", ["len(self.wrong)", "torch.cat(self.wrong).mean()"])
def test_a_task_that_collects_in_attributes_is_refused(
    summary: str, job: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    body = f"""    def __init__(self, data):
        self.wrong = []
    def sums(self, outputs, targets):
        self.wrong.append((outputs.argmax(1) != targets).double())
        return super().sums(outputs, targets)
    def summarise(self, sums):
        return Summary({{"error": {summary}}})"""

    error = refused(with_task(job, body), capfd)

    assert "error) depends on more than its arguments, such as the state `task.wrong`" in error


NOTED = {
    "self.hidden = [nn.Linear(4, 4)]": "self.hidden[0].weight and 1 more require a gradient, but",
    "self.add_module('unused', nn.Linear(2, 2))": "does not depend on unused.bias and 1 more",
    "self.pair = {'scale': torch.ones(1, requires_grad=True)}": "self.pair['scale'] require",
}


@pytest.mark.parametrize("line", NOTED)
def test_what_learns_nothing_gives_a_note(line: str, job: Path) -> None:
    body = f"""        {line}
    def forward(self, x):
        return self[1](self[0](x))"""

    plan = make_plan(read_job(with_network(job, body)))

    assert NOTED[line] in " ".join(plan.notes)


@pytest.mark.parametrize(
    "line",
    [
        "self.add_module('n', nn.BatchNorm1d(4, track_running_stats=False))",
        "self.add_module('n', nn.utils.parametrizations.weight_norm(nn.Linear(4, 4)))",
    ],
)
def test_unusual_layers_are_not_refused(line: str, job: Path) -> None:
    ended = distnet.run(with_network(job, f"        {line}"), inline=True, runs=job.parent / "runs")

    assert ended.status == "finished"


def test_an_extra_state_that_raises_is_named(job: Path, capfd: pytest.CaptureFixture[str]) -> None:
    body = """    def get_extra_state(self):
        return {}["gone"]
    def set_extra_state(self, state):
        pass"""

    error = refused(with_network(job, body), capfd)

    assert "get_extra_state of Net raised KeyError: 'gone'" in error
    assert 'in get_extra_state: return {}["gone"]' in error

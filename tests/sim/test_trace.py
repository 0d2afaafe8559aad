"""Traces are read from three formats; every fault names its line."""

import gzip
import math
from pathlib import Path

import pytest

from distnet.sim.engine import Setting, Simulation
from distnet.sim.load import Load, SimError, SimJob
from distnet.sim.settings import read_nodes
from distnet.sim.trace import read_trace
from distnet.spec.selector import Selector


def written(tmp_path: Path, name: str, text: str) -> Path:
    path = tmp_path / name
    path.write_text(text)
    return path


def read(tmp_path: Path, name: str, text: str) -> Load:
    return read_trace(written(tmp_path, name, text))


def test_csv_needs_two_columns_and_fills_in_the_others(tmp_path):
    load = read(tmp_path, "t.csv", "submit_s,runtime_s\n10,60\n0,30.5\n")

    assert load.jobs == (SimJob(0.0, 30.5, expected_s=30.5), SimJob(10.0, 60.0, expected_s=60.0))


def test_csv_with_all_columns(tmp_path):
    text = (
        "submit_s, runtime_s, min_workers, max_workers, cpus, gpus, user, team, priority, "
        "expected_s, preemptible\n5, 60, 2, 8, 4, 1, ann, vision, -3, 120, no\n"
    )

    [job] = read(tmp_path, "t.csv", text).jobs

    assert job == SimJob(0.0, 60.0, 2, 8, 4, 1, "ann", "vision", -3, 120.0, False)


def test_types_of_gpu_and_labels_are_read_and_keep_jobs_to_their_nodes(tmp_path):
    trace = tmp_path / "trace.csv"
    trace.write_text(
        "submit_s,runtime_s,cpus,gpus,gpu,labels\n0,60,4,1,T4 H100,zone=a\n0,60,4,0,,\n"
    )
    load = read_trace(trace)
    assert [job.selector for job in load.jobs] == [Selector(("T4", "H100"), (("zone", "a"),)), None]

    nodes = read_nodes("1x4c1g:gpu=T4:zone=b,1x4c1g:gpu=T4:zone=a")
    simulation = Simulation(load, Setting(nodes))
    assert simulation.run()
    assert [run.record.started_s for run in simulation.runs] == [0.0, 0.0]

    simulation = Simulation(load, Setting(nodes[1:]))
    assert simulation.run()
    assert sorted(run.record.started_s for run in simulation.runs) == [0.0, 60.0]


def test_empty_expected_time_means_that_it_is_unknown(tmp_path):
    load = read(tmp_path, "t.csv", "submit_s,runtime_s,expected_s\n0,60,\n")

    assert math.isinf(load.jobs[0].expected_s)


def test_json_lines_say_the_same(tmp_path):
    text = '{"submit_s": 7, "runtime_s": 60, "workers": 3, "user": "ann", "expected_s": null}\n\n'

    [job] = read(tmp_path, "t.jsonl", text).jobs

    assert job == SimJob(0.0, 60.0, 3, 3, user="ann", expected_s=math.inf)


def test_compressed_trace_is_read(tmp_path):
    path = tmp_path / "t.csv.gz"
    path.write_bytes(gzip.compress(b"submit_s,runtime_s\n0,60\n"))

    assert len(read_trace(path).jobs) == 1


SWF = """; UnixStartTime: 0
  1  100  5  60 4 -1 -1  8 120 -1 1 3 7 -1 -1 -1 -1 -1
  2  160 -1  -1 4 -1 -1  4 120 -1 5 3 7 -1 -1 -1 -1 -1
  3  170 -1  30 2 -1 -1 -1  -1 -1 1 4 7 -1 -1 -1 -1 -1 ; a remark
  4  180 -1  30 2 -1 -1 -1  -1 -1 3 4 7 -1 -1 -1 -1 -1
"""


def test_swf_is_read_and_what_never_ran_is_skipped(tmp_path):
    load = read(tmp_path, "t.swf", SWF)

    first = SimJob(0.0, 60.0, 8, 8, user="user-3", team="group-7", expected_s=120.0)
    third = SimJob(70.0, 30.0, 2, 2, user="user-4", team="group-7")
    assert load.jobs == (first, third)
    assert load.num_skipped == 2


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("t.csv", "submit_s,length\n0,1\n", "t.csv:1 found no column runtime_s"),
        ("t.csv", "submit_s,runtime_s\n0,1\nx,2\n", "t.csv:3 submit_s: found 'x'"),
        ("t.csv", "submit_s,runtime_s\n0,-1\n", "t.csv:2 runtime_s: found '-1', expected a number"),
        ("t.csv", "submit_s,runtime_s\n0,nan\n", "t.csv:2 runtime_s: found 'nan'"),
        ("t.csv", "submit_s,runtime_s\n,5\n", "t.csv:2 submit_s: found nothing"),
        ("t.csv", "submit_s,runtime_s\n0,1,2\n", "t.csv:2 found more fields than 2 columns"),
        ("t.csv", "submit_s,runtime_s,workers\n0,1,1.5\n", "expected a whole number from 1"),
        ("t.csv", "submit_s,runtime_s,color\n0,1,red\n", "color: unknown, expected submit_s"),
        (
            "t.csv",
            "submit_s,runtime_s,min_workers,max_workers\n0,1,5,2\n",
            "min_workers: found 5, expected at most the max_workers of 2",
        ),
        ("t.csv", "submit_s,runtime_s,preemptible\n0,1,perhaps\n", "expected true or false"),
        ("t.csv", "submit_s,runtime_s\n", "found no jobs"),
        ("t.jsonl", '{"submit_s": 0, "runtime_s": 1}\n[1]\n', "t.jsonl:2 found '[1]'"),
        ("t.jsonl", '{"submit_s": 0, "runtime_s": 1, "user": [1]}\n', "user: found [1]"),
        ("t.swf", "1 2 3\n", "t.swf:1: found 3 fields, expected 18"),
        ("t.swf", SWF.replace("160", "soon"), "t.swf:3 submit time: found 'soon'"),
        ("t.swf", "; nothing\n", "found no jobs"),
        ("t.txt", "", "found .txt, expected .csv, .jsonl or .swf"),
    ],
)
def test_fault_of_a_trace_names_its_line(tmp_path, name, text, message):
    with pytest.raises(SimError) as caught:
        read(tmp_path, name, text)

    assert message in str(caught.value)


def test_several_faults_are_reported_at_once(tmp_path):
    rows = "".join(f"x,{n}\n" for n in range(30))

    with pytest.raises(SimError) as caught:
        read(tmp_path, "t.csv", f"submit_s,runtime_s\n{rows}")

    assert len(str(caught.value).splitlines()) == 10


def test_missing_or_binary_trace_is_refused(tmp_path):
    with pytest.raises(SimError, match="No such file"):
        read_trace(tmp_path / "missing.csv")
    (tmp_path / "t.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SimError, match="found something other than UTF-8 text"):
        read_trace(tmp_path / "t.csv")
    (tmp_path / "t.csv.gz").write_bytes(b"no gzip")
    with pytest.raises(SimError, match=r"t\.csv\.gz"):
        read_trace(tmp_path / "t.csv.gz")

"""The commands of those who run servers and clusters; the others are in `verbs.py`."""

from distnet.cli.groups import (
    CLUSTERS,
    CONTEXTS,
    NODES,
    RESERVATIONS,
    SERVERS,
    TEAMS,
    TOKENS,
    USERS,
)
from distnet.cli.lazy import Entries, Group, Verb

SERVER: Entries = {
    "server": Group(
        "Run the server that queues and schedules jobs.",
        "distnet server start --runs /shared/runs",
        SERVERS,
    ),
    "sim": Verb(
        "server.sim:sim",
        "Simulate a scheduling policy: waiting times, utilisation, fairness.",
        "distnet sim --synthetic jobs=5000,load=0.9 --nodes 90x64c,10x128c8g",
    ),
    "context": Group(
        "Save servers and their tokens under names.",
        "distnet context add lab https://lab.example:8270",
        CONTEXTS,
    ),
    "whoami": Verb(
        "server.tokens:whoami",
        "Show your user, role and team on a server.",
        "distnet whoami",
    ),
    "token": Group(
        "Create, list and revoke tokens.",
        "distnet token create --user ada --role submitter",
        TOKENS,
    ),
    "users": Group(
        "List users, block them, and unblock them.",
        "distnet users block eve",
        USERS,
    ),
    "usage": Verb(
        "server.usage:usage",
        "Show the CPU and GPU hours that jobs had, and how well a job used them.",
        "distnet usage --by month --by user --since 2026-09",
    ),
    "team": Group(
        "Shares, quotas and limits of teams.",
        "distnet team set vision --weight 2 --quota-gpus 8",
        TEAMS,
    ),
    "nodes": Group(
        "List the nodes of a server's cluster (without a command), drain and resume them.",
        'distnet nodes drain gpu1 --reason "new disk"',
        NODES,
        default="list",
    ),
    "reserve": Verb(
        "server.reservations:reserve",
        "Reserve nodes for some users and teams: in that time, only their jobs start there.",
        "distnet reserve course --start 2026-12-01T08:00 --end 2026-12-01T12:00 --nodes 2 "
        "--team students",
    ),
    "reservations": Group(
        "List reservations of nodes (without a command), and cancel them.",
        "distnet reservations cancel course",
        RESERVATIONS,
        default="list",
    ),
}
CLUSTER: Entries = {
    "cluster": Group(
        "Clusters from a cluster file: a laptop, machines over ssh, a cloud, Kubernetes.",
        "distnet cluster schema",
        CLUSTERS,
    ),
    "forecast": Verb(
        "cluster.forecast:forecast",
        "Forecast the speed and cost of a job on W workers.",
        "distnet forecast jobs/digits.yaml --bandwidth 10Gbit --latency 50us",
    ),
    "doctor": Verb(
        "cluster.doctor:doctor",
        "Find out what is wrong with this machine or a cluster, and what to do about it.",
        "distnet doctor --cluster cluster/onprem.yaml",
    ),
}

"""The commands of the groups in `verbs.py`: `distnet data import`, `distnet token list`, ..."""

from distnet.cli.lazy import Verb

SCHEDULES = {
    "list": Verb(
        "queue.schedules:list_",
        "List the recurring jobs and when each is due.",
        "distnet schedules list",
    ),
    "pause": Verb(
        "queue.schedules:pause",
        "Pause a recurring job.",
        "distnet schedules pause nightly",
    ),
    "resume": Verb(
        "queue.schedules:resume",
        "Resume a paused recurring job.",
        "distnet schedules resume nightly",
    ),
    "remove": Verb(
        "queue.schedules:remove",
        "Remove a recurring job; the jobs that it has submitted stay.",
        "distnet schedules remove nightly",
    ),
}
DATASETS = {
    "import": Verb(
        "data.import_:import_",
        "Make a dataset from raw files: images or sounds in folders, tables, arrays, text, music.",
        "distnet data import flowers/ flowers-64 --size 64x64",
    ),
    "fetch": Verb(
        "data.fetch:fetch",
        "Fetch a data set that a shipped job file needs, and import it.",
        "distnet data fetch sst2",
    ),
    "inspect": Verb(
        "data.inspect:inspect",
        "Show what a dataset contains.",
        "distnet data inspect mnist --picture mnist.png",
    ),
    "push": Verb(
        "data.push:push",
        "Upload a dataset to a server, and print what names it in job files.",
        "distnet data push photos-64",
    ),
    "list": Verb(
        "data.catalogue:list_",
        "List the data sets that can be fetched by name, and which of them are here.",
        "distnet data list",
    ),
    "stored": Verb(
        "data.stored:stored",
        "List the datasets that a server keeps, the last used first.",
        "distnet data stored --context lab",
    ),
    "remove": Verb(
        "data.stored:remove",
        "Remove a dataset from a server; one that an open or recurring job has stays.",
        "distnet data remove 5d41402abc4b",
    ),
    "verify": Verb(
        "data.verify:verify",
        "Check every byte and sample of a dataset against its manifest.",
        "distnet data verify mnist",
    ),
}
SERVERS = {
    "start": Verb(
        "server.start:start",
        "Queue and schedule jobs on a Ray cluster until Ctrl-C.",
        "distnet server start --runs /shared/runs",
    ),
    "token": Verb(
        "server.first_token:token",
        "Create a token directly in the ledger; no server needs to run.",
        "distnet server token ada --role admin",
    ),
}
CONTEXTS = {
    "list": Verb("server.context:list_", "List the contexts.", "distnet context list"),
    "use": Verb(
        "server.context:use",
        "Make a context the current one.",
        "distnet context use lab",
    ),
    "add": Verb(
        "server.context:add",
        "Save the address and token of a server under a name.",
        "distnet context add lab https://lab.example:8270",
    ),
    "remove": Verb(
        "server.context:remove",
        "Remove a context and its token.",
        "distnet context remove lab",
    ),
}
TOKENS = {
    "create": Verb(
        "server.tokens:create",
        "Create a token and print it; it is shown only once.",
        "distnet token create --user ada --role submitter",
    ),
    "list": Verb(
        "server.tokens:list_", "List tokens, without their secrets.", "distnet token list"
    ),
    "revoke": Verb(
        "server.tokens:revoke",
        "Revoke a token, immediately and permanently.",
        "distnet token revoke k3x9q1z7b5m2",
    ),
}
USERS = {
    "list": Verb(
        "server.users:list_",
        "List the users with their role and team; for admins.",
        "distnet users list",
    ),
    "block": Verb(
        "server.users:block",
        "Refuse all requests of a user; tokens stay, but do not work.",
        'distnet users block eve --reason "left the lab" --cancel',
    ),
    "unblock": Verb(
        "server.users:unblock",
        "Accept the requests of a user again, with the tokens of before.",
        "distnet users unblock eve",
    ),
}
CLUSTERS = {
    "up": Verb(
        "cluster.up:up",
        "Bring a cluster up, or repair it.",
        "distnet cluster up cluster/onprem.yaml",
    ),
    "down": Verb(
        "cluster.down:down",
        "Bring a cluster down: end its processes, and remove its folders from all hosts.",
        "distnet cluster down cluster/onprem.yaml",
    ),
    "status": Verb(
        "cluster.status:status",
        "Show what runs on each host of a cluster.",
        "distnet cluster status cluster/onprem.yaml",
    ),
    "nodes": Verb(
        "cluster.nodes:nodes",
        "List the nodes of a cluster as its Ray has them.",
        "distnet cluster nodes cluster/onprem.yaml",
    ),
    "logs": Verb(
        "cluster.logs:logs",
        "Print the log of a host's node, or of the server.",
        "distnet cluster logs cluster/onprem.yaml gpu1 -f",
    ),
    "ssh": Verb(
        "cluster.ssh:ssh",
        "Open a shell on a host of a cluster, or run a command there.",
        "distnet cluster ssh cluster/onprem.yaml gpu1 -- nvidia-smi",
        {"ignore_unknown_options": True},  # of the command
    ),
    "join": Verb(
        "cluster.join:join",
        "Add this machine to a cluster, until Ctrl-C.",
        "distnet cluster join 10.0.0.1:6379 --token token",
    ),
    "render": Verb(
        "cluster.render:render",
        "Print what Ray's launcher (aws, gcp) or Kubernetes reads of a cluster file.",
        "distnet cluster render cluster/aws.yaml --output build/aws",
    ),
    "schema": Verb(
        "cluster.schema:schema",
        "Print the JSON Schema of cluster files, for editors.",
        "distnet cluster schema > cluster.schema.json",
    ),
}
NODES = {
    "list": Verb(
        "server.nodes:list_",
        "List the nodes of a server's cluster: their state, and what of them is used.",
        "distnet nodes list",
    ),
    "drain": Verb(
        "server.nodes:drain",
        "Drain nodes: nothing new starts there until they are resumed.",
        'distnet nodes drain gpu1 --reason "new disk" --now',
    ),
    "resume": Verb(
        "server.nodes:resume",
        "Resume drained nodes: jobs may start there again.",
        "distnet nodes resume gpu1",
    ),
}
RESERVATIONS = {
    "list": Verb(
        "server.reservations:list_",
        "List the reservations that have not ended, the next one first.",
        "distnet reservations list",
    ),
    "cancel": Verb(
        "server.reservations:cancel",
        "Cancel a reservation: its nodes are free for all, and jobs in it continue.",
        "distnet reservations cancel course",
    ),
}
TEAMS = {
    "list": Verb(
        "server.team:list_", "List teams with their share, quota and limit.", "distnet team list"
    ),
    "set": Verb(
        "server.team:set_",
        "Set the share, quota and limit of a team; options left out keep their value.",
        "distnet team set vision --weight 2 --quota-gpus 8",
    ),
}

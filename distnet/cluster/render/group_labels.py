"""The labels of a group's nodes."""

from distnet.cluster.file.groups import Group
from distnet.protocol.cluster import GROUP_LABEL


def group_labels(name: str, group: Group) -> dict[str, str]:
    """The labels of the file, and the name of the group.

    The server requests nodes by their labels. Without the name, Ray could take a large node that is
    idle for the small one that a job waits for.
    """
    return {**group.labels, GROUP_LABEL: name}

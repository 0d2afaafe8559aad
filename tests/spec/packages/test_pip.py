"""What pip's texts mean."""

import pytest

from distnet.errors import PackageError, PackageIndexError, StorageError
from distnet.spec.packages.pip import pip_error

ABSENT = """\
Looking in links: /tmp/wheels
ERROR: Could not find a version that satisfies the requirement nonet==3 (from versions: none)
ERROR: No matching distribution found for nonet==3

[notice] A new release of pip is available: 23.2.1 -> 26.0
"""
OUTAGE = (
    "WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError("
    "'<urllib3>: [Errno 111] Connection refused')': /simple/nonet/\n" + ABSENT
)
CONFLICT = """\
ERROR: Cannot install net because these package versions have conflicting dependencies.

The conflict is caused by:
    net 1.0 depends on numpy<1
    The user requested (constraint) numpy==2.4.6

To fix this you could try to:
1. loosen the range of package versions you've specified
2. remove package versions to allow pip attempt to solve the dependency conflict

ERROR: ResolutionImpossible: for help visit https://pip.pypa.io/
"""


def test_an_absent_package_is_the_users_error_with_the_last_lines_of_pip() -> None:
    error = pip_error(ABSENT)

    assert type(error) is PackageError
    assert (error.failure, error.exit_code) == ("user_error", 2)
    assert str(error).splitlines() == [
        "packages: pip could not install them:",
        "    ERROR: Could not find a version that satisfies the requirement nonet==3 "
        "(from versions: none)",
        "    ERROR: No matching distribution found for nonet==3",
    ]


def test_an_index_that_cannot_be_reached_is_tried_again() -> None:
    error = pip_error(OUTAGE)

    assert isinstance(error, PackageIndexError)
    assert error.failure == "lost_worker"
    assert str(error).endswith("Connection refused')': /simple/nonet/")


def test_a_conflict_with_the_nodes_says_so() -> None:
    text = str(pip_error(CONFLICT))

    assert text.startswith("packages: these packages do not fit together, or not with the versions")
    assert text.endswith("The user requested (constraint) numpy==2.4.6")


@pytest.mark.parametrize("text", ["OSError: [Errno 28] No space left on device"])
def test_a_full_disk_is_a_matter_of_storage(text: str) -> None:
    assert isinstance(pip_error(f"ERROR: {text}"), StorageError)

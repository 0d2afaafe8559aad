"""The rows of all slices, added up along one tree: shared memory on a host, links between."""

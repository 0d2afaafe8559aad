"""How rows of all slices are added up along one tree: shared memory on a host, links between."""

"""The packages that a job needs beside those of the nodes: installed by content, then imported."""

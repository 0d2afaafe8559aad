"""One step: the sum over all slices, and the handling of non-finite sums and of out of memory."""

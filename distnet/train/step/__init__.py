"""One step: the sum over all slices, and what is done when it is not finite or memory runs out."""

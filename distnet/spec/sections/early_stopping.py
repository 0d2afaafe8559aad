"""When training ends before its last step, as a job file asks for it."""

from distnet.spec.sections.section import NonNegativeFloat, PositiveInt, Section


class EarlyStopping(Section):
    """End training when evaluations no longer get better (Prechelt 1998)."""

    patience: PositiveInt
    """Training ends after this many evaluations in a row without a better value."""
    metric: str | None = None
    """The metric of the evaluation that has to get better. Default: the task's headline metric."""
    min_delta: NonNegativeFloat = 0.0
    """A value is better if it beats the best one by more than this."""

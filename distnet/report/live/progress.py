"""The progress of a run, from its records."""

from dataclasses import replace
from types import TracebackType
from typing import Any, Self

from distnet.report.live.display import Display, Now
from distnet.report.live.figures import Figures
from distnet.report.text import whole_epochs
from distnet.spec.plural import counted


class RunProgress:
    """Says what each record of a run means, on a display.

    Args:
        display: where it is shown.
    """

    def __init__(self, display: Display) -> None:
        self._display = display
        self._num_epochs = 0
        self._figures = Figures()
        self._now = Now()

    def __enter__(self) -> Self:
        """Begin to show."""
        self._display.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the display; the lines of the epochs stay."""
        self._display.__exit__(kind, error, trace)

    @property
    def figures(self) -> str:
        """The training loss, and the headline metric of the last evaluation."""
        return self._figures.latest()

    def __call__(self, record: dict[str, Any]) -> None:
        """Show one record."""
        self._figures.update(record)
        match record["kind"]:
            case "attempt":
                self._show_attempt(record)
            case "stage":
                self._show(stage=record["text"])
                self._display.say(record["text"])
            case "note":
                self._display.say(f"note: {record['text']}")
            case "restart":
                self._show_restart(record)
            case "skip":
                self._show_skip(record)
            case "step":
                self._show_step(record)
            case "epoch":
                self._show_epoch(record)
            case "final":
                self._display.say(f"at the end  {self._figures.final(record)}")
            case "end":
                step = record.get("step") or self._now.step
                self._show(stage=record["status"], step=step, has_ended=True)

    def _show(self, **changes: Any) -> None:
        self._now = replace(self._now, **{"loss": None, **changes})
        self._display.show(self._now)

    def _show_attempt(self, record: dict[str, Any]) -> None:
        self._num_epochs = whole_epochs(record["num_epochs"])
        workers = counted(record["workers"], "worker")
        start = f", resumed at step {record['step']:,}" if record["attempt"] > 1 else ""
        self._display.say(
            f"run {record['run']}: {counted(record['num_steps'], 'step')} on {workers}{start}"
        )
        self._show(
            stage="starting", step=record["step"], num_steps=record["num_steps"], has_ended=False
        )
        if record.get("packages"):
            took = record["packages_seconds"]
            installed = f", installed in {took:.1f} s" if took else ""
            self._display.say(f"packages: {', '.join(record['packages'])}{installed}")

    def _show_restart(self, record: dict[str, Any]) -> None:
        change = f", on {counted(record['to'], 'worker')} instead of {record['from']}"
        self._display.say(
            f"restarted: step {record['step'] + 1:,} came {record['seconds']:.1f} s after the last "
            f"one{change if record['from'] != record['to'] else ''}"
        )

    def _show_skip(self, record: dict[str, Any]) -> None:
        samples = ", ".join(map(str, record["samples"]))
        is_skipped = record["mode"] == "skip"
        action = "skipped" if is_skipped else f"went back to step {record['from_step']:,}"
        self._display.say(
            f"note: step {record['step']:,}: {record['reason']} (slice {record['slice']}, samples "
            f"{samples}); {action}"
        )

    def _show_step(self, record: dict[str, Any]) -> None:
        self._show(
            stage=f"epoch {record['epoch']}/{self._num_epochs}",
            step=record["step"],
            figures=self._with_speed(record),
            loss=record["loss"],
        )

    def _show_epoch(self, record: dict[str, Any]) -> None:
        epoch = f"epoch {record['epoch']:>2}/{self._num_epochs}"
        speed = f"{record['samples_per_second']:,.0f} samples/s"
        self._display.say(f"{epoch}  {self._figures.epoch(record)}  {speed}")
        self._show(step=record["step"], figures=self._with_speed(record))

    def _with_speed(self, record: dict[str, Any]) -> str:
        return f"{self._figures.latest()}  {record['samples_per_second']:,.0f} samples/s"

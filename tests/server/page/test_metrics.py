"""The metric of a run's last evaluation, on every view of the page."""

import pytest
from playwright.sync_api import expect

from distnet.spec.metric import Metric
from tests.server.harness import asks

MAE = Metric("mae", "number", "lower")


@pytest.fixture
def running(site):
    """A site where digits-1, a regression, trains."""
    site.harness.submit(asks())
    site.harness.run(2)
    return site


def test_the_queue_shows_a_dash_before_the_first_evaluation_and_then_its_metric(running, looker):
    running.progress("digits-1", loss=0.25)
    page = looker.open()
    cell = page.locator("tr", has_text="digits-1").locator("td[data-label=metric]")
    expect(cell).to_have_text("–")

    running.evaluate("digits-1", MAE, loss=0.3, mae=0.123456)
    expect(cell).to_have_text("0.1235test mae")


def test_the_page_of_a_job_shows_all_metrics_beside_the_training_loss(running, looker):
    attempt = {"kind": "attempt", "attempt": 1, "step": 0, "split": "test"}
    share = {"name": "within_1", "format": "percent", "direction": "higher"}
    running.record("digits-1", attempt | {"metrics": [MAE.to_dict(), share]})
    step = {"kind": "step", "attempt": 1, "epoch": 1, "loss": 0.25, "mae": 0.4}
    running.record("digits-1", step | {"step": 1}, step | {"step": 2})
    epoch = {"kind": "epoch", "epoch": 1, "step": 2}
    running.record("digits-1", epoch | {"test": {"loss": 0.3, "mae": 0.5, "within_1": 0.75}})
    running.progress("digits-1", loss=0.25)
    running.evaluate("digits-1", MAE, loss=0.3, mae=0.5, within_1=0.75)
    page = looker.open("/jobs/digits-1")

    facts = page.locator("dl.facts")
    for text in ("train loss0.2500", "test mae0.5", "test loss0.3", "test within 175.00%"):
        expect(facts).to_contain_text(text)
    expect(page.get_by_role("img", name="MAE: train 0.4, test 0.5")).to_be_visible()
    expect(page.get_by_role("img", name="Within 1: train –, test 75.00%")).to_have_count(0)
    expect(page.get_by_role("img", name="Within 1: test 75.00%")).to_be_visible()


def test_the_history_shows_the_metric_of_the_last_evaluation(running, looker):
    running.evaluate("digits-1", MAE, loss=0.3, mae=2.5)
    running.evaluate("digits-1", MAE, loss=0.2, mae=1.5)
    running.harness.run_until_all_ended(steps=50)
    page = looker.open("/history")
    row = page.locator("tr", has_text="digits-1")
    expect(row.locator("td[data-label=metric]")).to_have_text("1.5test mae")


def test_records_with_invalid_metrics_break_nothing(running, looker):
    attempt = {
        "kind": "attempt",
        "attempt": 1,
        "step": 0,
        "metrics": [None, 3, {"name": 4}, {"name": ""}],
    }
    running.record("digits-1", attempt, attempt | {"metrics": "none"})
    many = {f"metric_{at}": 1.0 for at in range(1000)}
    running.record("digits-1", {"kind": "step", "step": 1, "loss": 0.5} | many)
    page = looker.open("/jobs/digits-1")
    expect(page.get_by_role("img", name="Loss: train 0.5000")).to_be_visible()


def test_huge_and_close_values_are_drawn_without_nan_and_without_end(running, looker):
    """Sums of 1e308 are infinite; at 1e20 one more tick of the axis is the same number."""
    attempt = {"kind": "attempt", "attempt": 1, "step": 0}
    running.record(
        "digits-1", attempt | {"metrics": [Metric("close", "number", "lower").to_dict()]}
    )
    step = {"kind": "step", "attempt": 1, "epoch": 1}
    losses = [1e308, -1e308, 1e20, 1e20 + 32_768, 1e308, 1e149, 1e20]
    records = [
        step | {"step": n + 1, "loss": losses[n % len(losses)], "close": 1e20 + n % 2 * 32_768}
        for n in range(300)
    ]
    running.record("digits-1", *records, step | {"step": 2**60, "loss": 0.5})
    running.progress("digits-1", loss=1.234e149)
    page = looker.open("/jobs/digits-1")
    expect(page.locator("dl.facts")).to_contain_text("train loss1.234e+149")

    expect(page.locator("figure.curve").nth(1)).to_be_visible()
    drawn = page.locator("figure.curve").evaluate_all("all => all.map(one => one.outerHTML)")
    assert len(drawn) >= 2
    assert not any(word in text for text in drawn for word in ("NaN", "Infinity"))

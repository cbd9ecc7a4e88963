import typer
import yaml
from typer.testing import CliRunner

from ray_mtlkd.cli.replay import replay
from ray_mtlkd.report import replay as of_report
from ray_mtlkd.strategies import decode_strategy


def test_what_is_printed_is_a_strategy_of_fixed_weights(monkeypatch):
    found = of_report.MeanWeights(setup="shop", strategy="pcgrad", trial="t-1", tasks=("a", "b"), weights=(1.25, 1 / 3))
    monkeypatch.setattr(of_report, "mean_weights", lambda results, trial: found)
    app = typer.Typer()
    app.command()(replay)
    result = CliRunner().invoke(app, ["runs/one", "t-1"], catch_exceptions=False)
    (value,) = yaml.safe_load(result.output)
    strategy = decode_strategy(value, where="")
    assert (strategy.name, strategy.balancer.weights) == ("replay of pcgrad", {"a": 1.25, "b": 0.333333})

"""TorchJD's methods by name (``torchjd:UPGrad``): its weightings turn a Gramian into weights."""

import inspect
import math
from collections.abc import Mapping, Sequence
from dataclasses import field
from functools import cache, lru_cache
from typing import Any, ClassVar

from ray_mtlkd.decode import decode, document, join, unknown_name
from ray_mtlkd.errors import MtlkdError, gather, raise_all
from ray_mtlkd.strategies.balancers.base import Needs, Signals, Weights
from ray_mtlkd.strategies.balancers.facts import MethodFacts

_WHERE = "balancer"


@document
class TorchJD:
    """A weighting of TorchJD on the Gramian of the shared gradients; each head keeps its own gradient.

    Quinton and Rey, "Jacobian Descent for Multi-Objective Optimization", 2024, arXiv:2406.16232, and
    https://torchjd.org. With w the weights that the method finds for the Gramian G = J J^T of the tasks' gradients, the
    update of the shared parameters is J^T w.

    TorchJD is an optional extra, and a search space is read without torch: both are imported where they are used.

    >>> TorchJD(method="CAGrad", options={"c": 0.5}).name
    'torchjd:CAGrad'

    TorchJD 0.18 offers nine: AlignedMTL, CAGrad, DualProj, FairGrad, IMTLG, Krum, MGDA, PCGrad and UPGrad. All but Krum
    are also this package's own (``cagrad``, ``imtl_g``, …), without the extra and in the unit of the plain sum; these
    are here to compare with. A weighting that remembers earlier steps (GradVac, PCD) is not offered: TorchJD has
    no way to store what it remembers, so that a resumed trial would differ from an uninterrupted one.

    Attributes:
        method: Name of the TorchJD aggregator, e.g. ``UPGrad``.
        options: Its own hyper-parameters by name, e.g. ``c`` of ``CAGrad``.
    """

    needs: ClassVar[Needs] = "gram"
    facts: ClassVar[MethodFacts] = MethodFacts(
        paper="Quinton and Rey 2024, arXiv:2406.16232", equation="https://torchjd.org, by method"
    )

    method: str
    options: Mapping[str, int | float | str] = field(default_factory=dict, hash=False)

    @property
    def name(self) -> str:
        """``torchjd:`` and the method."""
        return f"torchjd:{self.method}"

    def init(self, num_tasks: int) -> tuple[()]:
        """Nothing to remember.

        Raises:
            MtlkdError: where TorchJD, or what the method needs beside it, is not installed; where the method is
                unknown; where an option is unknown, missing or out of range; where it needs more tasks.
            ExceptionGroup: of ``MtlkdError``, where several options are wrong.
        """
        identity = [[float(i == j) for j in range(num_tasks)] for i in range(num_tasks)]
        self._call(identity, seed=0)
        return ()

    def weigh(self, signals: Signals, state: tuple[()]) -> tuple[Weights, tuple[()]]:
        """What the weighting makes of this step's Gramian.

        Raises:
            MtlkdError: where the method does not accept the Gramian, or finds no finite weights.
        """
        shared = self._call(signals.gram, seed=signals.rng.getrandbits(63))
        if not all(math.isfinite(weight) for weight in shared):
            raise MtlkdError(
                f"{self.name} gives the weights {list(shared)}",
                where=_WHERE,
                fix="choose another method, or a lower learning rate if the gradients have grown without bound",
            )
        return Weights(shared=shared, heads=(1.0,) * len(shared)), state

    def _call(self, gram: Sequence[Sequence[float]], *, seed: int) -> tuple[float, ...]:
        """Weights [A] of a Gramian [A][A]; TorchJD draws from torch's global generator, which is left as it was."""
        import torch  # noqa: PLC0415 - see the docstring of `TorchJD`

        weighting = _build(self.method, tuple(self.options.items()))
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            try:
                found: list[float] = weighting(torch.tensor(gram, dtype=torch.float64)).tolist()
            except ValueError as error:
                raise MtlkdError(
                    f"{self.name} does not accept the gradients of {len(gram)} tasks ({str(error).rstrip('.')})",
                    where=_WHERE,
                    fix="choose another method, or a curriculum that trains more tasks at once",
                ) from error
        return tuple(found)


@cache
def _weightings() -> dict[str, Any]:
    """TorchJD's weightings of a Gramian, by the name of the aggregator they belong to.

    Raises:
        MtlkdError: where TorchJD is not installed.
    """
    try:
        import torchjd.aggregation as offered  # noqa: PLC0415 - see the docstring of `TorchJD`
    except ImportError as error:
        raise MtlkdError(
            f"TorchJD cannot be imported ({error})",
            where=_WHERE,
            fix='install the extra: pip install "ray-mtlkd[torchjd]"',
        ) from error
    return {
        name: vars(offered)[f"{name}Weighting"]
        for name, part in vars(offered).items()
        if isinstance(part, type)
        and issubclass(part, offered.GramianWeightedAggregator)
        and f"{name}Weighting" in vars(offered)
    }


@lru_cache(maxsize=128)
def _build(method: str, options: tuple[tuple[str, int | float | str], ...]) -> Any:
    """The weighting itself, which may be kept since it remembers nothing.

    Raises:
        MtlkdError: see `TorchJD.init`; a group, where several options are wrong.
    """
    weightings = _weightings()
    stateless = {name for name, weighting in weightings.items() if not hasattr(weighting, "reset")}
    if method in weightings and method not in stateless:
        raise MtlkdError(
            f"torchjd:{method} remembers earlier steps and cannot be checkpointed",
            where=_WHERE,
            fix="use one of: " + ", ".join(sorted(stateless)),
        )
    if method not in stateless:
        raise unknown_name(method, stateless, what="TorchJD method", where=_WHERE)
    build = weightings[method]
    checked = _check_options(method, dict(options), inspect.signature(build, eval_str=True).parameters)
    try:
        return build(**checked)
    except ImportError as error:
        raise MtlkdError(
            f"torchjd:{method} needs more than TorchJD itself ({str(error).rstrip('.')})",
            where=_WHERE,
            fix="install what it names, or choose another method",
        ) from error
    except ValueError as error:
        raise MtlkdError(str(error).rstrip("."), where=join(_WHERE, "options"), fix="correct the value") from error


def _check_options(
    method: str, options: Mapping[str, int | float | str], parameters: Mapping[str, inspect.Parameter]
) -> dict[str, Any]:
    """The options as the types that TorchJD declares; a parameter that defaults to None takes an object of its own.

    Raises:
        MtlkdError: where an option is unknown, missing or of another type; a group, where there are several.
    """
    where = join(_WHERE, "options")
    valid = [name for name, parameter in parameters.items() if parameter.default is not None]
    checked: dict[str, Any] = {}
    problems: list[MtlkdError] = []
    for name, value in options.items():
        with gather(problems):
            if name not in valid:
                raise unknown_name(name, valid, what=f"torchjd:{method} option", where=join(where, name))
            checked[name] = decode(parameters[name].annotation, value, where=join(where, name))
    problems += [
        MtlkdError("missing", where=join(where, name), fix="add this key")
        for name in valid
        if parameters[name].default is inspect.Parameter.empty and name not in options
    ]
    raise_all(f"torchjd:{method}", problems)
    return checked

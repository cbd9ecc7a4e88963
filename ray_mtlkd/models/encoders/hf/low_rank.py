"""Low-rank matrices beside the weights of an encoder, which stay as they are."""

from typing import cast

from torch import Tensor, nn
from torch.nn import functional

from ray_mtlkd.models.encoders.layers import LowRank
from ray_mtlkd.models.encoders.pretrained import tensors_from_weights


class LowRankLinear(nn.Module):
    """A linear layer that stays as it is, and B A beside it.

    Args:
        linear: Its weights are held.
        rank: Of B A.
    """

    def __init__(self, linear: nn.Linear, rank: int) -> None:
        super().__init__()
        self.register_buffer("weight", linear.weight, persistent=False)
        self.register_buffer("bias", linear.bias, persistent=False)
        self.update = LowRank(linear.weight, rank)

    def forward(self, inputs: Tensor) -> Tensor:
        """Of inputs [..., I]: x W + b + x A B, without the product of A and B."""
        held = functional.linear(inputs, cast(Tensor, self.weight), cast(Tensor | None, self.bias))
        return held + functional.linear(functional.linear(inputs, self.update.a), self.update.b)


def adapt(block: nn.Module, rank: int) -> None:
    """Put low-rank matrices beside every linear layer."""
    for path, module in list(block.named_modules()):
        if isinstance(module, nn.Linear):
            owner, _, name = path.rpartition(".")
            setattr(block.get_submodule(owner), name, LowRankLinear(module, rank))


def merged(encoder: nn.Module) -> dict[str, Tensor]:
    """An encoder's weights as they are now, by their names in `transformers`; low-rank matrices are added to theirs."""
    found: dict[str, Tensor] = {}
    for module, name, source in tensors_from_weights(encoder):
        tensor: Tensor = getattr(module, name)
        found[source] = module.update(tensor) if isinstance(module, LowRankLinear) and name == "weight" else tensor
    return found

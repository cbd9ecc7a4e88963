"""The balancers as their papers write them, on whole gradients and by autograd: what the project's own must equal."""

import torch


def pcgrad(gradients, orders):
    """Yu et al. 2020, Algorithm 1: the update [P] from gradients [T, P], each task meeting the others in its order."""
    total = torch.zeros_like(gradients[0])
    for gradient, order in zip(gradients, orders, strict=True):
        projected = gradient.clone()
        for j in order:
            inner = projected @ gradients[j]
            if inner < 0:
                projected -= inner / gradients[j].norm() ** 2 * gradients[j]
        total += projected
    return total


class GradNorm:
    """Chen et al. 2018, Algorithm 1: w [T] descends equation 2, its target a constant, and is renormalised to T."""

    def __init__(self, count, *, alpha, lr, optimizer=torch.optim.Adam):
        self.alpha = alpha
        # one parameter a task, as a task that takes no batch has no gradient
        self.weights = [torch.nn.Parameter(torch.ones((), dtype=torch.float64)) for _ in range(count)]
        self.optimizer = optimizer(self.weights, lr=lr)
        self.initial = None

    def present(self):
        """What the network's losses are multiplied by in this step [T]."""
        return [weight.item() for weight in self.weights]

    def step(self, losses, layer):
        """Descend L_grad of the losses [T] of a network whose last shared layer has the parameters ``layer``."""
        gradients = [
            torch.autograd.grad(weight * loss, layer, create_graph=True)
            for weight, loss in zip(self.weights, losses, strict=True)
        ]
        norms = torch.stack([torch.cat([part.flatten() for part in each]).norm() for each in gradients])
        self._descend(norms, torch.stack([loss.detach() for loss in losses]))

    def step_on_record(self, losses, norms):
        """Likewise, where only the numbers are known: ||grad w L|| = w ||grad L||, w being positive."""
        weighted = torch.stack(list(self.weights)) * torch.tensor(norms, dtype=torch.float64)
        self._descend(weighted, torch.tensor(losses, dtype=torch.float64))

    def _descend(self, norms, losses):
        self.initial = losses if self.initial is None else self.initial
        ratios = losses / self.initial
        targets = (norms.mean() * (ratios / ratios.mean()) ** self.alpha).detach()
        self.distances = ((norms - targets).abs() / norms.mean()).tolist()
        self.optimizer.zero_grad()
        for weight, gradient in zip(
            self.weights, torch.autograd.grad((norms - targets).abs().sum(), self.weights), strict=True
        ):
            weight.grad = gradient
        self.optimizer.step()
        with torch.no_grad():
            scale = len(self.weights) / sum(self.present())
            for weight in self.weights:
                weight.mul_(scale)


def uncertainty(losses, log_variances, *, regression):
    """Kendall et al. 2018, equations 7 (regression) and 10 (classification), summed over tasks."""
    terms = [
        (0.5 if squared else 1.0) * torch.exp(-s) * loss + 0.5 * s
        for loss, s, squared in zip(losses, log_variances, regression, strict=True)
    ]
    return torch.stack(terms).sum()

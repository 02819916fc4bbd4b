"""The same networks in PyTorch on the CPU, as its documentation advises: channels last, fused Adam, `foreach` EMA."""

import copy
import itertools

import torch
from torch import nn

from bench.training.data import Batches
from training.recipe import Recipe

DOUBLINGS = 4


class Spread(nn.Module):
    """`training.layers.MinibatchStddev`."""

    def __init__(self, group: int) -> None:
        super().__init__()
        self.group = group

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        n, channels, height, width = x.shape
        grouped = x.reshape(n // self.group, self.group, channels, height, width)
        spread = torch.sqrt(grouped.var(1, unbiased=False) + 1e-8).mean((1, 2, 3)).repeat_interleave(self.group)
        return torch.cat([x, spread[:, None, None, None].expand(n, 1, height, width)], 1)


def build_generator(recipe: Recipe) -> nn.Module:
    """`training.networks.build_generator`, for 64 px."""
    width = recipe.generator.width
    sizes = [width * 2**i for i in reversed(range(DOUBLINGS))]
    layers: list[nn.Module] = [
        nn.Linear(recipe.latent_dim, 16 * sizes[0], bias=False), nn.Unflatten(1, (sizes[0], 4, 4)),
        nn.BatchNorm2d(sizes[0]), nn.ReLU(),
    ]  # fmt: skip
    for wide, narrow in itertools.pairwise(sizes):
        layers += [nn.ConvTranspose2d(wide, narrow, 4, 2, 1, bias=False), nn.BatchNorm2d(narrow), nn.ReLU()]
    return _prepared(nn.Sequential(*layers, nn.ConvTranspose2d(width, 3, 4, 2, 1), nn.Tanh()))


def build_discriminator(recipe: Recipe) -> nn.Module:
    """`training.networks.build_discriminator`, for 64 px."""
    settings = recipe.discriminator
    layers: list[nn.Module] = []
    for i in range(DOUBLINGS):
        filters, side = settings.width * 2**i, 32 // 2**i
        layers.append(nn.Conv2d(filters // 2 if i else 3, filters, 4, 2, 1))
        if i and settings.norm == "layer":
            layers.append(nn.LayerNorm([filters, side, side], eps=1e-3))
        layers.append(nn.LeakyReLU(0.2))
    if settings.minibatch_stddev:
        layers.append(Spread(settings.minibatch_stddev))
    features = 16 * (filters + bool(settings.minibatch_stddev))
    return _prepared(nn.Sequential(*layers, nn.Flatten(), nn.Linear(features, 1)))


def _prepared(network: nn.Module) -> nn.Module:
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            nn.init.normal_(module.weight, 0.0, 0.02)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    return network.to(memory_format=torch.channels_last)


class PyTorch:
    """The step as PyTorch's DCGAN tutorial makes it: D on detached images, then new images for G."""

    def __init__(self, recipe: Recipe) -> None:
        torch.manual_seed(0)
        self.recipe = recipe
        self.generator, self.discriminator = build_generator(recipe), build_discriminator(recipe)
        self.average = copy.deepcopy(self.generator)
        self.generator_optimizer = _adam(self.generator, recipe.generator.optimizer)
        self.discriminator_optimizer = _adam(self.discriminator, recipe.discriminator.optimizer)

    def parameters(self) -> tuple[int, int]:
        generator, discriminator = (
            sum(p.numel() for p in network.parameters()) for network in (self.generator, self.discriminator)
        )
        return generator, discriminator

    def steps(self, batches: Batches, first: int, count: int) -> list[dict[str, float]]:
        return [self._step(batches, step) for step in range(first, first + count)]

    def _step(self, batches: Batches, step: int) -> dict[str, float]:
        recipe = self.recipe
        for i, images in enumerate(torch.from_numpy(batches.at(step))):
            reals = images.permute(0, 3, 1, 2).float() / 127.5 - 1.0  # NHWC in memory: channels last already
            loss_d = self._move_discriminator(reals, (step * recipe.n_critic + i) % recipe.regulariser.every == 0)
        return {"loss_d": loss_d, "loss_g": self._move_generator()}

    def _latents(self) -> torch.Tensor:
        return torch.randn(self.recipe.batch_size, self.recipe.latent_dim)

    def _move_discriminator(self, reals: torch.Tensor, regularise: bool) -> float:
        recipe = self.recipe
        with torch.no_grad():
            fakes = self.generator(self._latents())
        real_scores, fake_scores = self.discriminator(reals), self.discriminator(fakes)
        if recipe.loss == "wasserstein":
            loss = fake_scores.mean() - real_scores.mean()
        else:
            loss = nn.functional.softplus(-real_scores).mean() + nn.functional.softplus(fake_scores).mean()
        total = loss
        if regularise:
            total = loss + self._penalty(reals, fakes) * recipe.regulariser.weight * recipe.regulariser.every
        self.discriminator_optimizer.zero_grad()
        total.backward()
        self.discriminator_optimizer.step()
        return float(loss.detach())

    def _penalty(self, reals: torch.Tensor, fakes: torch.Tensor) -> torch.Tensor:
        if self.recipe.regulariser.kind == "r1":
            return 0.5 * self._squared_slopes(reals).mean()
        alpha = torch.rand(len(reals), 1, 1, 1)
        slopes = torch.sqrt(self._squared_slopes(alpha * reals + (1.0 - alpha) * fakes) + 1e-12)
        return (slopes - 1.0).square().mean()

    def _squared_slopes(self, images: torch.Tensor) -> torch.Tensor:
        images = images.detach().requires_grad_()
        (slopes,) = torch.autograd.grad(self.discriminator(images).sum(), images, create_graph=True)
        return slopes.square().sum((1, 2, 3))

    def _move_generator(self) -> float:
        self.discriminator.requires_grad_(False)
        scores = self.discriminator(self.generator(self._latents()))
        wasserstein = self.recipe.loss == "wasserstein"
        loss = -scores.mean() if wasserstein else nn.functional.softplus(-scores).mean()
        self.generator_optimizer.zero_grad()
        loss.backward()
        self.discriminator.requires_grad_(True)
        self.generator_optimizer.step()
        self._move_average()
        return float(loss.detach())

    @torch.no_grad()
    def _move_average(self) -> None:
        mine, theirs = (
            [v for v in network.state_dict().values() if v.is_floating_point()]
            for network in (self.average, self.generator)
        )
        torch._foreach_lerp_(mine, theirs, 0.01)


def _adam(network: nn.Module, settings: object) -> torch.optim.Optimizer:
    betas = settings.beta_1, settings.beta_2  # type: ignore[attr-defined]
    return torch.optim.Adam(network.parameters(), settings.learning_rate, betas, fused=True)  # type: ignore[attr-defined]


def make(recipe: Recipe) -> PyTorch:
    return PyTorch(recipe)

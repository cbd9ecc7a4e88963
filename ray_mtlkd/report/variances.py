"""What makes a pair's mean difference uncertain, part by part: see `comparison` for the model."""

import numpy as np
import numpy.typing as npt

from ray_mtlkd.report.skills import Skills
from ray_mtlkd.report.statistics import Floats, Prior, common_prior, mean_of_finite, moderated

SEARCHES = 1.6
"""How much more the best of several searches differ than the best of one do among themselves, in variance. The two best
of a search are its two highest order statistics: with normal effects their mean varies 1.5, 1.7 and 1.85 times as much
from search to search as between the two, of 4, 8 and 16 configurations that the search orders rightly; less if not."""


def of_seeds(skills: Skills) -> tuple[Floats, Floats, Floats, Floats, Prior | None]:
    """Means, counts, degrees of freedom and variances of the mean of every pair's differences over seeds [k, k]."""
    each = mean_of_finite(skills.test, axis=2)
    differences = each[:, None] - each[None]
    counts = np.isfinite(differences).sum(axis=2).astype(np.float64)
    means = mean_of_finite(differences, axis=2)
    squares = np.nansum((differences - means[:, :, None]) ** 2, axis=2)
    own = counts - 1
    real = len(each) - skills.borrowed
    upper = np.triu(own > 0, 1)
    upper[:, real:] = False
    if not upper.any():
        nothing = np.full_like(means, np.nan)
        return means, counts, nothing, np.zeros_like(means), None
    variances = np.where(own > 0, squares / np.maximum(own, 1), np.nan)
    prior = common_prior(variances[upper], own[upper])
    pooled_df = max(1, real - 1) * (counts.max() - 1)
    df = np.where(own > 0, np.minimum(own + prior.df, pooled_df), np.nan)
    found = moderated(variances, own, prior) / np.maximum(counts, 1)
    np.fill_diagonal(found, 0.0)
    return means, counts, df, np.where(own > 0, found, 0.0), prior


def of_configurations(skills: Skills) -> tuple[Floats, Floats]:
    """The variance that configurations add to each pair's mean, and how unsure that is: its square over its df [k, k].

    Pairs that replicate the same configurations are taken together, and those that do not: what a configuration does to
    all strategies alike cancels in the former only. What is added is the surplus of the variance between configurations
    over what seeds explain, and never below zero.
    """
    count, _, width = skills.test.shape
    added, unsure = np.zeros((count, count)), np.zeros((count, count))
    if width == 1:
        return added, unsure
    between, noise, known = _between(skills.test)
    of = skills.configurations
    same = np.array([[ours == theirs for theirs in of] for ours in of], dtype=bool).reshape(count, count)
    real = np.arange(count) < count - skills.borrowed
    for alike in (True, False):
        group = known & (same == alike)
        told = group & real & real[:, None]
        told = told if told.any() else group
        if told.any():
            spread = SEARCHES * float(between[told].mean())
            surplus = SEARCHES * max(0.0, float((between - noise)[told].mean()))
            df = max(1, int(told.any(axis=0).sum()) - 1) * (width - 1)
            added[group] = surplus / width
            # between the square of the surplus (too sure where it is small) and that of the spread (never sure enough)
            unsure[group] = surplus * spread / width**2 / df
    return added, unsure


def _between(test: Floats) -> tuple[Floats, Floats, npt.NDArray[np.bool_]]:
    """The variance of each pair's mean differences over configurations, what of it seeds explain, and where both are.

    Args:
        test: [k, n, m], m >= 2.
    """
    differences = test[:, None] - test[None]
    kept = np.asarray(np.isfinite(differences).all(axis=3))
    runs = kept.sum(axis=2)
    values = np.where(kept[..., None], differences, 0.0)
    by_configuration = values.sum(axis=2) / np.maximum(runs, 1)[..., None]
    by_seed, overall = values.mean(axis=3), by_configuration.mean(axis=2)
    rest = values - by_configuration[:, :, None] - by_seed[..., None] + overall[..., None, None]
    squares = (np.where(kept[..., None], rest, 0.0) ** 2).sum(axis=(2, 3))
    noise = squares / np.maximum((runs - 1) * (test.shape[2] - 1), 1) / np.maximum(runs, 1)
    known = (runs > 1) & ~np.eye(len(test), dtype=bool)
    return by_configuration.var(axis=2, ddof=1), noise, known


def satterthwaite(total: Floats, parts: tuple[Floats, Floats], df: Floats) -> Floats:
    """Degrees of freedom of a sum of variances, from the squares of its parts over their own; ``df`` where it is 0."""
    unsure = parts[0] + parts[1]
    found: Floats = np.where(unsure > 0, total**2 / np.where(unsure > 0, unsure, 1.0), df)
    return found

"""How the report's numbers came about, in words."""

PROTOCOL = """\
- **Trials.** Every strategy searches on validation; its best configuration runs again on fresh seeds. Only these
  replicate trials are reported, on test. A trial's metrics are those of one checkpoint: the evaluation with the best
  validation score (mean skill over tasks) after every task has started.
- **Skill**, the scale of the decision: how far a metric is between the trivial predictor (0 points) and a perfect one
  (100), averaged over tasks by their weights; the same as the checkpoint rule. (The trivial predictor's metric is
  that on validation, on both splits.) Strategies are compared by differences of mean skill.
- **Not comparable**: a strategy whose budget ended in some trial before every task had trained takes no part in any
  comparison; nor does one that lacks a metric. One with missing seeds is compared on those that a pair shares.
- **Model.** For strategies i and j, seed s and configuration c, in points of skill: y_ics = strategy_i +
  configuration_ic + seed_s + rest_ics. Paired by sweep, setup and seed, the seed cancels. The variance of a pair's
  mean difference is the sum of: *seeds*, the sample variance of its differences, drawn towards that of all pairs as
  far as these are alike (empirical Bayes, Smyth 2004: pooled where they are equal, a pair's own where they are not;
  the table of variances says how far); *configurations*, where strategies replicate several: their mean square beyond
  what seeds explain, pooled (Bouthillier et al. 2021); *rows* of the test table, where predictions are stored.
  Degrees of freedom by Satterthwaite, those of seeds at most the residual's, (strategies - 1)(seeds - 1).
- **Interval**: Student's t, such that all pairs of strategies in this report hold at once with 95 % (Dunn 1961: each
  at 1 - 0.05 / number of pairs). So it does not matter which pair one looks at, nor that data chose it. A difference
  is *better* or *worse* where its interval excludes zero, *equivalent* where it lies within the margin (two one-sided
  tests, Schuirmann 1987), else *cannot tell*. The raw 95 % intervals, of one pair by itself, are in `gains.csv`. One
  seed has none.
- **Best baseline**: of the strategies with the role *baseline* (all tasks train jointly to the end, under any
  balancer), for each seed the one with the best mean skill on validation over the *other* seeds; ties go to `sum`.
  Distilling strategies, controls and single-task are no candidates.
- **Single-task**: one model a task. Of several such strategies, the one with the best mean skill on validation, which
  the heading names.
- **Relative gain** over a reference b, for one seed: 100 · Σ w s (m - b) / |b| / Σ w over the tasks, with s = +1
  where a higher metric is better, else -1. It decides nothing: a metric near zero rules it. Beside it stands the task
  that adds more than half of it. Where a reference's metric is zero, it is undefined, and a warning names the task.
- **Best, %**: the probability to be the best of the strategies that can be compared, under a flat prior.
- **All setups**: for each seed that ran in all setups, the mean over setups; intervals are for these setups, and say
  nothing of others. Only strategies of all setups take part.
- **Mean rank**: by skill on test among the strategies that finished the seed (1 is best), averaged over seeds.
- **What to ship**: a multitask strategy *may be the best* if no other is shown to be better. The simplest of those is
  shipped (`sum`, then other baselines, then controls, then what distils; of alike the better on validation), if it is
  shown to be at most the margin below each of them. Else it cannot be told yet, and the number of seeds that would
  tell is given, as if means and variances stayed what they are. One model a task is shipped only where it is shown to
  be better than all that may be the best. Advice for a single setup follows the same rule on that setup alone. It is
  *not robust* where the same rule ships something else when one task does not count.
- **Chosen on the other seeds**: for each seed, the strategy with the best mean skill on validation over the other
  seeds is judged on this seed's test; so the gain of choosing is not that of luck.
- **Negative transfer**: tasks whose mean test metric is below single-task's on the shared seeds; a star where the
  interval of the difference excludes zero (Student's t, those of a table hold together), the mark where it never
  trained.
- **Retention**: a converged task's validation metric at the checkpoint over its teacher's, or the inverse where a
  lower metric is better: below 1, something was lost. Tasks that did not converge have none: a retention over few
  tasks says little."""

"""The gradient of CTC's loss, with the same bits every time.

torch's own kernel for GPUs adds the probabilities of equal labels with atomic additions. Source:
Graves et al. 2006, "Connectionist Temporal Classification".

Letters: N sequences, T steps, C classes, S = 2 L + 1 states: a blank before, between and after the
L labels of the longest target.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

INFINITY = float("inf")


def ctc_backward(  # noqa: PLR0917
    grad: Tensor,
    log_probs: Tensor,
    targets: Tensor,
    input_lengths: Sequence[int] | Tensor,
    target_lengths: Sequence[int] | Tensor,
    neg_log_likelihood: Tensor,
    log_alpha: Tensor,
    blank: int,
    zero_infinity: bool = False,
) -> Tensor:
    """[T, N, C]: the gradient of the log-probabilities.

    Args:
        grad: [N].
        log_probs: [T, N, C].
        targets: [N, L], or all of them one after the other.
        input_lengths: [N].
        target_lengths: [N].
        neg_log_likelihood: [N], the losses.
        log_alpha: [N, T, S], of the forward pass: it includes the probability of step t.
        blank: its class.
        zero_infinity: whether the gradient of an infinite loss is 0.
    """
    device = log_probs.device
    steps = torch.as_tensor(input_lengths, device=device)
    lengths = torch.as_tensor(target_lengths, device=device)
    states = _states(targets, lengths, log_alpha.shape[2], blank)
    at_state = log_probs.gather(2, states.expand(len(log_probs), *states.shape))
    log_beta = _log_beta(at_state, states, steps, lengths, blank)
    both = log_alpha.transpose(0, 1) + log_beta
    of_state = torch.exp(both - at_state + neg_log_likelihood[:, None])
    of_state = of_state.where(both > -INFINITY, 0)
    occupied = torch.zeros_like(log_probs).scatter_add_(2, states.expand_as(of_state), of_state)
    result = (log_probs.exp() - occupied) * grad[:, None]
    is_infinite = neg_log_likelihood == INFINITY
    result = result.where(~is_infinite[:, None], 0.0 if zero_infinity else float("nan"))
    time = torch.arange(len(log_probs), device=device)
    return result.where(time[:, None, None] < steps[:, None], 0)


def _states(targets: Tensor, lengths: Tensor, num_states: int, blank: int) -> Tensor:
    """[N, S]: the class of each state."""
    states = lengths.new_full((len(lengths), num_states), blank)
    offsets = torch.arange(num_states // 2, device=targets.device)
    if targets.ndim == 1:
        begins = lengths.cumsum(0) - lengths
        indices = (begins[:, None] + offsets).clamp_(max=max(len(targets) - 1, 0))
        labels = targets[indices] if len(targets) else indices
    else:
        labels = targets[:, : num_states // 2]
    states[:, 1::2] = labels.to(states.dtype).where(offsets < lengths[:, None], blank)
    return states


def _log_beta(
    at_state: Tensor, states: Tensor, steps: Tensor, lengths: Tensor, blank: int
) -> Tensor:
    """[T, N, S]: of what follows step t, if that is in state s; it includes step t itself."""
    num_states = states.shape[1]
    index = torch.arange(num_states, device=states.device)
    is_last = (index == 2 * lengths[:, None]) | (index == 2 * lengths[:, None] - 1)
    is_skip = torch.zeros_like(states, dtype=torch.bool)  # to the next label, without a blank
    is_skip[:, :-2] = (states[:, 2:] != blank) & (states[:, 2:] != states[:, :-2])
    nothing = at_state.new_full(states.shape, -INFINITY)
    beta, found = nothing, []
    for t in range(len(at_state) - 1, -1, -1):
        padded = torch.nn.functional.pad(beta, (0, 2), value=-INFINITY)
        skipped = padded[:, 2:].where(is_skip, -INFINITY)
        follows = torch.logsumexp(torch.stack([beta, padded[:, 1:-1], skipped]), 0)
        begins = nothing.where(~is_last, 0.0).where((steps == t + 1)[:, None], follows)
        beta = begins + at_state[t]
        found.append(beta)
    return torch.stack(found[::-1])

"""A manifest for tables that nobody has described yet: what they seem to be, each guess with its reason."""

from ray_mtlkd.setups.proposal.manifest_text import manifest_text, one_line, plain
from ray_mtlkd.setups.proposal.propose import Proposal, propose

__all__ = ["Proposal", "manifest_text", "one_line", "plain", "propose"]

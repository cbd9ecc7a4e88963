"""Why there is no Ray: Ray's own errors as one line that says where, why and what to do."""

from ray.exceptions import AuthenticationError

from ray_mtlkd.cluster import ray_private
from ray_mtlkd.cluster.address import VARIABLE, address, place
from ray_mtlkd.errors import MtlkdError, first_line

_PERMIT = "the token in ~/.ray/auth_token (or where RAY_AUTH_TOKEN_PATH says)"
_LONGER = "give it longer by --wait SECONDS"


def explained(error: BaseException) -> MtlkdError:
    """What a user can do about an error that Ray raised as it started, or as this process connected to it."""
    if isinstance(error, MtlkdError):
        return error
    said = first_line(error)
    if isinstance(error, AuthenticationError):
        what = "this process has no token"  # Ray says it in a paragraph
        fix = f"set RAY_AUTH_MODE to the cluster's, and provide {_PERMIT}"
    elif address() is not None:
        what = f"somebody listens there but lets this process not in ({said})"
        fix = f"check the port, that RAY_AUTH_MODE and {_PERMIT} are the cluster's, and the versions of Ray and Python"
    elif ray_private.is_about_long_path(error):
        what = f"the path of Ray's temporary folder is too long for sockets ({said})"
        fix = "name a shorter one by RAY_TMPDIR, e.g. RAY_TMPDIR=/tmp"
    else:
        what = f"Ray does not start ({said})"
        fix = f"see its logs ({ray_private.log_folder()}), {_LONGER}, or set {VARIABLE} to use another cluster"
    return MtlkdError(what, where=place(), fix=fix)


def wrong_token() -> MtlkdError:
    """The cluster lets in who has its token only."""
    fix = f"set RAY_AUTH_MODE=token, and provide {_PERMIT}: the cluster's own"
    return MtlkdError("the cluster does not take this process's token, or got none", where=place(), fix=fix)


def no_answer(wait_s: float) -> MtlkdError:
    """Ray neither connects nor fails."""
    if address() is None:
        fix = f"see its logs ({ray_private.log_folder()}), or {_LONGER}"
        return MtlkdError(f"Ray has not started within {wait_s:.0f} s", where=place(), fix=fix)
    fix = f"check the port, that RAY_AUTH_MODE and {_PERMIT} are the cluster's, or {_LONGER}"
    return MtlkdError(f"somebody listens there, but Ray has not answered within {wait_s:.0f} s", where=place(), fix=fix)


def may_succeed_later(error: BaseException) -> bool:
    """Whether Ray was too slow, as far as that can be told: it has no error of its own for that."""
    settled = isinstance(error, MtlkdError | ValueError | OSError | AuthenticationError)
    return isinstance(error, TimeoutError) or not settled

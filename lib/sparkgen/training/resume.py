"""A training writes its state to checkpoints, and goes on from the newest one when it is resumed."""

import logging
from typing import Any

from sparkgen.errors import RequestError
from sparkgen.training import checkpoints
from sparkgen.training.learner import capture, fits, restore, start_alike
from sparkgen.training.request import changed_section, changed_value, identity
from sparkgen.training.run_log import log_transfer
from sparkgen.training.setting import Setting
from sparkgen.training.state import State, from_facts
from sparkgen.training.transfer import take_start, tell
from sparkgen.training.weights import BEST, NUMBERS, numbers_of

log = logging.getLogger(__name__)


def save_state(setting: Setting, state: State) -> None:
    """Writes a checkpoint on rank 0; every rank must call it and gives its metric counts."""
    arrays = capture(setting.learner)
    if setting.learner.ring.rank != 0:
        return
    arrays |= {f"{BEST}/{i:04d}": weights for i, weights in enumerate(state.best.weights)}
    facts = {"state": state.facts(), "training": _identity(setting)}
    numbers = numbers_of(setting.learner.model, setting.learner.model_variables())
    checkpoints.write(
        setting.request.checkpoint_uri,
        checkpoints.encode(arrays, facts | {NUMBERS: numbers}),
        steps=state.steps,
        keep=setting.config.keep_checkpoints,
    )


def restore_state(setting: Setting) -> State:
    """Restores the training from rank 0's newest checkpoint, or begins it anew; gives its state."""
    learner, request = setting.learner, setting.request
    rank = learner.ring.rank
    data = learner.ring.broadcast_bytes(
        checkpoints.newest(request.checkpoint_uri) if rank == 0 else b""
    )
    if not data:
        begin(setting)
        return State()
    arrays, facts = checkpoints.decode(data)
    _check_identity(setting, facts.get("training"))
    if not fits(learner, arrays):
        raise RequestError(
            f"checkpoints of these optimizers in {request.checkpoint_uri}",
            found="other variables",
            mend="train without --resume, or with the optimizers, training.ema_momentum, precision and "
            "release of sparkgen it was started with",
        )
    best = [arrays[name] for name in sorted(arrays) if name.startswith(f"{BEST}/")]
    try:
        restore(learner, arrays)
        state = from_facts(facts["state"], best)
    except (KeyError, TypeError, ValueError) as error:
        raise RequestError(
            f"checkpoints that this release can take up in {request.checkpoint_uri}",
            found=f"{type(error).__name__} {' '.join(str(error).split())[:200]}",
            mend="train without --resume, or with the release that wrote them",
        ) from error
    if rank == 0:
        log.info("going on at epoch %d, step %d", state.epoch + 1, state.step)
    return state


def begin(setting: Setting) -> None:
    """Begins a training: loads the weights it starts from, and makes them the same on all ranks."""
    learner, request = setting.learner, setting.request
    transfer = take_start(learner.model, request)
    start_alike(learner)
    if transfer is not None and request.started_from and learner.ring.rank == 0:
        tell(transfer, request.started_from)
        log_transfer(setting, transfer)


def _identity(setting: Setting) -> dict[str, Any]:
    return {"version": setting.manifest.version, **identity(setting.request.experiment)}


def _check_identity(setting: Setting, begun: Any) -> None:
    """Refuses a checkpoint of another training than this one."""
    noted = begun if isinstance(begun, dict) else {}
    experiment = setting.request.experiment
    # Earlier releases noted the version under `dataset`, and a few values in place of sections.
    if noted.get("version", noted.get("dataset")) != setting.manifest.version:
        found = "one of another dataset version"
    elif "version" not in noted:
        changed = changed_value(noted, experiment)
        if changed is None:
            return
        found = f"one of another {changed}"
    elif section := changed_section(noted, experiment):
        found = f"one of another {section} section"
    else:
        return
    raise RequestError(
        f"checkpoints of this training in {setting.request.checkpoint_uri}",
        found=found,
        mend="train without --resume, or with the configuration it was started with",
    )

import gc

import pytest

from ray_mtlkd.imports import importing
from tests.messages import MESSAGES, STRANGERS, Messages, place_of


def pytest_addoption(parser):
    parser.addoption(
        "--rewrite-messages",
        action="store_true",
        help="write tests/messages.yaml anew from what errors say in this run (of one process, so without -n)",
    )


def pytest_configure(config):
    hands_tests_out = bool(getattr(config.option, "numprocesses", None))
    if config.option.rewrite_messages and hands_tests_out:
        raise pytest.UsageError("--rewrite-messages wants one process; leave out -n")
    config.stash[MESSAGES] = Messages()
    if not hands_tests_out:
        with importing():  # torch, for seconds in which the processes that run tests would wait for this one
            config.pluginmanager.import_plugin("tests.fixtures")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection():
    """What collecting makes stays to the end: modules and items that the collector of garbage need not look through."""
    gc.disable()
    result = yield
    gc.freeze()
    gc.enable()
    return result


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    """What messages.yaml has of tests that are not there, before any is deselected: of the files that this run reads
    whole, and of files that are gone.
    """
    is_of_files = not any("::" in arg for arg in config.args)
    files = {place_of(item)[0] for item in items} if is_of_files else set()
    strangers = config.stash[MESSAGES].strangers(place_of(item) for item in items if "worded" in item.fixturenames)
    strangers = {place for place in strangers if place[0] in files or not (config.rootpath / place[0]).exists()}
    if config.option.rewrite_messages:
        for place in strangers:
            del config.stash[MESSAGES].entries[place]
    config.stash[STRANGERS] = config.stash[MESSAGES].entries.keys() & strangers
    items.sort(key=lambda item: not _reads_pretrained(item.module))


def _reads_pretrained(module):
    """Whether its tests import what takes seconds: they go first, so that one process of several does."""
    return any(getattr(each, "__module__", None) == "tests.pretrained" for each in vars(module).values())


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem):
    """Compare what a test heard, once it has passed otherwise."""
    result = yield
    words = pyfuncitem.funcargs.get("worded")
    if words is not None:
        entries = pyfuncitem.config.stash[MESSAGES].entries
        if pyfuncitem.config.option.rewrite_messages:
            entries[words.place] = words.told
        assert words.told == entries.get(words.place, []), "if it is meant so, run pytest with --rewrite-messages"
    return result


def pytest_sessionfinish(session):
    if session.config.option.rewrite_messages:
        session.config.stash[MESSAGES].write()

"""The service in this process, asked without a network."""

import threading
from dataclasses import replace

import anyio
import httpx2 as httpx
import pytest

from ray_mtlkd.models.encoders.bag import BagOfNgrams
from ray_mtlkd.predict import service
from ray_mtlkd.predict.model_folder import load_model
from ray_mtlkd.predict.service import ServiceLimits, make_app
from tests.keeping import TEXT_TASKS, keep_model, text_setup, text_table

LIMITS = ServiceLimits(rows=20, body_bytes=4096, at_once=2)
ROWS = text_table(6).select(["text", "other"]).to_pylist()


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    folder = tmp_path_factory.mktemp("kept") / "texts"
    return load_model(keep_model(text_setup(TEXT_TASKS), BagOfNgrams(hidden=(8,), buckets=256), folder).uri)


@pytest.fixture(scope="module")
def client(kept):
    """Asks an application, inside the function that it is given."""
    app = make_app(kept, hosts=["Shop.local"], limits=LIMITS)

    def run(ask):
        async def asking():
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as asker:
                return await ask(asker)

        return anyio.run(asking)

    return run


@pytest.fixture
def ask(client):
    """One request's response."""

    def run(method, path, **options):
        return client(lambda asker: asker.request(method, path, **options))

    return run


def test_rows_are_answered_as_the_model_does(ask, kept):
    found = ask("POST", "/predict", json={"rows": ROWS, "probabilities": True})
    assert found.status_code == 200
    assert found.json() == {
        "trial": "t",
        "rows": kept.predict(text_table(6), probabilities=True).to_pylist(),
        "notes": [],
    }


def test_health_says_by_which_model(ask):
    found = ask("GET", "/health")
    assert (found.status_code, found.json()) == (200, {"status": "ok", "trial": "t", "tasks": list(TEXT_TASKS)})


def test_the_example_of_the_page_is_answered_as_the_page_says(ask):
    page = ask("GET", "/openapi.json").json()["paths"]["/predict"]["post"]
    question = page["requestBody"]["content"]["application/json"]["example"]
    assert question["rows"][0].keys() == {"text", "other"}
    said = page["responses"]["200"]["content"]["application/json"]
    assert ask("POST", "/predict", json=question).json() == said["example"]
    assert said["schema"]["properties"]["rows"]["items"]["properties"]["intent_prediction"] == {"type": "integer"}


def test_the_page_needs_nothing_from_elsewhere(ask):
    page = ask("GET", "/docs")
    assert page.status_code == 200
    assert "//" not in page.text.replace("</", "").replace("/>", "")
    for file in ("swagger-ui-bundle.js", "swagger-ui.css", "favicon.png"):
        assert f"/static-offline-docs/{file}" in page.text
        assert ask("GET", f"/static-offline-docs/{file}").status_code == 200


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "10.1.2.3", "[::1]:9", "shop.local", "SHOP.local:80"])
def test_an_address_or_a_name_of_its_own_may_be_asked(ask, host):
    assert ask("GET", "/health", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("path", ["/predict", "/health", "/docs", "/openapi.json", "/static-offline-docs/favicon.png"])
@pytest.mark.parametrize("host", ["evil.example", "shop.local.evil.example:8000", "127.0.0.1.evil.example"])
def test_a_page_whose_name_leads_here_is_refused_everywhere(ask, path, host):
    found = ask("GET", path, headers={"Host": host})
    assert (found.status_code, found.json()["errors"][0]["where"]) == (400, "Host")


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_what_a_page_may_send_unasked_is_refused(ask, kind):
    found = ask("POST", "/predict", content=b'{"rows": [{"text": "a"}]}', headers={"Content-Type": kind})
    assert (found.status_code, found.json()["errors"][0]["where"]) == (415, "the request")


def test_every_problem_is_told_with_its_place_and_its_way_out(ask):
    found = ask("POST", "/predict", json={"rows": [{"text": "a"}], "tasks": ["intnt", "mtch"]})
    assert found.status_code == 422
    errors = found.json()["errors"]
    assert [one["where"] for one in errors] == ["tasks[0]", "tasks[1]"]
    assert all(one.keys() == {"where", "what", "fix"} for one in errors)


def test_more_rows_than_are_allowed_are_too_many(ask):
    for rows, status in ((20, 200), (21, 413)):
        found = ask("POST", "/predict", json={"rows": [{"text": "a"}] * rows, "tasks": ["intent"]})
        assert found.status_code == status
    assert found.json()["errors"][0]["where"] == "rows"


def test_a_request_that_says_it_is_too_large_is_refused_before_it_is_read(ask):
    found = ask("POST", "/predict", content=b" " * 4097, headers={"Content-Type": "application/json"})
    assert (found.status_code, found.json()["errors"][0]["where"]) == (413, "the request")


def test_a_request_that_does_not_say_its_size_is_read_no_further_than_allowed(ask):
    read = []

    async def body():
        for _ in range(1000):
            read.append(1024)
            yield b" " * 1024

    found = ask("POST", "/predict", content=body(), headers={"Content-Type": "application/json"})
    assert (found.status_code, found.json()["errors"][0]["where"]) == (413, "the request")
    assert sum(read) <= LIMITS.body_bytes + 1024


def test_health_answers_while_predictions_are_under_way_and_others_wait(client, monkeypatch):
    answer, may_end, running, found = service.answer_question, threading.Event(), [], []

    async def ask_five_times(asker):
        all_run = anyio.Event()

        def slow(kept, question):
            running.append(question)
            if len(running) == LIMITS.at_once:
                anyio.from_thread.run_sync(all_run.set)
            assert may_end.wait(60)
            return answer(kept, question)

        async def predict():
            found.append(await asker.post("/predict", json={"rows": ROWS}))

        monkeypatch.setattr(service, "answer_question", slow)
        try:
            async with anyio.create_task_group() as group:
                for _ in range(5):
                    group.start_soon(predict)
                with anyio.fail_after(30):
                    await all_run.wait()
                    health = await asker.get("/health")
                    page = await asker.get("/static-offline-docs/favicon.png")
                assert (health.status_code, page.status_code, len(running)) == (200, 200, LIMITS.at_once)
                may_end.set()
        finally:
            may_end.set()

    client(ask_five_times)
    assert [each.status_code for each in found] == [200] * 5
    assert len({each.text for each in found}) == 1


def test_a_model_that_cannot_answer_its_example_is_refused(kept, refused):
    broken = {**kept.featurisers, "intent": replace(kept.featurisers["intent"], columns=_Nothing())}
    with refused():
        make_app(replace(kept, featurisers=broken), hosts=[], limits=LIMITS)


class _Nothing:
    """Columns whose example is none."""

    rules = {"text": None}  # noqa: RUF012 - read alone
    example = {}  # noqa: RUF012 - read alone

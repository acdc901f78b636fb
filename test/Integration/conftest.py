import pytest

from harness import BATCH, GROUPED, MESHES, SEQUENCE, Workplace, random_tokens, write_tokens
from jobs import Job


@pytest.fixture(scope="session")
def work(tmp_path_factory):
    return Workplace(str(tmp_path_factory.mktemp("tpc")))


@pytest.fixture
def program(work):
    """A train program of the small model on two ranks."""
    return work.program(GROUPED, MESHES["tp2"])


@pytest.fixture
def data(tmp_path):
    """Tokens for 16 steps of the small model."""
    return write_tokens(tmp_path / "t.bin", random_tokens(GROUPED, 16 * BATCH * SEQUENCE + 1))


@pytest.fixture
def start():
    """Starts jobs and makes sure that none outlives its test."""
    jobs = []

    def begin(*arguments, **options):
        jobs.append(Job(*arguments, **options))
        return jobs[-1]
    yield begin
    for job in jobs:
        job.kill()

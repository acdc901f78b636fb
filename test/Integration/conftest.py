import pytest

from harness import Workplace


@pytest.fixture(scope="session")
def work(tmp_path_factory):
    return Workplace(str(tmp_path_factory.mktemp("tpc")))

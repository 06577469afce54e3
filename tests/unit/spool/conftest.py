import pytest
from leadrelay.spool.folder import Folder


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path / "home", "leadrelay-t")

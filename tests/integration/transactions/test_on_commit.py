"""Events after the commit, in both frameworks."""

import asyncio
import json
import logging

import leadrelay
import pytest
from leadrelay import tracking
from leadrelay.contrib.sqlalchemy import track_on_commit
from leadrelay.contrib.sqlalchemy.outbox import attach, track_event
from leadrelay.contrib.sqlalchemy.tables import Base, OutboxEvent
from leadrelay.errors import InvalidEvent
from sqlalchemy import MetaData, create_engine, func, inspect, select
from sqlalchemy.ext.asyncio import AsyncSession, async_scoped_session, async_sessionmaker, create_async_engine
from sqlalchemy.orm import Session, scoped_session, sessionmaker

from tests.integration.transactions.conftest import drain
from tests.integration.transactions.frameworks import Django


def test_nothing_is_sent_before_the_commit_and_everything_after_it(writers, accepted):
    writer = writers()
    writer.begin()
    eids = [writer.track_on_commit(title, userId="7") for title in ("a", "b", "c")]
    assert accepted.messages() == []
    writer.commit()
    assert accepted.titles() == ["a", "b", "c"]
    assert [message.eid for message in accepted.messages()] == eids


def test_a_rollback_sends_nothing_nor_does_the_next_commit(writers, accepted):
    writer = writers()
    writer.begin()
    writer.track_on_commit("a")
    writer.rollback()
    writer.begin()
    writer.track_on_commit("b")
    writer.commit()
    assert accepted.titles() == ["b"]


def test_savepoints(writers, accepted):
    writer = writers()
    writer.begin()
    writer.track_on_commit("a")
    writer.begin()
    writer.track_on_commit("rolled back")
    writer.rollback()
    writer.begin()
    writer.track_on_commit("b")
    writer.begin()
    writer.track_on_commit("c")
    writer.commit()
    assert accepted.messages() == []
    writer.commit()
    writer.begin()
    writer.begin()
    writer.track_on_commit("released, and then rolled back")
    writer.commit()
    writer.rollback()
    assert accepted.messages() == []
    writer.commit()
    assert accepted.titles() == ["a", "b", "c"]


def test_a_savepoint_released_in_a_transaction_that_is_rolled_back(writers, accepted):
    writer = writers()
    writer.begin()
    writer.begin()
    writer.track_on_commit("a")
    writer.commit()
    writer.rollback()
    assert accepted.messages() == []


def test_the_event_is_what_it_was_at_the_call(writers, accepted):
    writer = writers()
    writer.begin()
    properties = {"plan": "free"}
    writer.track_on_commit("a", properties=properties)
    properties["plan"] = "premium"
    writer.commit()
    assert json.loads(accepted.messages()[0].payload)["plan"] == "free"


def test_what_goes_wrong_after_the_commit_breaks_nothing(writers, accepted, monkeypatch, caplog):
    writer = writers()
    writer.begin()
    writer.track_on_commit("first", userId="secret")
    monkeypatch.setattr(tracking, "track_many", lambda _: 1 / 0)
    with caplog.at_level(logging.ERROR):
        writer.commit()
    assert caplog.records
    assert "secret" not in caplog.text
    monkeypatch.undo()


def test_an_event_that_cannot_be_made_is_said_at_the_call(writers, accepted):
    writer = writers()
    writer.begin()
    with pytest.raises(InvalidEvent):
        writer.track_on_commit("a", pix="1")


def test_without_a_transaction_django_tracks_at_once(tmp_path, accepted):
    framework = Django(f"sqlite:///{tmp_path}/app.sqlite")
    writer = framework.writer()
    writer.track_on_commit("a")
    assert accepted.titles() == ["a"]
    writer.close()
    framework.close()


def test_a_hook_of_djangos_that_follows_runs_all_the_same(tmp_path, accepted, monkeypatch):
    from django.db import transaction  # noqa: PLC0415 - Django is set up by the framework

    framework, ran = Django(f"sqlite:///{tmp_path}/app.sqlite"), []
    writer = framework.writer()
    monkeypatch.setattr(tracking, "track_many", lambda _: 1 / 0)
    writer.begin()
    writer.track_on_commit("a")
    writer._do(transaction.on_commit, lambda: ran.append(1), using=framework.alias)
    writer.commit()
    assert ran == [1]
    writer.close()
    framework.close()


class TestSessions:
    """What applications call their session."""

    @pytest.fixture
    def engine(self):
        engine = create_engine("sqlite://")
        Base.metadata.create_all(engine)
        yield engine
        engine.dispose()

    def test_begin_blocks(self, engine, accepted):
        with Session(engine) as session, session.begin():
            track_on_commit(session, "a")
            with session.begin_nested():
                track_on_commit(session, "b")
        with Session(engine) as session:
            track_on_commit(session, "closed without a commit")
        assert accepted.titles() == ["a", "b"]

    def test_a_scoped_session_and_a_session_that_is_used_again(self, engine, accepted):
        session = scoped_session(sessionmaker(engine))
        track_on_commit(session, "a")
        session.commit()
        session.commit()
        track_on_commit(session, "b")
        session.rollback()
        session.commit()
        session.remove()
        assert accepted.titles() == ["a"]

    def test_a_flush_that_fails_and_is_rolled_back(self, engine, accepted):
        with Session(engine) as session:
            track_on_commit(session, "a")
            session.add(OutboxEvent(eid=None, lane="", payload=""))
            with pytest.raises(Exception, match="NOT NULL"):
                session.commit()
            session.rollback()
            session.commit()
        assert accepted.messages() == []

    def test_attached_tables_are_the_applications_own(self, engine):
        metadata = MetaData()
        attach(metadata)
        other = create_engine("sqlite://")
        metadata.create_all(other)
        assert inspect(other).get_table_names() == ["leadrelay_outbox", "leadrelay_outbox_relay"]
        other.dispose()

    def test_asynchronous_sessions(self, url, accepted, monkeypatch):
        """The call to the broker runs in a thread, so that the loop goes on."""
        asyncio.run(self._asynchronous(url, monkeypatch))
        sync_engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
        from leadrelay.contrib.sqlalchemy.store import SqlStore  # noqa: PLC0415 - used here alone

        class Framework:
            store = staticmethod(lambda: SqlStore(sync_engine))

        assert accepted.titles() == ["a", "b", "after"]
        drain(accepted.relay(Framework))
        assert accepted.titles() == ["a", "b", "after", "row"]
        sync_engine.dispose()

    async def _asynchronous(self, url, monkeypatch):
        url = url.replace("postgresql:", "postgresql+psycopg:").replace("sqlite:", "sqlite+aiosqlite:")
        engine, loops = create_async_engine(url), []
        track_many = leadrelay.track_many

        def seen(events):
            try:
                loops.append(asyncio.get_running_loop())
            except RuntimeError:
                loops.append(None)
            return track_many(events)

        monkeypatch.setattr(tracking, "track_many", seen)
        async with engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)
        async with AsyncSession(engine) as session, session.begin():
            track_on_commit(session, "a")
            async with session.begin_nested() as savepoint:
                track_on_commit(session, "never")
                track_event(session, "never")
                await savepoint.rollback()
            track_on_commit(session, "b")
            track_event(session, "row")
        scoped = async_scoped_session(async_sessionmaker(engine), scopefunc=asyncio.current_task)
        track_on_commit(scoped, "after")
        await scoped.commit()
        assert await scoped.scalar(select(func.count()).select_from(OutboxEvent)) == 1
        await scoped.remove()
        await engine.dispose()
        assert loops == [None, None]


def test_both_frameworks_declare_the_same_tables(url):
    framework = Django(url)
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    shown = inspect(engine)
    for table in Base.metadata.sorted_tables:
        columns = {column["name"]: bool(column["nullable"]) for column in shown.get_columns(table.name)}
        assert columns == {column.name: bool(column.nullable) for column in table.columns}
        assert shown.get_pk_constraint(table.name)["constrained_columns"] == ["id"]
    engine.dispose()
    framework.close()


def test_migrations_say_what_the_models_say(tmp_path):
    from django.core.management import call_command  # noqa: PLC0415 - Django is set up by the framework

    framework = Django(f"sqlite:///{tmp_path}/app.sqlite")
    call_command("makemigrations", "leadrelay", check_changes=True, dry_run=True, verbosity=0)
    framework.close()

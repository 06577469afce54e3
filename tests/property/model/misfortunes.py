"""What befalls the broker."""

from __future__ import annotations

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule
from leadrelay.errors import BrokerFull
from redis import exceptions

from tests.property.model.state import SCOPES, WORKERS, Model
from tests.property.model.workers import Workers


class Misfortunes(Model):
    """Rules of misfortune."""

    @rule()
    def full_memory(self):
        """A full broker refuses new events and replays, and lets everything else go on."""
        self.broker.client.config_set("maxmemory", 1)
        try:
            before = self.everything()
            with pytest.raises(BrokerFull):
                self.queue.enqueue([self.entry("", SCOPES[0])])
            assert self.everything() == before
            self.claim("w1", 2, lost=True)
        finally:
            self.broker.client.config_set("maxmemory", 0)

    @precondition(lambda self: self.raws("ready"))
    @rule(data=st.data(), name=st.sampled_from(WORKERS), limit=st.integers(1, 6))
    def newer_messages_are_met(self, data, name, limit):
        """A worker meets what a newer version wrote; then there are newer workers, and the order is as ever."""
        self.rewrite(set(data.draw(st.lists(st.sampled_from(self.raws("ready"))))), b"2")
        Workers.claim(self, name, limit, lost=False)
        self.rewrite({raw for state in ("ready", "held") for raw in self.raws(state) if raw.startswith(b"2 ")}, b"1")

    def rewrite(self, raws, version):
        client, name = self.broker.client, self.queue.keys.name
        for key in ("ready", "returning", "bulk", "suspects"):
            for place, raw in enumerate(client.lrange(name(key), 0, -1)):
                if raw in raws:
                    client.lset(name(key), place, version + raw[1:])
        for member in client.zrange(name("held"), 0, -1):
            run, seq, raw = member.split(b"|", 2)
            if raw in raws:
                client.zrem(name("held"), member)
                client.zadd(name("held"), {b"|".join([run, seq, version + raw[1:]]): 0})

    @rule()
    def restart_broker(self):
        """After it every lease starts anew, so nothing is rescued."""
        self.broker.kill()
        self.broker.start()
        assert self.queue.rescue() == 0

    @rule(
        key=st.sampled_from(
            ["ready", "flight", "lanes", "held", "scheduled", "replies", "leases", "dead", "wake", "hours", "watched"]
        ),
        script=st.sampled_from(["claim", "settle", "enqueue", "rescue", "due"]),
    )
    def script_error(self, key, script):
        """A key of the wrong type: the script fails before it has moved anything, or does not need the key."""
        name, aside = self.queue.keys.name(key), self.queue.keys.name("aside")
        client = self.broker.client
        existed = client.exists(name)
        before = self.everything()
        if existed:
            client.rename(name, aside)
        client.set(name, "wrong")
        failed = False
        try:
            self.call_for_error(script)
        except exceptions.ResponseError:
            failed = True
        finally:
            kind = client.type(name)
            if kind == b"string":
                client.delete(name)
            if existed:
                client.rename(aside, name)
        if failed:
            assert self.everything() == before

    def call_for_error(self, script):
        if script == "claim":
            self.valve_closed_claim()
        elif script == "settle":
            self.queue.settle("nobody", self.request(), [])
        elif script == "enqueue":
            self.queue.enqueue([])
        elif script == "rescue":
            self.queue.rescue()
        else:
            self.queue.due()

    def valve_closed_claim(self):
        self.queue.claim("nobody", self.request(), 0, 1, 0)

"""Several machines on one: network namespaces whose links can be cut without anybody being told.

Each place has two interfaces: `peers`, on a switch that all share and that drops what comes from or
goes to a place that was cut off; and one to here, for clients and the admin port, which nobody cuts.
The switch is in a namespace of its own, so that no firewall of this machine has a say.

Needs root and iproute2; without them the tests that use it are skipped, with the reason."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from harness import Cluster, Node


def ip(*words, check=True):
    done = subprocess.run(["ip", *map(str, words)], capture_output=True, text=True)
    if check and done.returncode != 0:
        raise OSError(f"ip {' '.join(map(str, words))}: {done.stderr.strip()}")
    return done


class Place:
    """One machine. `address` is its own among the places; `here` is how this test reaches it."""

    def __init__(self, network, number):
        self.network = network
        self.number = number
        self.name = f"{network.name}-{number}"
        self.address = f"10.98.{network.octet}.{number}"
        self.here = f"10.99.{network.octet}.{number * 4 + 2}"
        self.port = f"qp{network.octet}-{number}"

    def open(self):
        network, number, port = self.network, self.number, self.port
        ip("netns", "add", self.name)
        ip("-n", self.name, "link", "set", "lo", "up")
        ip("link", "add", port, "type", "veth", "peer", "name", "peers", "netns", self.name)
        ip("link", "set", port, "netns", network.switch)
        ip("-n", network.switch, "link", "set", port, "up")
        ip("-n", self.name, "addr", "add", f"{self.address}/24", "dev", "peers")
        ip("-n", self.name, "link", "set", "peers", "up")
        self.mend()
        outer = f"qh{network.octet}-{number}"
        ip("link", "add", outer, "type", "veth", "peer", "name", "here", "netns", self.name)
        first = f"10.99.{network.octet}.{number * 4 + 1}"
        ip("addr", "add", f"{first}/30", "dev", outer)
        ip("link", "set", outer, "up")
        ip("-n", self.name, "addr", "add", f"{self.here}/30", "dev", "here")
        ip("-n", self.name, "link", "set", "here", "up")

    def cut(self):
        """From now on its packets to and from the others are dropped, and nobody is told."""
        ip("-n", self.network.switch, "link", "set", self.port, "nomaster")

    def mend(self):
        ip("-n", self.network.switch, "link", "set", self.port, "master", "switch")

    def prefix(self):
        return ["ip", "netns", "exec", self.name]


class Network:
    made = 0  # by this process

    def __init__(self):
        self.octet = (os.getpid() + Network.made) % 250 + 1
        self.name = f"quartet-{os.getpid()}-{Network.made}"
        Network.made += 1
        self.switch = f"{self.name}-switch"
        self.places = []
        ip("netns", "add", self.switch)
        ip("-n", self.switch, "link", "add", "switch", "type", "bridge")
        ip("-n", self.switch, "link", "set", "switch", "up")

    def place(self):
        place = Place(self, len(self.places) + 1)
        self.places.append(place)
        place.open()
        return place

    def name_hosts(self, hosts):
        """What names mean, in all places: {name: address}. Holds from the next look-up on."""
        text = "127.0.0.1 localhost\n" + "".join(f"{a} {n}\n" for n, a in hosts.items())
        for place in self.places:
            folder = Path("/etc/netns") / place.name
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "hosts").write_text(text)  # in place: it is mounted over /etc/hosts

    def remove(self):
        for place in self.places:
            ip("netns", "del", place.name, check=False)
            shutil.rmtree(Path("/etc/netns") / place.name, ignore_errors=True)
        ip("netns", "del", self.switch, check=False)


class PlacedNode(Node):
    """A node in a place of its own; it knows the others by name."""

    def __init__(self, directory, number, place, peers, **options):
        super().__init__(directory, number, peers=peers, **options)
        self.place = place

    @property
    def host(self):
        return self.place.here

    def words(self):
        words = super().words()
        for i, word in enumerate(words):
            if word in ("--listen", "--admin"):
                words[i + 1] = words[i + 1].replace("127.0.0.1", "0.0.0.0")
        return [*self.place.prefix(), *words]


class PlacedCluster(Cluster):
    """Nodes that know each other as node-1, node-2, ..., at a port that all have."""

    PEER_PORT = 7000

    def __init__(self, network, directory, count=3, **options):
        self.network = network
        self.names = {f"node-{i + 1}": network.place() for i in range(count)}
        peers = ",".join(f"{i + 1}=node-{i + 1}:{self.PEER_PORT}" for i in range(count))
        self.name_hosts()
        self.nodes = [
            PlacedNode(directory, i + 1, place, peers, **options)
            for i, place in enumerate(self.names.values())
        ]

    def name_hosts(self):
        self.network.name_hosts({name: place.address for name, place in self.names.items()})

    def move(self, node):
        """Its name means another place from now on. The node starts there when it is started."""
        self.names[f"node-{node.number}"] = node.place = self.network.place()
        self.name_hosts()

    def cut(self, nodes=None):
        for node in nodes or self.nodes:
            node.place.cut()

    def mend(self):
        for node in self.nodes:
            node.place.mend()


def network_or_skip():
    if shutil.which("ip") is None:
        pytest.skip("no iproute2 here")
    try:
        return Network()
    except OSError as error:
        pytest.skip(f"no network namespaces here: {error}")

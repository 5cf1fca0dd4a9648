"""beacon: an entry is added every second at one spoke, and the one before it is removed; they are
read at the farthest spoke, two hubs away, while daemons are killed and paused and the network is
cut.

    beacon = Beacon(mesh, writer, reader)
    with beacon:                          # writes and reads from now on
        ...
        beacon.judge()                    # when the network is whole: (zombies, lost)

zombie: removed, and still served. lost: there at the writer, and not served. Both are judged
once the
network is whole again and every digest is equal, at every cluster. Every tenth entry is left
where it
is. An entry whose command the writer did not answer, because it was killed, is asked for
afterwards:
either is right, as long as all agree."""
import threading
import time

from harness import wait_until

PERIOD = 1.0
KEEP = 10


class Beacon:
    def __init__(self, mesh, writer, reader):
        self.mesh, self.writer, self.reader = mesh, writer, reader
        self.there, self.gone, self.doubtful = set(), set(), set()
        self.n, self.reads, self.seen, self.over = 0, 0, 0, False
        self.hold = threading.Lock()   # held while the writer is killed, and while it is judged
        self.latest, self.written = None, 0.0
        self.delays = []
        self.threads = [threading.Thread(target=f, daemon=True) for f in (self.write, self.read)]

    def __enter__(self):
        for t in self.threads:
            t.start()
        return self

    def __exit__(self, *_):
        self.over = True
        for t in self.threads:
            t.join(60)

    # --- the writer

    def write(self):
        last = None
        while not self.over:
            began = time.monotonic()
            with self.hold:
                if self.writer.lives():
                    last = self.turn(last)
            time.sleep(max(0.0, began + PERIOD - time.monotonic()))

    def turn(self, last):
        number = '+8190%07d' % self.n
        self.n += 1
        if self.command('add', number):
            self.there.add(number)
            self.latest, self.written = number, time.monotonic()
        if last and self.n % KEEP and self.command('remove', last):
            self.there.discard(last)
            self.gone.add(last)
        return number

    def command(self, verb, number):
        """Whether it was answered with yes; without an answer, the entry may be there or not."""
        try:
            status, _ = self.writer.ils('plan', verb, 'E164', number)
        except OSError:
            status = 1
        if status != 0:
            self.doubtful.add(number)
        return status == 0

    # --- the reader

    def read(self):
        """How long each entry took to come, and whether it came before it was removed."""
        shown = None
        while not self.over:
            number, since = self.latest, self.written
            if number and number != shown and self.reader.lives():
                try:
                    self.reads += 1
                    if self.mesh.finds(self.reader, number):
                        shown = number
                        self.seen += 1
                        self.delays.append(time.monotonic() - since)
                except (OSError, ValueError, RuntimeError, KeyError):
                    pass
            time.sleep(0.01)

    # --- the judge

    def judge(self):
        """Stands still until it has judged: ({(cluster, zombie)}, {(cluster, lost)})"""
        with self.hold:
            for number in self.doubtful:
                found = self.mesh.finds(self.writer, number)
                self.there.discard(number)
                self.gone.discard(number)
                (self.there if found else self.gone).add(number)
            self.doubtful.clear()
            found = None

            def same():
                nonlocal found
                found = self.look()
                return found == (set(), set())
            wait_until(same, 5, 0.2)
            return found

    def look(self):
        zombies, lost = set(), set()
        for c in self.mesh.running():
            zombies |= {(c.name, n) for n in self.gone if self.mesh.finds(c, n)}
            lost |= {(c.name, n) for n in self.there if not self.mesh.finds(c, n)}
        return zombies, lost

    def figures(self):
        slowest = sorted(self.delays)[len(self.delays) * 99 // 100] if self.delays else 0.0
        return '%d entries written, %d removed, ' \
               '%d seen by the reader while they were the newest, ' \
            '99 of 100 within %.0f ms' % (self.n, len(self.gone), self.seen, slowest * 1000)

"""scenes: what happens to the mesh, one thing at a time, and what must be so while it lasts and
after
it is over. Every scene leaves a mesh behind that is whole.

Times are measured, not waited for: a spoke has another hub within REHOME seconds from the cut; when
the network is whole again, links and plans are as they should be within HEALED seconds."""
import contextlib
import subprocess
import time

from harness import wait_until

REHOME = 15.0
HEALED = 10.0
ARRIVES = 10.0


@contextlib.contextmanager
def in_space(c, command):
    """A shell in the namespace of c that has said a line, until the end of the block."""
    with subprocess.Popen(c.prefix + ['bash', '-c', command], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as shell:
        shell.stdout.readline()
        yield
        shell.stdin.close()
        shell.wait()


class Scenes:
    def __init__(self, part, mesh):
        self.part, self.mesh, self.lan = part, mesh, mesh.lan
        self.rehomings, self.settlings, self.arrivals = [], [], []

    # --- what is asked of every scene

    def whole(self, name):
        took = self.mesh.settles(3 * HEALED)
        self.part.ok(took is not None and took <= HEALED,
                     '%s: one link a pair, all digests equal within %d s' % (name, HEALED),
                     'after %s s' % took, self.mesh.before)
        self.settlings.append(99.0 if took is None else took)

    def rehomed(self, name, spokes, gone, since):
        took = self.mesh.rehomed(spokes, gone, since)
        self.part.ok(took is not None and took <= REHOME,
                     '%s: %d spokes have another hub within %d s' % (name, len(spokes), REHOME),
                     'after %s s' % took)
        self.rehomings.append(99.0 if took is None else took)

    def arrives(self, name, at, among=None):
        """What is changed at that cluster is found at all others that are to be reached."""
        mesh = self.mesh
        number, began = mesh.change(at), time.monotonic()
        left = [c for c in among or mesh.running() if c is not at]
        wait_until(lambda: all(mesh.finds(c, number) for c in left), ARRIVES, 0.05)
        lacking = [c.name for c in left if not mesh.finds(c, number)]
        self.part.ok(not lacking, '%s: a change at %s arrives' % (name, at.name),
                     'not found at %s' % lacking, mesh.complaint())
        self.arrivals.append(time.monotonic() - began)

    def figures(self):
        for name, found in (('re-homed', self.rehomings), ('whole again', self.settlings),
                            ('a change arrives', self.arrivals)):
            if found:
                self.part.ok(True, '%s: worst of %d: %.1f s' % (name, len(found), max(found)))

    def served_by(self, hub):
        """The spokes of that hub; those that moved to another come back where none is left."""
        spokes = self.mesh.served_by(hub)
        return spokes or wait_until(lambda: self.mesh.served_by(hub), 90, 0.1)

    # --- a hub dies

    def kill(self, hub):
        name = 'kill -9 of ' + hub.name
        spokes = self.served_by(hub)
        since = time.monotonic()
        hub.kill()
        self.rehomed(name, spokes, hub, since)
        self.arrives(name, spokes[0])
        hub.start()
        self.whole(name + ', and back')

    def power(self, hub, dies=False, by='link'):
        """dies: the daemon is gone as well when the power comes back. by: what takes it from the
        network: its link goes down, or a packet filter drops all that is its own."""
        name = 'power failure of %s, by its %s' % (hub.name, by)
        spokes = self.served_by(hub)
        since = time.monotonic()
        self.off(hub, by)
        if dies:
            hub.kill()
        self.rehomed(name, spokes, hub, since)
        self.arrives(name, spokes[0], [c for c in self.mesh.running() if c is not hub])
        if not dies:
            self.mesh.change(hub)
        self.on(hub, by)
        if dies:
            hub.start()
        self.whole(name + ', and back')

    def off(self, c, by='link'):
        if by == 'link':
            self.lan.unplug(c)
            return
        for other in self.mesh.nodes:
            if other is not c:
                self.lan.cut(c, other)

    def on(self, c, by='link'):
        if by == 'link':
            self.lan.plug(c)
        else:
            self.lan.heal()

    def pause(self, hub):
        name = '%s is paused' % hub.name
        spokes = self.served_by(hub)
        since = time.monotonic()
        hub.pause()
        self.rehomed(name, spokes, hub, since)
        self.arrives(name, spokes[0])
        hub.resume()
        self.whole(name + ', and goes on')

    # --- a spoke dies: nobody else notices, and it has everything when it is back

    def missed(self, name, spoke, hub):
        """Its hub gives the link up, and all others go on."""
        gone = wait_until(lambda: spoke not in self.mesh.served_by(hub), 20, 0.1)
        self.part.ok(gone, '%s: %s gives its link up' % (name, hub.name), hub.json('peers'))
        others = [c for c in self.mesh.running() if c is not spoke]
        self.arrives(name, hub, others)
        self.arrives(name, next(c for c in others if c in self.mesh.spokes), others)

    def spoke_killed(self, spoke):
        name, hub = 'kill -9 of ' + spoke.name, self.mesh.hub_of(spoke)
        spoke.kill()
        self.missed(name, spoke, hub)
        spoke.start()
        self.whole(name + ', and back')

    def spoke_paused(self, spoke):
        name, hub = '%s is paused' % spoke.name, self.mesh.hub_of(spoke)
        spoke.pause()
        self.missed(name, spoke, hub)
        spoke.resume()
        self.whole(name + ', and goes on')

    def spoke_alone(self, spoke, number):
        """Cut off from everybody it serves what it knew, also after it was killed and started, and
        may be changed."""
        name, hub = 'power failure of ' + spoke.name, self.mesh.hub_of(spoke)
        self.off(spoke, 'filter')
        self.missed(name, spoke, hub)
        spoke.kill()
        spoke.start()
        self.part.ok(self.mesh.finds(spoke, number),
                     name + ': started alone it serves what it knew', spoke.json('lookup', number))
        made = self.mesh.change(spoke)
        self.on(spoke, 'filter')
        self.whole(name + ', and back')
        lacking = [c.name for c in self.mesh.running() if not self.mesh.finds(c, made)]
        self.part.ok(not lacking, name + ': what it was told meanwhile is everywhere', lacking)

    def spokes_die(self, spokes, number):
        """number: an entry of somebody else."""
        for n, act in enumerate((self.spoke_killed, self.spoke_paused,
                                 lambda spoke: self.spoke_alone(spoke, number))):
            act(spokes[n % len(spokes)])

    # --- the network between

    def drop(self, hub):
        """Nothing passes between a spoke and its hub; the others see both."""
        spoke = self.served_by(hub)[0]
        name = 'drop between %s and %s' % (spoke.name, hub.name)
        since = time.monotonic()
        self.lan.cut(spoke, hub)
        self.rehomed(name, [spoke], hub, since)
        self.arrives(name, spoke)
        self.lan.heal()
        self.whole(name + ', healed')

    def reject(self, hub):
        spoke = self.served_by(hub)[0]
        name = 'reject between %s and %s' % (spoke.name, hub.name)
        since = time.monotonic()
        self.lan.cut(spoke, hub, 'reject')
        self.rehomed(name, [spoke], hub, since)
        self.lan.heal()
        self.whole(name + ', healed')

    def one_way(self, a, b):
        """What a says does not reach b."""
        name = 'nothing from %s to %s' % (a.name, b.name)
        self.lan.cut(a, b, both=False)
        gone = wait_until(lambda: (a.name, b.name) not in
                          self.mesh.links(self.mesh.ask([a, b], 'peers')), 20, 0.1)
        self.part.ok(gone, name + ': the link is given up')
        self.arrives(name, a)
        self.arrives(name, b)
        self.lan.heal()
        self.whole(name + ', healed')

    def loss(self, percent=20, seconds=6):
        """Of every packet between hubs, and between hub 1 and all others."""
        mesh, name = self.mesh, '%d of 100 packets lost' % percent
        first = mesh.hubs[0]
        for a in mesh.hubs:
            for b in mesh.nodes:
                if a is not b and (b in mesh.hubs or a is first):
                    self.lan.cut(a, b, 'loss %d' % percent)
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            for c in mesh.nodes:
                mesh.change(c)
        self.lan.heal()
        self.whole(name + ', healed')

    def reset(self, hub, other):
        spoke = self.served_by(hub)[0]
        for a, b in ((hub, other), (spoke, hub)):
            name = 'reset between %s and %s' % (a.name, b.name)
            self.part.ok(self.lan.reset(a, b), name + ': a packet was answered so')
            self.whole(name)

    def delay(self, a, b, ms=200):
        name = '%d ms between %s and %s' % (ms, a.name, b.name)
        self.lan.delay(a, b, ms)
        back = wait_until(lambda: not self.mesh.of_links(
            self.mesh.running(), self.mesh.ask(self.mesh.running(), 'clusters'), [(a, b)]) and
            (a.name, b.name) in self.mesh.links(self.mesh.ask([a, b], 'peers')), 20, 0.1)
        self.part.ok(back, name + ': linked through the proxy')
        self.arrives(name, a)
        self.arrives(name, b)
        self.lan.heal()
        self.whole(name + ', healed')

    def partial(self, a, b):
        """Two hubs do not see each other, the third sees both, and every spoke its own."""
        name = '%s and %s do not see each other' % (a.name, b.name)
        sides = [self.served_by(hub)[0] for hub in (a, b)]
        self.lan.cut(a, b)
        gone = wait_until(lambda: not {(a.name, b.name), (b.name, a.name)} &
                          self.mesh.links(self.mesh.ask([a, b], 'peers')), 20, 0.1)
        self.part.ok(gone, name + ': the link is given up')
        for side in sides:
            self.arrives(name, side)
        self.lan.heal()
        self.whole(name + ', healed')

    # --- the controls: what is judged is seen when it is not so

    def controls(self):
        mesh, spoke = self.mesh, self.mesh.spokes[0]
        stranger = next(h for h in mesh.hubs if h is not mesh.hub_of(spoke))
        with in_space(spoke, 'exec 3<>/dev/tcp/%s/%d; echo; read' % (stranger.address,
                                                                     stranger.tls_port)):
            self.part.ok('TCP connections' in mesh.complaint(),
                         'control: one connection more is found', mesh.complaint())
        self.whole('and when it is gone')
        self.lan.unplug(spoke)
        mesh.change(mesh.hubs[0])
        said = mesh.of_plans(mesh.running(), mesh.ask(mesh.running(), 'clusters'))
        self.part.ok(spoke.name in said, 'control: a plan that is not everywhere is found', said)
        self.lan.plug(spoke)
        a, b = mesh.hubs[:2]
        self.lan.cut(a, b, 'reset')
        said = wait_until(lambda: [c for c in [mesh.complaint()] if 'hubs without a link' in c])
        self.part.ok(said, 'control: a link that lacks is found', mesh.complaint())
        self.lan.heal()
        self.whole('and all is well again')

    # --- all of it

    def busiest(self, among):
        """Of these hubs the one with the most spokes now: nobody waits for them to come back."""
        return max(among, key=lambda hub: len(self.mesh.served_by(hub)))

    def pair(self):
        """Two hubs that have spokes now, as far as there are two."""
        return sorted(self.mesh.hubs, key=lambda hub: -len(self.mesh.served_by(hub)))[:2]

    def each_hub(self, *acts):
        left = list(self.mesh.hubs)
        for act in acts:
            hub = self.busiest(left)
            left.remove(hub)
            act(hub)

    def everything(self):
        h1, h2, h3 = self.mesh.hubs
        self.each_hub(self.kill, self.kill, self.kill)
        self.each_hub(self.power, lambda hub: self.power(hub, dies=True),
                      lambda hub: self.power(hub, by='filter'))
        self.partial(*self.pair())
        self.each_hub(self.drop, self.reject, self.pause)
        self.one_way(h2, h3)
        self.loss()
        self.reset(*self.pair())
        self.delay(h1, h3)

    def shorter(self):
        self.each_hub(self.kill, self.power)
        self.partial(*self.pair())

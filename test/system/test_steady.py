#!/usr/bin/env python3
"""Lookups while everything else goes wrong: a caller asks the SIP door of a spoke at a steady rate
(steady.c, which says when a lookup has failed) while entries come in thousands and go, segments are
rewritten, a backup is put back, the disk is full, read-only and broken (bad_store.c), and the hub
is killed. None fails. ILS_LOOKUPS at least (ILS_RATE a second), in as many rounds as that takes."""
import os
import signal
import subprocess
import threading

from harness import BUILD, Network, Tap, wait_until

tap = Tap()
LOOKUPS = int(os.environ.get('ILS_LOOKUPS', 10000))
RATE = int(os.environ.get('ILS_RATE', 1000))
STEADY = os.path.join(BUILD, 'test', 'system', 'steady')
BAD_STORE = os.path.join(BUILD, 'test', 'system', 'libbad_store.so')
FIRST, COUNT = 81310000000, 1000
BULK = 20000
MODES = (('f', 'a full disk'), ('r', 'a read-only disk'), ('e', 'a disk that fails'),
         ('h', 'a disk that fails every second time'))


class Asker:
    """One steady; figures() are those of its last line."""

    def __init__(self, c, rate=RATE):
        self.last = [0] * 6
        self.process = subprocess.Popen([STEADY, str(c.sip_port), str(rate), str(FIRST),
                                         str(COUNT)], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        for line in self.process.stdout:
            self.last = [int(word) for word in line.split()]

    asked = property(lambda self: self.last[0])
    failed = property(lambda self: self.last[2] + self.last[3])

    def more(self, n):
        """Waits for n further lookups."""
        goal = self.asked + n
        wait_until(lambda: self.asked >= goal or self.process.poll() is not None, 600)

    def end(self):
        self.process.stdin.close()
        self.process.wait(60)
        self.thread.join(60)
        said = self.process.stderr.read()
        self.process.stdout.close()
        self.process.stderr.close()
        return said

    def figures(self):
        asked, answered, failed, wrong, again, longest = self.last
        return '%d lookups: %d answered, %d failed, %d answered wrongly, %d asked again, ' \
               'longest wait %d ms' % (asked, answered, failed, wrong, again, longest)


class Scene:
    """A hub, the spoke that is asked, and one whose numbers are asked for."""

    def __init__(self, net):
        self.mode = os.path.join(net.folder, 'disk')
        with open(self.mode, 'w', encoding='ascii') as handle:
            handle.write('-')
        self.hub = net.cluster('tokyo').hub(password='one')
        self.asked = net.cluster('osaka', env={'ILS_BAD_STORE': self.mode,
                                               'LD_PRELOAD': BAD_STORE}).init(password='one')
        self.owner = net.cluster('kobe').init(password='one')
        for c in (self.asked, self.owner):
            tap.same(c.join(self.hub)['code'], 'ILS-100', c.name + ' joins')
        self.rows(self.owner, 'steady', ('+%d' % n for n in range(FIRST, FIRST + COUNT)))
        self.asked.must('route', 'add', '*.example.com', 'sip:10.0.0.5')
        self.at = 0
        self.backup = os.path.join(net.folder, 'osaka.backup')
        tap.ok(self.finds('+%d' % (FIRST + COUNT - 1)), 'what will be asked for is there')
        self.churn()
        self.asked.must('backup', self.backup)

    def rows(self, c, source, numbers):
        text = 'PatternType,PSTNFailover,Pattern\n' + ''.join('E164,,%s\n' % n for n in numbers)
        c.must('plan', 'import', '-', '--source', source, '--force', stdin=text)

    def finds(self, number, timeout=60):
        return wait_until(lambda: self.asked.json('lookup', number)['result'] == 'found', timeout)

    def disk(self, how):
        with open(self.mode, 'r+', encoding='ascii') as handle:
            handle.write(how)

    def churn(self, c=None, wait=True):
        """Half of BULK numbers are others; the last of them is waited for where they are asked."""
        self.at += BULK // 2
        numbers = ['+4930%08d' % n for n in range(self.at, self.at + BULK)]
        self.rows(c or self.hub, 'churn', numbers)
        return not wait or self.finds(numbers[-1])

    def alarm(self):
        return any(a['name'] == 'ILSDBLException' and a['active']
                   for a in self.asked.json('alarms'))


# --- what goes wrong meanwhile; each gives whether it did go wrong and was mended

def sync(s):
    s.rows(s.hub, 'churn', [])
    return s.churn()


def rewrite(s):
    """At the hub, and the asked one's own."""
    good = s.churn() and s.churn()
    s.rows(s.asked, 'own', ['+4420%08d' % n for n in range(s.at, s.at + BULK)])
    s.rows(s.asked, 'own', ['+4420%08d' % n for n in range(s.at + BULK // 2, s.at + BULK)])
    return good


def restore(s):
    s.asked.must('restore', s.backup, '--yes')
    return s.churn()


def store(s):
    """Of each kind: entries come that cannot be stored, own ones are refused; then the disk is good
    again, and all is caught up."""
    good = True
    for how, name in MODES:
        s.disk(how)
        s.churn(wait=False)
        status, _ = s.asked.ils('plan', 'add', 'E164', '+4989%d' % s.at)
        seen = wait_until(s.alarm)
        s.disk('-')
        s.asked.ils('plan', 'remove', 'E164', '+4989%d' % s.at)
        back = s.churn() and wait_until(lambda: not s.alarm(), 60)
        good = tap.ok(seen and back and (status == 1 or how == 'h'),
                      '%s is said, and over when it is over' % name, status, seen, back,
                      s.asked.json('alarms')) and good
    return good


def dead_hub(s):
    s.hub.kill()
    down = wait_until(lambda: not s.asked.json('peers')[0]['linked'])
    s.running.more(RATE * 2)
    s.hub.start()
    return down and s.churn()


PHASES = (sync, rewrite, restore, store, dead_hub)


def rounds(s):
    """Each phase at least once, and again until enough was asked."""
    s.running = Asker(s.asked)
    during = {phase.__name__: 0 for phase in PHASES}
    done = 0
    while done == 0 or s.running.asked < LOOKUPS:
        for phase in PHASES:
            began = s.running.asked
            good = phase(s)
            during[phase.__name__] += s.running.asked - began
            tap.ok(good and s.running.process.poll() is None,
                   '%s: it came, and what had to come after it' % phase.__name__,
                   s.running.figures())
        done += 1
    said = s.running.end()
    asked, answered = s.running.last[:2]
    tap.ok(asked >= LOOKUPS and answered == asked, 'no lookup failed', s.running.figures(), said)
    print('# %s; during %s' % (s.running.figures(), ', '.join(
        '%s %d' % (name.replace('_', ' '), n) for name, n in during.items())))


def controls(s):
    """A daemon that stops answering, and one that answers something else, are found out."""
    asker = Asker(s.asked)
    asker.more(100)
    s.asked.process.send_signal(signal.SIGSTOP)
    wait_until(lambda: asker.last[2] > 0, 60)
    s.asked.process.send_signal(signal.SIGCONT)
    asker.end()
    tap.ok(asker.last[2] > 0, 'control: a daemon that stops answering is found out',
           asker.figures())
    print('# control, stopped: ' + asker.figures())
    s.owner.must('plan', 'remove', 'E164', '+%d' % FIRST)
    wait_until(lambda: s.asked.json('lookup', '+%d' % FIRST)['result'] != 'found')
    asker = Asker(s.asked)
    asker.more(COUNT * 2)
    asker.end()
    tap.ok(asker.last[3] > 0 and asker.last[2] == 0, 'control: a wrong answer is found out',
           asker.figures())


def main():
    with Network() as net:
        s = Scene(net)
        try:
            tap.run(rounds, s)
        finally:
            s.disk('-')
        tap.run(controls, s)
    tap.done()


main()

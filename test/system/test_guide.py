#!/usr/bin/env python3
"""The user guide is typed: every block of docs/guide.md and docs/guide.ja.md runs at real clusters.

    test_guide.py              both pages
    test_guide.py --fill PAGE  types the page's commands and writes their whole output into it

A part begins with `<!-- new: tokyo osaka -->`: new clusters, started by the page's own `ilsd` lines
on loopback addresses of this run. In a block, `tokyo$ COMMAND` is typed at tokyo; the lines under
it are what it prints, where `…` stands for what was left out, and `[exit 1]` for its exit status
where it is not 0. Ids, times and tokens are another run's: they are compared by their form, and
typed as this run has them. `systemctl stop ilsd` ends the daemon. What only shows is asked again
until it is so.
"""
import concurrent.futures
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback

from harness import ILS, ILSD, ROOT, Tap, wait_until

PAGES = {'docs/guide.md': 'C', 'docs/guide.ja.md': 'ja_JP.UTF-8'}
NEW = re.compile(r'<!-- new: ([\w ]+) -->')
PROMPT = re.compile(r'    (\w+)[$] (.*)')
DAEMON = re.compile(r'^    (ilsd --data (\w+) .*?) &$', re.M)
# What is another one in each run.
VALUE = re.compile('|'.join((
    'ILS1-[A-Z0-9-]+…?', r'\d{4}-\d\d-\d\dT[\d:.]+Z', '(?:[0-9A-F]{2}:){3,31}(?:[0-9A-F]{2}|…)',
    r'\b[A-Z0-9]{4}(?:-[A-Z0-9]{4}){2}\b', r'\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b',
    r'\b[0-9a-f]{16,64}\b', r'\b[3-6]\d{4}\b',
    r'\b\d+(?= (?:days left|s|times?)\b|\s?(?:回|秒|日))')))
LONG = 160
SHOWS = re.compile(r'ils (status|clusters|peers|hubs|lookup|why|sync|auth ready|cert show|alarms|'
                   r'trust list|plan show|audit|verdicts|catalog list|password list|ended)\b')


class Step:
    def __init__(self, node, command, line):
        self.node, self.command, self.line, self.lines = node, command, line, []

    @property
    def status(self):
        return int(self.lines[-1][6:-1]) if self.lines[-1:] and \
            re.fullmatch(r'\[exit \d+\]', self.lines[-1]) else 0

    @property
    def wanted(self):
        return self.lines[:-1] if self.status else self.lines


class Part:
    def __init__(self, name, nodes):
        self.name, self.nodes, self.steps = name, nodes, []


def read_page(text):
    """The parts of a page, and its daemons: name -> command line."""
    parts, step = [], None
    for number, line in enumerate(text.split('\n')):
        new, prompt = NEW.match(line), PROMPT.match(line)
        if new:
            parts.append(Part('', new[1].split()))
        if line.startswith('#') and parts and not parts[-1].steps:
            parts[-1].name = line.lstrip('# ')
        if prompt and step is not None and step.command.endswith('\\'):
            raise ValueError('line %d: a command within a command' % number)
        if prompt and parts:
            step = Step(prompt[1], prompt[2], number)
            parts[-1].steps.append(step)
        elif step is not None and line.startswith('    '):
            if step.command.endswith('\\') and not step.lines:
                step.command += '\n' + line[4:]
            else:
                step.lines.append(line[4:])
        elif line.strip():
            step = None
        elif step is not None:
            step.lines.append('')
    for part in parts:
        for one in part.steps:
            while one.lines and not one.lines[-1]:
                one.lines.pop()
    return parts, {name: command for command, name in DAEMON.findall(text)}


def flat(line):
    return ' '.join(line.split())


def same_line(wanted, got, known):
    """Whether a line is what was wanted; what its values are this time goes to known."""
    pieces = VALUE.split(flat(wanted))
    form = ''.join(re.escape(p).replace('…', '.*') + ('(%s)' % VALUE.pattern if n else '')
                   for p, n in zip(pieces, [1] * (len(pieces) - 1) + [0]))
    match = re.fullmatch(form, flat(got))
    if match:
        known.update((a, b) for a, b in zip(VALUE.findall(flat(wanted)), match.groups())
                     if len(a) > 10) # ids and tokens, which may be typed; not a number of seconds
    return bool(match)


def same_lines(wanted, got, known):
    """`…` alone stands for any lines."""
    if not wanted:
        return not got
    if wanted[0] == '…':
        return any(same_lines(wanted[1:], got[n:], known) for n in range(len(got) + 1))
    return bool(got) and same_line(wanted[0], got[0], known) and \
        same_lines(wanted[1:], got[1:], known)


class Network:
    """The clusters of one part."""

    def __init__(self, nodes, daemons, language):
        self.folder = tempfile.mkdtemp(prefix='ils-guide-')
        self.net = '127.%d.%d.' % (random.randrange(1, 255), random.randrange(1, 255))
        self.daemons, self.processes, self.known = daemons, {}, {}
        self.env = {k: v for k, v in os.environ.items() if k[:3] != 'LC_' and k != 'LANGUAGE'}
        self.env.update(LANG=language, PATH=os.pathsep.join(
            [os.path.dirname(ILSD), os.path.dirname(ILS), os.environ.get('PATH', '')]))
        for node in nodes:
            self.start(node)

    def here(self, text):
        """As this run has it: its addresses, ids and tokens."""
        for value in sorted(self.known, key=len, reverse=True):
            text = text.replace(value, self.known[value])
        return text.replace('127.0.0.', self.net)

    def start(self, node):
        with open(os.path.join(self.folder, node + '.out'), 'ab') as out:
            self.processes[node] = subprocess.Popen(
                ['bash', '-c', 'exec ' + self.here(self.daemons[node])], cwd=self.folder,
                env=self.env, stdout=out, stderr=out, stdin=subprocess.DEVNULL)
        if not wait_until(lambda: self.type(node, 'ils trace level')[0] == 0):
            raise RuntimeError('%s does not start' % node)

    def type(self, node, command):
        if command in ('systemctl stop ilsd', 'systemctl start ilsd'):
            return self.start(node) or (0, []) if 'start' in command else self.stop(node)
        run = subprocess.run(['bash', '-c', self.here(command)], cwd=self.folder, timeout=60,
                             env=dict(self.env, ILS_DATA=os.path.join(self.folder, node)),
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        text = run.stdout.decode(errors='replace').replace(self.net, '127.0.0.')
        return run.returncode, [line.rstrip() for line in text.rstrip('\n').split('\n')] \
            if text.strip() else []

    def stop(self, node):
        process = self.processes.pop(node)
        process.send_signal(signal.SIGTERM)
        process.wait(20)
        return 0, []

    def good(self, step, done):
        return done[0] == step.status and same_lines(step.wanted, done[1], self.known)

    def do(self, step):
        """Types a step; (whether it is as shown, exit status, lines)."""
        done = self.type(step.node, step.command)
        end = time.monotonic() + (20 if SHOWS.match(step.command) else 0)
        while not self.good(step, done) and time.monotonic() < end:
            time.sleep(0.1)
            done = self.type(step.node, step.command)
        return (self.good(step, done), *done)

    def end(self):
        for process in self.processes.values():
            process.kill()
            process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def run_part(part, daemons, language):
    """(good, name, notes) of each step; it ends at the first that is not as shown."""
    net = Network(part.nodes, daemons, language)
    found = []
    try:
        for step in part.steps:
            name = '%s: %s$ %s' % (part.name, step.node, step.command.split('\n')[0])
            good, status, lines = net.do(step)
            found.append((good, name, 'line %d' % (step.line + 1), 'wanted [exit %d]'
                          % step.status, *step.wanted, '', 'got [exit %d]' % status, *lines))
            if not good:
                break
    except Exception:
        found.append((False, part.name, traceback.format_exc()))
    finally:
        net.end()
    return found


def shortened(line, token):
    """As the page shows it: nobody reads tokens and fingerprints to their end."""
    line = re.sub('ILS1-[A-Z0-9-]{20,}', token or 'ILS1-…', line)
    line = re.sub('((?:[0-9A-F]{2}:){4})[0-9A-F:]{50,}', r'\1…', line)
    line = re.sub(' {40,}', ' ' * 7, line)
    return line if len(line) <= LONG else line[:LONG].rsplit(' ', 1)[0].rstrip() + ' …'


def fill_part(part, daemons, language):
    """What each command prints: line in the page -> lines."""
    changes, token, last = {}, iter([c for s in part.steps
                                     for c in re.findall(r'ILS1-\S+', s.command)]), None
    net = Network(part.nodes, daemons, language)
    try:
        for step in part.steps:
            for shown in re.findall(r'ILS1-\S+', step.command):
                net.known[shown] = last
            if SHOWS.match(step.command):
                time.sleep(4)
            status, got = net.type(step.node, step.command)
            print(step.command, status, flush=True)
            tokens = re.findall('ILS1-[A-Z0-9-]{20,}', ' '.join(got))
            last = tokens[0] if tokens else last
            name = next(token, None) if tokens else None
            changes[step.line + step.command.count('\n')] = [
                shortened(line, name) for line in got] + (['[exit %d]' % status] if status else [])
    finally:
        net.end()
    return changes


def fill(path, language):
    """Writes what the commands print into a page that has none of it yet."""
    with open(path, encoding='utf-8') as handle:
        text = handle.read()
    parts, daemons = read_page(text)
    lines, changes = text.split('\n'), {}
    with concurrent.futures.ThreadPoolExecutor(len(parts)) as pool:
        for found in pool.map(lambda part: fill_part(part, daemons, language), parts):
            changes.update(found)
    for at in sorted(changes, reverse=True):
        lines[at + 1:at + 1] = ['    ' + g if g else '' for g in changes[at]]
    with open(path, 'w', encoding='utf-8') as handle:
        handle.write('\n'.join(lines))


def commands(text):
    return [(s.node, s.command) for part in read_page(text)[0] for s in part.steps]


def main():
    if sys.argv[1:2] == ['--fill']:
        fill(sys.argv[2], PAGES['docs/' + os.path.basename(sys.argv[2])])
        return
    tap, jobs, texts = Tap(), [], {}
    for path, language in PAGES.items():
        with open(os.path.join(ROOT, path), encoding='utf-8') as handle:
            texts[path] = handle.read()
        parts, daemons = read_page(texts[path])
        jobs += [(part, daemons, language) for part in parts]
        tap.ok(len(parts) > 5 and len(daemons) > 2, path + ': parts and daemons')
    one, other = [commands(text) for text in texts.values()]
    tap.ok(one == other, 'both pages type the same', [x for x in zip(one, other) if x[0] != x[1]])
    wrong, daemons = jobs[0][0], jobs[0][1]
    planted = Part('control', wrong.nodes)
    planted.steps = [Step(wrong.nodes[0], 'ils rule hub', 0)]
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        control = pool.submit(run_part, planted, daemons, 'C')
        for found in pool.map(lambda job: run_part(*job), jobs):
            for good, name, *notes in found:
                tap.ok(good, name, *notes)
        tap.ok(not control.result()[-1][0], 'control: a command that is wrong')
    known = {}
    tap.ok(same_lines(['a 0123456789abcdef', '…', 'd'], ['a fedcba9876543210', 'b', 'c', 'd'],
                      known) and known == {'0123456789abcdef': 'fedcba9876543210'} and
           not same_lines(['a', 'b'], ['a', 'c'], {}) and not same_lines(['a'], ['a', 'b'], {}),
           'control: another output')
    tap.done()


if __name__ == '__main__':
    main()

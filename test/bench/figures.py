"""figures: what was measured, and how it is written down: every value of every name, medians and
bests, ratios, whether a budget is met, and the lines of docs/ledger.tsv."""
import datetime
import os
import statistics
import subprocess

from harness import ROOT

LEDGER = os.path.join(ROOT, 'docs', 'ledger.tsv')


class Figures:
    """Every value of every name, in the order they came."""

    def __init__(self):
        self.values = {}

    def add(self, name, value, digits=3):
        self.values.setdefault(name, []).append(value)
        print('%s: %.*f' % (name, digits, value), flush=True)

    def take(self, prefix, text, digits=4):
        """Lines `name: number` of a tool."""
        for line in text.splitlines():
            name, _, value = line.partition(': ')
            self.add(prefix + name, float(value), digits)

    def median(self, name):
        return statistics.median(self.values[name]) if name in self.values else None

    def best(self, name):
        return min(self.values[name]) if name in self.values else None


def commit():
    def git(*words):
        return subprocess.run(['git', '-C', ROOT, *words], text=True, check=False,
                              stdout=subprocess.PIPE)
    changed = git('diff', '--quiet', 'HEAD', '--', 'src', 'meson.build').returncode
    return git('rev-parse', '--short=12', 'HEAD').stdout.strip() + '+' * bool(changed)


def ledger(name, parameters, count, result):
    line = '\t'.join([datetime.datetime.now(datetime.timezone.utc).strftime('%FT%TZ'), commit(),
                      name, parameters, str(count), result])
    new = not os.path.exists(LEDGER)
    with open(LEDGER, 'a', encoding='utf-8') as handle:
        if new:
            handle.write('date\tcommit\tname\tparameters\tcount\tresult\n')
        handle.write(line + '\n')


class Report:
    """Sentences about figures; kept() writes them, with what they rest on, into the ledger."""

    def __init__(self, figures, parameters, runs):
        self.figures, self.parameters, self.runs = figures, parameters, runs
        self.lines = []

    def ratio(self, what, ours, theirs, budget=None, more_is_better=False, value=Figures.best):
        """How much better ours is than theirs, and whether that is as much as is wanted."""
        a, b = value(self.figures, ours), value(self.figures, theirs)
        if not a or not b:
            return
        times = a / b if more_is_better else b / a
        self.say('%s: %.4g against %.4g, %.2f x better' % (what, a, b, times),
                 None if budget is None else times >= budget, 'at least %g x' % (budget or 0))

    def at_most(self, what, ours, most, unit, value=Figures.best):
        a = value(self.figures, ours)
        if a is not None:
            self.say('%s: %.4g %s' % (what, a, unit), a <= most, 'at most %g' % most)

    def say(self, text, good=None, budget=''):
        if good is not None:
            text += ' (%s: %s)' % (budget, 'met' if good else 'MISSED')
        print(text, flush=True)
        self.lines.append(text)

    def keep(self, name):
        for text in self.lines:
            ledger('bench ' + name, self.parameters, self.runs, text)

    def groups(self, names):
        """A line for each group of our own figures: median, and lowest to highest."""
        names = [k for k in self.figures.values if k in names and k.startswith('ils.')]
        for name in names:
            print('%s: median %.4g' % (name, self.figures.median(name)))
        for group in sorted({'.'.join(k.split('.')[:2]) for k in names}):
            these = [k for k in names if k.startswith(group + '.')]
            ledger('bench ' + group, self.parameters, self.runs, ', '.join(
                '%s %.4g (%.4g to %.4g)' % (
                    k[len(group) + 1:], self.figures.median(k), min(self.figures.values[k]),
                    max(self.figures.values[k])) for k in these))

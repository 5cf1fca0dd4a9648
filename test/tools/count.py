#!/usr/bin/env python3
"""Adds up what the test programs said: TAP lines out of Meson's testlog.json files.

    count.py [--lost NAME]... [--skip NAME REASON]... TESTLOG...

Each `ok` or `not ok` line counts once; one marked SKIP counts as skipped, with its reason. A test
program that speaks no TAP counts by its exit status. One that crashes, runs out of time, prints
fewer results than it planned or whose log is absent counts as one more failure, and so does each
--lost NAME (a stage that never came to run its tests); each --skip NAME counts as skipped. Prints
failures, skipped tests and the ten slowest programs; the last line is `N passed, N failed, N
skipped`. Exit status 1 if any failed.
"""
import json
import re
import sys

RESULT = re.compile(r'^(not )?ok\b[ \t]*\d*[ \t]*(.*)$')
SKIP = re.compile(r'#\s*skip\S*[ \t]*(.*)$', re.I)
PLAN_SKIP = re.compile(r'^1\.\.0\s*#\s*skip\S*[ \t]*(.*)$', re.I)
REASONS_MAX = 12  # comment lines shown after a `not ok`
BROKEN = ('ERROR', 'TIMEOUT', 'INTERRUPT', 'FAIL', 'UNEXPECTEDPASS')


class Tally:
    """What was counted so far."""

    def __init__(self):
        self.passed = 0
        self.failures = []
        self.skipped = []
        self.times = []

    def line(self, where, text):
        """Counts one line of output; tells whether it was a result, and whether a bad one."""
        plan = PLAN_SKIP.match(text)
        if plan:
            self.skipped.append((where, plan.group(1) or 'no reason given'))
            return True, False
        found = RESULT.match(text)
        if not found:
            return False, False
        title = found.group(2).lstrip('- ')
        skip = SKIP.search(title)
        if skip:
            name = '%s: %s' % (where, title[:skip.start()].strip())
            self.skipped.append((name, skip.group(1) or 'no reason given'))
        elif found.group(1):
            self.failures.append('%s: %s' % (where, title))
            return True, True
        else:
            self.passed += 1
        return True, False

    def program(self, build, test):
        """Counts one test program of one testlog."""
        where = '%s, %s' % (test['name'], build)
        self.times.append((test.get('duration') or 0.0, where))
        results = bad = 0
        reasons = REASONS_MAX
        for text in (test.get('stdout') or '').splitlines():
            if text.startswith('#') and reasons < REASONS_MAX:
                self.failures[-1] += '\n      ' + text
                reasons += 1
                continue
            counted, failed = self.line(where, text)
            results += counted
            bad += failed
            if counted:
                reasons = 0 if failed else REASONS_MAX
        result = test.get('result')
        if result in BROKEN:
            killed = result in ('TIMEOUT', 'INTERRUPT') or (test.get('returncode') or 0) < 0
            if bad == 0 or killed:
                self.failures.append('%s: %s (exit status %s)'
                                     % (where, result.lower(), test.get('returncode')))
        elif results == 0:
            if result == 'SKIP':
                self.skipped.append((where, 'exit status 77'))
            elif result in ('OK', 'EXPECTEDFAIL'):
                self.passed += 1
            else:
                self.failures.append('%s: did not run (%s)' % (where, result))

    def log(self, path):
        """Counts one testlog.json."""
        parts = path.split('/')
        build = parts[-3] if len(parts) >= 3 else path
        try:
            with open(path, encoding='utf-8', errors='replace') as lines:
                tests = [json.loads(text) for text in lines if text.strip()]
        except (OSError, ValueError) as error:
            self.failures.append('%s: no test log (%s)' % (build, error))
            return
        if not tests:
            self.failures.append('%s: the test log is empty' % build)
        for test in tests:
            self.program(build, test)


def main(arguments):
    tally = Tally()
    while arguments:
        word = arguments.pop(0)
        if word == '--lost':
            tally.failures.append('%s: never ran' % arguments.pop(0))
        elif word == '--skip':
            tally.skipped.append((arguments.pop(0), arguments.pop(0)))
        else:
            tally.log(word)
    if tally.times:
        print('The ten slowest test programs:')
        for seconds, where in sorted(tally.times, reverse=True)[:10]:
            print('  %7.1f s  %s' % (seconds, where))
    if tally.skipped:
        print('Skipped:')
        for where, reason in tally.skipped:
            print('  %s: %s' % (where, reason))
    if tally.failures:
        print('Failed:')
        for failure in tally.failures:
            print('  ' + failure)
    print('%d passed, %d failed, %d skipped'
          % (tally.passed, len(tally.failures), len(tally.skipped)))
    return 1 if tally.failures or tally.passed == 0 else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))

#!/usr/bin/env python3
"""Tests of count.py: every way in which a test program can end, and what the last line says."""
import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))

# name, (stdout, result, return code) of each program or None for no log, arguments, last line
CASES = [
    ('two passed', [('1..2\nok 1 - a\nok 2 - b\n', 'OK', 0)], [], '2 passed, 0 failed, 0 skipped'),
    ('one failed', [('1..2\nok 1 a\nnot ok 2 - b\n', 'FAIL', 0)], [],
     '1 passed, 1 failed, 0 skipped'),
    ('a skip is not a pass', [('1..2\nok 1 - a # SKIP no kamailio\nok 2 - b\n', 'OK', 0)], [],
     '1 passed, 0 failed, 1 skipped'),
    ('a whole file skipped, beside a pass',
     [('1..0 # SKIP no rights\n', 'SKIP', 0), ('ok 1\n', 'OK', 0)], [],
     '1 passed, 0 failed, 1 skipped'),
    ('one failed, and the exit status says so', [('not ok 1 - b\n', 'ERROR', 1)], [],
     '0 passed, 1 failed, 0 skipped'),
    ('fewer results than planned', [('1..2\nok 1 - a\n', 'ERROR', 0)], [],
     '1 passed, 1 failed, 0 skipped'),
    ('a crash after a bad line', [('1..2\nnot ok 1 - a\n', 'ERROR', -11)], [],
     '0 passed, 2 failed, 0 skipped'),
    ('a crash after good lines', [('1..2\nok 1 - a\n', 'ERROR', -11)], [],
     '1 passed, 1 failed, 0 skipped'),
    ('out of time after a bad line', [('1..3\nnot ok 1 - a\n', 'TIMEOUT', -15)], [],
     '0 passed, 2 failed, 0 skipped'),
    ('bad exit status with good lines', [('1..1\nok 1 - a\n', 'FAIL', 1)], [],
     '1 passed, 1 failed, 0 skipped'),
    ('no TAP, exit status 0', [('hello\n', 'OK', 0)], [], '1 passed, 0 failed, 0 skipped'),
    ('no TAP, exit status 1', [('', 'FAIL', 1)], [], '0 passed, 1 failed, 0 skipped'),
    ('text that only looks like a result', [('okay\n ok 1\nok 1 - a\n', 'OK', 0)], [],
     '1 passed, 0 failed, 0 skipped'),
    ('a stage that never ran', [('ok 1 - a\n', 'OK', 0)], ['--lost', 'build'],
     '1 passed, 1 failed, 0 skipped'),
    ('a stage that was skipped', [('ok 1 - a\n', 'OK', 0)], ['--skip', 'page', 'no node'],
     '1 passed, 0 failed, 1 skipped'),
    ('comments after a bad line are no results',
     [('not ok 1 - a\n# ok 2\n# why\nok 2 - b\n# more\n', 'FAIL', 0)], [],
     '1 passed, 1 failed, 0 skipped'),
    ('no log', None, [], '0 passed, 1 failed, 0 skipped'),
    ('an empty log', [], [], '0 passed, 1 failed, 0 skipped'),
]


def run(programs, arguments):
    """Exit status and last line of count.py over one made-up log."""
    with tempfile.TemporaryDirectory() as scratch:
        path = os.path.join(scratch, 'testlog.json')
        if programs is not None:
            with open(path, 'w', encoding='utf-8') as log:
                for stdout, result, code in programs:
                    log.write(json.dumps({'name': 'x', 'stdout': stdout, 'result': result,
                                          'returncode': code, 'duration': 0.1}) + '\n')
        done = subprocess.run([sys.executable, os.path.join(HERE, 'count.py')] + arguments + [path],
                              stdout=subprocess.PIPE, text=True, check=False)
        return done.returncode, done.stdout.splitlines()[-1]


def main():
    bad = 0
    print('1..%d' % len(CASES))
    for number, (name, programs, arguments, wanted) in enumerate(CASES, 1):
        status, last = run(programs, arguments)
        good = last == wanted and status == (0 if ' 0 failed' in wanted else 1)
        print('%s %d - count: %s' % ('ok' if good else 'not ok', number, name))
        if not good:
            bad += 1
            print('# wanted "%s", got "%s", status %d' % (wanted, last, status))
    return 1 if bad else 0


if __name__ == '__main__':
    sys.exit(main())

#!/usr/bin/env python3
"""targets.py DIR SUITE...: what ninja must build in DIR for the tests of these suites, one path a
line."""
import json
import os
import subprocess
import sys


def introspect(folder, what):
    done = subprocess.run(['meson', 'introspect', '--' + what, folder], check=True,
                          stdout=subprocess.PIPE)
    return json.loads(done.stdout)


def main(folder, *suites):
    files = {t['id']: [os.path.relpath(f, folder) for f in t['filename']]
             for t in introspect(folder, 'targets')}
    wanted = {'openils:' + suite for suite in suites}
    found = set()
    for test in introspect(folder, 'tests'):
        if wanted & set(test['suite']):
            for one in test['depends']:
                found.update(files[one])
    print('\n'.join(sorted(found)))


main(*sys.argv[1:])

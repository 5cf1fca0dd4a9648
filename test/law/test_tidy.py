#!/usr/bin/env python3
"""The control of the tidy test: trees with one fault each, and tidy.py must name the rule and the
place; a tree without a fault, and it must say nothing."""
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
HEAD = '/* good: a file without fault. */\n'
GOOD = HEAD + '#include "base/good.h"\n\nint base_good(int i)\n{\n    return i + 1;\n}\n'
GUARD = 'OPENILS_BASE_GOOD_H'
HEADER = HEAD + '#ifndef %s\n#define %s\n\nint base_good(int i);\n\n#endif\n' % (GUARD, GUARD)
MESON = "base_lib = static_library('base', files('good.c'))\n"
TREE = {'src/base/good.c': GOOD, 'src/base/good.h': HEADER, 'src/base/meson.build': MESON}


def function(lines, above=''):
    """GOOD and one more function of so many lines."""
    body = ''.join('    i++;\n' for _ in range(lines - 4))
    return GOOD + '\n%sint base_long(int i)\n{\n%s    return i;\n}\n' % (above, body)


def call(text):
    return GOOD + '\nvoid base_call(void *p)\n{\n    %s;\n}\n' % text


# title, changed files, the words of the rule that must turn red (None: all green), the place
CASES = [
    ('nothing wrong', {}, None, ''),
    ('a function of 70 lines', {'src/base/good.c': function(70)}, None, ''),
    ('a function of 71 lines', {'src/base/good.c': function(71)}, 'functions of', 'base_long'),
    ('a state table of 90 lines',
     {'src/base/good.c': function(90, '/* tidy: state table */\n')}, None, ''),
    ('a file of 801 lines', {'src/base/good.c': GOOD + '\n' * 794}, 'files of', 'good.c'),
    ('a line of 101 columns', {'src/base/good.c': GOOD + '/* %s */\n' % ('x' * 95)}, 'lines of',
     'good.c:8'),
    ('a banned call', {'src/base/good.c': call('strcpy(p, p)')}, 'banned calls', 'strcpy'),
    ('a banned call behind a blank', {'src/base/good.c': call('system (p)')}, 'banned calls',
     'system'),
    ('a banned name in a comment and a string',
     {'src/base/good.c': call('(void)"strcpy(a)" /* gets(b) */')}, None, ''),
    ('a longer name', {'src/base/good.c': call('room_system(p)')}, None, ''),
    ('malloc in a pure room', {'src/base/good.c': call('free(malloc(1))')}, 'impure', 'malloc'),
    ('snprintf in a pure room', {'src/base/good.c': call('snprintf(p, 1, p)')}, 'impure',
     'snprintf'),
    ('floating point in a pure room', {'src/base/good.c': call('double d = 1')}, 'floating',
     'good.c:11'),
    ('no opening comment', {'src/base/good.c': GOOD[len(HEAD):]}, 'opens with', 'good.c'),
    ('a // comment', {'src/base/good.c': GOOD + 'int i; // here\n'}, '// comments', 'good.c:8'),
    ('// inside a string', {'src/base/good.c': call('(void)"http://a"')}, None, ''),
    ('a tab', {'src/base/good.c': GOOD + '\tint i;\n'}, 'tabs', 'has a tab'),
    ('trailing blanks', {'src/base/good.c': GOOD + 'int i; \n'}, 'tabs', 'ends in blanks'),
    ('no line end at the end', {'src/base/good.c': GOOD + 'int i;'}, 'tabs', 'no line end'),
    ('a file that no meson.build lists', {'src/base/dead.c': HEAD}, 'dead files', 'dead.c'),
    ('a header that nothing includes',
     {'src/base/dead.h': HEADER.replace('GOOD', 'DEAD')}, 'dead files', 'dead.h'),
    ('a test that is not registered', {'test/base/test_dead.c': HEAD}, 'dead files', 'test_dead.c'),
    ('a wrong guard', {'src/base/good.h': HEADER.replace(GUARD, 'GOOD_H')}, 'header guards',
     'good.h'),
    ('a word of unfinished work', {'NOTES.md': 'TO' 'DO: all of it\n'}, 'unfinished', 'NOTES.md:1'),
    ('a path of one machine', {'NOTES.md': 'see /wo' 'rk/main/x\n'}, 'one machine', 'NOTES.md:1'),
]


def run(changes):
    """The red rules of tidy.py over the good tree with these changes, each with its places."""
    with tempfile.TemporaryDirectory() as root:
        for path, text in {**TREE, **changes}.items():
            os.makedirs(os.path.dirname(os.path.join(root, path)), exist_ok=True)
            with open(os.path.join(root, path), 'w', encoding='utf-8') as handle:
                handle.write(text)
        done = subprocess.run([sys.executable, os.path.join(HERE, 'tidy.py'), root],
                              stdout=subprocess.PIPE, text=True, check=False)
    red, places = [], {}
    for text in done.stdout.splitlines():
        if text.startswith('not ok'):
            red.append(text)
        elif text.startswith('# ') and red:
            places.setdefault(red[-1], []).append(text)
    return done.returncode, places


def main():
    bad = 0
    print('1..%d' % len(CASES))
    for number, (title, changes, rule, place) in enumerate(CASES, 1):
        status, places = run(changes)
        if rule is None:
            good = status == 0 and not places
        else:
            good = status == 1 and len(places) == 1 and any(
                rule in red and any(place in text for text in said)
                for red, said in places.items())
        bad += not good
        colour = 'green' if rule is None else 'red'
        print('%s %d - tidy, %s: %s' % ('ok' if good else 'not ok', number, colour, title))
        if not good:
            print('# exit status %d, %r' % (status, places))
    return 1 if bad else 0


if __name__ == '__main__':
    sys.exit(main())

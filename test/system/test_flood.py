#!/usr/bin/env python3
"""A short flood, and its control: flood.py says what must hold. The whole is script/prove flood."""
import flood
import harness

flood.enter()
tap = harness.Tap()
words = ['--seconds', '10', '--joins', '20', '--reconnects', '16']
print('# ' + flood.prove(tap, flood.options_of(words)))
flood.few_files(tap)
print('# ' + flood.control(tap, flood.options_of(['--seconds', '3', '--joins', '0'])))
tap.done()

#!/usr/bin/env python3
"""kill -9, 100 times, and its control: kill.py says what is compared and what counts as a write."""
import harness
import kill

tap = harness.Tap()
harness.TIMEOUT = kill.PATIENCE
print('# ' + kill.prove(tap, 100, 1))
print('# ' + kill.control(tap, 200, 1))
tap.done()
